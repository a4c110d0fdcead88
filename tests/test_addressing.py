"""When the bot is meant, and what of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from bot.addressing import addressed
from bot.testing import BOT, PLATFORM, Room, Scripted
from bot.types import EVERYONE, Account, Group, Member, Mention, Message, Part, Text
from plugins.ask import Ask

NAMES = ("欧小鹏",)


def message(*parts: Part | str, direct: bool = False) -> Message:
    return Message(
        group=Group(f"{PLATFORM}:1", "群", direct),
        account=Account(BOT.id, ("小鹏", "群里的小鹏")),
        time=time.time(),
        id="1",
        member=Member(f"{PLATFORM}:a", "安"),
        parts=tuple(Text(part) if isinstance(part, str) else part for part in parts),
    )


ME = Mention(BOT.id, "小鹏")


@pytest.mark.parametrize(
    ("said", "line", "slash"),
    [
        (message("/问 好"), "问 好", True),
        (message("／问 好"), "问 好", True),
        (message("  /问 好 "), "问 好", True),
        (message("\u200b/问 好"), "问 好", True),
        (message(ME, " 问 好"), "问 好", False),
        (message(ME, " /问 好"), "问 好", True),
        (message("问 好 ", ME), "问 好", False),
        (message("@欧小鹏 问 好"), "问 好", False),
        (message("@欧小鹏\u2005问 好"), "问 好", False),
        (message("@欧小鹏问 好"), "问 好", False),
        (message("＠小鹏 问 好"), "问 好", False),
        (message("@群里的小鹏 /问 好"), "问 好", True),
        (message("问 好", direct=True), "问 好", False),
        (message(ME), "", False),
    ],
)
def test_it_is_meant(said: Message, line: str, slash: bool) -> None:
    assert addressed(said, NAMES) == (line, slash)


@pytest.mark.parametrize(
    "said",
    [
        message("问 好"),
        message("问一下 /问 是什么"),
        message("欧小鹏 你好"),
        message("@大鹏 你好"),
        message(Mention(EVERYONE, "全体成员"), " 开会"),
        message(Mention(f"{PLATFORM}:b", "博"), " 你好"),
        message(""),
    ],
)
def test_it_is_not_meant(said: Message) -> None:
    assert addressed(said, NAMES) is None


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Ask, models={"m": Scripted("答案", generated=False)}, bots=frozenset({f"{PLATFORM}:机"})) as room:
        yield room


@pytest.mark.parametrize(
    "text",
    [
        "/问 怎么装",
        "／问　怎么装",
        "/ask 怎么装",
        "/ASK 怎么装",
        "/问：怎么装",
        "@欧小鹏 怎么装",
        "@欧小鹏\u2005怎么装",
        "@小鹏怎么装",
    ],
)
async def test_every_way_of_asking(room: Room, text: str) -> None:
    assert await room.say(text) == ["答案"]


async def test_a_question_that_begins_like_a_command_is_a_question(room: Room) -> None:
    assert await room.say("帮助 我装一下 torch 好吗", mention=True) == ["答案"]
    assert (await room.say("帮助", mention=True))[0].startswith("我是欧小鹏")


async def test_an_unknown_command_never_reaches_a_model(room: Room) -> None:
    model = room.app.models["m"]
    assert isinstance(model, Scripted)
    assert await room.say("/帮住") == ["没有这个命令，是想说「/帮助」吗？"]
    assert await room.say("/问候大家") == ["没有这个命令，是想说「/问 候大家」吗？"]
    for silent in ("/签到", "/usr/bin", "/", "//", "/🎉", "@欧小鹏 /签到"):
        assert await room.say(silent) == []
    assert model.asked == []


async def test_a_suggestion_stays_within_the_role(room: Room) -> None:
    assert await room.say("/设制") == []


async def test_other_bots_are_never_answered(room: Room) -> None:
    assert await room.say("/问 你好", by="机") == []
    assert await room.say("/帮住", by="机") == []
    assert await room.say("你好", by="机", mention=True) == []


async def test_a_bare_mention_is_told_how_to_ask(room: Room) -> None:
    assert await room.say("", mention=True) == ["问我一个问题：/问 怎么安装"]


async def test_a_wrong_call_answers_the_usage(room: Room) -> None:
    assert await room.say("/问") == ["问我一个问题：/问 怎么安装"]
    assert await room.say("/重来 吧") == ["忘掉刚才聊的，从头开始：/重来"]
