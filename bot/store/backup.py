"""A copy of the database, taken while the bot writes, and tried before it counts."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ConfigError
from bot.store.export import opened

SPARE = 16 * 1024 * 1024
"""Bytes that must stay free beside a copy."""
OURS = re.compile(r"xiaopeng-\d{8}-\d{6}\.db")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was opened and read: its rows by table, and its size in bytes."""

    file: Path
    rows: Mapping[str, int]
    size: int


def default(folder: Path, now: float | None = None) -> Path:
    """Where a backup goes when nothing is said."""
    return folder / time.strftime("xiaopeng-%Y%m%d-%H%M%S.db", time.localtime(now))


def backup(path: Path, file: Path) -> Backup:
    """Copy the database at `path` as it is at one moment into `file`, which must not exist. Raises ConfigError."""
    if file.exists():
        raise ConfigError("FILE", f"There is {file} already.", "Name another one, or move it away.")
    with closing(opened(path)) as source, ExitStack() as stack:
        part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _room(source, file)
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            for end in ("", "-journal", "-wal", "-shm"):
                stack.callback(part.with_name(part.name + end).unlink, missing_ok=True)
            rows = _copied(source, part)
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.rename(file)
        except sqlite3.Error as error:
            remedy = "Run `xiaopeng check`; name a file on a disk with room."
            raise ConfigError("FILE", f"{file} could not be made ({error}).", remedy) from error
        except OSError as error:
            remedy = "Name a file in a folder with room that you may write to."
            raise ConfigError("FILE", f"{file} could not be made ({error.strerror}).", remedy) from error
    return Backup(file, rows, file.stat().st_size)


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove the oldest backups of `folder` that `default` has named, but for `keep`; returns the removed."""
    ours = sorted(found for found in folder.iterdir() if OURS.fullmatch(found.name) and found.is_file())
    gone = ours[: max(0, len(ours) - keep)]
    for file in gone:
        file.unlink()
    return gone


def _room(source: sqlite3.Connection, file: Path) -> None:
    pages, size = (source.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "page_size"))
    need, free = pages * size + SPARE, shutil.disk_usage(file.parent).free
    if free < need:
        problem = f"It takes {need // 2**20} MB, and {free // 2**20} MB are free at {file.parent}."
        raise ConfigError("FILE", problem, "Make room, or name a file on another disk.")


def _copied(source: sqlite3.Connection, part: Path) -> Mapping[str, int]:
    """Copy and try the copy; returns its rows by table, which are those of the source at that moment."""
    # The open transaction fixes the moment for the counts and the copy; the bot's writer does not wait for it.
    source.execute("begin")
    expected = _count(source)
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        source.backup(copy)
        # One plain file, with nothing beside it; the bot goes back to WAL when it opens it.
        copy.execute("pragma journal_mode = delete")
    source.execute("rollback")
    with closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro", uri=True)) as copy:
        damage = copy.execute("pragma quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {damage.splitlines()[-1]}")
        rows = _count(copy)
    if rows != expected:
        raise sqlite3.DatabaseError("the copy has other rows than the database")
    return rows


def _count(connection: sqlite3.Connection) -> Mapping[str, int]:
    tables = [
        name
        for schema, name, kind, *_ in connection.execute("pragma table_list")
        if schema == "main" and kind == "table" and not name.startswith("sqlite_")
    ]
    count = 'select count(*) from "{}"'
    return {name: connection.execute(count.format(name.replace('"', '""'))).fetchone()[0] for name in sorted(tables)}
