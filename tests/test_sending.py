"""What becomes of a reply on its way out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.api import EVERYONE, Answer, Context, Mention, Plugin, Reply, Text, command
from bot.errors import AdapterError
from bot.pieces import split_parts, split_text
from bot.testing import PLATFORM, Room, Scripted
from bot.types import Forward, Part

LABEL = "——内容由 AI 生成（一号）"


class Writer(Plugin, title="写手"):
    """写东西"""

    @command("直接", "direct")
    async def direct(self, ctx: Context) -> Answer:
        """直接：/直接"""
        return await ctx.models.ask("ask", **DATA)

    @command("改写", "rewritten")
    async def rewritten(self, ctx: Context) -> str:
        """改写：/改写"""
        answer = await ctx.models.ask("ask", **DATA)
        return f"我想了想：{await answer.text()}"

    @command("原文", "verbatim")
    async def verbatim(self, ctx: Context) -> Reply:
        """原文：/原文"""
        await ctx.models.ask("ask", **DATA)
        return Reply("文档里这样写。", verbatim=True)

    @command("两句", "twice")
    async def twice(self, ctx: Context) -> str:
        """两句：/两句"""
        await ctx.send("等一下。")
        answer = await ctx.models.ask("ask", **DATA)
        await ctx.send("想好了。")
        return await answer.text()

    @command("不用", "unused")
    async def unused(self, ctx: Context) -> str:
        """不用：/不用"""
        return "没有模型。"

    @command("点名", "call")
    async def call(self, ctx: Context) -> Reply:
        """点名：/点名"""
        answer = await ctx.models.ask("ask", **DATA)
        return Reply((Mention(EVERYONE, "全体成员"), Mention(f"{PLATFORM}:博", "博"), await answer.text()))

    @command("长", "long")
    async def long(self, ctx: Context) -> Reply:
        """长：/长"""
        return Reply("一句话。" * 100, ref="long:1")

    @command("长且点名", "longcall")
    async def long_call(self, ctx: Context) -> Reply:
        """长且点名：/长且点名"""
        return Reply((Mention(f"{PLATFORM}:博", "博"), "一句话。" * 100))

    @command("悄悄长", "longwhisper")
    async def long_whisper(self, ctx: Context) -> Reply:
        """悄悄长：/悄悄长"""
        return Reply("一句话。" * 100, private=True)

    @command("悄悄", "whisper")
    async def whisper(self, ctx: Context) -> Reply:
        """悄悄：/悄悄"""
        return Reply("只对你说", private=True)


DATA: dict[str, Any] = {"question": "问", "name": "名", "group": "群", "quoted": ""}


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Writer, models={"一号": Scripted("模型的话 @全体成员")}) as room:
        yield room


async def test_the_label_goes_by_provenance(room: Room) -> None:
    assert await room.say("/直接") == [f"模型的话 ＠ 全体成员\n{LABEL}"]
    assert await room.say("/改写") == [f"我想了想：模型的话 ＠ 全体成员\n{LABEL}"]
    assert await room.say("/原文") == ["文档里这样写。"]
    assert await room.say("/两句") == ["等一下。", f"想好了。\n{LABEL}", f"模型的话 ＠ 全体成员\n{LABEL}"]
    assert await room.say("/不用") == ["没有模型。"]


async def test_the_label_is_there_when_it_streams() -> None:
    async with Room(Writer, models={"一号": Scripted("模型的话")}, streams=True) as room:
        assert await room.say("/直接") == [f"模型的话\n{LABEL}"]
        assert room.platform.sent[-1].stream is not None


async def test_every_label_is_logged(room: Room) -> None:
    await room.say("/直接")
    [row] = await room.rows("select answer_id, model, group_id, length(sha256) as n from labels")
    [answer] = await room.rows("select id from answers")
    assert row == {"answer_id": answer["id"], "model": "一号", "group_id": room.group.id, "n": 64}


async def test_model_output_calls_nobody_together(room: Room) -> None:
    await room.say("/点名")
    mentions = [part.id for part in room.platform.sent[-1].parts if isinstance(part, Mention)]
    assert mentions == [f"{PLATFORM}:博"]


async def test_replies_quote_their_question(room: Room) -> None:
    await room.say("/不用", message_id="q7")
    assert room.platform.sent[-1].quote == "q7"


async def test_a_long_text_is_split_and_quoted_once() -> None:
    async with Room(Writer, pace={"group": 0, "account": 0, "length": 100}) as room:
        pieces = await room.say("/长", message_id="q1")
        assert "".join(pieces) == "一句话。" * 100
        assert all(len(piece) <= 100 and piece.endswith("。") for piece in pieces)
        assert [sent.quote for sent in room.platform.sent] == ["q1"] + [None] * (len(pieces) - 1)
        rows = await room.rows("select distinct ref from said")
        assert rows == [{"ref": "long:1"}]


PACE = {"group": 0, "account": 0, "commands": 0, "loop": 0, "length": 100}


async def test_a_long_text_is_one_merged_message_where_the_platform_can() -> None:
    async with Room(Writer, pace=PACE, forwards=True) as room:
        await room.say("/长", message_id="q1")
        [sent] = room.platform.sent
        [merged] = sent.parts
        assert isinstance(merged, Forward)
        assert len(merged.messages) > 3
        assert "".join(part.text for piece in merged.messages for part in piece if isinstance(part, Text)) == (
            "一句话。" * 100
        )
        assert sent.quote is None, "a merged message cannot quote"
        [row] = await room.rows("select ref, text, message_id, failed from said")
        assert (row["ref"], row["message_id"], row["failed"]) == ("long:1", room.last_id, None)
        assert row["text"].replace("\n", "") == "一句话。" * 100
        assert await room.app.outbox.origin(room.group.id, room.last_id) == ("long:1", None)


@pytest.mark.parametrize(
    ("forward", "command"), [(0, "/长"), (4, "/长"), (3, "/长且点名"), (3, "/悄悄长"), (3, "/不用")]
)
async def test_not_everything_is_merged(forward: int, command: str) -> None:
    async with Room(Writer, pace=PACE | {"forward": forward}, forwards=True) as room:
        await room.say(command)
        assert room.platform.sent
        assert not any(isinstance(part, Forward) for sent in room.platform.sent for part in sent.parts)


async def test_the_label_stands_on_the_first_piece_of_a_merged_message() -> None:
    async with Room(Writer, pace=PACE, forwards=True, models={"一号": Scripted("模型的话。" * 100)}) as room:
        await room.say("/改写")
        [merged] = room.platform.sent[0].parts
        assert isinstance(merged, Forward)
        labelled = [LABEL in "".join(p.text for p in piece if isinstance(p, Text)) for piece in merged.messages]
        assert labelled == [True] + [False] * (len(labelled) - 1)
        assert len(await room.rows("select 1 from labels")) == 1


async def test_where_merging_is_refused_the_pieces_go_out() -> None:
    async with Room(Writer, pace=PACE, forwards=True) as room:
        room.platform.refuses["forward"] = AdapterError("这个 OneBot 实现发不了合并转发")
        pieces = await room.say("/长", message_id="q1")
        assert "".join(pieces) == "一句话。" * 100
        assert room.platform.sent[0].quote == "q1"
        assert await room.rows("select 1 from said where failed is not null") == []
        assert room.app.outbox.failures == {}


async def test_a_merged_message_in_doubt_is_not_said_again() -> None:
    async with Room(Writer, pace=PACE, forwards=True) as room:
        room.platform.refuses["forward"] = AdapterError("没有回音", ambiguous=True)
        assert await room.say("/长") == []
        [row] = await room.rows("select failed from said")
        assert row["failed"] == "没有回音（可能已送达）"


async def test_a_private_reply(room: Room) -> None:
    assert await room.say("/悄悄") == []
    [sent] = room.platform.sent
    assert (sent.to, sent.quote) == (f"{PLATFORM}:安", None)


@pytest.mark.parametrize("ambiguous", [True, False])
async def test_a_failed_reply_is_logged_and_never_repeated(room: Room, ambiguous: bool) -> None:
    tries = []

    class Refusing(AdapterError):
        def __init__(self) -> None:
            super().__init__("没有回音", ambiguous=ambiguous)
            tries.append(1)

    send = room.platform.send

    async def refuse(outgoing: object) -> str:
        raise Refusing

    room.platform.send = refuse  # type: ignore[method-assign]  # the platform is the fake itself
    await room.say("/不用")
    room.platform.send = send  # type: ignore[method-assign]  # the same
    assert len(tries) == 1
    [row] = await room.rows("select message_id, failed, text from said")
    assert row["message_id"] is None
    assert row["text"] == "没有模型。"
    assert row["failed"] == ("没有回音（可能已送达）" if ambiguous else "没有回音")


async def test_the_pace_is_kept() -> None:
    """A burst goes out at once, what is over it waits."""
    async with Room(Writer, pace={"group": 20, "account": 0, "commands": 0, "loop": 0}) as room:
        started = time.monotonic()
        for number in range(110):
            room.platform.receive(room.message("/不用", by=f"人{number}"))
        await room.settle()
        assert len(room.platform.texts) == 110
        assert time.monotonic() - started > 0.3


@given(st.text(max_size=500), st.integers(1, 50))
def test_splitting_loses_no_words(text: str, limit: int) -> None:
    pieces = split_text(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    blank = str.maketrans("", "", "\n ")
    assert "".join(pieces).translate(blank) == text.translate(blank)


@given(
    st.lists(st.one_of(st.text(max_size=80).map(Text), st.just(Mention("a:b", "安"))), max_size=8), st.integers(1, 50)
)
def test_splitting_keeps_the_parts_in_order(parts: list[Part], limit: int) -> None:
    messages = split_parts(tuple(parts), limit)
    for message in messages:
        assert sum(len(part.text) for part in message if isinstance(part, Text)) <= limit
    assert sum(isinstance(part, Mention) for message in messages for part in message) == sum(
        isinstance(part, Mention) for part in parts
    )
