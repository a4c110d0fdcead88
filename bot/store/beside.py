"""The database for a tool that runs beside the bot, or without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from bot.config import load
from bot.errors import StoreError
from bot.store.claim import claimed
from bot.store.faults import code
from bot.store.opening import connect

PATIENCE_MS = 10_000
"""A tool is in no hurry: it waits so long for a database that another program has locked."""

PAGES = 1_000
"""Pages of log after which a tool moves them into the database: it may wait for the disk, the bot's readers may not."""


def is_shared(db: Database) -> bool:
    """Whether a bot runs on this database now."""
    return claimed(Path(db.execute("pragma database_list").fetchone()[2]))


@contextmanager
def database(tables: Migrations | None = None) -> Iterator[Database]:
    """The database that the settings name: for writing, with its tables made, where `tables` are given; else read-only.

    Without an open transaction each statement is its own; keep the transactions short, since a running bot waits
    for them. Raises ConfigError where it cannot be opened, StoreError where it is locked or full.
    """
    from bot.store.export import opened  # the bot itself never reads so

    path = load().store.path
    with closing(opened(path) if tables is None else connect(path, [tables])) as connection:
        connection.execute(f"pragma busy_timeout = {PATIENCE_MS}")
        connection.execute(f"pragma wal_autocheckpoint = {PAGES}")
        try:
            yield Database(connection)
        except sqlite3.OperationalError as error:
            if code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise StoreError(f"{path} is kept locked by another program. Try again when that is done.") from error
            if code(error) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}:
                raise StoreError(f"{path} cannot be written ({error}). Run `xiaopeng check`.") from error
            raise
