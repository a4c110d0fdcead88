"""The peers' log: what our own store promises, with the least that it takes.

A writer thread, WAL, synchronous=NORMAL; rows are committed in batches, within 0.2 s or when 500 wait.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Row = tuple[str, str, str, str, float, str]
"""Group, message, member (ids), the member's name, when (unix seconds), the text."""

DATABASE = Path("bench.db")
SECONDS = 0.2
MOST = 500
TABLE = (
    "create table if not exists messages (id integer primary key, group_id text, message_id text, member_id text,"
    " member_name text, time float, received float, text text)"
)
INDEX = "create index if not exists idx_messages on messages (group_id, message_id)"
INSERT = (
    "insert into messages (group_id, message_id, member_id, member_name, time, received, text)"
    " values (?, ?, ?, ?, ?, ?, ?)"
)


def plain(message: list[dict[str, Any]]) -> str:
    """The text of a message's segments."""
    return "".join(part["data"]["text"] for part in message if part["type"] == "text")


class Rows:
    """Live while entered; call `add` from the event loop alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[tuple[str, str, str, str, float, float, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._batches: queue.SimpleQueue[list[tuple[str, str, str, str, float, float, str]] | None]
        self._batches = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="rows")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hand_over()
        self._batches.put(None)
        self._thread.join()

    def add(self, row: Row) -> None:
        group, message, member, name, at, text = row
        self._waiting.append((group, message, member, name, at, time.time(), text))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._hand_over)
        elif len(self._waiting) >= MOST:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._batches.put(self._waiting)
            self._waiting = []

    def _work(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute(TABLE)
        connection.execute(INDEX)
        while (batch := self._batches.get()) is not None:
            connection.execute("begin immediate")
            connection.executemany(INSERT, batch)
            connection.execute("commit")
        connection.close()
