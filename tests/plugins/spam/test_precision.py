"""What the guard claims of itself: only what is known, and as sure as it is said to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import pytest

from bench.spam_month import ALL, GOOD, MONTHS, Held, Month, Shown, held, naive, shown
from plugins.spam.intervals import UNKNOWN, interval
from plugins.spam.precision import SILENT, WAIT, Decided, Label, precision, precisions, recall

LABELS: tuple[Label | None, ...] = ("spam", "ham", None)


def acts(spam: int = 0, ham: int = 0, unlabelled: int = 0, rule: str = "model") -> list[Decided]:
    """Actions, labelled by somebody's own wish."""
    labels: list[Label | None] = []
    for label, count in zip(LABELS, (spam, ham, unlabelled), strict=True):
        labels.extend([label] * count)
    return [Decided(rule, "act", label) for label in labels]


def audited(verdict: str, label: Label | None, chance: float, score: float = 0.001) -> Decided:
    assert verdict in ("act", "pass")
    late = 2 * WAIT if label else 0.0
    return Decided("", "act" if verdict == "act" else "pass", label, "screen", score, chance, late=late)


# --- precision ------------------------------------------------------------------------------


def test_nothing_done_is_nothing_known() -> None:
    assert precision([]).shown == precision([]).seen == UNKNOWN
    assert precisions([]) == {}


def test_all_labelled_is_a_plain_interval() -> None:
    told = precision(acts(8, 2))
    assert (told.shown.point, told.worst, told.best, told.acted) == (0.8, 0.8, 0.8, 10)
    assert told.shown.low == pytest.approx(interval(8, 10).low)
    assert told.shown.high == pytest.approx(interval(8, 10).high)


def test_the_unlabelled_are_neither_right_nor_wrong() -> None:
    told = precision(acts(8, 2, 90))
    assert told.seen == interval(8, 10)
    assert (told.worst, told.best) == (0.08, 0.98)
    assert told.shown.point is None
    assert told.shown.low < 0.08
    assert told.shown.high > 0.98
    assert told.audited == UNKNOWN


def test_silence_is_shown_apart_and_proves_nothing() -> None:
    rows = [Decided("model", "act", age=SILENT), Decided("model", "act", age=SILENT, public=False)]
    rows += [Decided("model", "act", age=SILENT - 1), Decided("model", "act", "spam", age=SILENT)]
    told = precision(rows)
    assert (told.silent, told.unlabelled) == (1, 3)
    young = precision([Decided("model", "act")] * 3 + rows[-1:])
    assert (young.shown, young.seen, young.silent) == (told.shown, told.seen, 0)


def test_an_audit_speaks_for_those_nobody_labelled() -> None:
    """A hundred actions: ten undone by an admin's wish; of the rest twenty were asked about, and all were right."""
    rows = acts(0, 10, 70) + [audited("act", "spam", 0.2)] * 20
    told = precision(rows)
    assert told.seen.point == pytest.approx(20 / 30), "those looked at are the worst of all"
    assert told.audited.point == told.shown.point == pytest.approx(0.9)
    assert told.shown.low > 0.7
    assert told.best == pytest.approx(0.9)


def test_a_label_by_somebodys_wish_is_no_answer_to_the_audit() -> None:
    """Chosen, but undone before anybody could be asked: it stands for itself, not for 1/chance others."""
    early = Decided("model", "act", "ham", chance=0.1, late=60)
    told = precision([*acts(unlabelled=99), early])
    assert told.audited == UNKNOWN
    assert told.best == 0.99


def test_each_rule_is_counted_for_itself_and_an_admins_find_for_none() -> None:
    rows = acts(3, 1) + acts(5, 0, rule="contact") + [Decided("admin", "act", "spam", "admin")] * 9
    told = precisions(rows)
    assert {rule: (each.right, each.wrong) for rule, each in told.items()} == {"model": (3, 1), "contact": (5, 0)}
    assert precision(rows).right == 8


# --- recall ---------------------------------------------------------------------------------


def test_recall_without_an_answer_is_unknown() -> None:
    assert recall([]).shown == UNKNOWN
    told = recall([*acts(50), audited("pass", None, 0.1)])
    assert (told.chosen, told.answered, told.shown) == (1, 0, UNKNOWN)


