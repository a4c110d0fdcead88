"""What a message is taken for: by its words, by what comes with them, and by what admins have said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.spam.engine import Engine
from plugins.spam.finding import Finding, Said, Verdict
from plugins.spam.lists import Entry, Lists, entry
from plugins.spam.local import Local
from plugins.spam.memory import FLOOD_MOST, Memory
from plugins.spam.model import Model
from plugins.spam.nearest import Cleared, Known, Trace

AD = "长期招聘兼职，在家就能做，日结三百到五百，有意加微信：xiaoming8866 咨询"
PLAIN = "这个接口昨天还是好的，今天一直返回 502，有人遇到过吗？"
Make = Callable[..., Engine]


@pytest.fixture
def where(small_weights: Path) -> Make:
    """An engine whose thresholds lie so that a text gets a verdict from the model alone."""

    def make(text: str, verdict: Verdict) -> Engine:
        model = Model.load(small_weights)
        margin, slope = model.weigh(model.read(text)), (model.odds(1.0) - model.odds(0.0))
        room = {"act": (-0.5, -2.0), "review": (1.0, -0.5), "pass": (12.0, 8.0)}[verdict]
        model.act, model.review = (margin + odds / slope for odds in room)
        return Engine(model)

    return make


def newcomer(text: str = AD, **more: object) -> Said:
    return replace(Said(text, group="g", member="m", time=1_000.0), **more)  # type: ignore[arg-type] # any field


def rules(finding: Finding) -> set[str]:
    return {reason.rule for reason in finding.reasons}


def explained(finding: Finding) -> None:
    """The reasons add up to the score, the weightiest first, and hold nothing that calls or links."""
    weights = [reason.weight for reason in finding.reasons]
    assert weights == sorted(weights, reverse=True)
    if finding.verdict != "pass":
        assert finding.rule in rules(finding)
        assert 1 / (1 + 2.718281828 ** -sum(weights)) == pytest.approx(finding.score, abs=0.01)
    for reason in finding.reasons:
        assert not re.search(r"[@＠/\\\[\]<>:]|\.\w|https?:|CQ", reason.words.replace("@ 了所有人", "")), reason.words


# --- the words ------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["act", "review", "pass"])
def test_the_words_alone_decide_by_their_threshold(where: Make, verdict: Verdict) -> None:
    finding = where(AD, verdict).judge(newcomer())
    assert finding.verdict == verdict
    assert finding.rule == ("" if verdict == "pass" else "model")
    explained(finding)


def test_an_ad_and_a_question_are_told_apart(small_engine: Engine) -> None:
    assert small_engine.weigh(AD)[0] == "act"
    assert small_engine.weigh(PLAIN)[0] == "pass"
    assert small_engine.judge(newcomer(PLAIN)).reasons == ()


@pytest.mark.parametrize("text", ["", " ", "\n", "🔥", "\ud800", "\0", "@", "。" * 3_000, "a" * 20_000, "嗯"])
def test_what_says_nothing_passes(small_engine: Engine, text: str) -> None:
    assert small_engine.judge(newcomer(text)).verdict == "pass"


def test_a_known_member_is_asked_about_and_not_acted_on(where: Make) -> None:
    finding = where(AD, "act").judge(newcomer(trusted=True, real=50))
    assert finding.verdict == "review"
    assert finding.rule == "model"


def test_the_same_message_is_judged_the_same(small_engine: Engine, small_weights: Path) -> None:
    other = Engine.load(small_weights)
    for text in (AD, PLAIN, "加\u200b微信 ａｂｃ1234"):
        assert small_engine.judge(newcomer(text)) == small_engine.judge(newcomer(text)) == other.judge(newcomer(text))


# --- what comes with the words --------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (newcomer("大家好", everyone=True), "everyone"),
        (newcomer("https://best88.vip/a1"), "link"),
        (newcomer("", cards=("一张卡片",)), "card"),
        (newcomer("看", cards=("一张卡片",)), "card"),
    ],
)
def test_a_sign_of_a_newcomer_is_worth_a_look(where: Make, said: Said, rule: str) -> None:
    engine = where(AD, "pass")
    finding = engine.judge(said)
    assert finding.verdict == "review"
    assert rule in rules(finding)
    assert finding.rule in rules(finding)
    explained(finding)
    assert engine.judge(replace(said, trusted=True, real=50)).verdict == "pass"


@pytest.mark.parametrize(
    "said",
    [
        newcomer("https://github.com/python/cpython"),
        newcomer("看这个 https://best88.vip/a1 的文档"),
        newcomer("https://best88.vip/a1", real=3),
        newcomer("", forwarded=("昨天会议改到三点",), real=3),
        newcomer("", pictures=1),
        newcomer("这是周会的材料，大家看看", cards=("周会",)),
    ],
)
def test_what_is_ordinary_is_no_sign(where: Make, said: Said) -> None:
    assert where(AD, "pass").judge(said).verdict == "pass"


def test_signs_beside_suspicious_words_make_an_ad(where: Make) -> None:
    engine = where(AD, "review")
    assert engine.judge(newcomer()).verdict == "review"
    finding = engine.judge(newcomer(everyone=True))
    assert finding.verdict == "act"
    assert rules(finding) == {"model", "everyone"}
    explained(finding)
    assert engine.judge(newcomer(everyone=True, trusted=True)).verdict == "review"


def test_an_ad_in_a_name_is_worth_a_look(where: Make) -> None:
    finding = where(AD, "act").judge(newcomer("大家好", name=AD))
    assert finding.verdict == "review"
    assert finding.rule == "name"
    explained(finding)


def test_an_ad_inside_a_forward_or_a_card_is_found(where: Make) -> None:
    engine = where(AD, "act")
    for said in (
        newcomer("看看", forwarded=("你好", AD, "好的")),
        newcomer("看看", forwarded=(AD,) * 100),
        newcomer("", cards=(AD,)),
        newcomer("", forwarded=(*["大家讨论一下周会的安排，下午三点。"] * 300, AD, *["收到，我看看再说。"] * 300)),
    ):
        finding = engine.judge(said)
        assert finding.verdict in ("act", "review")
        assert any(reason.words.startswith(("转发的内容里：", "卡片上：")) for reason in finding.reasons)
        explained(finding)


def test_what_is_forwarded_does_not_stand_for_the_members_own_words(where: Make) -> None:
    finding = where(AD, "pass").judge(newcomer("大家看看这个是不是骗子？", forwarded=("https://best88.vip/a1",)))
    assert "link" not in rules(finding)


# --- what came before -----------------------------------------------------------------------


def test_one_message_in_many_groups_is_worth_a_look_and_of_a_newcomer_an_ad(where: Make) -> None:
    engine, memory = where(AD, "review"), Memory()
    verdicts = [engine.judge(newcomer(group=str(group)), memory=memory).verdict for group in range(4)]
    assert verdicts[0] == "review"
    assert verdicts[-1] == "act"


def test_a_harmless_text_in_many_groups_is_never_acted_on(where: Make) -> None:
    engine = where(AD, "act")
    notice = "各位同学，本周六下午两点在线上分享会讲内存管理，会议号会前发出，欢迎提前把问题发给主持人汇总。"
    for trusted in (True, False):
        memory = Memory()
        findings = [
            engine.judge(newcomer(notice, group=str(group), trusted=trusted), memory=memory) for group in range(10)
        ]
        assert {finding.verdict for finding in findings} <= {"pass", "review"}
        if trusted:
            assert {finding.verdict for finding in findings} == {"pass"}


def test_a_trusted_member_who_sends_an_ad_around_is_acted_on(where: Make) -> None:
    engine, memory = where(AD, "act"), Memory()
    verdicts = [engine.judge(newcomer(group=str(n), trusted=True), memory=memory).verdict for n in range(3)]
    assert verdicts == ["review", "act", "act"]


def test_a_chain_that_members_continue_and_plus_ones_are_left_alone(where: Make) -> None:
    engine, memory = where(AD, "act"), Memory()
    chain = "周六聚餐接龙，地点在公司楼下的火锅店，晚上六点开始，报名的依次往下写名字\n"
    for number in range(30):
        chain += f"{number + 1}. 成员{number}\n"
        said = newcomer(chain, member=str(number), real=number % 3, time=1_000.0 + 9 * number)
        assert engine.judge(said, memory=memory).verdict == "pass"
    for number in range(30):
        for text in ("+1", "收到", "哈哈哈哈哈哈哈哈", "这张图太好笑了，我要笑死了，怎么做到的"):
            said = newcomer(text, member=str(number), time=2_000.0 + number)
            assert engine.judge(said, memory=memory).verdict == "pass"


def test_many_newcomers_with_one_suspicious_text_are_an_ad(where: Make) -> None:
    engine, memory = where(AD, "review"), Memory()
    verdicts = [engine.judge(newcomer(member=str(n)), memory=memory).verdict for n in range(4)]
    assert verdicts[0] == "review"
    assert verdicts[-1] == "act"


def test_a_flood_is_worth_a_look(where: Make) -> None:
    engine, memory = where(AD, "pass"), Memory()
    findings = [engine.judge(newcomer("顶", time=1_000 + n / 10), memory=memory) for n in range(FLOOD_MOST + 3)]
    assert [finding.verdict for finding in findings[:FLOOD_MOST]] == ["pass"] * FLOOD_MOST
    assert findings[-1].verdict == "review"
    assert findings[-1].rule == "flood"
    explained(findings[-1])


# --- what admins have said ------------------------------------------------------------------


def lists(engine: Engine, *wanted: tuple[str, str, str]) -> Lists:
    folding = engine.model.reader.folding
    entries: list[Entry] = [entry(kind, form, value, folding) for kind, form, value in wanted]  # type: ignore[arg-type] # literals
    return Lists(entries, folding)


@pytest.mark.parametrize(
    ("wanted", "said", "rule"),
    [
        (("deny", "folded", "接口"), newcomer(PLAIN), "denied"),
        (("deny", "exact", "502"), newcomer(PLAIN), "denied"),
        (("deny", "member", "m"), newcomer(PLAIN), "denied"),
        (("deny", "member", "m"), newcomer(PLAIN, trusted=True, real=99), "denied"),
        (("deny", "domain", "best88.vip"), newcomer("看 https://a.best88.vip/x"), "denied"),
        (("deny", "domain", "best88.vip"), newcomer("看", links=("https://best88.vip/x",)), "denied"),
        (("deny", "folded", "稳赚不赔"), newcomer("", forwarded=("好的", "稳 赚 不 赔")), "denied"),
        (("deny", "folded", "稳赚不赔"), newcomer("", cards=("稳赚不赔",)), "denied"),
        (
            ("deny", "folded", "稳赚不赔"),
            newcomer("开会。" * 3_000 + "稳\u200b赚不赔" + "休息。" * 3_000),
            "denied",
        ),
    ],
)
def test_what_is_denied_is_acted_on(where: Make, wanted: tuple[str, str, str], said: Said, rule: str) -> None:
    engine = where(AD, "pass")
    finding = engine.judge(said, lists=lists(engine, wanted))
    assert (finding.verdict, finding.rule) == ("act", rule)
    explained(finding)


def test_what_is_allowed_passes_alone(where: Make) -> None:
    engine = where(AD, "act")
    allowed = lists(engine, ("allow", "folded", AD))
    assert engine.judge(newcomer(), lists=allowed).verdict == "pass"
    assert engine.judge(newcomer(everyone=True), lists=allowed).verdict == "pass"
    assert engine.judge(newcomer(AD + "，" + AD.replace("xiaoming", "other")), lists=allowed).verdict != "pass"
    assert engine.judge(newcomer(cards=(AD,)), lists=allowed).verdict == "act"
    member = lists(engine, ("allow", "member", "m"), ("deny", "folded", "兼职"))
    assert engine.judge(newcomer(), lists=member).verdict == "pass"
    assert engine.judge(newcomer(member="other"), lists=member).verdict == "act"
    domain = lists(engine, ("allow", "domain", "best88.vip"))
    assert engine.judge(newcomer(AD + " https://best88.vip/x"), lists=domain).verdict != "pass"


def test_a_cleared_text_passes_and_one_that_says_more_does_not(where: Make) -> None:
    engine, cleared = where(AD, "act"), Cleared()
    assert cleared.add(1, Trace.of(engine.model.read(AD).folded))
    local = Local(cleared=cleared)
    finding = engine.judge(newcomer(), local=local)
    assert (finding.verdict, rules(finding)) == ("pass", {"cleared"})
    assert engine.judge(newcomer(AD.replace("8866", "9977")), local=local).verdict == "act"
    assert engine.judge(newcomer(cards=("卡片",)), local=local).verdict != "pass"


def test_a_known_ad_is_acted_on_under_another_number(where: Make) -> None:
    engine, known = where(AD, "pass"), Known()
    assert known.add(1, Trace.of(engine.model.read(AD).folded))
    for said in (newcomer(), newcomer(AD.replace("8866", "9977")), newcomer(trusted=True)):
        finding = engine.judge(said, local=Local(known=known))
        assert (finding.verdict, finding.rule) == ("act", "known")
        explained(finding)
    assert engine.judge(newcomer(PLAIN), local=Local(known=known)).verdict == "pass"


def test_lists_go_before_what_is_known_and_cleared(where: Make) -> None:
    engine, known, cleared = where(AD, "pass"), Known(), Cleared()
    trace = Trace.of(engine.model.read(AD).folded)
    known.add(1, trace)
    cleared.add(2, trace)
    local = Local(known=known, cleared=cleared)
    assert engine.judge(newcomer(), local=local).verdict == "pass"
    assert engine.judge(newcomer(), local=local, lists=lists(engine, ("deny", "folded", "兼职"))).rule == "denied"
    allowed = lists(engine, ("allow", "folded", AD))
    assert engine.judge(newcomer(), local=Local(known=known), lists=allowed).verdict == "pass"


def test_what_a_group_has_learnt_moves_its_verdict_and_no_others(where: Make) -> None:
    engine = where(AD, "pass")
    indices = engine.model.indices(AD)
    taught = Local(delta=dict.fromkeys(indices, 30.0))
    finding = engine.judge(newcomer(), local=taught)
    assert finding.verdict == "act"
    explained(finding)
    assert engine.judge(newcomer()).verdict == "pass"
    assert engine.judge(newcomer(), local=Local(shift=100.0)).verdict == "act"


# --- padding --------------------------------------------------------------------------------

HARMLESS = [
    "今天的会议改到下午三点，资料放在共享盘里，大家先看一下再讨论。",
    "有没有人知道这个报错怎么处理",
    "谢谢，已经解决了！原来是版本不对",
    "周末一起去爬山吗？天气预报说不下雨",
    "我昨天把依赖升级以后就编译不过了，回退就好了。",
]


@given(before=st.lists(st.sampled_from(HARMLESS), max_size=30), after=st.lists(st.sampled_from(HARMLESS), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_harmless_lines_around_an_ad_do_not_let_it_pass(where: Make, before: list[str], after: list[str]) -> None:
    engine = where(AD, "act")
    assert engine.judge(newcomer("\n".join([*before, AD, *after]))).verdict != "pass"


def test_an_ad_in_the_middle_of_twenty_thousand_characters_does_not_pass(small_engine: Engine) -> None:
    talk = "".join(HARMLESS) * 100
    for gap in ("\n", "。", ""):
        assert small_engine.judge(newcomer(talk[:10_000] + gap + AD + gap + talk[:10_000])).verdict != "pass"


# --- anything -------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec=None), max_size=60)


@given(
    text=TEXT | st.sampled_from([AD, PLAIN, AD * 40]),
    name=TEXT | st.just(AD),
    links=st.lists(TEXT, max_size=3),
    cards=st.lists(TEXT | st.just(AD), max_size=3),
    forwarded=st.lists(TEXT | st.just(AD), max_size=3),
    everyone=st.booleans(),
    trusted=st.booleans(),
    real=st.integers(0, 5),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_can_be_judged(
    small_engine: Engine,
    text: str,
    name: str,
    links: list[str],
    cards: list[str],
    forwarded: list[str],
    everyone: bool,
    trusted: bool,
    real: int,
) -> None:
    said = newcomer(
        text,
        name=name,
        links=tuple(links),
        cards=tuple(cards),
        forwarded=tuple(forwarded),
        everyone=everyone,
        trusted=trusted,
        real=real,
    )
    finding = small_engine.judge(said, memory=Memory())
    assert 0 <= finding.score <= 1
    assert (finding.verdict == "pass") == (finding.rule == "")
    assert not (trusted and finding.verdict == "act")
    explained(finding)
