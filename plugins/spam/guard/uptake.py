"""What another program taught beside the running bot: seen by a mark in the tables, and taken up within a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlite_utils import Database

if TYPE_CHECKING:
    from plugins.spam.guard.state import Guard

FACT = "taught"


def mark(db: Database, group_id: str) -> None:
    """Say that the samples of a group (or of all) are others now."""
    row = [group_id, FACT, str(time.time_ns())]
    db.conn.execute("insert or replace into spam_facts values (?, ?, ?)", row)


async def take_up(guard: Guard) -> None:
    """Have read again what was taught in groups that were marked since the last time. Raises StoreError."""
    marks = await guard.db.read(_marks)
    changed = {group_id for group_id, value in marks.items() if guard.taken.get(group_id) != value}
    for group_id in changed:
        guard.school.outdated(group_id)
    guard.taken = marks


def _marks(db: Database) -> dict[str, str]:
    return dict(db.execute("select group_id, value from spam_facts where name = ?", [FACT]).fetchall())
