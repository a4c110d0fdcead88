"""What groups changed, with the audit of it: both or neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.errors import StoreError
from bot.store import audit, schema, switches
from bot.store.audit import Entry
from bot.store.database import Store
from bot.store.switches import Overrides

SET = Entry("t:1", "t:ann", "安", "set", "shop", "price")
SWITCH = Entry("t:1", "t:ann", "安", "switch", "shop")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store(path, [schema.tables]).open() as store:
        yield store


async def test_changes_are_there_after_a_restart(path: Path) -> None:
    async with Store(path, [schema.tables]).open() as store:
        await switches.switch(store, SWITCH, False)
        await switches.put(store, SET, "7")
        await switches.put(store, replace(SET, subject="sign"), '"欢迎"')
        await switches.put(store, replace(SET, group_id="t:2"), "8")
        await switches.switch(store, replace(SWITCH, group_id="t:3"), True)
        await switches.switch(store, replace(SWITCH, group_id="t:3"), None)
        await switches.put(store, replace(SET, group_id="t:2"), None)
    async with Store(path, [schema.tables]).open() as store:
        assert await switches.load(store) == {
            "t:1": Overrides({"shop": False}, {"shop": {"price": "7", "sign": '"欢迎"'}})
        }


async def test_every_change_is_durable(store: Store) -> None:
    seen: list[str] = []
    connection = store._writer._connection
    connection.set_trace_callback(seen.append)
    await switches.put(store, SET, "7")
    await switches.switch(store, SWITCH, False)
    await audit.note(store, replace(SET, act="moderate"))
    connection.set_trace_callback(None)
    assert "pragma synchronous = full" in seen
    assert "pragma synchronous = normal" not in seen
    assert sum(sql.lower() == "commit" for sql in seen) == 3


async def test_a_change_and_its_audit_are_one(store: Store, path: Path) -> None:
    def without_audit(db: Database) -> None:
        db.conn.execute("create trigger no before insert on audit begin select raise(abort, 'no audit'); end")

    await switches.put(store, SET, "7")
    await store.write(without_audit)
    with pytest.raises(Exception, match="no audit"):
        await switches.put(store, SET, "8")
    with pytest.raises(Exception, match="no audit"):
        await switches.switch(store, SWITCH, False)
    assert await switches.load(store) == {"t:1": Overrides({}, {"shop": {"price": "7"}})}


async def test_the_audit_tells_what_was_really_there(store: Store) -> None:
    """Two admins change one thing at once: whoever comes second undoes to what the first one set."""
    await asyncio.gather(*(switches.put(store, replace(SET, before="stale"), f"{value}") for value in range(20)))
    entries = list(reversed(await audit.newest(store, "t:1", 30)))
    assert [entry.before for entry in entries] == [None, *(f"{value}" for value in range(19))]
    await asyncio.gather(*(switches.switch(store, replace(SWITCH, before="stale"), on) for on in (True, False, None)))
    entries = list(reversed(await audit.newest(store, "t:1", 3)))
    assert [entry.before for entry in entries] == [None, "true", "false"]


async def test_the_newest_change_that_is_not_undone(store: Store) -> None:
    assert await audit.last_change(store, "t:1", {"shop"}) is None
    first = await switches.put(store, replace(SET, after="1"), "1")
    second = await switches.switch(store, replace(SWITCH, after="false"), False)
    await audit.note(store, replace(SET, act="moderate"))
    await switches.put(store, replace(SET, group_id="t:2"), "9")
    found = await audit.last_change(store, "t:1", {"shop"})
    assert found is not None
    assert found.id == second
    await switches.switch(store, replace(SWITCH, undoes=second), None)
    found = await audit.last_change(store, "t:1", {"shop"})
    assert found is not None
    assert found.id == first
    await switches.put(store, replace(SET, undoes=first), None)
    assert await audit.last_change(store, "t:1", {"shop"}) is None
    assert [entry.undoes for entry in await audit.newest(store, "t:1", 2)] == [first, second]


async def test_a_refused_change_leaves_nothing(store: Store) -> None:
    await switches.put(store, SET, "7")
    broken = replace(SET, member_name="x" * 40_000)

    def limit(db: Database) -> None:
        db.conn.execute(f"pragma max_page_count = {db.conn.execute('pragma page_count').fetchone()[0]}")

    await store.write(limit)
    for _ in range(3):
        with pytest.raises(StoreError):
            await switches.put(store, broken, "8")
    assert await switches.load(store) == {"t:1": Overrides({}, {"shop": {"price": "7"}})}
    assert len(await audit.newest(store, "t:1")) == 1
    store._writer._connection.execute("pragma max_page_count = 1000000")
