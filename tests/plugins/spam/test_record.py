"""What the guard says of itself in chat: only what is known, in a few lines; and a month that proves it."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from sqlite_utils import Database

from bench.spam_month import FATES, GOOD, WEAK, Filter
from bot.testing import Room
from bot.types import Role
from plugins.spam import Spam
from plugins.spam.auditing import Auditor
from plugins.spam.finding import Finding, Reason, Said, Verdict
from plugins.spam.guard import decisions
from plugins.spam.guard.decisions import Decision, Label, Origin, Outcome, Step
from plugins.spam.guard.figures import Figures, read
from plugins.spam.guard.record import told
from plugins.spam.guard.state import Guard
from plugins.spam.precision import SILENT, WAIT, Decided
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, guarded, order, said_in
from tests.plugins.spam.test_guard_admins import link


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch) as room:
        yield room


# --- the words --------------------------------------------------------------------------------


def rows(right: int, wrong: int, silent: int, rule: str = "model") -> list[Decided]:
    return [
        *[Decided(rule, "act", "spam")] * right,
        *[Decided(rule, "act", "ham")] * wrong,
        *[Decided(rule, "act", age=SILENT)] * silent,
    ]


def test_it_says_what_was_done_and_how_sure_that_is() -> None:
    sample = [Decided("", "pass", "ham", "audit", 0.01, 0.2, late=2 * WAIT)] * 40
    found = Figures(seen=900, acted=60, asked=9, settled=5, ads=4, rows=[*rows(47, 3, 10), *sample])
    lines = told(found, "on", 30).split("\n")
    assert lines[:4] == [
        "防广告最近 30 天，现在是开启：看过 900 条消息。",
        "处理了 60 条广告。",
        "管理员确认 47 条，撤销 3 条，没人说 10 条，其中 10 条已静默接受，不算作对。",
        "拿不准问了管理员 9 条，答了 5 条，是广告的 4 条。",
    ]
    assert re.fullmatch(r"准不准：对的占多少还说不准，95% 的把握在 \d\d%–\d\d% 之间。", lines[4])
    assert re.fullmatch(r"· 模型 60 条：对 47、错 3，\d\d%–\d\d%", lines[5])
    assert re.fullmatch(
        r"漏没漏：广告里找到的占多少还说不准，95% 的把握在 \d\d%–100% 之间（抽查答了 40/40 条）。", lines[6]
    )


def test_nothing_seen_is_nothing_claimed() -> None:
    assert told(Figures(), "on", 7).split("\n") == [
        "防广告最近 7 天，现在是开启：看过 0 条消息。",
        "没有看到我认得出的广告。",
        "漏没漏：还不知道，抽查还没有人答。",
    ]


def test_silence_is_no_proof() -> None:
    lines = told(Figures(acted=20, rows=rows(0, 0, 20)), "on", 30)
    assert "对的占多少还不知道" in lines
    assert "· 模型 20 条：还没人说对错" in lines


def test_the_ends_are_rounded_outwards() -> None:
    text = told(Figures(acted=1000, rows=rows(999, 1, 0)), "on", 30)
    assert "对的约 100%，95% 的把握在 99%–100% 之间" in text
    text = told(Figures(acted=100, rows=rows(100, 0, 0)), "on", 30)
    assert "95% 的把握在 96%–100% 之间" in text, "it is 96.4 %"


def test_it_is_never_longer_than_a_screen() -> None:
    many = [row for n in range(9) for row in rows(9 - n, 1, 1, f"rule{n}")]
    sample = [Decided("", "pass", "spam", "audit", 0.01, 0.2, late=2 * WAIT)]
    found = Figures(9999, 40, 30, 9, 9, 9, 9, 9, [*many, *sample])
    text = told(found, "on", 365, 12, ["model", "code", "judge"])
    assert len(text.split("\n")) <= 12
    assert "（另外 " in text
    assert max(map(len, text.split("\n"))) <= 80
    assert "先问管理员的规则：二维码、二次意见、模型。" in text


# --- in a group -------------------------------------------------------------------------------


async def test_members_may_read_it(room: Room) -> None:
    await room.say(AD, by="贾")
    await room.say(AD, by="丁")
    await room.say(DOUBT, by="丙")
    await room.say("/是广告 1", by="博", role=ADMIN)
    await room.say("/误判 2", by="博", role=ADMIN)
    [text] = await room.say("/防广告 战绩", by="安")
    lines = text.split("\n")
    assert lines[1:4] == [
        "处理了 2 条广告。",
        "管理员确认 1 条，撤销 1 条，没人说 0 条。",
        "拿不准问了管理员 1 条，答了 0 条，是广告的 0 条。",
    ]
    assert lines[4] == "准不准：对的约 50%，95% 的把握在 1%–99% 之间。"


async def test_the_shadow_says_what_would_have_been_done(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, "影子") as room:
        await room.say(AD, by="贾")
        await room.say("/误判 1", by="博", role=ADMIN)
        [text] = await room.say("/防广告 战绩", by="安")
        assert "现在是影子" in text
        assert "影子模式没动手，开启的话会处理 1 条。\n管理员确认 0 条，撤销 1 条" in text


async def test_what_admins_say_is_in_no_figure(room: Room) -> None:
    await room.say(AD, by="博", role=ADMIN)
    await room.say(AD, by="陈", role=Role.OWNER)
    assert "没有看到我认得出的广告" in (await room.say("/防广告 战绩", by="安"))[0]


async def test_what_an_admin_pointed_at_was_missed(room: Room) -> None:
    await room.say("一句漏掉的话", by="贾", message_id="it")
    await room.say("/广告", by="博", role=ADMIN, quote="it")
    [text] = await room.say("/防广告 战绩", by="安")
    assert text.endswith("漏没漏：还不知道，抽查还没有人答；你们指出漏了 1 条。")
    assert "准不准" not in text


@pytest.mark.parametrize("words", ["0", "366", "一周", "-3", "7 8", "１２３４"])
async def test_the_days_are_a_number(room: Room, words: str) -> None:
    assert await room.say(f"/防广告 战绩 {words}", by="安") == ["写最近多少天，1 到 365：/防广告 战绩 30"]


async def test_older_decisions_are_in_no_figure(room: Room) -> None:
    await room.say(AD, by="贾")
    await room.app.store.write(
        lambda db: db.execute("update spam_decisions set time = time - ?", [10 * 86_400]).rowcount
    )
    assert "处理了 1 条" in (await room.say("/防广告 战绩", by="安"))[0]
    assert "处理了" not in (await room.say("/防广告 战绩 7 天", by="安"))[0]


async def test_an_admin_group_sees_what_it_looks_after_and_its_members_do_not(room: Room) -> None:
    await link(room)
    await room.say(AD, by="贾")
    told = await order(room, "/防广告 战绩", group=room.other)
    assert told.startswith("防广告最近 30 天（2 个群合计）：看过 ")
    [own] = await room.say("/防广告 战绩", by="丁", group=room.other)
    assert "没有看到" in own


async def test_each_decision_is_counted_as_what_it_is(room: Room) -> None:
    now = time.time()

    given: list[tuple[Verdict, Origin, Label | None, float | None, float | None, str, list[str]]] = [
        ("act", "screen", "ham", 3600, None, "on", ["recall"]),
        ("act", "screen", "spam", 2 * WAIT, 0.25, "on", ["recall", "mute"]),
        ("act", "picture", None, None, None, "on", []),
        ("act", "screen", None, None, 0.5, "shadow", []),
        ("act", "screen", "spam", 60, None, "off", []),
        ("review", "screen", "spam", 60, None, "on", []),
        ("pass", "audit", "ham", 3 * WAIT, 0.125, "on", []),
        ("pass", "admin", "spam", 60, None, "on", ["recall"]),
    ]

    def put(db: Database) -> None:
        for n, (verdict, origin, label, late, chance, mode, done) in enumerate(given):
            step: Step = "recall" if done else "ask"
            seen = Decision(
                room.group.id, "", f"room:{n}", "", f"x{n}", "", now - 5 * WAIT, Finding(0.5, verdict, (), "model"),
                mode, origin, step, Outcome(done), label=label, label_time=late and now - 5 * WAIT + late,
                chance=chance,
            )  # fmt: skip
            decisions.write(db, seen)

    await room.app.store.write(put)
    found = await room.app.store.read(lambda db: read(db, [room.group.id], 0, now))
    whole = [
        (one.verdict, one.origin, one.label, round(one.late), one.chance, one.public, round(one.age / WAIT))
        for one in found.rows
    ]
    assert whole == [
        ("act", "screen", "ham", 3600, None, True, 5),
        ("act", "screen", "spam", 2 * WAIT, 0.25, True, 5),
        ("act", "picture", None, 0, None, False, 5),
        ("act", "screen", None, 0, 0.5, False, 5),
        ("review", "screen", "spam", 60, None, False, 5),
        ("pass", "audit", "ham", 3 * WAIT, 0.125, False, 5),
        ("pass", "admin", "spam", 60, None, True, 5),
    ]
    counts = found.acted, found.would, found.held, found.asked, found.settled, found.ads, found.pointed
    assert counts == (2, 1, 1, 1, 1, 1, 1)


# --- a month of known truth -------------------------------------------------------------------

DAYS = 30
BAD = Filter((0.1, 0.1, 0.1, 0.2, 0.4, 0.1), (0.8, 0.05, 0.02, 0.03, 0.06, 0.04))
"""One that is right in two of three, and whose mistakes hardly any admin minds."""
FATE = re.compile(r"\[(\w+)\]")


class Fated:
    """An engine that finds what a message says it is to find."""

    def judge(self, said: Said, *, lists: Any = None, memory: Any = None, local: Any = None) -> Finding:
        found = FATE.search(said.text)
        if found is None:
            return Finding(0.001, "pass")
        rule, verdict, score = FATES[found[1]]
        return Finding(score, verdict, (Reason(rule or "model", 1.0, "像广告"),) if rule else (), rule)


class Clock:
    """Days go by at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)


