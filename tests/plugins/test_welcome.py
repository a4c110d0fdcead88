"""How newcomers are greeted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.errors import AdapterError
from bot.testing import PLATFORM, Room
from bot.types import Mention, Role, Text
from plugins.welcome import Welcome


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Welcome) as room:
        await room.set(Welcome, wait=0.05, text="欢迎 {name} 来到{group}！")
        yield room


async def test_a_newcomer_is_mentioned_and_greeted(room: Room) -> None:
    assert await room.join("安") == ["欢迎 @安 来到测试群！"]
    assert room.platform.sent[-1].parts == (Text("欢迎 "), Mention(f"{PLATFORM}:安", "安"), Text(" 来到测试群！"))


async def test_the_shipped_words_say_that_a_bot_speaks() -> None:
    async with Room(Welcome) as room:
        await room.set(Welcome, wait=0)
        [said] = await room.join("安")
        assert "我是群里的机器人欧小鹏" in said


async def test_those_who_come_together_are_greeted_together(room: Room) -> None:
    assert await room.join("安", "博", "晨") == ["欢迎 @安@博@晨 来到测试群！"]


async def test_a_crowd_is_greeted_by_its_number(room: Room) -> None:
    assert await room.join(*(f"新人{n}" for n in range(30))) == ["欢迎 30 位新朋友 来到测试群！"]


async def test_once_a_day_and_per_group(room: Room) -> None:
    await room.set(Welcome, group=room.other, wait=0, text="{name} 好")
    await room.join("安")
    await room.leave("安")
    assert await room.join("安") == []
    assert await room.join("安", group=room.other) == ["@安 好"]
    await room.app.store.write(lambda db: db.conn.execute("update welcomes set day = '2020-01-01'"))
    assert await room.join("安") == ["欢迎 @安 来到测试群！"]


async def test_rules_and_links_follow(room: Room) -> None:
    await room.set(Welcome, rules="不发广告 {不是空格}", links="https://example.org/faq")
    assert await room.join("安") == ["欢迎 @安 来到测试群！\n不发广告 {不是空格}\nhttps://example.org/faq"]


async def test_a_private_greeting(room: Room) -> None:
    await room.set(Welcome, private="{name}，有事可以私聊我")
    await room.join("安", "博")
    private = [(sent.to, text) for sent, text in zip(room.platform.sent, room.platform.texts, strict=True) if sent.to]
    assert private == [(f"{PLATFORM}:{name}", f"{name}，有事可以私聊我") for name in ("安", "博")]


async def test_the_count(room: Room) -> None:
    await room.set(Welcome, text="第 {count} 位")
    assert await room.join("安") == ["第 1 位"]


@pytest.mark.parametrize("name", ["{group}", "@全体成员", "<b>安</b>", "a\nb", ""])
async def test_a_name_is_only_a_name(room: Room, name: str) -> None:
    [said] = await room.join(name)
    assert said == f"欢迎 @{name} 来到测试群！"
    assert Mention(f"{PLATFORM}:{name}", name) in room.platform.sent[-1].parts


async def test_a_hidden_id_is_not_mentioned(room: Room) -> None:
    await room.set(Welcome, private="{name}，有事可以私聊我")
    assert await room.join("匿名:0") == ["欢迎 新朋友 来到测试群！"]


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("你好 {nam}", "里不认识 {nam}"),
        ("你好 {name", "花括号没有配对"),
        ("{name.__class__}", "里不认识"),
        ("}{", "花括号"),
    ],
)
async def test_a_template_error_is_shown_when_it_is_set(room: Room, template: str, wrong: str) -> None:
    [reply] = await room.say(f"/设置 欢迎 欢迎词 {template}", role=Role.ADMIN)
    assert wrong in reply
    assert await room.join("安") == ["欢迎 @安 来到测试群！"]


async def test_a_welcome_that_fails_is_reported_and_tried_again(room: Room) -> None:
    room.platform.refuse = AdapterError("本账号被禁言")
    assert await room.join("安") == []
    room.platform.refuse = None
    [row] = await room.rows("select plugin, failed from said")
    assert row == {"plugin": "welcome", "failed": "本账号被禁言"}
    await room.leave("安")
    assert await room.join("安") == ["欢迎 @安 来到测试群！"]


async def test_a_welcome_that_is_cut_short_is_tried_again() -> None:
    pace = {"group": 0.01, "account": 0, "commands": 0, "loop": 0}
    async with Room(Welcome, pace=pace) as room:
        await room.set(Welcome, wait=0, text="{name} 好")
        assert await room.join("安") == ["@安 好"]
        joining = asyncio.create_task(room.join("博"))
        for _ in range(500):
            if len(await room.rows("select * from welcomes")) == 2:
                break
            await asyncio.sleep(0.01)
        [greeting] = [task for tasks in room.app.pipeline.house.waiting.values() for task in tasks]
        greeting.cancel()
        assert await joining == []
        assert await room.rows("select member_id from welcomes") == [{"member_id": f"{PLATFORM}:安"}]


async def test_it_can_be_turned_off(room: Room) -> None:
    await room.say("/关闭 欢迎", role=Role.ADMIN)
    assert await room.join("安") == []


async def test_forgets(room: Room) -> None:
    await room.join("安")
    await room.say("/忘记我 确认")
    assert await room.rows("select * from welcomes") == []
