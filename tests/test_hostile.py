"""What members, other bots and slow platforms may try."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.api import Answer, Context, MemberJoined, Message, Plugin, Refusal, Reply, Verdict, command, on, screen
from bot.errors import ModelTruncated
from bot.testing import BOT, PLATFORM, Room, Scripted
from bot.types import Account, Group, Mention, Role, Text
from plugins.ask import Ask
from plugins.status import Status
from plugins.welcome import Welcome

LABEL = "——内容由 AI 生成（m）"
DATA = {"question": "q", "name": "n", "group": "g", "quoted": ""}


class Writer(Plugin, title="写手"):
    """写"""

    @command("拒绝", "refuse")
    async def refuse(self, ctx: Context) -> None:
        """拒绝"""
        answer = await ctx.models.ask("ask", **DATA)  # type: ignore[arg-type]  # a prompt's data are strings here
        raise Refusal(await answer.text())

    @command("原样", "as_is")
    async def as_is(self, ctx: Context) -> Reply:
        """原样"""
        answer: Answer = await ctx.models.ask("ask", **DATA)  # type: ignore[arg-type]  # the same
        return Reply(answer, verbatim=True)

    @screen
    async def judge(self, ctx: Context, message: Message) -> Verdict | None:
        if "广告" not in message.text:
            return None
        answer = await ctx.models.ask("ask", **DATA)  # type: ignore[arg-type]  # the same
        return Verdict("广告", notice=await answer.text())


class Wall(Plugin, title="墙"):
    """什么都拦"""

    @screen
    async def stop(self, ctx: Context, message: Message) -> Verdict | None:
        return Verdict("拦")


class Parrot(Plugin, title="鹦鹉"):
    """学舌"""

    @on(Message)
    async def repeat(self, ctx: Context, event: Message) -> str:
        return event.text

    @on(MemberJoined)
    async def place(self, ctx: Context, event: MemberJoined) -> str:
        return ctx.group.name


@pytest.mark.parametrize(
    "text", ["/" + "啊" * 60_000, "/" + "a" * 60_000, "@欧小鹏 " + "，" * 60_000, "/帮助" + "啊" * 60_000]
)
async def test_a_long_word_takes_no_time(text: str) -> None:
    async with Room(Ask, Status) as room:
        started = time.perf_counter()
        await room.say(text)
        assert time.perf_counter() - started < 2


async def test_a_suggestion_repeats_little() -> None:
    async with Room(Status) as room:
        [said] = await room.say("/帮助你们" + "@全体成员 广告" * 2000)
        assert len(said) < 80


@pytest.mark.parametrize("streams", [True, False])
async def test_the_label_survives_whatever_a_plugin_does(streams: bool) -> None:
    async with Room(Writer, models={"m": Scripted("模型的话")}, streams=streams) as room:
        for text in ("/拒绝", "/原样", "广告"):
            assert await room.say(text) == [f"模型的话\n{LABEL}"], text


async def test_a_broken_stream_is_labelled_too() -> None:
    class Breaking(Scripted):
        async def chat(self, turns, options, completion):  # type: ignore[no-untyped-def]  # as its parent's
            yield "一半的话"
            raise ModelTruncated("cut")

    async with Room(Ask, models={"m": Breaking(name="m")}, streams=True) as room:
        shown: list[str] = []
        send = room.platform.send

        async def watch(outgoing):  # type: ignore[no-untyped-def]  # as the platform's
            if outgoing.stream is None:
                return await send(outgoing)
            async for piece in outgoing.stream:
                shown.append(piece)  # noqa: PERF401 - what came before the break is to be seen
            return "b"

        room.platform.send = watch  # type: ignore[method-assign]  # the platform is the fake itself
        await room.say("/问 q")
        assert "".join(shown) == f"一半的话…\n{LABEL}"
        assert len(await room.rows("select 1 from labels")) == 1


async def test_a_slow_platform_is_asked_once() -> None:
    async with Room(Status) as room:
        asked = []

        async def slow(group: Group, member_id: str) -> Role:
            asked.append(member_id)
            await asyncio.sleep(0.3)
            return Role.MEMBER

        room.platform.role = slow  # type: ignore[method-assign]  # the platform is the fake itself
        started = time.perf_counter()
        for _ in range(10):
            room.platform.receive(room.message("/关闭 状态"))
        await room.settle()
        assert len(asked) == 1
        assert time.perf_counter() - started < 2
        assert room.platform.texts == ["只有管理员可以这样做。"] * 10


async def test_control_commands_of_members_have_a_pace_too() -> None:
    async with Room(Status, pace={"group": 0, "account": 0, "loop": 0, "commands": 3}) as room:
        replies = [await room.say("/帮助") for _ in range(8)]
        assert sum(map(bool, replies)) == 4


async def test_an_echo_of_commands_comes_to_an_end() -> None:
    async with Room(Status, pace={"group": 0, "account": 0, "loop": 2, "commands": 0}) as room:
        answered = sum([bool(await room.say("/帮助", by="回声")) for _ in range(20)])
        assert answered < 10
        assert await room.say("/帮助", by="安") != []


async def test_no_screen_keeps_an_admin_from_switching_it_off() -> None:
    async with Room(Wall, Status) as room:
        assert await room.say("/状态") == []
        assert await room.say("/关闭 墙") == [], "a member's words go through the screen"
        assert await room.say("/关闭 墙", role=Role.ADMIN) == ["墙 已关闭。"]
        assert await room.say("/状态") != []


async def test_later_is_said_once() -> None:
    class Slow(Plugin, title="慢"):
        @command("慢", "slow")
        async def slow(self, ctx: Context) -> str:
            """慢"""
            await asyncio.sleep(0.2)
            return "好了"

    async with Room(Slow, lanes={"tasks": 2}) as room:
        for number in range(50):
            room.platform.receive(room.message("/慢", by=f"人{number}"))
        await room.settle()
        assert room.platform.texts.count("现在消息太多，请稍后再试。") == 1
        assert room.platform.texts.count("好了") >= 2


async def test_each_of_our_accounts_may_be_mentioned() -> None:
    async with Room(Status) as room:
        second = Account(f"{PLATFORM}:bot2")
        room.platform.receive(room.message("我是第二个账号听到的", by="博"))
        copy = room.message("听到两次", by="博")
        room.platform.receive(copy)
        from dataclasses import replace

        room.platform.receive(replace(copy, account=second, id="copy"))
        room.platform.receive(room.message("", parts=(Mention(second.id, "二号"), Text(" 状态"))))
        await room.settle()
        assert any("数据库：正常" in text for text in room.platform.texts)
        assert room.app.pipeline.intake.accounts.own == {BOT.id, second.id}


async def test_other_bots_are_heard_and_not_answered() -> None:
    async with Room(Parrot, bots=frozenset({f"{PLATFORM}:机"})) as room:
        assert await room.say("你好", by="机") == []
        assert await room.say("你好", by="安") == ["你好"]


async def test_a_notice_without_a_name_gets_the_groups() -> None:
    async with Room(Parrot) as room:
        await room.say("记住名字")
        nameless = Group(room.group.id)
        assert await room.join("安", group=nameless) == ["测试群"]
        await room.restart()
        assert await room.join("博", group=nameless) == ["测试群"]


async def test_a_greeting_that_waits_is_dropped_where_the_plugin_is_closed() -> None:
    async with Room(Welcome) as room:
        await room.set(Welcome, wait=0.5)
        room.platform.receive(room.message("你好"))
        joined = asyncio.create_task(room.join("安"))
        await asyncio.sleep(0.1)
        room.platform.roles[room.group.id, f"{PLATFORM}:管"] = Role.ADMIN
        room.platform.receive(room.message("/关闭 欢迎", by="管", role=Role.ADMIN))
        await joined
        assert not any("欢迎 " in text and "加入" in text for text in room.platform.texts)


async def test_forgetting_leaves_no_trace() -> None:
    async with Room(Status) as room:
        direct = Group(f"{PLATFORM}:dm:安", "安", direct=True)
        await room.say("私下说的", by="安", group=direct)
        await room.say("/状态", by="安", group=direct)
        await room.say("/忘记我 确认", by="安")
        await room.app.store.flush()
        dump = await room.app.store.read(lambda db: "\n".join(db.conn.iterdump()))
        for trace in (f"{PLATFORM}:安", f"{PLATFORM}:dm:安", "私下说的", "'安'"):
            assert trace not in dump


async def test_the_operator_is_told_of_a_full_disk() -> None:
    async with Room(Status, operators=frozenset({f"{PLATFORM}:站长"})) as room:
        await room.say("前")
        await room.app.store.flush()
        connection = room.app.store._writer._connection
        connection.execute(f"pragma max_page_count = {connection.execute('pragma page_count').fetchone()[0]}")
        for number in range(300):
            room.platform.receive(room.message(f"{number} " + "满" * 50))
        await room.settle()
        async with asyncio.timeout(8):
            while not any("数据库写不进去了" in text for text in room.platform.texts):  # noqa: ASYNC110 - another thread
                await asyncio.sleep(0.02)
        assert room.platform.sent[-1].group == Group(f"{PLATFORM}:dm:站长", direct=True)
        connection.execute("pragma max_page_count = 1000000")


async def test_what_is_under_way_is_finished_before_the_end() -> None:
    class Slow(Scripted):
        async def chat(self, turns, options, completion):  # type: ignore[no-untyped-def]  # as its parent's
            await asyncio.sleep(0.5)
            yield "说完了"
            completion.finish = "stop"

    async with Room(Ask, models={"m": Slow(name="m")}) as room:
        room.platform.receive(room.message("/问 q"))
        await asyncio.sleep(0.1)
        await room.app.pipeline.close()
        assert room.platform.texts == [f"说完了\n{LABEL}"]
        room.platform.receive(room.message("/问 还在吗"))
        await asyncio.sleep(0.2)
        assert len(room.platform.texts) == 1
        assert len(await room.rows("select 1 from messages")) == 2