def share(text: str, what: str) -> tuple[float, float]:
    found = re.search(rf"{what}.*?95% 的把握在 (\d+)%–(\d+)% 之间", text)
    assert found is not None, text
    return int(found[1]) / 100, int(found[2]) / 100


async def month(room: Room, clock: Clock, dice: Random, quality: Filter, undo: float) -> tuple[float, float]:
    """Live through a month in the group; returns the true precision and recall."""
    guard = next(kept.value for kept in room.app.keeper._kept.values() if isinstance(kept.value, Guard))
    watched = await guard.group(room.group.id)
    watched.audit = Auditor(0, dice)
    ads = acted_ads = acted = number = 0
    is_ad: dict[str, bool] = {}

    async def label(id: int, ad: bool, group: Any = None) -> None:
        await room.say(f"/{'是广告' if ad else '误判'} {id}", by="博", role=ADMIN, group=group)

    for _ in range(DAYS):
        today = [(True, fate) for fate in dice.choices(list(FATES), quality.ads, k=4)]
        today += [(False, fate) for fate in dice.choices(list(FATES), quality.others, k=14)]
        dice.shuffle(today)
        for ad, fate in today:
            number += 1
            text = f"[{fate}] 第 {number} 条"
            is_ad[text] = ad
            verdict = FATES[fate][1]
            ads, acted, acted_ads = ads + ad, acted + (verdict == "act"), acted_ads + (ad and verdict == "act")
            await room.say(text, by=f"甲{number}", message_id=f"said{number}")
            if verdict == "pass":
                if ad and dice.random() < 0.2:
                    await room.say("/广告", by="博", role=ADMIN, quote=f"said{number}")
                continue
            # Admins undo what they see to be wrong, and seldom confirm what is right.
            if dice.random() < (0.6 if verdict == "review" else 0.15 if ad else undo):
                [row] = await room.rows("select id from spam_decisions where message_id = ?", f"said{number}")
                await label(row["id"], ad)
        clock.ahead += 86_400
        watched._day_until = 0.0
        before = len(said_in(room, room.other))
        await room.run("audit")
        for asked in said_in(room, room.other)[before:]:
            for id, text in re.findall(r"^#(\d+) 「测试群」甲\d+：(.*?)（", asked, re.MULTILINE):
                if dice.random() < 0.8:
                    await label(int(id), is_ad[text], room.other)
    return acted_ads / acted, acted_ads / ads


@pytest.mark.slow
@pytest.mark.parametrize(("quality", "undo", "seed"), [(GOOD, 0.7, 1), (WEAK, 0.7, 3), (BAD, 0.1, 4)])
async def test_a_month_of_known_truth_is_in_what_is_said(
    monkeypatch: pytest.MonkeyPatch, quality: Filter, undo: float, seed: int
) -> None:
    clock = Clock(monkeypatch)
    async with guarded(monkeypatch) as room:
        monkeypatch.setattr(Spam, "engines", staticmethod(lambda: (Fated(), None)))
        await room.restart()
        await link(room)
        await room.set(Spam, audits=6, precision=0.5)
        precision, recall = await month(room, clock, Random(seed), quality, undo)
        [text] = await room.say("/防广告 战绩 31", by="安")
    low, high = share(text, "准不准")
    assert low <= precision <= high
    assert high - low < 0.45, "and it says something"
    low, high = share(text, "漏没漏")
    assert low <= recall <= high
    assert high - low < 0.5
    assert len(text.split("\n")) <= 12
