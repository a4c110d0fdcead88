"""What a bot's log holds in the end: every message once, and each group's in order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

QUERY = "select group_id, cast(message_id as integer) from messages where id > ? order by id"


@dataclass(frozen=True, slots=True)
class Kept:
    """Of the messages that were sent: how many are missing, there twice, behind a later one of their group."""

    missing: int
    double: int
    disorder: int


def rows(database: Path) -> int:
    """The last row of a log; 0 where there is none yet."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        last: int = connection.execute("select coalesce(max(id), 0) from messages").fetchone()[0]
    return last


def kept(database: Path, first: int, count: int, before: int = 0) -> Kept:
    """Look for the `count` messages from id `first` on, in the order of the rows after `before`."""
    seen: set[int] = set()
    last: dict[str, int] = {}
    double = disorder = 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for group, number in connection.execute(QUERY, [before]):
            double += number in seen
            seen.add(number)
            disorder += number < last.get(group, 0)
            last[group] = max(number, last.get(group, 0))
    return Kept(count - len(seen & set(range(first, first + count))), double, disorder)
