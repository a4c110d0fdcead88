"""Moves what was committed from the write-ahead log into the database, beside the writer.

A checkpoint waits for the disk, twice. Done by the writer it would hold up every answer that waits for a commit.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from loguru import logger

ROWS: Final = 2000
"""After so many rows a checkpoint is due."""
PAGES: Final = 16_384
"""Pages (of 4 KB) of log after which the writer makes one itself, so that the log can begin anew."""


class Checkpointer:
    """A thread with a connection of its own; live while entered."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._due = threading.Event()
        self._over = False
        self._rows = 0
        self._told = ""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, name="store-checkpoint", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._due.set()
        self._thread.join()

    def wrote(self, rows: int) -> None:
        """Called by the writer after a commit."""
        self._rows += rows
        if self._rows >= ROWS:
            self._rows = 0
            self._due.set()

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while True:
            self._due.wait()
            self._due.clear()
            if self._over:
                break
            try:
                if connection is None:
                    connection = sqlite3.connect(self._path, isolation_level=None, timeout=0)
                connection.execute("pragma wal_checkpoint(passive)").fetchone()
                self._told = ""
            except sqlite3.Error as error:
                # The log keeps everything until the next try; whether the disk is at fault the writer tells.
                if str(error) != self._told:
                    self._told = str(error)
                    logger.warning("The database could not move its log: {}", error)
        if connection is not None:
            connection.close()
