"""Intervals hold what they promise: by sums over all outcomes, and by looking after every label."""

from __future__ import annotations

from itertools import pairwise
from math import comb, exp, isclose, log
from random import Random

import pytest

from plugins.spam.intervals import UNKNOWN, beta, beta_quantile, interval, lasting, proof, weighted


def binomial(k: int, n: int, share: float) -> float:
    return comb(n, k) * share**k * (1 - share) ** (n - k)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 30), (7, 3), (40, 2), (200, 300)])
@pytest.mark.parametrize("x", [0.001, 0.3, 0.5, 0.97])
def test_beta_is_a_tail_of_the_binomial(a: int, b: int, x: float) -> None:
    n = a + b - 1
    assert isclose(beta(x, a, b), sum(binomial(k, n, x) for k in range(a, n + 1)), rel_tol=1e-8, abs_tol=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.3, 4.5), (1, 1), (20, 1), (3, 10_000), (50_001, 50_000)])
@pytest.mark.parametrize("share", [0.005, 0.5, 0.975])
def test_a_quantile_inverts_beta(a: float, b: float, share: float) -> None:
    assert isclose(beta(beta_quantile(share, a, b), a, b), share, rel_tol=1e-6)


def test_an_interval_is_that_of_the_books() -> None:
    some = interval(8, 10)
    assert (round(some.low, 4), some.point, round(some.high, 4)) == (0.4439, 0.8, 0.9748)
    none = interval(0, 10)
    assert (none.low, none.point, round(none.high, 4)) == (0, 0, 0.3085)
    assert interval(0, 0) == UNKNOWN == (type(some)(0.0, None, 1.0))


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3), (1, -1)])
def test_impossible_counts_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="is no share"):
        interval(*counts)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_an_impossible_level_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="a level is between"):
        interval(1, 2, level)


@pytest.mark.parametrize("trials", [1, 4, 12, 40])
def test_an_interval_holds_every_share_at_its_level(trials: int) -> None:
    """By summing over all outcomes, no sample: the rate at which it holds is exact."""
    ends = [interval(k, trials) for k in range(trials + 1)]
    for step in range(1, 200):
        share = step / 200
        assert sum(binomial(k, trials, share) for k, end in enumerate(ends) if share in end) >= 0.95


def test_equal_weights_are_a_plain_interval() -> None:
    plain, heavy = interval(3, 10), weighted([2.5] * 3, 25, 2.5)
    assert isclose(heavy.low, 25 * plain.low, rel_tol=1e-8)
    assert isclose(heavy.high, 25 * plain.high, rel_tol=1e-8)
    assert weighted([1.0] * 10, 10, 1.0).high == 10


def test_one_heavy_hit_says_less_than_many_light_ones() -> None:
    heavy, light = weighted([40.0], 1000, 40), weighted([1.0] * 40, 1000, 1)
    assert heavy.point == light.point == 40
    assert heavy.low < light.low / 5
    assert heavy.high > 2 * light.high


def test_proof_starts_at_nothing_and_is_no_free_lunch() -> None:
    """Under the limit itself, evidence is on the average neither won nor lost: the sum over all outcomes is 1."""
    for limit in (0.5, 0.9):
        assert isclose(proof(0, 0, limit), 0, abs_tol=1e-12)
        for n in (1, 10, 60):
            mean = sum(binomial(k, n, limit) * exp(proof(k, n - k, limit)) for k in range(n + 1))
            assert isclose(mean, 1, rel_tol=1e-6)


@pytest.mark.parametrize("limit", [0, 1, 90])
def test_a_limit_outside_of_shares_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="a limit is between"):
        proof(1, 1, limit)


def looked(rate: float, labels: int, random: Random) -> tuple[bool, bool]:
    """Whether the lasting and the fixed interval held the rate at every single look."""
    right, ever, fixed = 0, True, True
    for n in range(1, labels + 1):
        right += random.random() < rate
        if n % 8 == 0:
            # In the lasting interval: neither side was disproved.
            ever &= max(proof(right, n - right, rate), proof(n - right, right, 1 - rate)) < log(40)
            fixed = fixed and rate in interval(right, n)
    return ever, fixed


def test_a_lasting_interval_holds_however_often_one_looks() -> None:
    random = Random(5)
    rules = [looked(0.85, 240, random) for _ in range(100)]
    assert sum(ever for ever, _ in rules) / 100 >= 0.93
    assert sum(fixed for _, fixed in rules) / 100 < 0.9, "what it is for: an interval for one look does not last"


@pytest.mark.parametrize(("right", "wrong"), [(0, 3), (3, 0), (5, 5), (95, 5), (400, 1)])
def test_a_lasting_interval_ends_where_the_proof_is_enough(right: int, wrong: int) -> None:
    ends, plain = lasting(right, wrong), interval(right, right + wrong)
    assert ends.low <= plain.low <= plain.high <= ends.high
    if right:
        assert isclose(proof(right, wrong, ends.low), log(40), abs_tol=1e-3)
        proofs = [proof(right, wrong, right / (right + wrong) * step / 40) for step in range(1, 40)]
        assert all(less >= more for less, more in pairwise(proofs)), "what is disproved has nothing between"
    assert lasting(0, 0) == UNKNOWN
