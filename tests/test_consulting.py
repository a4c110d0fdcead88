"""What several sources know is put together; one that fails or is late is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from bot import consulting
from bot.api import Context, Findings, Passage, Plugin, Role, command, source
from bot.consulting import merged
from bot.testing import Room


class Curious(Plugin, title="好奇"):
    """问所有人"""

    @command("查", "look")
    async def look(self, ctx: Context, *, question: str) -> str:
        """查：/查 什么"""
        found = await ctx.consult(question)
        if found is None:
            return "没人"
        return f"{'、'.join(passage.text for passage in found.passages)}|{found.ref}|{found.missing}|{found.own}"


class First(Plugin, title="甲"):
    """知道两件事"""

    word: str = "甲"

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        assert ctx.message is not None
        says = f"{self.word} {ctx.member.name} {ctx.message.id} {question}"
        return Findings((Passage(says, "", "甲", 0.5), Passage("少", "", "甲", 0.1)), "first:1", own=True)


class Second(Plugin, title="乙"):
    """知道得最清楚"""

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        return Findings((Passage("乙", "", "乙", 0.9),), "second:1", "乙没找到")


class Broken(Plugin, title="坏"):
    """一问就坏"""

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        raise RuntimeError("坏了")


class Late(Plugin, title="慢"):
    """永远想不起来"""

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        await asyncio.Event().wait()
        return None


class Asking(Plugin, title="转问"):
    """又去问别人"""

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        return await ctx.consult(question)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING")
    yield lines
    logger.remove(sink)


def found(*sure: float, **more: Any) -> Findings:
    return Findings(tuple(Passage(str(one), "", "", one) for one in sure), **more)


def test_the_best_five_are_kept_under_the_ref_of_the_best() -> None:
    both = merged([found(0.2, 0.4, 0.1, ref="a"), None, found(0.9, 0.3, 0.8, ref="b", missing="无", own=True)])
    assert [passage.sure for passage in both.passages] == [0.9, 0.8, 0.4, 0.3, 0.2]
    assert (both.ref, both.missing, both.own) == ("b", "无", True)


def test_the_best_may_have_no_ref() -> None:
    assert merged([found(0.1, ref="a"), found(0.2)]).ref is None


def test_without_passages_the_first_ref_and_sentence_count() -> None:
    assert merged([found(), found(ref="b", missing="乙"), found(ref="c", missing="丙")]) == Findings((), "b", "乙")


async def test_every_source_that_is_on_is_asked_as_its_own_plugin() -> None:
    async with Room(Curious, First, Second) as room:
        await room.set(First, word="改过")
        assert await room.say("/查 端口", by="博") == ["乙、改过 博 m1 端口、少|second:1|乙没找到|True"]
        await room.say("/关闭 乙", role=Role.ADMIN)
        assert await room.say("/查 端口", by="博") == ["改过 博 m3 端口、少|first:1||True"]
        assert await room.say("/查 端口", by="博", group=room.other) == ["乙、甲 博 m4 端口、少|second:1|乙没找到|True"]


async def test_where_no_source_is_on_there_is_nothing_to_ask() -> None:
    async with Room(Curious, First) as room:
        await room.say("/关闭 甲", role=Role.ADMIN)
        assert await room.say("/查 端口") == ["没人"]


async def test_a_source_that_fails_or_is_late_is_left_out(logged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consulting, "SOURCE_SECONDS", 0.05)
    async with Room(Curious, Broken, Late, Second) as room:
        assert await room.say("/查 端口") == ["乙|second:1|乙没找到|False"]
    assert any("source of broken failed" in line for line in logged)
    assert any("source of late took more than" in line for line in logged)


async def test_where_all_fail_nothing_is_known() -> None:
    async with Room(Curious, Broken) as room:
        assert await room.say("/查 端口") == ["|None||False"]


async def test_a_source_asks_no_other_source(logged: list[str]) -> None:
    async with Room(Curious, Asking, Second) as room:
        assert await room.say("/查 端口") == ["乙|second:1|乙没找到|False"]
    assert any("source of asking failed" in line for line in logged)


def test_a_plugin_has_one_source() -> None:
    with pytest.raises(TypeError, match="more than one source: find, seek"):

        class Two(Plugin, title="两个"):
            """两个"""

            @source
            async def find(self, ctx: Context, question: str) -> Findings | None: ...

            @source
            async def seek(self, ctx: Context, question: str) -> Findings | None: ...
