"""What admins let through and stop."""

from __future__ import annotations

import time
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.spam.folding import Folding
from plugins.spam.lists import MOST, Entry, Form, Kind, Lists, Unfit, domain, entry, too_common

FOLDING = Folding()


def lists(*wanted: tuple[Kind, Form, str]) -> Lists:
    return Lists([entry(*one, FOLDING) for one in wanted], FOLDING)


def met(known: Lists, text: str, hosts: tuple[str, ...] = (), member: str = "qq:1") -> str | None:
    found = known.match(text, FOLDING.fold(text).text, hosts, member)
    return None if found is None else f"{found.kind} {found.form} {found.value}"


@pytest.mark.parametrize("text", ["今天兼职日结三百", "兼 职 日 结", "兼\u200b职·日·结，来"])
def test_a_denied_word_is_found_under_its_disguise(text: str) -> None:
    assert met(lists(("deny", "folded", "兼职日结")), text) == "deny folded 兼职日结"


def test_what_is_meant_as_written_is_read_as_written() -> None:
    known = lists(("deny", "exact", "➕V领"))
    assert met(known, "快来➕v领资料") == "deny exact ➕V领"
    assert met(known, "加v领资料") is None


def test_a_denied_latin_word_is_a_word() -> None:
    known = lists(("deny", "folded", "vx"))
    assert met(known, "加vx123") == "deny folded vx"
    assert met(known, "VXLAN 怎么配") is None
    assert met(lists(("deny", "pattern", "vx*")), "vxlan") == "deny pattern vx*"
    assert met(lists(("deny", "pattern", "*lan")), "vxlan 不通") == "deny pattern *lan"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("加*领资料", "加我微信，免费领资料", True),
        ("加*领资料", "领资料的加我", False),
        ("加*领*资料", "加我领一份资料", True),
        ("领资料*领资料", "领资料", False),
        ("领资料*领资料", "领资料领资料", True),
        ("免费 领", "免费，领", True),
    ],
)
def test_words_joined_by_stars_come_in_this_order(pattern: str, text: str, fits: bool) -> None:
    assert (met(lists(("deny", "pattern", pattern)), text) is not None) is fits


def test_an_allowed_text_is_allowed_alone() -> None:
    known = lists(("allow", "folded", "官方群 12345"), ("deny", "folded", "官方群"))
    assert met(known, "官方群：12345！") == "allow folded 官方群 12345"
    assert met(known, "官方群 12345，兼职加我") == "deny folded 官方群"
    exact = lists(("allow", "exact", "进群看公告"))
    assert met(exact, " 进群看公告\n") == "allow exact 进群看公告"
    assert met(exact, "进群看公告 加v") is None


def test_an_allowed_pattern_is_the_whole_message_unless_a_star_opens_it() -> None:
    known = lists(("allow", "pattern", "打卡*天"))
    assert met(known, "打卡第12天") is not None
    assert met(known, "今天打卡第12天") is None
    assert met(known, "打卡第12天，加我") is None
    assert met(lists(("allow", "pattern", "打卡*")), "打卡第12天，加我") is not None
    assert met(lists(("allow", "pattern", "*打卡")), "打卡完打卡") is not None


def test_a_member_is_allowed_whatever_they_say() -> None:
    known = lists(("allow", "member", "qq:1"), ("deny", "folded", "兼职"), ("deny", "member", "qq:2"))
    assert met(known, "兼职") == "allow member qq:1"
    assert met(known, "你好", member="qq:2") == "deny member qq:2"
    assert met(known, "你好", member="qq:3") is None


def test_domains_count_with_what_is_under_them() -> None:
    known = lists(("deny", "domain", "https://www.Bad.com/x?y"), ("allow", "domain", "github.com"))
    assert met(known, "看", ("a.b.bad.com",)) == "deny domain bad.com"
    assert met(known, "看", ("BAD.com.",)) == "deny domain bad.com"
    assert met(known, "看", ("notbad.com",)) is None
    assert met(known, "看", ("gist.github.com",)) == "allow domain github.com"
    assert met(known, "看", ("gist.github.com", "elsewhere.cn")) is None
    assert met(known, "看", ("github.com", "bad.com")) == "deny domain bad.com"
    assert met(lists(("deny", "domain", "例子.中国")), "看", ("例子.中国",)) == "deny domain xn--fsqu00a.xn--fiqs8s"


@pytest.mark.parametrize("words", ["com", "com.cn", "1.2.3.4", "a b", "-a.com", "http://", "a..com", "x" * 70 + ".com"])
def test_what_is_no_domain_is_refused(words: str) -> None:
    with pytest.raises(Unfit):
        domain(words)


