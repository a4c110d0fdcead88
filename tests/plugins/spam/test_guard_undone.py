"""What is taken back at a bad moment: over, under way, not written, or never seen to happen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from bot.errors import AdapterError
from bot.testing import PLATFORM, Room
from bot.types import Group, Role
from plugins.spam.guard.state import Guard
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, decision, guarded, order

MEMBER = f"{PLATFORM}:安"


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch) as room:
        yield room


def guard(room: Room) -> Guard:
    return next(kept.value for kept in room.app.keeper._kept.values() if isinstance(kept.value, Guard))


async def change(room: Room, number: int, **outcome: Any) -> None:
    """Have something else come of a decision."""
    found = json.loads((await decision(room, number))["outcome"]) | outcome
    with closing(sqlite3.connect(room.app.store.path)) as db, db:
        db.execute("update spam_decisions set outcome = ? where id = ?", [json.dumps(found), number])


async def test_a_mute_by_another_hand_stays_once_our_own_is_over(room: Room) -> None:
    for _ in range(2):
        await room.say(AD, by="安")
    await change(room, 2, until=1.0)
    room.platform.muted[MEMBER] = 86_400
    said = await room.say("/误判 2", by="博", role=ADMIN)
    assert said == [f"安 说：{AD}", "好，#2 是误判：原话发回群里了、这样的话以后放行。"]
    assert room.platform.muted == {MEMBER: 86_400}
    assert await room.say("/误判 2", by="博", role=ADMIN) == ["#2 已经按误判处理过了。"]


async def test_a_mute_on_an_old_message_counts_from_when_it_began(room: Room) -> None:
    await room.say(DOUBT, by="安")
    await room.say(AD, by="安")
    await order(room, "/是广告 1")
    assert room.platform.muted == {MEMBER: 600}
    with closing(sqlite3.connect(room.app.store.path)) as db, db:
        db.execute("update spam_decisions set time = time - 90000 where id = 1")
    await room.say(AD + "二", by="安")
    assert "禁言先留着" in (await room.say("/误判 3", by="博", role=ADMIN))[-1]


async def test_a_mute_that_nobody_saw_is_lifted_all_the_same(room: Room) -> None:
    await room.say(AD, by="安")
    room.platform.refuses["mute"] = AdapterError("没有看到禁言", ambiguous=True)
    await room.say(AD, by="安")
    del room.platform.refuses["mute"]
    assert "禁言解除了" in (await room.say("/误判 2", by="博", role=ADMIN))[-1]
    assert room.platform.muted == {MEMBER: 0}


@pytest.mark.parametrize("name", ["/踢 全部", "！ban", ".r", "／", "#撤回"])
async def test_a_name_makes_no_command_of_what_is_said_again(room: Room, name: str) -> None:
    await room.say(AD, by=name)
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert said[0].endswith(f" 说：{AD}")
    assert said[0][0].isalnum()


async def test_what_is_not_written_yet_is_taken_back_once(room: Room) -> None:
    recall = room.platform.recall
    with closing(sqlite3.connect(room.app.store.path, isolation_level=None)) as other:

        async def lock(group: Group, message_id: str) -> None:
            await room.app.store.flush()
            other.execute("begin immediate")
            await recall(group, message_id)

        room.platform.recall = lock  # type: ignore[method-assign]  # the database is locked just then
        await room.say(AD, by="安")
        other.execute("rollback")
    assert guard(room).concluded
    assert (await room.say("/误判 1", by="博", role=ADMIN))[0] == f"安 说：{AD}"
    await guard(room).flush()
    assert json.loads((await decision(room))["outcome"])["done"] == ["recall", "repost"]
    assert await room.say("/误判 1", by="博", role=ADMIN) == ["#1 已经按误判处理过了。"]


async def test_a_raid_of_doubts_is_written_whole(room: Room) -> None:
    await room._replies(*(room.message(DOUBT, by=f"贾{n}", message_id=f"ad{n}") for n in range(150)))
    await guard(room).flush()
    assert len(await room.rows("select * from spam_decisions where step = 'ask'")) == 150


async def test_a_raid_by_members_of_no_known_role_is_for_the_admins(room: Room) -> None:
    raid = [room.message(AD, by=f"贾{n}", role=Role.UNKNOWN, message_id=f"ad{n}") for n in range(150)]
    for n in range(150):
        room.platform.roles[room.group.id, f"{PLATFORM}:贾{n}"] = Role.UNKNOWN
    await room._replies(*raid)
    await guard(room).flush()
    assert room.platform.recalled == []
    assert len(await room.rows("select * from spam_decisions where step = 'ask'")) == 150
