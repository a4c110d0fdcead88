"""A plugin reaches another of its groups, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from bot.api import Context, Plugin, Refusal, Role, command
from bot.testing import PLATFORM, Room, Scripted


class Herald(Plugin, title="传令"):
    """把话带到另一个群"""

    loud: bool = False

    @command("传", "tell")
    async def tell(self, ctx: Context, group: str, *, words: str) -> str:
        """传话：/传 群 话"""
        there = await ctx.elsewhere(group)
        if there is None:
            raise Refusal("去不了。")
        assert isinstance(there.settings, Herald)
        assert there.message is None
        await there.send(f"{there.group.name}：{ctx.member.name} 说 {words}{'！' if there.settings.loud else ''}")
        return "带到了。"

    @command("静", "hush")
    async def hush(self, ctx: Context, group: str, name: str) -> str:
        """在另一个群禁言：/静 群 谁"""
        there = await ctx.elsewhere(group)
        if there is None or await there.acts.role(ctx.member.id) < Role.ADMIN:
            raise Refusal("那里不归你管。")
        await there.acts.mute(f"{PLATFORM}:{name}", 60)
        return "好。"

    @command("代问", "askfor")
    async def ask_for(self, ctx: Context, group: str) -> str:
        """在另一个群说模型的话：/代问 群"""
        there = await ctx.elsewhere(group)
        assert there is not None
        answer = await ctx.models.ask("ask", question="几点", name="小鹏", group="群", quoted="")
        await there.send(await answer.text())
        return "问了。"

    @command("慎", "careful", role=Role.ADMIN, demand=False)
    async def careful(self, ctx: Context) -> str:
        """自己看身份：/慎"""
        return f"{(await ctx.acts.role(ctx.member.id)).name}"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Herald, models={"main": Scripted("八点。")}) as room:
        await room.say("在", by="博", group=room.other)
        yield room


def said_in(room: Room, group_id: str) -> list[str]:
    return [t for o, t in zip(room.platform.sent, room.platform.texts, strict=True) if o.group.id == group_id]


async def test_a_word_is_said_in_another_group(room: Room) -> None:
    assert await room.say(f"/传 {room.other.id} 开饭", by="安") == ["带到了。"]
    assert said_in(room, room.other.id) == ["另一个群：安 说 开饭"]
    assert room.platform.sent[0].quote is None


async def test_its_settings_are_those_of_that_group(room: Room) -> None:
    await room.set(Herald, group=room.other, loud=True)
    await room.say(f"/传 {room.other.id} 开饭", by="安")
    assert said_in(room, room.other.id) == ["另一个群：安 说 开饭！"]


@pytest.mark.parametrize("group", ["room:3", "room:dm:安", "room:*", "room:", "qq:2", "2", ""])
async def test_there_is_no_way_to_where_the_bot_is_not(room: Room, group: str) -> None:
    assert await room.say(f"/传 {group or '：'} 开饭", by="安") in (["去不了。"], ["传话：/传 群 话"])
    assert len(room.platform.sent) == 1


async def test_there_is_no_way_to_where_the_plugin_is_off(room: Room) -> None:
    await room.say("/关闭 传令", by="博", role=Role.ADMIN, group=room.other)
    assert await room.say(f"/传 {room.other.id} 开饭", by="安") == ["去不了。"]


async def test_an_act_is_done_there_and_written_down_there(room: Room) -> None:
    assert await room.say(f"/静 {room.other.id} 博", by="安", role=Role.ADMIN) == ["那里不归你管。"]
    room.platform.roles[room.other.id, f"{PLATFORM}:安"] = Role.ADMIN
    assert await room.say(f"/静 {room.other.id} 博", by="安", role=Role.MEMBER) == ["好。"]
    assert room.platform.muted == {f"{PLATFORM}:博": 60}
    [row] = await room.rows("select * from audit where act = 'moderate'")
    assert (row["group_id"], row["member_name"], row["subject"]) == (room.other.id, "安", f"{PLATFORM}:博")
    assert orjson.loads(row["after"])["done"] == ["mute"]


async def test_what_a_model_wrote_here_is_labelled_there(room: Room) -> None:
    await room.say(f"/代问 {room.other.id}", by="安")
    [said] = said_in(room, room.other.id)
    assert said.startswith("八点。")
    assert "内容由 AI 生成" in said


async def test_after_a_restart_the_way_is_still_known(room: Room) -> None:
    await room.restart()
    assert await room.say(f"/传 {room.other.id} 开饭", by="安") == ["带到了。"]
    assert said_in(room, room.other.id) == ["另一个群：安 说 开饭"]


async def test_a_handler_may_ask_for_roles_itself(room: Room) -> None:
    assert await room.say("/慎", by="安") == ["MEMBER"]
    assert "/慎" not in (await room.say("/帮助", by="安"))[0]
