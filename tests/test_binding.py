"""From what people type to typed arguments."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from bot.binding import BadArguments, Binder, called, clean, nearest, split

NAMES = frozenset({"问", "ask", "掷", "roll", "设置", "帮助", "help"})


@pytest.mark.parametrize(
    "line",
    [
        "掷 2d6",
        "掷　2d6",
        "掷，2d6",
        "掷：2d6",
        "掷、2d6",
        "掷\u20052d6",
        "掷\n2d6",
        " 掷  2d6",
        "掷2d6",
        "掷, 2d6",
        "掷 : 2d6",
    ],
)
def test_words_may_be_parted_by_anything_that_people_type(line: str) -> None:
    found = called(line, NAMES)
    assert found is not None
    name, rest = found
    assert (name, split(rest)[0]) == ("掷", "2d6")


def test_english_names_go_by_any_case() -> None:
    assert called("ASK how", NAMES) == ("ask", "how")


@pytest.mark.parametrize("line", ["问候大家", "掷骰子", "rolling", "helpme", ""])
def test_a_name_inside_a_longer_word_is_not_called(line: str) -> None:
    assert called(line, NAMES) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("帮住", "帮助"),
        ("hlep", "help"),
        ("设制 欢迎 等候 5", "设置 欢迎 等候 5"),
        ("问怎么安装", "问 怎么安装"),
        ("usr/bin/env", None),
        ("签到", None),
        ("", None),
        ("这是一句很长很长的话不是命令", None),
    ],
)
def test_the_nearest_command(typed: str, meant: str | None) -> None:
    assert nearest(typed, sorted(NAMES)) == meant


def test_addresses_times_and_numbers_stay_whole() -> None:
    assert split("http://a.example:80/x,y 9:30 1,000") == ("http://a.example:80/x,y", "9:30 1,000")


def test_the_rest_of_the_line_stays_as_typed() -> None:
    async def say(self: Any, ctx: Any, to: str, *, words: str) -> None: ...

    assert Binder(say).bind("小明 你好，  世界：再见") == {"to": "小明", "words": "你好，  世界：再见"}


async def example(
    self: Any,
    ctx: Any,
    count: Annotated[int, Field(ge=1, le=9)],
    mode: Literal["快", "慢"] = "快",
    *,
    note: str = "",
) -> None: ...


@pytest.mark.parametrize(
    ("line", "bound"),
    [
        ("3", {"count": 3}),
        ("3 慢", {"count": 3, "mode": "慢"}),
        ("3 慢 再说 一句", {"count": 3, "mode": "慢", "note": "再说 一句"}),
    ],
)
def test_arguments_are_typed(line: str, bound: dict[str, object]) -> None:
    assert Binder(example).bind(line) == bound


@pytest.mark.parametrize("line", ["", "三", "0", "10", "3 中", "3.5"])
def test_what_does_not_fit_is_told(line: str) -> None:
    with pytest.raises(BadArguments):
        Binder(example).bind(line)


def test_words_too_many_do_not_fit() -> None:
    async def short(self: Any, ctx: Any, word: str = "") -> None: ...

    assert not Binder(short).fits("一 二")
    assert Binder(short).fits("一")


def test_invisible_characters_are_dropped() -> None:
    assert clean("\u200b\u202e/问\u2060 好\ufeff ") == "/问 好"


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    word, rest = split(text)
    assert len(word) + len(rest) <= len(text)
    called(text, NAMES)
    nearest(text, sorted(NAMES))


@pytest.mark.parametrize(
    "text", ["," * 20_000, " " * 20_000, "，" * 20_000, ",:" * 10_000, "问" * 20_000, "/ " * 10_000]
)
def test_long_lines_take_no_time(text: str) -> None:
    """Patterns that go back and forth would need minutes here; the limit is far from both."""
    started = time.perf_counter()
    split(text), called(text, NAMES), nearest(text, sorted(NAMES)), clean(text)
    assert time.perf_counter() - started < 2
