"""What each group changed: which plugins are on, and their settings. One row a change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlite_utils import Database

from bot.store.audit import Entry, record
from bot.store.database import Store

JSON = {True: "true", False: "false"}


@dataclass(slots=True)
class Overrides:
    """One group's changes: plugin → on or off; plugin → field → value as JSON text."""

    enabled: dict[str, bool] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)


async def load(store: Store) -> dict[str, Overrides]:
    """Every group's overrides, by group id."""

    def query(db: Database) -> dict[str, Overrides]:
        groups: dict[str, Overrides] = {}
        for row in db.query("select group_id, plugin, enabled from switches"):
            groups.setdefault(row["group_id"], Overrides()).enabled[row["plugin"]] = bool(row["enabled"])
        for row in db.query("select group_id, plugin, field, value from settings"):
            overrides = groups.setdefault(row["group_id"], Overrides())
            overrides.settings.setdefault(row["plugin"], {})[row["field"]] = row["value"]
        return groups

    return await store.read(query)


async def switch(store: Store, entry: Entry, enabled: bool | None) -> int:
    """Turn a plugin on or off (None: back to its default) with its audit entry, as one durable write."""

    def change(db: Database) -> int:
        key: tuple[Any, ...] = (entry.group_id, entry.plugin)
        old = db.conn.execute("select enabled from switches where group_id = ? and plugin = ?", key).fetchone()
        before = None if old is None else JSON[bool(old[0])]
        if enabled is None:
            db.conn.execute("delete from switches where group_id = ? and plugin = ?", key)
        else:
            db.conn.execute("insert or replace into switches values (?, ?, ?)", (*key, int(enabled)))
        # What was there is read here: between two changes at once, whoever comes second undoes to the first.
        return record(db, replace(entry, before=before))

    return await store.write(change, durable=True)


async def put(store: Store, entry: Entry, value: str | None) -> int:
    """Store a setting (None: back to its default) with its audit entry, as one durable write."""

    def change(db: Database) -> int:
        key: tuple[Any, ...] = (entry.group_id, entry.plugin, entry.subject)
        old = db.conn.execute(
            "select value from settings where group_id = ? and plugin = ? and field = ?", key
        ).fetchone()
        before = None if old is None else old[0]
        if value is None:
            db.conn.execute("delete from settings where group_id = ? and plugin = ? and field = ?", key)
        else:
            db.conn.execute("insert or replace into settings values (?, ?, ?, ?)", (*key, value))
        # What was there is read here: between two changes at once, whoever comes second undoes to the first.
        return record(db, replace(entry, before=before))

    return await store.write(change, durable=True)
