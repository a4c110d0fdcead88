"""Texts as numbers: the same text the same ones, and what stands in the middle of a long one is not lost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.spam.features import LONGEST, MASK, MOST_GRAMS, SEGMENT, Grams, Hashing, cut, is_suspect, segments, traits
from plugins.spam.folding import Folding

FOLDING = Folding()
HASHING = Hashing(FOLDING)
ANY = st.text(max_size=300)
LONG = 20_000
HARMLESS = "今天的会议改到下午三点，资料放在共享盘里，大家先看一下再讨论。"
AD = "长期招聘兼职，日结三百到五百，有意加微信：xiaoming8866 咨询"


def _named(text: str) -> set[str]:
    return set(traits(FOLDING, FOLDING.fold(text)))


@given(ANY)
def test_the_same_text_has_the_same_features_and_all_are_in_bounds(text: str) -> None:
    folded = FOLDING.fold(text)
    found = HASHING.features(folded)
    assert found == Hashing(FOLDING).features(folded)
    assert found
    assert all(0 <= feature <= MASK for feature in found)


def test_what_number_it_is_says_nothing() -> None:
    assert HASHING.features(FOLDING.fold("共 123456 个")) == HASHING.features(FOLDING.fold("共 987123 个"))
    assert HASHING.features(FOLDING.fold("加微信")) != HASHING.features(FOLDING.fold("加薇信"))


def test_what_was_done_to_hide_it_is_a_feature() -> None:
    assert {"hidden wide", "hidden 1 ways"} <= _named("ＶＸ联系")
    assert "hidden 2 ways" in _named("ＶＸ加\u200b我")
    assert not any(name.startswith("hidden") for name in _named("明天几点开会？"))
    assert "hidden emoji" in _named("好的🔥")
    assert not any(name.endswith("ways") for name in _named("好的🔥"))


def test_contacts_calls_and_prices_are_features() -> None:
    named = _named("兼职300元一天，加我微信：abc12345")
    assert {"contact wechat", "contacts 1", "calls 1", "signs 1110"} <= named
    assert any(name.startswith("prices") for name in named)
    assert not {name for name in _named("明天几点开会？") if name.startswith(("contact", "calls", "prices", "signs"))}


def test_pieces_of_text_that_are_remembered_have_a_bound() -> None:
    grams = Grams(1)
    before = grams["加微"]
    for number in range(MOST_GRAMS + 500):
        grams[str(number)]
        assert len(grams) <= MOST_GRAMS
    assert grams["加微"] == before


# --- segments -------------------------------------------------------------------------------


@given(st.text(alphabet="一二 a1，。\n！?", max_size=600) | ANY)
def test_segments_are_the_text_in_order(text: str) -> None:
    assert "".join(segments(text)) == text
    assert all(len(segment) <= 3 * SEGMENT for segment in segments(text)) or len(segments(text)) == 1
    assert segments(text)


def test_a_short_text_is_one_segment() -> None:
    assert segments("好的") == ["好的"]
    assert segments("") == [""]


# --- the cut of a long text -----------------------------------------------------------------


def _around(text: str, at: float, harmless: str = HARMLESS) -> str:
    padding = (harmless * LONG)[:LONG]
    place = int(at * LONG)
    return padding[:place] + text + padding[place:]


@given(st.text(max_size=4_000))
def test_a_cut_text_is_short_and_a_short_one_whole(text: str) -> None:
    kept = cut(text)
    assert len(kept) <= LONGEST + 200
    if len(text) <= LONGEST:
        assert kept == text
    else:
        assert kept.startswith(text[:100])
        assert kept.endswith(text[-100:])


@pytest.mark.parametrize("at", [0, 0.1, 0.33, 0.5, 0.501, 0.77, 0.95, 1])
@pytest.mark.parametrize(
    "ad",
    [
        AD,
        "加群 123456789 领资料",
        "看我头像，兼职日结",
        "代开发票，薇信 kf8899",
        "详情 https://best88.vip/a",
        "免费领取会员，扫码进群",
        "找 @best_seller 拿货",
    ],
)
def test_an_ad_in_the_middle_of_a_long_text_is_kept(ad: str, at: float) -> None:
    assert ad in cut(_around(ad, at)).replace("\n", "")


@pytest.mark.parametrize(
    "decoy",
    [
        "12345",
        "错误码 10061，",
        "https://docs.python.org/3/ ",
        "@someone ",
        "qq",
        "https://a.cn/1 12345 @someone qq ",
        "联系",
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_decoys_do_not_hide_an_ad(decoy: str, before: bool) -> None:
    decoys = (decoy * LONG)[: LONG // 2]
    text = HARMLESS * 20 + (decoys + AD if before else AD + decoys) + HARMLESS * 20
    assert "xiaoming8866" in cut(text)


def test_decoys_strewn_at_random_do_not_hide_an_ad() -> None:
    dice = Random(5)
    hidden = 0
    for _ in range(50):
        words = [
            dice.choice([HARMLESS, "端口 12345。", "https://a.cn/b ", "@someone ", "QQ", "订单 88888。"])
            for _ in range(900)
        ]
        words.insert(dice.randrange(100, 800), AD)
        hidden += "xiaoming8866" not in cut("".join(words))
    assert hidden == 0


def test_a_long_log_is_cut_without_a_sign() -> None:
    text = "at com.example.Main.run\n" * 2_000
    assert len(cut(text)) <= LONGEST + 200


def test_only_what_an_ad_needs_is_suspect() -> None:
    assert is_suspect(FOLDING.fold("有需要的私聊"))
    assert is_suspect(FOLDING.fold("加微信abc123"))
    assert not is_suspect(FOLDING.fold("明天几点开会"))
