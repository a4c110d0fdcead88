"""The database: whether it can be opened, trusted, brought up to date, and grow."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database, Migrations

from bot.config import variable
from bot.doctor.finding import Finding, fail, ok, warn
from bot.store import claim

PATH = variable("store", "path")
LEAST_FREE = 200 * 1024 * 1024
AHEAD_SECONDS = 600.0


def look(path: Path, migrations: Sequence[Migrations]) -> Iterator[Finding]:
    """What holds of the database at `path`, which need not exist yet; nothing is changed in it."""
    home = path.absolute().parent
    while not home.exists() and home != home.parent:
        home = home.parent
    if not home.is_dir():
        yield fail(PATH, f"{home} is no folder. Name a file in a folder.")
        return
    yield from _space(home)
    try:
        # Tried, not asked: root may write everywhere, and yet /proc takes nothing.
        with tempfile.TemporaryDirectory(prefix=".xiaopeng-", dir=home) as probe:
            (Path(probe) / path.name).touch()
    except OSError as error:
        problem = f"{home} cannot be written to ({error.strerror})."
        yield fail(PATH, f"{problem} Let the bot's user write there, or name another file.")
    try:
        if claim.claimed(path):
            yield ok(PATH, f"{path} is in use by a running bot")
    except OSError as error:
        yield fail(PATH, f"{claim.beside(path)} cannot be opened ({error.strerror}). Let the bot's user write to it.")
    if not path.exists():
        yield from _fits(None, migrations)
        yield ok(PATH, f"{path} will be made at the first start")
    elif not path.is_file():
        yield fail(PATH, f"{path} is no file. Name a file in a folder.")
    else:
        yield from _file(path, migrations)


def _space(home: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE:
        yield warn("disk", f"{free // 2**20} MB are free at {home}. Make room: without any, the bot keeps no log.")
    else:
        yield ok("disk", f"{free / 2**30:.1f} GB are free at {home}")


def _file(path: Path, migrations: Sequence[Migrations]) -> Iterator[Finding]:
    restore = "Restore it from a backup: `xiaopeng backup --help` says how."
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            damage = [row[0] for row in connection.execute("pragma quick_check(3)")]
            if damage != ["ok"]:
                yield fail(PATH, f"{path} is damaged ({str(damage[0]).splitlines()[-1]}). {restore}")
                return
            yield from _fits(connection, migrations)
            yield from _times(connection)
    except sqlite3.Error as error:
        yield fail(PATH, f"{path} cannot be opened as a database ({error}). {restore}")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as connection:
            connection.execute("begin immediate")
            connection.execute("rollback")
    except sqlite3.Error as error:
        yield fail(PATH, f"{path} cannot be written to ({error}). Let the bot's user write to it and its folder.")
    else:
        yield ok(PATH, f"{path} is sound and writable, {path.stat().st_size / 2**20:.1f} MB")


def _fits(connection: sqlite3.Connection | None, migrations: Sequence[Migrations]) -> Iterator[Finding]:
    """Whether the tables can be brought up to date, tried on a copy of their definitions."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        if connection is not None:
            _define(connection, copy)
        db, nothing = Database(copy), Database(memory=True)
        behind = [f"{each.name}.{step.name}" for each in migrations for step in each.pending(db)]
        for each in migrations:
            unknown = {step.name for step in each.applied(db)} - {step.name for step in each.pending(nothing)}
            if unknown:
                which = ", ".join(sorted(unknown))
                yield fail(
                    PATH, f"A newer version wrote it ({which}). Run that version, or restore a backup of this one."
                )
                return
            try:
                each.apply(db)
            except Exception as error:  # noqa: BLE001 - a plugin's migration may raise anything
                yield fail(PATH, f"The tables of {each.name} cannot be made ({error}). Update or take out that plugin.")
    if connection is not None and behind:
        yield ok(PATH, f"will be brought up to date at the next start: {', '.join(behind)}")


def _define(source: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    """Copy the definitions and the notes of what was migrated; no row of anybody."""
    shadows = {row[1] for row in source.execute("pragma table_list") if row[2] == "shadow"}
    definitions = (
        "select name, sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by rowid"
    )
    for name, sql in source.execute(definitions):
        if name not in shadows:
            copy.execute(sql)
    notes = Migrations.migrations_table
    if copy.execute("select 1 from sqlite_master where name = ?", [notes]).fetchone():
        for row in source.execute(f"select * from {notes}"):  # noqa: S608 - the name is a constant
            copy.execute(f"insert into {notes} values ({', '.join('?' * len(row))})", row)  # noqa: S608 - the same


def _times(connection: sqlite3.Connection) -> Iterator[Finding]:
    if not connection.execute("select 1 from sqlite_master where name = 'messages'").fetchone():
        return
    newest = connection.execute("select max(received) from messages").fetchone()[0]
    if newest is not None and newest > time.time() + AHEAD_SECONDS:
        days = (newest - time.time()) / 86_400
        yield warn(
            "clock", f"The log is {days:.1f} days ahead of the clock. Set the clock, or texts are kept too long."
        )