@pytest.mark.parametrize(
    ("form", "words", "why"),
    [
        ("pattern", "*", "不能只有"),
        ("pattern", "a*b*c*d*e*f*gg", "最多用 5 个"),
        ("pattern", "加*群", "连着的 2 个字"),
        ("folded", "群", "至少要有连着的 2 个字"),
        ("folded", "！！！", "只有符号"),
        ("exact", "群", "至少 2 个字"),
        ("exact", "  ", "写上内容"),
        ("pattern", "长" * 101, "最多 100 个字"),
    ],
)
def test_an_unfit_entry_is_refused_with_the_reason(form: Form, words: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        entry("deny", form, words, FOLDING)


def test_a_word_of_ordinary_talk_cannot_be_denied() -> None:
    said = [f"大家看看第{number}题" for number in range(20)] + [f"编译报错 {number}" for number in range(80)]
    assert "有 20 条" in (too_common(entry("deny", "folded", "大家", FOLDING), said, FOLDING) or "")
    assert too_common(entry("deny", "folded", "兼职日结", FOLDING), said, FOLDING) is None
    assert too_common(entry("allow", "folded", "大家", FOLDING), said, FOLDING) is None
    # One and the same line said a hundred times is one line.
    assert too_common(entry("deny", "folded", "兼职日结", FOLDING), [*said, *["兼职日结"] * 100], FOLDING) is None
    linked = [f"https://example.com/{number}" for number in range(9)]
    assert "有 9 条" in (too_common(entry("deny", "domain", "example.com", FOLDING), linked, FOLDING) or "")


def naive(pieces: list[str], text: str) -> bool:
    """Whether the pieces stand in the text in this order, by trying every place."""
    if not pieces:
        return True
    first, rest = pieces[0], pieces[1:]
    return any(
        text.startswith(first, at) and naive(rest, text[at + len(first) :]) for at in range(len(text) - len(first) + 1)
    )


@given(st.lists(st.text("甲乙丙", min_size=2, max_size=3), min_size=1, max_size=4), st.text("甲乙丙", max_size=14))
def test_stars_mean_what_they_mean(pieces: list[str], text: str) -> None:
    known = Lists([Entry("deny", "pattern", "*".join(pieces))], FOLDING)
    assert (known.match(text, text, (), "") is not None) is naive(pieces, text)


@given(st.lists(st.sampled_from(["甲乙", "丙", "", "乙乙"]), min_size=1, max_size=4), st.text("甲乙丙", max_size=10))
def test_an_allowed_pattern_spans_the_message(pieces: list[str], text: str) -> None:
    if not any(len(piece) > 1 for piece in pieces):
        return
    known = Lists([Entry("allow", "pattern", "*".join(pieces))], FOLDING)
    ends = [text.startswith(pieces[0]) and text.endswith(pieces[-1])]
    if len(pieces) == 1:
        ends = [text == pieces[0]]
    elif len(text) < len(pieces[0]) + len(pieces[-1]):
        ends = [False]
    inner = text[len(pieces[0]) : len(text) - len(pieces[-1])] if len(pieces) > 1 else text
    assert (known.match(text, text, (), "") is not None) is (all(ends) and naive(pieces[1:-1], inner))


def full(star: str = "*") -> Lists:
    letters = "兼职日结招聘刷单资料微信加群领取免费红包返利课程代理推广投资理财"
    values = [f"{a}{b}{star}{c}工" for (a, b), c in product(pairwise(letters), letters)][:MOST]
    return Lists([Entry("deny", "pattern", value) for value in values], FOLDING)


def test_a_full_list_costs_next_to_nothing() -> None:
    known, text = (
        full(),
        "大家好，这个群是做 Python 兼职问答的吗？我想问一下微信小程序登录怎么做，加群领取资料在哪里看，谢谢啦",
    )
    folded = FOLDING.fold(text).text
    assert known.count == MOST
    assert known.match(text, folded, (), "qq:1") is None
    best = min(_timed(known, text, folded) for _ in range(20))
    assert best < 150e-6, f"{best * 1e6:.0f} µs"  # thrice what it takes here, lest a busy machine fail the test


@pytest.mark.parametrize("text", ["兼职" * 10_000, "兼" * 20_000, "兼职日结招聘" * 3_500, "a" * 20_000, "a." * 10_000])
def test_no_pattern_explodes(text: str) -> None:
    known = Lists(
        [Entry("deny", "pattern", "*".join(["兼职" * 8 + "日"] * 5) + f"{number}") for number in range(250)]
        + [Entry("deny", "pattern", "*".join(["a" * 15 + "b"] * 5) + f"{number}") for number in range(250)],
        FOLDING,
    )
    assert min(_timed(known, text, text) for _ in range(2)) < 0.25


def _timed(known: Lists, text: str, folded: str) -> float:
    started = time.perf_counter()
    known.match(text, folded, (), "qq:1")
    return time.perf_counter() - started
