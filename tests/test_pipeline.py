"""One event's way: nothing twice, nothing out of order, nobody's failure another's silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from bot.api import (
    Answer,
    Context,
    Message,
    Plugin,
    Quoted,
    Reaction,
    Refusal,
    Reply,
    Role,
    Verdict,
    command,
    on,
    screen,
)
from bot.context import LATER
from bot.errors import (
    AdapterError,
    ModelAuth,
    ModelBadInput,
    ModelBusy,
    ModelEmpty,
    ModelFiltered,
    ModelQuota,
    ModelTruncated,
    ModelUnavailable,
    StoreError,
)
from bot.pipeline import LATER_PLEASE, LISTENER_BOUND
from bot.testing import BOT, PLATFORM, Room, Scripted
from bot.types import Account, AccountChanged, Event, Group, Mention, Text
from plugins.ask import Ask
from plugins.status import Status

SECOND = Account(f"{PLATFORM}:bot2", ("小鹏二号",))


class Echo(Plugin, title="回声", name="echo"):
    """说什么回什么"""

    @command("回", "echo")
    async def echo(self, ctx: Context, *, words: str) -> str:
        """回一句：/回 你好"""
        return words

    @command("管", "rule", role=Role.ADMIN)
    async def rule(self, ctx: Context) -> str:
        """管理员的：/管"""
        return "是"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Echo) as room:
        yield room


async def send(room: Room, *events: Event) -> list[str]:
    """Let events arrive in one instant; what is said then, in any group."""
    start = len(room.platform.texts)
    for event in events:
        room.platform.receive(event)
    await room.settle()
    return room.platform.texts[start:]


# --- nothing twice ------------------------------------------------------------------------


async def test_what_comes_twice_is_answered_and_logged_once(room: Room) -> None:
    message = room.message("/回 好")
    assert await send(room, message, message) == ["好"]
    assert await send(room, message) == []
    assert len(await room.rows("select 1 from messages")) == 1
    assert room.app.pipeline.intake.duplicates == 2
    assert await send(room, replace(message, group=room.other)) == ["好"], "ids are the group's own"


async def test_what_comes_again_after_a_restart_is_not_answered_again(tmp_path: Path) -> None:
    store = {"path": tmp_path / "bot.db"}
    async with Room(Echo, store=store) as room:
        messages = [room.message(f"/回 {number}", by=f"{number % 5}") for number in range(30)]
        assert sorted(await send(room, *messages)) == sorted(map(str, range(30)))
    async with Room(Echo, store=store) as room:
        assert await send(room, *messages) == []
        assert await send(room, room.message("/回 新", message_id="new")) == ["新"]


async def test_what_was_answered_and_lost_by_the_log_is_logged_and_not_answered_again(tmp_path: Path) -> None:
    store = {"path": tmp_path / "bot.db"}
    async with Room(Echo, store=store) as room:
        message = room.message("/回 好")
        assert await send(room, message) == ["好"]
        await room.app.store.write(lambda db: db.conn.execute("delete from messages"))
    async with Room(Echo, store=store) as room:
        assert await send(room, message) == []
        assert len(await room.rows("select 1 from messages")) == 1


async def test_two_accounts_of_ours_answer_once_and_the_second_takes_over(room: Room) -> None:
    everywhere = Group(f"{PLATFORM}:*", direct=True)

    def both(text: str) -> Sequence[Message]:
        message = room.message(text)
        return message, replace(message, account=SECOND, id=f"{message.id}-second")

    assert await send(room, *both("/回 一")) == ["一"]
    assert room.platform.sent[-1].account == BOT
    gone = AccountChanged(group=everywhere, account=BOT, time=time.time(), online=False)
    assert await send(room, gone, both("/回 二")[1]) == ["二"]
    assert room.platform.sent[-1].account == SECOND
    await send(room, replace(gone, online=True))
    assert await send(room, *both("/回 三")) == ["三"], "back again, and still one voice"
    kicked = AccountChanged(group=room.group, account=SECOND, time=time.time(), online=False)
    assert await send(room, kicked, both("/回 四")[0]) == ["四"]
    assert len(await room.rows("select 1 from messages")) == 4


# --- order and bounds ---------------------------------------------------------------------


async def test_a_full_lane_logs_counts_and_says_so_once_and_harms_no_other_group() -> None:
    gate = asyncio.Event()

    class Stuck(Plugin, title="卡住", name="stuck"):
        """卡住"""

        @screen
        async def look(self, ctx: Context, message: Message) -> Verdict | None:
            if message.text == "卡":
                await gate.wait()
            return None

    async with Room(Stuck, Echo, Status, lanes={"events": 10}) as room:
        room.platform.receive(room.message("卡"))
        for number in range(9):
            room.platform.receive(room.message(f"排队 {number}"))
        for number in range(30):
            room.platform.receive(room.message("/回 挤" if number % 2 else f"挤 {number}", by=f"{number}"))
        other = room.message("/回 别的群", group=room.other)
        room.platform.receive(other)
        async with asyncio.timeout(5):
            while len(room.platform.texts) < 2:  # noqa: ASYNC110 - the lane is stuck, so `settle` would wait
                await asyncio.sleep(0.001)
        assert sorted(room.platform.texts) == sorted([LATER_PLEASE, "别的群"])
        gate.set()
        await room.settle()
        assert room.platform.texts.count(LATER_PLEASE) == 1
        rows = await room.rows("select screened, count(*) as n from messages where group_id = ? group by 1", "room:1")
        assert rows == [{"screened": 0, "n": 30}, {"screened": 1, "n": 10}]
        [status] = await room.say("/状态")
        assert "有 30 条没有检查" in status
        assert "没有检查" not in (await room.say("/状态", group=room.other))[0]
        assert await room.say("/回 通了") == ["通了"]


async def test_a_slow_handler_of_one_member_holds_nobody() -> None:
    gate = asyncio.Event()

    class Slow(Plugin, title="慢", name="slow"):
        """慢"""

        @command("慢", "slow")
        async def slow(self, ctx: Context) -> str:
            """慢：/慢"""
            await gate.wait()
            return "慢完了"

    async with Room(Slow, Echo, lanes={"tasks": 10}) as room:
        slow = [room.message("/慢", by=f"{number}") for number in range(10)]
        for message in slow[:5]:
            room.platform.receive(message)
        for name in "博晨丹":
            room.platform.receive(room.message(f"/回 {name}", by=name))
        async with asyncio.timeout(5):
            while len(room.platform.texts) < 3:  # noqa: ASYNC110 - the slow ones are still under way
                await asyncio.sleep(0.001)
        assert sorted(room.platform.texts) == sorted("博晨丹")
        for message in slow[5:]:
            room.platform.receive(message)
        room.platform.receive(room.message("/回 太多", by="博"))
        room.platform.receive(room.message("/帮助", by="博"))
        async with asyncio.timeout(5):
            while len(room.platform.texts) < 5:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.001)
        assert room.platform.texts[3:].count(LATER_PLEASE) == 1, "the group's tasks are bounded; control still runs"
        gate.set()
        await room.settle()
        assert room.platform.texts.count("慢完了") == 10
        quotes = {outgoing.quote for outgoing in room.platform.sent if outgoing.parts == (Text("慢完了"),)}
        assert quotes == {message.id for message in slow}, "each reply quotes its own question"


async def test_listeners_hear_in_order_and_a_slow_one_is_bounded() -> None:
    heard: list[str] = []
    gate = asyncio.Event()

    class Ear(Plugin, title="耳朵", name="ear"):
        """听"""

        @on(Message)
        async def hear(self, ctx: Context, message: Message) -> None:
            await asyncio.sleep(0 if len(heard) % 3 else 0.001)
            heard.append(message.text)

    class Deaf(Plugin, title="聋", name="deaf"):
        """听得慢"""

        slow: ClassVar[list[str]] = []

        @on(Message)
        async def hear(self, ctx: Context, message: Message) -> None:
            await gate.wait()
            self.slow.append(message.text)

    async with Room(Ear, Deaf) as room:
        for number in range(LISTENER_BOUND + 50):
            room.platform.receive(room.message(f"{number}"))
            await asyncio.sleep(0.002)
        assert heard[:100] == [f"{number}" for number in range(100)], "the slow one holds up no other"
        gate.set()
        await room.settle()
        assert heard == [f"{number}" for number in range(LISTENER_BOUND + 50)]
        assert Deaf.slow == [f"{number}" for number in range(LISTENER_BOUND)]
        assert room.app.pipeline.intake.dropped[room.group.id] == 50
        assert any("有 50 件事没有处理" in health.detail for health in room.app.health(room.group))
        assert await room.say("/插件")


# --- failures -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError(), StoreError("x"), AdapterError("x"), asyncio.CancelledError()]
)
async def test_no_failure_silences_the_group(error: BaseException) -> None:
    heard: list[str] = []

    class Broken(Plugin, title="坏", name="broken"):
        """坏"""

        @screen
        async def look(self, ctx: Context, message: Message) -> Verdict | None:
            if "筛" in message.text:
                raise error
            return None

        @on(Message)
        async def hear(self, ctx: Context, message: Message) -> None:
            heard.append(message.text)
            if "听" in message.text:
                raise error

        @command("坏", "broken")
        async def broken(self, ctx: Context) -> str:
            """坏：/坏"""
            raise error

        @command("里坏", "inner", inline=True)
        async def inner(self, ctx: Context) -> str:
            """坏：/里坏"""
            raise error

    async with Room(Broken, Echo) as room:
        for text in ("筛", "听", "/坏", "/里坏"):
            await room.say(text)
            assert await room.say("/回 还在") == ["还在"], text
        await room.say("说")
        assert heard[-1] == "说"
        if isinstance(error, Exception):
            assert await room.say("/回 筛过也答") == ["筛过也答"]
            assert len(await room.say("/坏")) == 1
            assert len(await room.say("/里坏")) == 1
        else:
            assert heard == ["听", "说"]


ERRORS: Sequence[Exception] = [
    Refusal("不行，换一个。"), ModelAuth("sk-secret"), ModelQuota("x"), ModelBusy("x"), ModelFiltered("x"),
    ModelBadInput("x"), ModelUnavailable("x"), ModelTruncated("x"), ModelEmpty("x"), StoreError("secret path"),
    AdapterError("secret"), ValueError("sk-secret"), TimeoutError(),
]  # fmt: skip


async def test_each_kind_of_failure_has_its_own_sentence() -> None:
    class Fails(Plugin, title="败", name="fails"):
        """败"""

        @command("败", "fails")
        async def fails(self, ctx: Context, number: int) -> str:
            """败：/败 1"""
            raise ERRORS[number]

    async with Room(Fails) as room:
        said = [(await room.say(f"/败 {number}"))[0] for number in range(len(ERRORS))]
        assert said[0] == "不行，换一个。"
        assert len(set(said)) == len(ERRORS)
        assert "secret" not in "".join(said)
        outcomes = [row["outcome"] for row in await room.rows("select outcome from commands order by id")]
        assert outcomes == [type(error).__name__ for error in ERRORS]


# --- screens ------------------------------------------------------------------------------


class Guard(Plugin, title="门卫", name="guard"):
    """拦广告"""

    @screen
    async def look(self, ctx: Context, message: Message) -> Verdict | None:
        return (
            Verdict("广告", recall=True, mute_seconds=60, notice="请不要发广告") if "加微信" in message.text else None
        )


async def test_a_verdict_ends_the_way_and_is_carried_out_and_audited() -> None:
    heard: list[str] = []

    class Ear(Plugin, title="耳朵", name="ear"):
        """听"""

        @screen
        async def second(self, ctx: Context, message: Message) -> Verdict | None:
            heard.append(f"筛 {message.text}")
            return None

        @on(Message)
        async def hear(self, ctx: Context, message: Message) -> None:
            heard.append(message.text)

    async with Room(Guard, Ear, Echo) as room:
        assert await room.say("/回 加微信", by="坏人", message_id="bad") == ["请不要发广告"]
        assert heard == []
        assert room.platform.recalled == ["bad"]
        assert room.platform.muted == {"room:坏人": 60}
        [entry] = await room.rows("select * from audit")
        assert (entry["act"], entry["plugin"], entry["subject"]) == ("moderate", "guard", "bad")
        after = orjson.loads(entry["after"])
        assert (after["reason"], after["done"], after["failed"]) == ("广告", ["recall", "mute"], [])
        assert len(await room.rows("select 1 from messages where message_id = 'bad'")) == 1, "what was said is kept"
        assert "广告" in (await room.say("/记录", role=Role.ADMIN))[0]
        await room.say("你好")
        assert heard[-2:] == ["筛 你好", "你好"]


async def test_half_a_character_does_not_slip_past_a_screen() -> None:
    async with Room(Guard, Echo) as room:
        parts = (Mention("room:博", "博\ud83d"), Text("加微信 \ud83d"))
        await send(room, room.message("", parts=parts, message_id="bad"))
        assert room.platform.recalled == ["bad"]
        assert len(await room.rows("select 1 from audit where act = 'moderate'")) == 1
        assert len(await room.rows("select 1 from messages")) == 1


async def test_what_the_platform_refuses_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Room(Guard) as room:

        async def refused(group: Group, message_id: str) -> None:
            raise AdapterError("不是管理员")

        monkeypatch.setattr(room.platform, "recall", refused)
        await room.say("加微信")
        [entry] = await room.rows("select after from audit")
        after = orjson.loads(entry["after"])
        assert (after["done"], after["failed"]) == (["mute"], ["recall: 不是管理员"])


# --- roles --------------------------------------------------------------------------------


async def test_a_role_is_read_at_the_moment_it_matters(room: Room) -> None:
    boss = room.message("/管", by="管", role=Role.ADMIN)
    room.platform.roles[room.group.id, boss.member.id] = Role.MEMBER
    assert await send(room, boss) == ["只有管理员可以这样做。"], "what came with the event is old"
    member = room.message("/管", by="新", role=Role.MEMBER)
    room.platform.roles[room.group.id, member.member.id] = Role.OWNER
    assert await send(room, member) == ["是"]
    room.platform.roles[room.group.id, member.member.id] = Role.UNKNOWN
    assert await send(room, replace(member, id="again")) == ["暂时无法确认你的身份，请稍后再试。"]


# --- what comes back to what we said ------------------------------------------------------


class Quiz(Plugin, title="出题", name="quiz"):
    """出题"""

    seen: ClassVar[list[tuple[str, str | None, str | None]]] = []

    @command("题", "quiz")
    async def quiz(self, ctx: Context) -> Reply:
        """出题：/题"""
        return Reply("一加一？", ref="quiz:17")

    @on(Quoted)
    async def quoted(self, ctx: Context, event: Quoted) -> None:
        self.seen.append((f"引 {event.message.text}", event.ref, event.answer))

    @on(Reaction)
    async def reacted(self, ctx: Context, event: Reaction) -> None:
        self.seen.append((f"赞 {event.emoji}", event.ref, event.answer))


@pytest.mark.parametrize("restart", [False, True])
async def test_quotes_and_reactions_carry_what_they_are_about(tmp_path: Path, restart: bool) -> None:
    Quiz.seen.clear()
    parts: dict[str, Any] = {"models": {"m": Scripted("二。")}, "store": {"path": tmp_path / "bot.db"}}

    async def ask(room: Room) -> str:
        await room.say("/题")
        await room.say("/问 一加一")
        return (await room.rows("select id from answers"))[0]["id"]  # type: ignore[no-any-return]

    async def react(room: Room) -> None:
        for quote in ("b1", "b2", "没有"):
            room.platform.receive(room.message(f"引用 {quote}", quote=quote, message_id=f"q-{quote}"))
            await room.settle()
            await room.react(quote, "👍")

    async with Room(Quiz, Ask, **parts) as room:
        answer = await ask(room)
        if not restart:
            await react(room)
    if restart:
        async with Room(Quiz, Ask, **parts) as room:
            await react(room)
    assert Quiz.seen == [
        ("引 引用 b1", "quiz:17", None), ("赞 👍", "quiz:17", None), ("引 引用 b2", None, answer),
        ("赞 👍", None, answer), ("赞 👍", None, None),
    ]  # fmt: skip


# --- beside the lane ----------------------------------------------------------------------


async def test_later_is_bounded_said_and_harmless() -> None:
    taken: list[bool] = []
    gate = asyncio.Event()

    class Later(Plugin, title="稍后", name="later"):
        """稍后"""

        @command("后", "later")
        async def later(self, ctx: Context, times: int) -> None:
            """稍后：/后 3"""

            async def work() -> str:
                await gate.wait()
                if len(taken) > 300:
                    raise ValueError("x")
                return "做完了"

            taken.extend(ctx.later(work) for _ in range(times))

    async with Room(Later, Echo) as room:
        room.platform.receive(room.message(f"/后 {LATER + 20}"))
        async with asyncio.timeout(5):
            while len(taken) < LATER + 20:  # noqa: ASYNC110 - the work is held on purpose
                await asyncio.sleep(0.001)
        assert taken == [True] * LATER + [False] * 20
        gate.set()
        await room.settle()
        assert room.platform.texts == ["做完了"] * LATER
        await room.say("/后 100")
        assert await room.say("/回 还在") == ["还在"]


# --- the label ----------------------------------------------------------------------------


class Told(Plugin, title="转述", name="told"):
    """转述"""

    @command("转", "told")
    async def told(self, ctx: Context, how: str) -> str | Reply | Answer:
        """转述：/转 直接"""
        answer = await ctx.models.ask("ask", question="?", name="x", group="y", quoted="")
        match how:
            case "直接":
                return answer
            case "写进":
                return f"他说：{await answer.text()}"
            case "无关":
                await answer.text()
                return "好了"
            case "原文":
                return Reply("文档里的一段", verbatim=True)
            case _:
                return f"他说：{answer}"


async def test_the_label_goes_by_who_wrote_it_not_by_how() -> None:
    async with Room(Told, models={"m": Scripted("天气不错 @全体成员")}) as room:
        said = {how: (await room.say(f"/转 {how}"))[0] for how in ("直接", "写进", "无关", "原文", "格式")}
        for how in ("直接", "写进", "无关"):
            assert said[how].endswith("——内容由 AI 生成（m）"), how
        assert said["写进"].startswith("他说：天气不错 ")
        assert "@全体成员" not in said["写进"] + said["直接"]
        assert said["原文"] == "文档里的一段"
        assert said["格式"].startswith("出了点意外")


async def test_the_houses_own_sentences_are_not_labelled() -> None:
    async with Room(Told, models={"m": Scripted("天气不错")}) as room:
        assert "AI 生成" not in (await room.say("/转 格式"))[0]
        assert await room.rows("select 1 from labels") == []


async def test_a_failed_reply_is_told_by_the_status_and_not_tried_again() -> None:
    async with Room(Echo, Status) as room:
        for ambiguous in (False, True):
            room.platform.refuse = AdapterError("被禁言了", ambiguous=ambiguous)
            assert await room.say("/回 一") == []
            room.platform.refuse = None
            await asyncio.sleep(0.01)
            assert room.platform.texts[-1:] != ["一"]
        rows = await room.rows("select failed, message_id from said order by id")
        assert rows == [
            {"failed": "被禁言了", "message_id": None},
            {"failed": "被禁言了（可能已送达）", "message_id": None},
        ]
        [status] = await room.say("/状态")
        assert "有 2 条回复没有发出去，最近一条：被禁言了" in status
        assert "没有发出去" not in (await room.say("/状态", group=room.other))[0]


# --- the database is away -----------------------------------------------------------------


async def test_without_the_database_commands_are_answered_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with Room(Echo, Status, store={"path": path}) as room:
        await room.say("/回 前")
        connection = room.app.store._writer._connection
        connection.execute(f"pragma max_page_count = {connection.execute('pragma page_count').fetchone()[0]}")
        for number in range(300):
            room.platform.receive(room.message(f"{number} " + "满" * 50))
        await room.settle()
        message = room.message("/回 中")
        assert await send(room, message, message) == ["中"]
        with pytest.raises(StoreError):
            await room.app.store.flush()
        assert "磁盘满了" in (await room.say("/状态"))[0]
        connection.execute("pragma max_page_count = 1000000")
        async with asyncio.timeout(8):
            while not room.app.store.health().up:  # noqa: ASYNC110 - it is another thread that moves
                await asyncio.sleep(0.02)
        texts = [row["text"] for row in await room.rows("select text from messages order by id")]
        assert texts[0] == "/回 前"
        assert [int(text.split()[0]) for text in texts[1:301]] == list(range(300))
        assert texts[301:] == ["/回 中", "/状态"]


async def test_closing_ends_what_is_under_way_and_keeps_the_log(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"

    class Short(Plugin, title="短", name="short"):
        """短"""

        @command("短", "short")
        async def short(self, ctx: Context) -> str:
            """短：/短"""
            await asyncio.sleep(0.2)
            return "说完了"

    async with Room(Short, store={"path": path}) as room:
        for number in range(50):
            room.platform.receive(room.message(f"话 {number}"))
        room.platform.receive(room.message("/短"))
    assert room.platform.texts == ["说完了"], "what a member waits for may finish"
    async with Room(Short, store={"path": path}) as again:
        assert len(await again.rows("select 1 from messages")) == 51
        assert [row["text"] for row in await again.rows("select text from said")] == ["说完了"]


# --- not so yet -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_evidence_is_kept_whatever_the_platform_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Room(Guard) as room:

        async def broken(group: Group, message_id: str) -> None:
            raise RuntimeError("a bug of the adapter")

        monkeypatch.setattr(room.platform, "recall", broken)
        assert await room.say("加微信") == ["请不要发广告"]
        assert room.platform.muted, "one act that fails keeps none of the others back"
        assert len(await room.rows("select 1 from audit")) == 1


async def test_a_verdict_is_told_and_written_down_also_while_the_database_is_full() -> None:
    async with Room(Guard) as room:
        await room.say("前")
        connection = room.app.store._writer._connection
        connection.execute(f"pragma max_page_count = {connection.execute('pragma page_count').fetchone()[0]}")
        for number in range(300):
            room.platform.receive(room.message(f"{number} " + "满" * 50))
        await room.settle()
        said = await room.say("加微信")
        connection.execute("pragma max_page_count = 1000000")
        async with asyncio.timeout(8):
            while not room.app.store.health().up:  # noqa: ASYNC110 - it is another thread that moves
                await asyncio.sleep(0.02)
        assert said == ["请不要发广告"]
        assert len(await room.rows("select 1 from audit where act = 'moderate'")) == 1


async def test_each_account_hears_its_own_private_chat(room: Room) -> None:
    alone = Group(f"{PLATFORM}:dm:安", "安", direct=True)
    one = room.message("/回 一", group=alone)
    two = replace(room.message("/回 二", group=alone), account=SECOND)
    assert await send(room, one) == ["一"]
    assert await send(room, two) == ["二"]


async def test_a_call_to_all_is_defused_also_where_it_comes_in_pieces() -> None:
    async with Room(Ask, models={"m": Scripted("@全体成员")}, streams=True) as room:
        [said] = await room.say("/问 ?")
        assert "@全体成员" not in said


async def test_a_reply_lost_to_a_bug_of_the_adapter_is_told_by_the_log(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(outgoing: object) -> str:
        raise RuntimeError("a bug of the adapter")

    monkeypatch.setattr(room.platform, "send", broken)
    await room.say("/回 一")
    rows = await room.rows("select failed, message_id from said order by id limit 1")
    assert rows[0]["message_id"] is None
    assert rows[0]["failed"] is not None


async def test_what_comes_again_after_a_restart_is_not_screened_logged_or_heard_again(tmp_path: Path) -> None:
    heard: list[str] = []

    class Ear(Plugin, title="耳朵", name="ear"):
        """听"""

        @on(Message)
        async def hear(self, ctx: Context, message: Message) -> None:
            heard.append(message.text)

    store = {"path": tmp_path / "bot.db"}
    async with Room(Ear, Guard, store=store) as room:
        messages = [room.message("你好"), room.message("加微信")]
        await send(room, *messages)
    async with Room(Ear, Guard, store=store) as room:
        await send(room, *messages)
        assert len(await room.rows("select 1 from audit")) == 1
        assert len(await room.rows("select 1 from messages")) == 2
    assert heard == ["你好"]
