"""The guard where things go wrong: no database, no platform, two at once, an end in the middle."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest
from loguru import logger

from bot.errors import AdapterError
from bot.testing import BOT, PLATFORM, Room
from bot.types import Group, Member, Recalled, Role
from plugins.spam import Spam
from plugins.spam.guard.state import Guard
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, Words, decision, guarded, order


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch) as room:
        yield room


def guard(room: Room) -> Guard:
    return next(kept.value for kept in room.app.keeper._kept.values() if isinstance(kept.value, Guard))


async def test_a_locked_database_keeps_no_ad_in_the_group(room: Room) -> None:
    await room.say("先说一句", by="安")
    await room.app.store.flush()
    with closing(sqlite3.connect(room.app.store.path, isolation_level=None)) as other:
        other.execute("begin immediate")
        room.platform.receive(room.message(AD, by="贾", message_id="ad"))
        async with asyncio.timeout(8):
            while not room.platform.recalled:  # noqa: ASYNC110 - the platform tells nobody
                await asyncio.sleep(0.01)
        other.execute("rollback")
    await room.settle()
    await guard(room).flush()
    [row] = await room.rows("select * from spam_decisions")
    assert (row["message_id"], row["step"]) == ("ad", "recall")
    assert json.loads(row["outcome"])["done"] == ["recall"]
    assert not guard(room).unwritten
    assert not guard(room).concluded


async def test_a_decision_that_was_acted_outlives_the_bot(room: Room) -> None:
    await room.say(AD, by="贾", message_id="ad")
    await room.restart()
    assert json.loads((await decision(room))["outcome"])["done"] == ["recall"]
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert said[0] == f"贾 说：{AD}"
    [again] = await room.say(AD + "！", by="贾")
    assert "禁言" not in again


async def test_strikes_outlive_the_bot(room: Room) -> None:
    await room.say(AD, by="贾")
    await room.restart()
    await room.say(AD, by="贾")
    assert room.platform.muted == {f"{PLATFORM}:贾": 600}


async def test_trust_outlives_the_bot(room: Room) -> None:
    for number in range(5):
        await room.say(f"第 {number} 条认真讨论问题的话", by="安")
    await room.restart()
    assert "管理员看一下" in (await room.say(AD, by="安"))[0]


async def test_an_allowed_text_outlives_the_bot(room: Room) -> None:
    await room.say(AD, by="安")
    await room.say("/误判 1", by="博", role=ADMIN)
    await room.restart()
    assert await room.say(AD, by="丁") == []


async def test_the_same_message_twice_is_decided_once(room: Room) -> None:
    first = room.message(AD, by="贾", message_id="ad")
    await room._replies(first, replace(first))
    await room.restart()
    room.app.pipeline.intake._recent = type(room.app.pipeline.intake._recent)(10, 10)
    await room._replies(replace(first))
    assert room.platform.recalled == ["ad"]
    assert len(await room.rows("select * from spam_decisions")) == 1
    assert room.platform.muted == {}
    await guard(room).flush()
    assert [row["strikes"] for row in await room.rows("select strikes from spam_members")] == [1]


async def test_a_message_that_its_author_took_back_is_not_recalled(room: Room) -> None:
    await room.say("先说一句", by="贾")
    gate = asyncio.Event()
    asked = asyncio.Event()
    role = room.platform.role

    async def slowly(group: object, member_id: str) -> Role:
        asked.set()
        await gate.wait()
        return await role(room.group, member_id)

    room.platform.role = slowly  # type: ignore[method-assign]  # a platform that takes its time
    room.platform.receive(room.message(AD, by="贾", message_id="ad"))
    await asked.wait()
    room.platform.receive(
        Recalled(
            group=room.group, account=BOT, time=time.time(), message_id="ad", member=Member(f"{PLATFORM}:贾", "贾")
        )
    )
    while "ad" not in guard(room).groups[room.group.id].gone:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)
    gate.set()
    await room.settle()
    assert room.platform.recalled == []
    assert json.loads((await decision(room))["outcome"])["done"] == ["gone"]


async def test_two_admins_at_once_bring_it_back_once(room: Room) -> None:
    await room.say(AD, by="安")
    start = len(room.platform.texts)
    said = await room._replies(
        room.message("/误判 1", by="博", role=ADMIN), room.message("/误判 1", by="陈", role=Role.OWNER)
    )
    assert sorted(said) == sorted(
        [f"安 说：{AD}", "好，#1 是误判：原话发回群里了、这样的话以后放行。", "#1 已经按误判处理过了。"]
    )
    assert len(room.platform.texts) == start + 3


async def test_a_flag_an_admin_takes_back_is_taken_back(room: Room) -> None:
    await room.say(DOUBT, by="安", message_id="doubt")
    await order(room, "/是广告 1")
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert said == [f"安 说：{DOUBT}", "好，#1 是误判：原话发回群里了、这样的话以后放行。"]
    assert [(row["label"], row["active"]) for row in await room.rows("select * from spam_samples order by id")] == [
        ("spam", 0),
        ("ham", 1),
    ]


async def test_an_engine_that_does_not_load_lets_all_pass_and_is_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def load() -> tuple[Words, None]:
        tries.append(1)
        if len(tries) < 2:
            raise OSError("no weights")
        return Words(), None

    monkeypatch.setattr(Spam, "engines", staticmethod(load))
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="ERROR")
    async with Room(Spam) as room:
        await room.set(Spam, audits=0)
        await order(room, "/防广告 开启")
        for number in range(4):
            await room.say(AD, by=f"贾{number}", message_id=f"ad{number}")
            if number == 1:
                assert "没有加载上" in await order(room, "/防广告")
                guard(room).retry_at = 0.0
        assert "没有加载上" not in await order(room, "/防广告")
    logger.remove(sink)
    assert room.platform.recalled == ["ad2", "ad3"]
    assert len([line for line in lines if "nothing can be judged" in line]) == 1


async def test_a_raid_is_removed_whole(room: Room) -> None:
    await room._replies(*(room.message(AD, by=f"贾{n}", message_id=f"ad{n}") for n in range(150)))
    assert sorted(room.platform.recalled) == sorted(f"ad{n}" for n in range(150))
    await guard(room).flush()
    assert len(await room.rows("select * from spam_decisions")) == 150


async def test_a_platform_that_agrees_and_is_not_seen_to_act_is_said_so(room: Room) -> None:
    room.platform.refuses["recall"] = AdapterError("没有看到撤回", ambiguous=True)
    await room.say(AD, by="贾")
    assert json.loads((await decision(room))["outcome"])["unconfirmed"] == ["recall: 没有看到撤回"]
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert said == ["好，#1 是误判：这样的话以后放行。撤回那时没有确认，原话可能还在。"]


async def test_half_a_character_is_decided_about(room: Room) -> None:
    await room.say(AD + "\ud83d", by="贾\udc00", message_id="ad")
    assert room.platform.recalled == ["ad"]
    assert (await decision(room))["text"].startswith(AD)


async def test_nothing_is_written_for_a_message_that_is_none(room: Room) -> None:
    await room.say("先说一句正经话", by="安")
    before = await room.rows("select (select count(*) from spam_decisions) as d, (select count(*) from spam_days) as n")
    await room.say("再说一句正经话", by="安")
    assert before == [{"d": 0, "n": 0}]
    assert await room.rows("select * from spam_days") == []
    await guard(room).flush()
    [row] = await room.rows("select * from spam_days")
    assert (row["seen"], row["passed"]) == (2, 2)


async def test_who_left_is_past_reach_and_the_ad_is_not(room: Room) -> None:
    for number in (1, 2):
        await room.say(DOUBT + str(number), by="贾", message_id=f"doubt{number}")
    room.platform.roles[room.group.id, f"{PLATFORM}:贾"] = Role.UNKNOWN
    nobody = "平台没有说 TA 的身份，可能已经不在群里了，人我没有动。"
    assert await order(room, "/是广告 1") == f"好，#1 记作广告了：已撤回。{nobody}"
    assert await order(room, "/移除 2 踢出") == f"#2 已撤回。{nobody}"
    assert room.platform.recalled == ["doubt1", "doubt2"]
    assert room.platform.kicked == {}


@pytest.mark.slow
async def test_what_the_end_of_the_bot_breaks_off_is_written_down(room: Room) -> None:
    began = asyncio.Event()

    async def never(group: object, message_id: str) -> None:
        began.set()
        await asyncio.Event().wait()

    recall, room.platform.recall = room.platform.recall, never  # type: ignore[method-assign]  # a platform that hangs
    room.platform.receive(room.message(AD, by="贾", message_id="ad"))
    await began.wait()
    await room.restart()
    room.platform.recall = recall  # type: ignore[method-assign]
    row = await decision(room)
    assert row["step"] == "recall"
    assert json.loads(row["outcome"])["unconfirmed"] == ["recall: 机器人停了"]
    assert "撤回成没成不确定（机器人停了）" in await order(room, "/为什么 1")


async def test_what_is_not_written_yet_is_forgotten_too(room: Room) -> None:
    for number in range(3):
        await room.say(f"第 {number} 条认真讨论问题的话", by="安")
    await room.say("/忘记我 确认", by="安")
    await guard(room).flush()
    assert await room.rows("select * from spam_members") == []
    assert f"{PLATFORM}:安" not in guard(room).groups[room.group.id].members
    await room.say("忘记以后又说了一句话", by="安")
    await guard(room).flush()
    assert [row["real"] for row in await room.rows("select real from spam_members")] == [1]


async def test_what_came_of_it_is_written_when_it_can_be(room: Room) -> None:
    recall = room.platform.recall
    with closing(sqlite3.connect(room.app.store.path, isolation_level=None)) as other:

        async def lock(group: Group, message_id: str) -> None:
            await room.app.store.flush()
            other.execute("begin immediate")
            await recall(group, message_id)

        room.platform.recall = lock  # type: ignore[method-assign]  # the database is locked just then
        await room.say(AD, by="贾")
        other.execute("rollback")
    await guard(room).flush()
    assert json.loads((await decision(room))["outcome"])["done"] == ["recall"]
