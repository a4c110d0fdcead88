"""How often one member is answered."""

from __future__ import annotations

import pytest

from bot import manners
from bot.testing import Room, Scripted
from bot.types import Role
from plugins.ask import Ask
from plugins.status import Status

FAST = {"group": 0, "account": 0, "loop": 0}


async def test_who_is_too_fast_is_told_once() -> None:
    async with Room(Status, pace=FAST | {"commands": 3}) as room:
        replies = [await room.say("/状态") for _ in range(6)]
        assert [bool(reply) for reply in replies] == [True, True, True, True, False, False]
        assert replies[3] == [manners.SLOWER]
        assert await room.say("/状态", by="博") != []
        assert await room.say("/状态", group=room.other) != []


async def test_control_is_never_held_back() -> None:
    async with Room(Status, pace=FAST | {"commands": 1}) as room:
        for _ in range(5):
            assert await room.say("/关闭 状态", role=Role.ADMIN) != []


async def test_two_bots_that_talk_to_each_other_come_to_an_end() -> None:
    """The other one answers each of our answers at once, by mention."""
    async with Room(Ask, models={"m": Scripted("你好")}, pace=FAST | {"commands": 0, "loop": 5}) as room:
        answered = 0
        for number in range(20):
            answered += bool(await room.say(f"你也好 {number}", by="另一个机器人", mention=True))
        assert 3 <= answered <= 6
        assert await room.say("我是人", by="安", mention=True) != []


async def test_people_are_slower_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "LOOP_GAP", 0.0)
    async with Room(Ask, models={"m": Scripted("你好")}, pace=FAST | {"commands": 0, "loop": 5}) as room:
        for number in range(12):
            assert await room.say(f"问题 {number}", mention=True) != []
