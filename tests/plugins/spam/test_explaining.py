"""Reasons in an admin's words: they add up, name what was found, and cannot be turned against the reader."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.spam.contacts import contacts
from plugins.spam.engine import Engine
from plugins.spam.explaining import CONTACTS, DISGUISES, said_by_model
from plugins.spam.finding import Reason
from plugins.spam.folding import Folding

AD = "长期招聘兼职，在家就能做，日结三百到五百，有意加微信：xiaoming8866 咨询"


def told(engine: Engine, text: str, odds: float | None = None, where: str = "") -> list[Reason]:
    reading = engine.model.read(text)
    if odds is None:
        odds = engine.model.odds(engine.model.weigh(reading))
    return list(said_by_model(engine.model, reading, odds, where))


def test_an_ad_is_explained_by_its_words_and_its_contact(small_engine: Engine) -> None:
    words = [reason.words for reason in told(small_engine, AD)]
    assert any("微信号" in one for one in words)
    assert any("用词像广告" in one and "「" in one for one in words)


def test_a_disguise_is_named_with_how_often(small_engine: Engine) -> None:
    # Which disguise speaks for an ad is the weights' affair: of all of them some do.
    disguised = [
        "ＶＸ：ａｂｃ１２３４５，日结兼职",
        "加\u200b微\u200b信 abc12345 日\u200b结",
        "加 微 信 日 结 兼 职 a b c 1 2",
        "①③⑧⓪⓪①③⑧⓪⓪⓪ 兼职日结",
        "𝓿𝔁 abc12345 日结",
    ]
    words = [reason.words for text in disguised for reason in told(small_engine, text)]
    assert any(re.search(r"用了.+ \d+ 处", one) for one in words)


@pytest.mark.parametrize("odds", [-9.0, -0.5, 0.0, 0.4, 7.0])
def test_the_weights_add_up_to_the_odds(small_engine: Engine, odds: float) -> None:
    for text in (AD, "你好", "", "ＶＸ加我领取", "看我头像"):
        assert sum(reason.weight for reason in told(small_engine, text, odds)) == pytest.approx(odds, abs=0.03)


def test_words_that_speak_against_an_ad_are_not_called_one(small_engine: Engine) -> None:
    reasons = told(small_engine, "你好，这个报错怎么办", -4.0)
    assert [(reason.weight, reason.words) for reason in reasons][-1] == (-4.0, "用词不像广告")


def test_the_place_is_said(small_engine: Engine) -> None:
    assert all(reason.words.startswith("卡片上：") for reason in told(small_engine, AD, where="卡片上："))


def test_every_disguise_and_contact_that_can_be_found_has_a_name() -> None:
    folding = Folding()
    texts = [
        "ＶＸ&#65;", "加\u200b微", "𝓿", "é", "а" + "b", "b\u0301\u0489", "➀一1一2", "幺三八零零一三八", "一 二 三 四",
        "加|微",
        "亻言", "賺", "🔥", "加加微微信信领领", "http://a.com @abcd 微信abcd1 QQ12345 群123456 13800138000", "12345",
    ]  # fmt: skip
    for text in texts:
        folded = folding.fold(text)
        assert set(folded.disguise) <= set(DISGUISES)
        assert {contact.kind for contact in contacts(folded)} <= set(CONTACTS)


@given(st.text(st.characters(codec=None), max_size=80) | st.text("@/.:<>[]CQ=at,httpsvx加微 \u202e\u200b", max_size=80))
@settings(max_examples=200, deadline=None)
def test_nothing_in_a_reason_calls_or_links(small_engine: Engine, text: str) -> None:
    for reason in told(small_engine, text, 3.0):
        assert not re.search(r"[@＠/\\\[\]<>]|\.\w|[\u200b-\u200f\u202a-\u202e\ud800-\udfff]", reason.words), (
            reason.words
        )
        assert "\n" not in reason.words
        assert len(reason.words) < 200
