"""Opens the database for the writer: the file, its mode, and the tables of the core and the plugins."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlite_utils import Database, Migrations

from bot.errors import ConfigError
from bot.store.checkpoint import PAGES

BUSY_SECONDS = 3.0
"""How long a locked database is waited for."""


def connect(path: Path, migrations: Sequence[Migrations]) -> sqlite3.Connection:
    """Open the database for writing, with its folder and tables made. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, f"{path} cannot be opened as a database ({error}).") from error
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma wal_autocheckpoint = {PAGES}")
        connection.execute("pragma temp_store = memory")
        connection.execute("pragma foreign_keys = on")
        _migrate(path, Database(connection), migrations)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise _unusable(path, f"{path} cannot be used as the database ({error}).") from error
        raise
    return connection


def _migrate(path: Path, db: Database, migrations: Sequence[Migrations]) -> None:
    for wanted in migrations:
        known = {migration.name for migration in wanted.pending(Database(memory=True))}
        newer = {migration.name for migration in wanted.applied(db)} - known
        if newer:
            which = f"tables of {wanted.name} that this version does not know ({', '.join(sorted(newer))})"
            raise _unusable(path, f"{path} was written by a newer version: it has {which}.")
        wanted.apply(db)


def _unusable(path: Path, problem: str) -> ConfigError:
    remedy = "Name a file in a folder the bot may write to, restore it from a backup, or run the version that wrote it."
    return ConfigError("XIAOPENG_STORE__PATH", problem, remedy)