def test_a_found_ad_stands_for_the_messages_of_its_chance() -> None:
    rows = acts(90) + [audited("pass", "ham", 0.1)] * 49 + [audited("pass", "spam", 0.1)]
    told = recall(rows)
    assert told.hidden.point == pytest.approx(10)
    assert told.shown.point == pytest.approx(0.9)
    assert told.shown.low < 0.75


def test_a_choice_of_a_busy_day_stands_for_more() -> None:
    """The one ad was found on a day when one in fifty was chosen, the forty others when every second was."""
    rows = acts(90) + [audited("pass", "ham", 0.5)] * 40 + [audited("pass", "spam", 0.02)]
    assert recall(rows).hidden.point == pytest.approx(50)


def test_what_was_chosen_and_pointed_at_before_it_was_asked_stands_for_itself() -> None:
    early = Decided("", "pass", "spam", score=0.001, chance=0.1, late=60)
    assert recall([*acts(90), early, *[audited("pass", "ham", 0.1)] * 20]).hidden.point == 1


def test_unanswered_questions_do_not_count_as_fine() -> None:
    rows = acts(90) + [audited("pass", "ham", 0.1)] * 24 + [audited("pass", "spam", 0.1)]
    silent = [audited("pass", None, 0.1)] * 25
    assert recall(rows + silent).hidden.point == pytest.approx(20)
    assert recall(rows).hidden.point == pytest.approx(10)


def test_a_band_that_nobody_answered_may_be_all_ads() -> None:
    answered = acts(90) + [audited("pass", "ham", 0.5, score=0.1)] * 30
    told = recall([*answered, *[audited("pass", None, 0.05)] * 20])
    assert told.shown.point is None
    assert told.shown.low < 90 / (90 + 400)
    assert recall(answered).shown.low > 0.8


def test_what_somebody_pointed_at_is_missed_for_certain() -> None:
    pointed = [Decided("", "pass", "spam", "admin")] * 10
    told = recall([*acts(90), *pointed, *[audited("pass", "ham", 0.5)] * 40])
    assert told.hidden.low == told.hidden.point == 10
    assert told.shown.point == 0.9


def test_reviewed_ads_are_caught_only_where_that_is_asked() -> None:
    reviewed = [Decided("model", "review", "spam")] * 10
    rows = [*acts(90), *reviewed, *[audited("pass", "ham", 1.0)] * 100]
    assert recall(rows).shown.point == 0.9
    assert recall(rows, caught=("act", "review")).shown.point == 1


# --- months of a known truth ----------------------------------------------------------------

LIVED = 100
LEVEL = 0.95


def short(way: Callable[[Sequence[Decided]], Shown], month: Month) -> list[float]:
    """Rates at which the way's intervals hold the truth that are under the promised one by more than chance."""
    least = LEVEL - 3 * sqrt(LEVEL * (1 - LEVEL) / LIVED)
    rates = [rate for told in held(month, LIVED, 3, way) for rate in _rates(told)]
    return [rate for rate in rates if rate < least]


def _rates(told: Held) -> tuple[float, float]:
    return told.month, told.rate


@pytest.mark.parametrize("month", MONTHS, ids=lambda month: month.name)
def test_what_is_shown_holds_the_truth_at_its_rate(month: Month) -> None:
    assert short(shown, month) == []


def test_a_naive_interval_does_not() -> None:
    assert short(naive, MONTHS[4])


def test_labels_taken_for_a_sample_do_not() -> None:
    """The same bounds, but over what admins happened to look at."""

    def biased(rows: Sequence[Decided]) -> Shown:
        return precision(rows).seen, UNKNOWN

    assert short(biased, MONTHS[4])


def test_a_sample_without_its_chances_does_not() -> None:
    def unweighted(rows: Sequence[Decided]) -> Shown:
        missed = sum(row.label == "spam" and row.verdict != "act" for row in rows)
        found = sum(row.label == "spam" and row.verdict == "act" for row in rows)
        return UNKNOWN, interval(found, found + missed)

    assert short(unweighted, MONTHS[4])


def test_what_is_shown_says_something() -> None:
    """Any interval holds the truth if it is long enough: these are short where admins answer."""
    own, caught = held(Month("answered", 40, 0.1, GOOD, ALL, daily=10), 30, 4)
    assert own.length < 0.1
    assert caught.length < 0.3
    assert (own.known, caught.known) == (1, 1)


def test_no_answer_is_no_figure() -> None:
    _, caught = held(MONTHS[-1], 5, 5)
    assert caught.known == 0
