"""A rule that is wrong too often asks; one that is shown to be right acts again."""

from __future__ import annotations

from random import Random

from plugins.spam.demotion import Counts, demoted
from plugins.spam.precision import Decided, precision


def told(right: int, wrong: int, unlabelled: int = 0, fair: tuple[int, int] = (0, 0)) -> Counts:
    return Counts(right, wrong, unlabelled, fair)


def test_a_rule_that_is_mostly_undone_is_demoted() -> None:
    assert demoted(told(2, 6), 0.9)
    assert demoted(told(5, 15, 10), 0.9), "even if all that nobody labelled was right"


def test_a_rule_is_not_demoted_for_want_of_evidence() -> None:
    assert not demoted(told(0, 0, 500), 0.9)
    assert not demoted(told(10, 1), 0.9)
    assert not demoted(told(0, 1), 0.9)
    assert not demoted(told(300, 2), 0.9)


def test_a_rule_that_had_its_chance_and_is_not_shown_to_be_good_is_demoted() -> None:
    assert demoted(told(135, 15), 0.9)
    assert not demoted(told(149, 1), 0.9)


def test_mistakes_that_were_minded_are_not_all_that_was_done() -> None:
    assert not demoted(told(0, 20, 2000), 0.9)
    assert demoted(told(0, 20, 40), 0.9)


def test_a_fair_sample_goes_before_what_admins_happened_to_label() -> None:
    assert demoted(told(30, 30, 100, fair=(0, 0)), 0.9)
    assert not demoted(told(50, 15, 100, fair=(49, 1)), 0.9)


def test_a_demoted_rule_comes_back_by_evidence_and_not_by_silence() -> None:
    assert demoted(told(0, 0), 0.9, was=True)
    assert demoted(told(0, 0, 5000), 0.9, was=True)
    assert demoted(told(50, 0), 0.9, was=True)
    assert not demoted(told(70, 0), 0.9, was=True)


def test_between_falling_and_rising_lies_more_than_one_mistake() -> None:
    for limit in (0.8, 0.9, 0.95):
        for wrong in (4, 6, 10):
            back = next(right for right in range(5000) if not demoted(told(right, wrong), limit, was=True))
            assert not demoted(told(back, wrong + 1), limit)


def falls(rate: float, limit: float, labels: int, random: Random) -> bool:
    """Whether a rule is ever demoted, asked after every label up to so many."""
    right = 0
    for n in range(1, labels + 1):
        right += random.random() < rate
        if demoted(told(right, n - right), limit):
            return True
    return False


def test_looking_after_every_label_does_not_condemn_the_good() -> None:
    random = Random(11)
    assert sum(falls(0.99, 0.9, 200, random) for _ in range(60)) / 60 <= 0.1
    assert sum(falls(0.7, 0.9, 200, random) for _ in range(60)) / 60 == 1


def rises(rate: float, limit: float, random: Random) -> bool:
    right = 0
    for n in range(1, 200):
        right += random.random() < rate
        if not demoted(told(right, n - right), limit, was=True):
            return True
    return False


def test_a_bad_rule_does_not_come_back_by_patience() -> None:
    random = Random(12)
    assert sum(rises(0.88, 0.9, random) for _ in range(100)) <= 4


def test_it_is_asked_of_what_the_record_counts_as_well() -> None:
    rows = [Decided("model", "act", "ham")] * 6 + [Decided("model", "act", "spam")] * 2
    assert demoted(precision(rows, rule="model"), 0.9)
    assert not demoted(precision(rows[6:], rule="model"), 0.9)
