"""Templates are filled as they say, and a broken file is refused with its line."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.spam.training import grammar
from plugins.spam.training.grammar import Topic, Unfit
from plugins.spam.training.slots import SLOTS

TEXTS = sorted(Path(grammar.__file__).parent.glob("texts/*/*.txt"))


def topic(tmp_path: Path, *lines: str) -> Topic:
    path = tmp_path / "topic.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return grammar.read(path)


def said(known: Topic, count: int = 50) -> set[str]:
    return {text for _, text in known.texts(count, Random(1))}


def test_every_way_is_said(tmp_path: Path) -> None:
    known = topic(tmp_path, "# remark", "", "= who: you | {she}", "= she: she", "hello [dear|] {who}")
    assert said(known) == {"hello dear you", "hello  you", "hello dear she", "hello  she"}


def test_brackets_and_lines_can_be_written(tmp_path: Path) -> None:
    assert said(topic(tmp_path, r"a \[x\] \{y\}\nb \| \\ c")) == {"a [x] {y}\nb | \\ c"}


def test_a_slot_of_the_file_goes_before_one_that_is_known_everywhere(tmp_path: Path) -> None:
    assert said(topic(tmp_path, "= phone: none", "{phone}")) == {"none"}


def test_a_slot_that_holds_itself_comes_to_an_end(tmp_path: Path) -> None:
    assert all(len(text) < 50 for text in said(topic(tmp_path, "= a: x{a}", "{a}")))


def test_templates_are_used_as_often_as_they_can_be(tmp_path: Path) -> None:
    known = topic(tmp_path, "one", "[a|b|c|d|e|f|g|h]")
    assert [template for template, _ in known.texts(4, Random(1))].count("one") == 1
    assert len(list(known.texts(100, Random(1)))) == 9


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["ok", "{nobody}"], r":2: no slot named nobody"),
        (["[a|{nobody}]"], r":1: no slot named nobody"),
        (["= x: {nobody}", "{x}"], r":1: no slot named nobody"),
        (["ok", "ok", "[a|b"], r":3: a bracket or brace"),
        (["{A}"], r":1: a bracket or brace"),
        (["a]"], r":1: a bracket or brace"),
        (["# only remarks"], "no templates"),
        ([""], "no templates"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(Unfit, match=complaint):
        topic(tmp_path, *lines)


@pytest.mark.parametrize("path", TEXTS, ids=[f"{path.parent.name}/{path.stem}" for path in TEXTS])
def test_the_shipped_topics_can_be_read_and_all_their_templates_say_something(path: Path) -> None:
    known = grammar.read(path)
    assert len(known.templates) >= 20
    assert len(set(known.templates)) == len(known.templates)
    for template in known.templates:
        for seed in range(3):
            text = known.say(template, Random(seed))
            assert text
            assert "\\{" in template or not re.search(r"\{[a-z_][a-z_0-9]*\}", text)
            assert len(text) < 3_000


def test_there_are_ads_and_harmless_texts() -> None:
    assert {path.parent.name for path in TEXTS} == {"ham", "spam"}
    assert len(TEXTS) > 20


def test_the_same_dice_say_the_same() -> None:
    known = grammar.read(TEXTS[0])
    assert list(known.texts(40, Random(5))) == list(known.texts(40, Random(5)))
    assert list(known.texts(40, Random(5))) != list(known.texts(40, Random(6)))


@given(st.sampled_from(sorted(SLOTS)), st.integers())
def test_what_fills_a_slot_is_one_line_that_says_something(name: str, seed: int) -> None:
    text = SLOTS[name](Random(seed))
    assert text.strip()
    assert "\n" not in text
    assert SLOTS[name](Random(seed)) == text
