"""What plugins may do in their group: for the group at hand, written down, and told where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from bot.acts import Outcomes, RunActs
from bot.api import AdapterError, Context, JoinRequest, Plugin, Verdict, command, on, screen
from bot.sending import Run
from bot.testing import BOT, PLATFORM, Platform, Room
from bot.types import Event, Group, Member, Message, Role

AN = f"{PLATFORM}:安"


class Warden(Plugin, title="看守"):
    """什么都敢做"""

    @command("全做", "all")
    async def all(self, ctx: Context) -> str:
        """全做：/全做"""
        acts = ctx.acts
        await acts.recall("m-1")
        await acts.mute(AN, 90)
        await acts.mute(AN, 0)
        await acts.mute_all(True)
        await acts.mute_all(False)
        await acts.kick(AN, forever=True)
        await acts.rename(AN, "半个\ud83d字")
        return "做完了"

    @command("一个", "one")
    async def one(self, ctx: Context) -> str:
        """一个：/一个"""
        try:
            await ctx.acts.kick(AN)
        except AdapterError as error:
            return f"没做成：{error.reason}"
        return "做成了"

    @command("看看", "look")
    async def look(self, ctx: Context) -> str:
        """看看：/看看"""
        profile = await ctx.acts.profile(AN, fresh=True)
        role = await ctx.acts.role(AN)
        return f"{profile.member.name if profile else '不认识'} {role.name}"

    @on(JoinRequest)
    async def answer(self, ctx: Context, event: JoinRequest) -> None:
        await ctx.acts.admit(event, event.comment == "暗号", "暗号不对")

    @screen
    async def stop(self, ctx: Context, message: Message) -> Verdict | None:
        return Verdict("广告", recall=True, mute_seconds=60) if message.text == "加微信" else None


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Warden, operators=[f"{PLATFORM}:远"]) as room:
        yield room


async def entries(room: Room) -> list[dict[str, Any]]:
    rows = await room.rows("select * from audit where act = 'moderate' order by id")
    return [row | {"after": orjson.loads(row["after"])} for row in rows]


async def ask(room: Room, comment: str, flag: str) -> None:
    event: Event = JoinRequest(
        group=room.group, account=BOT, time=1.0, member=Member(AN, "安"), comment=comment, flag=flag
    )
    room.platform.receive(event)
    await room.settle()


async def test_every_act_is_done_and_written_down(room: Room) -> None:
    assert await room.say("/全做", by="博") == ["做完了"]
    platform = room.platform
    assert platform.recalled == ["m-1"]
    assert platform.muted == {AN: 0}
    assert platform.silenced == {room.group.id: False}
    assert platform.kicked == {AN: True}
    found = await entries(room)
    assert [(entry["subject"], entry["after"]["done"]) for entry in found] == [
        ("m-1", ["recall"]),
        (AN, ["mute"]),
        (AN, ["unmute"]),
        ("", ["mute_all"]),
        ("", ["unmute_all"]),
        (AN, ["kick"]),
        (AN, ["rename"]),
    ]
    assert {(entry["member_id"], entry["plugin"], entry["group_id"]) for entry in found} == {
        (f"{PLATFORM}:博", "warden", room.group.id)
    }
    assert found[1]["after"]["seconds"] == 90
    assert found[5]["after"]["forever"] is True
    assert found[6]["after"]["card"] == "半个?字"


async def test_an_act_that_fails_is_written_down_too(room: Room) -> None:
    room.platform.refuses["kick"] = AdapterError("本账号不是该群的管理员")
    assert await room.say("/一个") == ["没做成：本账号不是该群的管理员"]
    room.platform.refuses["kick"] = AdapterError("平台说好了，但没有看到生效", ambiguous=True)
    assert await room.say("/一个") == ["没做成：平台说好了，但没有看到生效"]
    [refused, doubtful] = await entries(room)
    assert refused["after"] == {"done": [], "failed": ["kick: 本账号不是该群的管理员"]}
    assert doubtful["after"] == {"done": [], "failed": [], "unconfirmed": ["kick: 平台说好了，但没有看到生效"]}


async def test_an_adapter_that_breaks_is_an_act_that_failed() -> None:
    async def broken() -> None:
        raise RuntimeError("x")

    outcomes = Outcomes()
    assert isinstance(await outcomes.of("kick", broken()), RuntimeError)
    assert outcomes.failed == ["kick: RuntimeError"]


class Silent(Platform):
    """A platform that takes a kick and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None:
        self.asked.set()
        await asyncio.Event().wait()


async def test_an_act_that_the_end_breaks_off_is_written_down(room: Room) -> None:
    platform = Silent()
    acts = RunActs(platform, room.app.roles, room.app.store, Run("warden", room.group, BOT, Member(AN, "安")))
    kicking = asyncio.create_task(acts.kick(AN))
    await platform.asked.wait()
    kicking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await kicking
    [entry] = await entries(room)
    assert (entry["subject"], entry["after"]["done"], entry["after"]["unconfirmed"]) == (AN, [], ["kick: 机器人停了"])


async def test_a_request_is_answered(room: Room) -> None:
    await ask(room, "暗号", "flag|1")
    await ask(room, "你好", "flag|2")
    assert room.platform.admitted == [("flag|1", True, "暗号不对"), ("flag|2", False, "暗号不对")]
    assert [entry["after"]["done"] for entry in await entries(room)] == [["admit"], ["turn_away"]]


async def test_what_is_known_of_a_member(room: Room) -> None:
    assert await room.say("/看看") == [f"安 {Role.MEMBER.name}"]
    await room.say("在", by="安", role=Role.OWNER)
    assert await room.say("/看看", by="博") == ["安 OWNER"]


async def test_nothing_of_it_can_be_undone_by_the_undo(room: Room) -> None:
    await room.say("/一个")
    assert await room.say("/回退", role=Role.ADMIN) == ["没有可以撤回的改动。"]


async def test_the_records_read_well(room: Room) -> None:
    await room.say("在", by="安")
    await room.say("/全做", by="博")
    room.platform.refuses["recall"] = AdapterError("本账号不是该群的管理员")
    await room.say("加微信", by="坏人")
    [told] = await room.say("/记录", by="青", role=Role.ADMIN)
    assert [line.split(" ", 2)[2] for line in told.splitlines()] == [
        "坏人 看守：广告（禁言，撤回一条消息（没有做到：本账号不是该群的管理员））",
        "博 看守：改名片 安 「半个?字」",
        "博 看守：移出 安 且不再接受",
        "博 看守：解除全员禁言",
        "博 看守：开启全员禁言",
        "博 看守：解除禁言 安",
        "博 看守：禁言 安 90 秒",
        "博 看守：撤回一条消息",
    ]
