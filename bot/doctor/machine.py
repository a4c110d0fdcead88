"""What the bot stands on: Python, SQLite, the clock."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from tzlocal import get_localzone

from bot.doctor.finding import Finding, fail, ok, warn

PYTHON = (3, 11)
SQLITE = (3, 37)
"""The first with `pragma table_list`."""
YEAR = 2026
"""The bot cannot run before it was written."""


def look() -> Iterator[Finding]:
    yield from _python()
    yield from _sqlite()
    yield from _clock()


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        yield fail("python", f"{version} is too old. Install Python 3.11 or newer.")
    else:
        yield ok("python", version)


def _sqlite() -> Iterator[Finding]:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE:
        yield fail("sqlite", f"{version} is too old. Use a Python that is linked with SQLite 3.37 or newer.")
        return
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("create virtual table words using fts5 (word)")
        except sqlite3.OperationalError:
            yield fail("sqlite", f"{version} has no FTS5, which search needs. Use a Python whose SQLite has it.")
        else:
            yield ok("sqlite", f"{version}, with FTS5")


def _clock() -> Iterator[Finding]:
    now = datetime.now(UTC)
    if now.year < YEAR:
        yield fail("clock", f"It says {now:%Y-%m-%d}, which is past; keys and certificates fail so. Set the clock.")
        return
    try:
        zone = str(get_localzone())
    except (LookupError, ValueError, OSError):
        yield fail("timezone", "The time zone is not known. Set TZ to one such as Asia/Shanghai.")
        return
    here = f"{zone}, {time.strftime('%Y-%m-%d %H:%M')}"
    if not time.localtime().tm_gmtoff:
        yield warn("timezone", f"{here}: days and jobs follow UTC. Set TZ=Asia/Shanghai if members live there.")
    else:
        yield ok("timezone", here)
