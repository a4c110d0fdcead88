"""Who changed or moderated what, and when; every entry survives a power cut."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import astuple, dataclass, replace

from sqlite_utils import Database

from bot.errors import StoreError
from bot.store.database import Store

RECORD = (
    "insert into audit (group_id, member_id, member_name, act, plugin, subject, before, after, undoes, time, id)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One act in a group. `before` and `after` are JSON texts, None for the default."""

    group_id: str
    member_id: str
    member_name: str
    act: str
    plugin: str
    subject: str = ""
    before: str | None = None
    after: str | None = None
    undoes: int | None = None
    """The id of the entry that this one takes back."""
    time: float = 0
    id: int | None = None


def record(db: Database, entry: Entry) -> int:
    """Insert the entry, in the writer; returns its id."""
    return int(db.conn.execute(RECORD, _row(entry)).lastrowid or 0)


def _row(entry: Entry) -> tuple[object, ...]:
    return astuple(replace(entry, time=entry.time or time.time()))


async def note(store: Store, entry: Entry) -> int:
    """Write one entry durably; while the database cannot write, it waits in memory like the log (id 0)."""
    try:
        return await store.write(lambda db: record(db, entry), durable=True)
    except StoreError:
        store.row(RECORD, _row(entry))
        return 0


async def last_change(store: Store, group_id: str, plugins: Collection[str]) -> Entry | None:
    """The newest change of these plugins' switches and settings that is not yet undone and is no undoing itself."""
    query = (
        "select * from audit where group_id = ? and act in ('switch', 'set') and undoes is null"
        " and id not in (select undoes from audit where undoes is not null and group_id = ?)"
        " order by id desc"
    )

    def find(db: Database) -> Entry | None:
        rows = db.query(query, [group_id, group_id])
        return next((Entry(**row) for row in rows if row["plugin"] in plugins), None)

    return await store.read(find)


async def newest(store: Store, group_id: str, limit: int = 10) -> list[Entry]:
    """The group's newest entries, newest first."""
    query = "select * from audit where group_id = ? order by id desc limit ?"
    return await store.read(lambda db: [Entry(**row) for row in db.query(query, [group_id, limit])])
