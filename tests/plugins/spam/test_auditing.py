"""Who is asked about, and with which chance."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from statistics import fmean

import pytest

from plugins.spam.auditing import Auditor, State, band
from plugins.spam.finding import Verdict

Stream = list[tuple[Verdict, float]]


def stream(low: int, middle: int = 0, high: int = 0, act: int = 0) -> Stream:
    messages: Stream = []
    for score, count in ((0.001, low), (0.1, middle), (0.3, high)):
        messages.extend([("pass", score)] * count)
    messages.extend([("act", 0.95)] * act)
    Random(9).shuffle(messages)
    return messages


def audit(auditor: Auditor, messages: Stream, day: str) -> list[tuple[str | None, float]]:
    """The band and the chance of each chosen message."""
    chances = [(band(verdict, score), auditor.choose(verdict, score, day)) for verdict, score in messages]
    return [(name, chance) for name, chance in chances if chance is not None]


def test_nobody_is_asked_where_it_is_off() -> None:
    assert audit(Auditor(0, Random(1)), stream(500, 50, 50, 50), "1") == []


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="none to ask"):
        Auditor(-1, Random(1))


def test_reviewed_messages_are_not_asked_about_twice() -> None:
    assert audit(Auditor(50, Random(1)), [("review", 0.6)] * 500, "1") == []


@pytest.mark.parametrize("messages", [30, 300, 3000])
def test_about_so_many_a_day_are_chosen_whatever_the_stream(messages: int) -> None:
    auditor = Auditor(6, Random(2))
    days = [len(audit(auditor, stream(messages, messages // 20, 4, 4), str(day))) for day in range(40)]
    assert 4.5 < fmean(days[5:]) < 7


def test_uncertain_ones_are_chosen_far_oftener() -> None:
    auditor = Auditor(6, Random(3))
    chosen: Counter[str | None] = Counter()
    for day in range(40):
        chosen.update(name for name, _ in audit(auditor, stream(900, 20, 10, 5), str(day)))
    assert chosen["high"] / 10 > 20 * chosen["low"] / 900
    assert chosen["low"] > 40, "and yet all bands are asked about"


def test_a_raid_leads_to_a_few_questions_more() -> None:
    auditor = Auditor(6, Random(4))
    for day in range(5):
        audit(auditor, stream(100, 5, 2, 2), str(day))
    raid = audit(auditor, stream(100, 5, 2, 20_000), "5")
    assert len(raid) < 60
    assert min(chance for _, chance in raid) > 0


def test_each_choice_stands_for_as_many_as_it_says() -> None:
    """Also on days that bring ten times what was expected: the sum of 1/chance is the number of messages."""
    totals: Counter[str | None] = Counter()
    for seed in range(60):
        auditor = Auditor(5, Random(seed))
        for day, times in enumerate((1, 1, 10, 1, 3)):
            for name, chance in audit(auditor, stream(40 * times, 5 * times, 2 * times, 3 * times), str(day)):
                totals[name] += 1 / chance  # type: ignore[assignment]  # a Counter also adds fractions
    for name, daily in (("low", 40), ("middle", 5), ("high", 2), ("act", 3)):
        assert totals[name] == pytest.approx(60 * 16 * daily, rel=0.12)


def test_a_restart_changes_nothing() -> None:
    days = [(str(day), stream(80 + day, 9, 3, 3)) for day in range(6)]
    random, other = Random(6), Random(6)
    whole = Auditor(5, random)
    straight = [audit(whole, messages, day) for day, messages in days]
    state: State | None = None
    broken = []
    for day, messages in days:
        chosen = []
        for half in (messages[:40], messages[40:]):
            auditor = Auditor(5, other, state)
            chosen += audit(auditor, half, day)
            state = json.loads(json.dumps(auditor.state))
        broken.append(chosen)
    assert broken == straight
    assert state == whole.state
