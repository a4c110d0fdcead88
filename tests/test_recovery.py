"""What was said while the account was away is logged and screened; stale questions are not answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from bot.accounts import Accounts
from bot.api import Context, Message, Plugin, Verdict, command, on, screen
from bot.errors import AdapterError
from bot.recovery import Recovery
from bot.testing import BOT, PLATFORM, Room
from bot.types import Account, AccountChanged, Group


class Echo(Plugin, title="回声"):
    """回声"""

    @command("回", "echo")
    async def echo(self, ctx: Context, *, text: str) -> str:
        """回：/回 话"""
        return text


class Guard(Plugin, title="门卫"):
    """门卫"""

    @screen
    async def stop(self, ctx: Context, message: Message) -> Verdict | None:
        return Verdict("广告", recall=True) if "广告" in message.text else None


class Ear(Plugin, title="耳朵"):
    """耳朵"""

    @on(Message)
    async def hear(self, ctx: Context, message: Message) -> str:
        return f"听见{message.text}"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Echo, Guard, Ear) as room:
        yield room


def past(room: Room, *lines: tuple[str, str, float]) -> None:
    """The history of the group: (id, text, seconds ago)."""
    room.platform.past[room.group.id] = [
        replace(room.message(text, message_id=id), time=time.time() - ago) for id, text, ago in lines
    ]


async def away_and_back(room: Room) -> list[str]:
    start = len(room.platform.texts)
    await room.account(online=False)
    await room.account(online=True)
    return room.platform.texts[start:]


async def logged(room: Room) -> list[str]:
    return [row["message_id"] for row in await room.rows("select message_id from messages order by id")]


async def begun(room: Room, ago: float) -> None:
    """Something was heard `ago` seconds back."""
    room.platform.receive(replace(room.message("在吗", message_id="begin"), time=time.time() - ago))
    await room.settle()


async def test_what_was_missed_is_logged_once_and_in_order(room: Room) -> None:
    await begun(room, 900)
    past(room, ("begin", "在吗", 900), ("a", "一", 800), ("b", "二", 700))
    assert await away_and_back(room) == []
    assert await away_and_back(room) == []
    assert await logged(room) == ["begin", "a", "b"]


async def test_a_stale_question_is_not_answered_and_a_fresh_one_is(room: Room) -> None:
    await begun(room, 900)
    past(room, ("old", "/回 早上", 300), ("new", "/回 刚才", 5))
    assert await away_and_back(room) == ["刚才"]
    assert await away_and_back(room) == []


async def test_what_was_missed_is_screened(room: Room) -> None:
    await begun(room, 900)
    past(room, ("ad", "广告", 600))
    await away_and_back(room)
    assert room.platform.recalled == ["ad"]


async def test_what_was_said_before_the_gap_does_not_come_back(room: Room) -> None:
    await begun(room, 300)
    past(room, ("before", "昨天删掉的话", 600), ("after", "后来", 200))
    await away_and_back(room)
    assert await logged(room) == ["begin", "after"]


async def test_a_group_that_was_never_heard_is_left_alone(room: Room) -> None:
    past(room, ("x", "话", 100))
    await away_and_back(room)
    assert await logged(room) == []


async def test_after_a_restart_the_log_knows_where_the_gap_began(room: Room) -> None:
    await begun(room, 3000)
    await room.restart()
    past(room, ("begin", "在吗", 3000), ("a", "停机时说的", 2000))
    await room.account(online=True)
    assert room.platform.texts == ["听见在吗"]
    assert await logged(room) == ["begin", "a"]


async def test_a_gap_longer_than_the_first_look_is_read_further(room: Room) -> None:
    await begun(room, 900)
    past(room, *[(f"n{number}", "话", 800 - number) for number in range(200)])
    await away_and_back(room)
    assert len(await logged(room)) == 201


async def test_what_is_older_than_a_day_is_past(room: Room) -> None:
    await begun(room, 200_000)
    past(room, ("old", "话", 100_000), ("new", "话", 80_000))
    await away_and_back(room)
    assert await logged(room) == ["begin", "new"]


async def test_a_platform_that_refuses_costs_nothing_else(room: Room) -> None:
    await begun(room, 900)
    room.platform.refuses["history"] = AdapterError("没有")
    await away_and_back(room)
    assert await room.say("/回 在") == ["在"]


async def test_a_link_that_flaps_loses_nothing(room: Room) -> None:
    await begun(room, 900)
    past(room, ("a", "漏掉的", 800))
    everywhere = Group(f"{PLATFORM}:*", direct=True)
    for online in (False, True, False):
        # Before what was missed is read, somebody speaks, and the line is lost again.
        room.platform.receive(AccountChanged(group=everywhere, account=BOT, time=time.time(), online=online, reason=""))
        if online:
            room.platform.receive(room.message("后来", message_id="live"))
    await room.settle()
    await room.account(online=True)
    assert sorted(await logged(room)) == ["a", "begin", "live"]


async def test_a_history_that_did_not_answer_is_asked_for_again(room: Room) -> None:
    await begun(room, 900)
    past(room, ("a", "漏掉的", 800))
    room.platform.refuses["history"] = AdapterError("没有回答", ambiguous=True)
    await away_and_back(room)
    await room.say("后来")
    room.platform.refuses.clear()
    await away_and_back(room)
    assert "a" in await logged(room)


async def test_what_we_said_ourselves_does_not_end_the_look(room: Room) -> None:
    """A platform leaves our own words out of its history, so that a look brings fewer than asked for."""
    await begun(room, 900)
    said = [replace(room.message("话", message_id=f"n{n}"), time=time.time() - 800 + n) for n in range(120)]

    class Leaving:
        async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
            return said[-count:][1:]

    got: list[Message] = []
    accounts = Accounts()
    recovery = Recovery({PLATFORM: Leaving()}, room.app.log, accounts, got.append, {})
    recovery.changed(
        AccountChanged(group=Group(f"{PLATFORM}:*", direct=True), account=BOT, time=time.time(), online=True)
    )
    async with asyncio.timeout(5):
        while recovery.busy:  # noqa: ASYNC110 - it has no event for its end
            await asyncio.sleep(0.01)
    assert len(got) == 119


async def test_who_was_forgotten_leaves_no_group_to_ask_about(room: Room) -> None:
    await begun(room, 900)
    await room.app.store.write(lambda db: db.conn.execute("update messages set group_id = 'deleted-1'"))
    await room.restart()
    await room.account(online=True)
    assert room.platform.histories == []


async def test_what_another_account_handled_is_not_handled_again(room: Room) -> None:
    await begun(room, 900)
    second = Account(f"{PLATFORM}:bot2")
    everywhere = Group(f"{PLATFORM}:*", direct=True)
    first = room.message("在", message_id="s1")
    room.platform.receive(replace(first, account=second, time=time.time() - 800))  # heard by the first, for both
    handled = [("ad", "广告", 30), ("call", "/回 一", 20)]
    for id, text, ago in handled:
        room.platform.receive(replace(room.message(text, message_id=id), time=time.time() - ago))
    await room.settle()
    await room.app.store.write(
        lambda db: db.conn.execute("update messages set account_id = ? where message_id = 'begin'", [second.id])
    )
    said, recalled = list(room.platform.texts), list(room.platform.recalled)
    past(room, *[(f"{id}-second", text, ago) for id, text, ago in handled])
    await room.restart()
    for online in (False, True):
        room.platform.receive(AccountChanged(group=everywhere, account=second, time=time.time(), online=online))
    await room.settle()
    assert room.platform.texts == said
    assert room.platform.recalled == recalled == ["ad"]


async def test_who_was_forgotten_during_a_gap_does_not_come_back(room: Room) -> None:
    await begun(room, 900)
    past(room, ("phone", "我的电话是 1", 300))
    await room.say("/忘记我 确认", group=room.other)
    await away_and_back(room)
    assert "phone" not in await logged(room)
