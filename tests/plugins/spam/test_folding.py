"""What a writer hides is read, what nobody hides stays, and no text costs more than its length."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.spam import contacts, features, folding
from plugins.spam.folding import Folding, Pieces, entries

FOLDING = Folding()
fold = FOLDING.fold


def hidden(text: str) -> set[str]:
    return set(fold(text).disguise)


# --- disguises ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read", "kind"),
    [
        ("ＶＸ：ａｂｃ１２３４", "vx abc1234", "wide"),
        ("加微信 abс1234", "加微信abc1234", "confusable"),
        ("ΑΒС加我", "abc加我", "confusable"),
        ("ꮩх", "vx", "confusable"),
        ("𝓿𝔁 𝒂𝒃𝒄12345", "vx abc12345", "styled"),
        ("ⓥⓧ", "vx", "styled"),
        ("加\u200b微\u200c信", "加微信", "hidden"),
        ("加\u202e微信", "加微信", "hidden"),
        ("加\u0336微\u0336信\u0336", "加微信", "combining"),
        ("加\u0489微\u20dd信", "加微信", "combining"),
        ("wéìxìn", "weixin", "accent"),
        ("加🔥微🔥信🔥", "加微信", "emoji"),
        ("➀➁➂④⑤⑥⑦⑧", "12345678", "digit"),
        ("1️⃣3️⃣8️⃣", "138", "emoji"),
        ("加 微 信 领 资 料", "加微信领资料", "spaced"),
        ("V X : a b c 1 2 3 4", "vx abc1234", "spaced"),
        ("加\n微\n信\n领\n取", "加微信领取", "spaced"),
        ("加-微信", "加微信", "split"),
        ("加|微|信", "加微信", "split"),
        ("加微亻訁", "加微信", "parts"),
        ("彳山一攵亻言", "微信", "parts"),
        ("賺錢", "赚钱", "traditional"),
        ("pаypаl", "paypal", "scripts"),
        ("加微信号壹贰叁肆伍陆柒", "加微信号1234567", "numerals"),
        ("幺三八零零一三八零零零", "13800138000", "numerals"),
        ("138零零13八000", "1380013八000".replace("八", "8"), "numerals"),
    ],
)
def test_a_disguise_is_read_and_named(written: str, read: str, kind: str) -> None:
    found = fold(written)
    assert found.text == read
    assert found.disguise[kind] > 0


def test_what_sounds_alike_is_heard_alike() -> None:
    heard = fold("微信").sounds
    assert heard == fold("薇芯").sounds == fold("weixin").sounds == fold("wēixìn").sounds == fold("ｗｅｉxin").sounds
    assert fold("加微信领资料").sounds == fold("加weixin领ziliao").sounds
    assert fold("fr33 m0n3y").sounds == fold("free money").sounds


def test_a_word_that_is_no_pinyin_stays() -> None:
    assert fold("kubernetes").sounds == "kubernetes"
    assert fold("can he").sounds == "can he"


def test_words_of_contact_are_told_by_how_they_are_written() -> None:
    assert FOLDING.words(fold("加薇信")) == ["微信"]
    assert FOLDING.words(fold("威信扫地")) == ["微信?"]
    assert FOLDING.words(fold("微信")) == []
    assert "微信" in FOLDING.words(fold("我的vx是多少"))
    assert FOLDING.words(fold("vxlan-1 配好了")) == []
    assert FOLDING.words(fold("my-vx")) == []


def test_russian_stays_russian_and_its_letters_do_not_hide_among_latin_ones() -> None:
    for text in ("привет как дела", "кто может помочь с питоном", "как у вас тут", "не работает сборка"):
        assert fold(text).text == text
        assert not fold(text).disguise
    assert fold("пpивeт").text == "привет"
    assert hidden("пpивeт") == {"scripts"}
    assert fold("теlеgrаm").text == "telegram"


def test_a_word_of_another_alphabet_turns_no_other_word() -> None:
    assert "telegram" in fold("хорошо, пишите в tеlegrаm").text


# --- what nobody hides ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "今天天气不错，晚上一起吃饭吗？",
        "这个接口返回 404，是不是路径写错了",
        "一二三四五",
        "三五个人就够了",
        "二零二四年",
        "三二一上链接",
        "一百二十三块",
        "2024一起加油",
        "一共100一个",
        "50一天",
        "有10三个的",
        "x = 1; y = 2",
        "if(a==b){c=d}",
        "[1, 2, 3, 4, 5]",
        "f(a, b, c, d)",
        "for i in range(10):",
        "1.2.3.4",
        "192.168.1.1",
        "https://docs.python.org/3/library/re.html#module-re",
        "C:\\Users\\me\\Desktop",
        "/usr/bin/python3.11",
        "2024-05-06 12:30:11 ERROR [main] timeout",
        "| 名称 | 说明 |\n|---|---|\n| a | b |",
        "**加粗** 和 `code`",
        "138-0013-8000",
        "ありがとうございます",
        "한국어 문서",
        "git commit -m 'fix'",
        "￥100 和 £5",
        "我的女儿口红",
        "而且力气大",
    ],
)
def test_what_nobody_hides_is_no_disguise(text: str) -> None:
    found = fold(text)
    assert found.disguise == {}
    assert found.text == re.sub(r"[\W_]+", lambda gap: _gap(found.plain, gap), found.plain).strip()


def _gap(plain: str, gap: re.Match[str]) -> str:
    start, end = gap.span()
    return " " if start and end < len(plain) and plain[start - 1] < "\u3000" and plain[end] < "\u3000" else ""


@pytest.mark.parametrize("text", ["一二三四五", "三五个人就够了", "2024一起加油", "一共100一个", "五四三二一"])
def test_numerals_in_ordinary_words_are_no_digits(text: str) -> None:
    assert fold(text).text == text


@pytest.mark.parametrize("text", ["好的❤️", "👨‍💻 在写代码", "✌️", "🇨🇳 加油"])
def test_what_emoji_are_put_together_with_hides_nothing(text: str) -> None:
    assert "hidden" not in hidden(text)


def test_emoji_count_whatever_else_is_in_the_text() -> None:
    assert fold("大家好🔥🔥").disguise == {"emoji": 2}
    assert fold("大家好🔥🔥A").disguise == {"emoji": 2}


def test_emoji_alone_join_no_parts_that_are_words_too() -> None:
    assert fold("🎉而且力气大").text == "而且力气大"
    assert fold("賺錢 女少").text == "赚钱妙"


@given(st.text(alphabet="的一是了我不在人有他这个们来到时大地为子中你说生国年着就那和要她出也得里后", max_size=80))
def test_ordinary_characters_are_read_as_they_are(text: str) -> None:
    assert fold(text).plain == text


# --- tables ---------------------------------------------------------------------------------


def test_the_tables_hold_what_they_say() -> None:
    for name in ("confusables.txt", "digits.txt", "pinyin.txt", "traditional.txt"):
        lines = list(entries(name))
        assert len(lines) > 10
        assert all(target and variants for target, variants in lines)
    for target, _ in entries("digits.txt"):
        assert re.fullmatch(r"\d\??", target)
    for target, _ in entries("confusables.txt"):
        assert re.fullmatch(r"[a-z0-9]", target)


def test_a_section_of_a_table_is_read_apart() -> None:
    strong, weak = dict(entries("parts.txt")), dict(entries("parts.txt", "common"))
    assert "信" in strong
    assert "妙" in weak
    assert list(entries("parts.txt", "nowhere")) == []


def test_weak_digits_are_no_digits_by_themselves() -> None:
    for target, variants in entries("digits.txt"):
        if target.endswith("?"):
            assert not [letter for letter in variants if letter > "\u3000" and fold(letter).text == target[0]]


def test_syllables_fit_into_private_characters_that_no_text_brings() -> None:
    syllables = FOLDING.sounds.syllables.values()
    assert len(set(syllables)) == len(FOLDING.sounds.syllables) < 0xF8FF - 0xE000
    assert fold("\ue000\ue001微").sounds == fold("微").sounds


def test_the_longest_piece_goes_first_and_none_overlaps() -> None:
    pieces = Pieces([("ab", "1"), ("abc", "2"), ("cd", "3")])
    assert pieces.found("abcd") == [(0, "abc", "2")]
    assert pieces.found("xabxcd") == [(1, "ab", "1"), (4, "cd", "3")]
    assert pieces.found("a") == []


# --- any text -------------------------------------------------------------------------------

ANY = st.text(st.characters(codec=None), max_size=120)


@given(ANY)
def test_any_text_can_be_folded(raw: str) -> None:
    found = fold(raw)
    assert found == fold(raw)
    assert found.raw == raw.lower()
    assert found.text == found.text.strip()
    assert all(count > 0 for count in found.disguise.values())
    assert FOLDING.words(found) == FOLDING.words(found)


@given(ANY)
def test_what_is_read_holds_no_half_characters_and_no_marks(raw: str) -> None:
    assert not re.search(r"[\ud800-\udfff\u200b-\u200f\ue000-\uf8ff]", fold(raw).text)
    assert not re.search(r"[^\w ]|_", fold(raw).text)


@given(st.text("abvx微信加12 ", min_size=1, max_size=30), st.sampled_from("\u200b\u200d\ufeff\u00ad\u2060"))
@settings(max_examples=50)
def test_what_cannot_be_seen_changes_nothing(text: str, mark: str) -> None:
    found = fold(mark.join(text))
    assert found.text == fold(text).text


# --- time -----------------------------------------------------------------------------------

DICE = random.Random(7)
HOSTILE = {
    "digits": "1234567890",
    "one letter": "a",
    "one v": "v",
    "emoji": "🔥",
    "open brackets": "[",
    "dotted": "a.",
    "at": "@",
    "wechat": "微信",
    "wechat and colons": "微信::::::::::",
    "spaces": " ",
    "marks": "\u0301",
    "pinyin": "xian",
    "pinyin nearly": "xianxianxianxianxianxianxianq",
    "cyrillic": "привет",
    "mixed": "pрivеt",
    "private": "\ue000",
    "nothing": "\0",
    "q": "q!",
    "groups": "q交流群",
    "money": "1,1.",
    "dashes": "a-",
    "hosts": "a" * 60 + ".",
    "singles": "一 ",
    "parts": "亻言",
    "common parts": "女口\u200b",
    "words": "薇信",
    "numerals": "一二三四五",
    "numerals and digits": "1一",
    "addresses": "https://",
    "telegram": "t.me/",
    "mentions": "@aaaa",
    "halves": "\ud800",
    "commas": "，啊",
    "newlines": "\n",
    "phones": "138 0013 8000 ",
    "random": "".join(chr(DICE.randrange(0x110000)) for _ in range(997)),
}


def _patterns(module: ModuleType) -> dict[str, re.Pattern[str]]:
    return {f"{module.__name__}.{name}": one for name, one in vars(module).items() if isinstance(one, re.Pattern)}


def _growth(work: Callable[[str], object], short: str, long: str) -> float:
    """How many times longer the long text takes, of the least of a few runs: what is quick anyway is as good as 1."""

    def seconds(text: str, runs: int) -> float:
        took = []
        for _ in range(runs):
            started = time.process_time()
            work(text)
            took.append(time.process_time() - started)
        return min(took)

    if seconds(long, 1) < 0.01:
        return 1.0
    return seconds(long, 3) / max(seconds(short, 3), 1e-6)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_any_text_of_twenty_thousand_characters_is_folded_in_bounded_time(unit: str) -> None:
    short = (unit * 20_000)[:5_000]
    long = (unit * 20_000)[:40_000]

    def all_of_it(text: str) -> None:
        found = fold(text)
        FOLDING.words(found)
        contacts.contacts(found)
        contacts.calls(found)
        contacts.prices(found)
        features.segments(text)
        features.cut(text)

    # Eight times the text: what is quadratic takes 64 times as long.
    assert _growth(all_of_it, short, long) < 24


@pytest.mark.parametrize(
    ("name", "pattern"), [(n, p) for m in (folding, contacts, features) for n, p in _patterns(m).items()]
)
def test_every_pattern_is_linear(name: str, pattern: re.Pattern[str]) -> None:
    for unit in HOSTILE.values():
        for before, after in (("", ""), ("微信", "!")):
            short = before + (unit * 8_000)[:2_000] + after
            long = before + (unit * 16_000)[:16_000] + after
            assert _growth(lambda text: sum(1 for _ in pattern.finditer(text)), short, long) < 24, (name, unit[:10])
