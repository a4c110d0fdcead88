"""How sure a share is: intervals that hold for small counts, for weighted samples, and however often one looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p, sqrt

STEPS = 400
"""More terms of the continued fraction than any count of messages needs."""
EXACT = 1e-10


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, with the estimate between them; `point` is None where nothing says where between."""

    low: float
    point: float | None
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


UNKNOWN = Interval(0.0, None, 1.0)
"""A share of which nothing is known."""


def interval(successes: float, trials: float, level: float = 0.95) -> Interval:
    """The Clopper–Pearson interval of a share: 0/0 gives (0, None, 1). Raises ValueError for impossible counts.

    It holds the truth at least at its level for every count and every share. Jeffreys' is shorter, and holds it at
    that rate only on an average over shares: for a filter that is nearly always right, and for ten decisions, it is
    short by several points, and that is where this one is used. Fractions of a count are allowed.
    """
    _check(level)
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is no share")
    if not trials:
        return UNKNOWN
    return Interval(least(successes, trials, level), successes / trials, 1 - least(trials - successes, trials, level))


def least(successes: float, trials: float, level: float) -> float:
    """The lower end of the two-sided Clopper–Pearson interval."""
    return 0.0 if successes <= 0 else beta_quantile((1 - level) / 2, successes, trials - successes + 1)


def weighted(hits: Sequence[float], total: float, unseen: float, level: float = 0.95) -> Interval:
    """How many of `total` messages are hits, from a sample in which each message stands for its weight's number.

    hits    weights of the sampled messages that are hits
    unseen  what a hit that was not sampled would have stood for

    The ends are those of Clopper–Pearson for the count that has the same mean and variance (the idea of Fay and Feuer
    for standardised rates); for equal weights they are exactly those. One bound over all strata: no sum of bounds that
    must hold each.
    """
    _check(level)
    tail = (1 - level) / 2
    found, square = sum(hits), sum(weight * weight for weight in hits)
    total = max(total, found)
    low = 0.0
    if found:
        size = square / found
        low = total * beta_quantile(tail, found / size, (total - found) / size + 1)
    more = found + unseen
    size = (square + unseen * unseen) / more
    rest = (total - more) / size + 1
    # Less than one message of the sample is left to be no hit: as good as none.
    high = total if rest <= EXACT else total * beta_quantile(1 - tail, more / size, rest)
    return Interval(min(low, found), found, max(high, found))


def typical(weights: Sequence[float]) -> float:
    """The mean weight of all messages for which a sample stands: that of one drawn from all, not from the sample."""
    return sum(weight * weight for weight in weights) / sum(weights)


def lower_end(hits: float, others: float, moved: Iterable[tuple[float, float]], level: float) -> float:
    """The lower end of a share of which several things are uncertain; `moved`: where each alone would bring it.

    The distances are those of independent errors, so they add as squares do (Zou and Donner's MOVER); the chance that
    is in the counts themselves is one more.
    """
    total = hits + others
    if not total:
        return 0.0
    share = hits / total
    ends = [least(hits, total, level), *(hit / (hit + other) for hit, other in moved if hit + other)]
    return max(0.0, share - sqrt(sum((share - end) ** 2 for end in ends)))


def lasting(right: int, wrong: int, level: float = 0.95) -> Interval:
    """An interval that holds at its level at all times together, however often and whenever one looks; (0, None, 1).

    Its ends are where `proof` reaches a half of what the level leaves. A fixed interval looked at after each label
    leaves out the truth sooner or later.
    """
    _check(level)
    if not right + wrong:
        return UNKNOWN
    needed = log(2 / (1 - level))
    return Interval(_outlasted(right, wrong, needed), right / (right + wrong), 1 - _outlasted(wrong, right, needed))


def proof(right: int, wrong: int, limit: float) -> float:
    """The logarithm of the evidence that more than `limit` are right: bets on every greater share, mixed evenly.

    While the chance to be right is `limit` or less each time (it may change), exp of this is a supermartingale that
    starts at 1: the chance that it ever reaches 1/a is at most a, whenever one stops. `proof(wrong, right, 1 - limit)`
    is the evidence that fewer than `limit` are right.
    """
    if not 0 < limit < 1:
        raise ValueError(f"a limit is between 0 and 1, not {limit}")
    above = beta(1 - limit, wrong + 1, right + 1)
    if above <= 0:
        return -inf
    mixed = lgamma(right + 1) + lgamma(wrong + 1) - lgamma(right + wrong + 2) + log(above) - log1p(-limit)
    return mixed - right * log(limit) - wrong * log1p(-limit)


def _outlasted(right: int, wrong: int, needed: float) -> float:
    """The greatest share that is disproved by `right` against `wrong`, and all smaller ones with it."""
    low, high = 0.0, right / (right + wrong)
    while high - low > EXACT:
        middle = (low + high) / 2
        if proof(right, wrong, middle) >= needed:
            low = middle
        else:
            high = middle
    return low


def beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): the chance of at most x under Beta(a, b); a, b > 0."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    # The fraction converges fast on this side of the mean; the other side is its mirror.
    if x * (a + b + 2) < a + 1:
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + step * d or tiny)
            c = 1 + step / c or tiny
            value *= c * d
        if abs(c * d - 1) < EXACT:
            return value
    raise ArithmeticError(f"no value for x={x}, a={a}, b={b}")


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x below which `share` of Beta(a, b) lies: Newton's steps, kept between ends that close in."""
    low, high, x = 0.0, 1.0, a / (a + b)
    scale = lgamma(a + b) - lgamma(a) - lgamma(b)
    for _ in range(STEPS):
        over = beta(x, a, b) - share
        low, high = (low, x) if over > 0 else (x, high)
        slope = exp(scale + (a - 1) * log(x) + (b - 1) * log1p(-x))
        near = x - over / slope if slope > 0 else -1.0
        if not low < near < high:
            near = (low + high) / 2
        if abs(near - x) < EXACT * x or high - low < EXACT * low:
            return near
        x = near
    return x


def _check(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a level is between 0 and 1, not {level}")
