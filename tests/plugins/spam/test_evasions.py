"""Every way to hide changes a text as it says, and is read again by the folding where it can be."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.spam.folding import Folding
from plugins.spam.training.evasions import Evasions

EVASIONS = Evasions()
FOLDING = Folding()
AD = "长期招聘兼职，日结500元，加微信 xiaoming8866 或者 QQ12345678 咨询"
NAMES = sorted(EVASIONS.known)


@pytest.mark.parametrize("name", NAMES)
def test_every_way_changes_an_ad(name: str) -> None:
    changed = [EVASIONS.known[name](AD, Random(seed)) for seed in range(20)]
    assert sum(text != AD for text in changed) > 10
    assert changed == [EVASIONS.known[name](AD, Random(seed)) for seed in range(20)]


@pytest.mark.parametrize("name", ["digits", "fullwidth", "marks", "styled", "traditional", "zerowidth", "entities"])
def test_what_is_only_written_otherwise_is_read_again(name: str) -> None:
    for seed in range(30):
        text = EVASIONS.known[name](AD, Random(seed))
        read = FOLDING.fold(text)
        if text != AD:
            assert read.disguise or name in ("digits", "traditional"), text
        if name != "digits":
            assert read.text == FOLDING.fold(AD).text, text


def test_what_sounds_alike_is_heard_again() -> None:
    for seed in range(30):
        text = EVASIONS.known["homophone"](AD, Random(seed))
        assert FOLDING.fold(text).sounds == FOLDING.fold(AD).sounds


def test_parts_are_put_together_again() -> None:
    for seed in range(30):
        text = EVASIONS.known["parts"]("加微信咨询赚钱", Random(seed))
        if text != "加微信咨询赚钱":
            assert FOLDING.fold(text).disguise


@given(st.text(st.characters(codec=None), max_size=60), st.integers(), st.sampled_from(NAMES))
@settings(max_examples=300)
def test_any_text_can_be_disguised(text: str, seed: int, name: str) -> None:
    changed = EVASIONS.known[name](text, Random(seed))
    assert changed == EVASIONS.known[name](text, Random(seed))
    assert len(changed) <= 12 * len(text) + 20


@given(st.integers())
def test_an_ad_is_disguised_in_up_to_three_named_ways(seed: int) -> None:
    text, names = EVASIONS.evade(AD, Random(seed))
    ways = names.split("+")
    assert 1 <= len(ways) <= 3
    assert set(ways) <= set(NAMES)
    assert text.strip()
