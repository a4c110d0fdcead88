"""What a lesson would do to everyone else: the frozen set under the shipped weights, and under the new ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SURE = 0.95
"""Where an ad usually stands among ham; one such is added to every average, so that few samples are no proof."""
_WINDOWS = (1, 5, 10, 20)
_ODD = 0.45


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a lesson may go; all is measured against the shipped weights, so that small steps add up.

    false   so many more ham messages may be acted on
    asked   share of the frozen ham of which admins may newly be asked
    missed  share of the frozen ads acted on that may no longer be; one is always allowed
    rise    the frozen ham may move towards the threshold by this share of its distance, on average
    likely  where the samples of spam must stand among ham, on average: 0.5 is where ordinary talk stands
    """

    false: int = 0
    asked: float = 0.02
    missed: float = 0.02
    rise: float = 0.1
    likely: float = 0.7


@dataclass(frozen=True, slots=True)
class Check:
    """The frozen set under some weights: counts of its ham and its spam, and the mean margin of its ham."""

    ham: int
    spam: int
    acted: int
    asked: int
    found: int
    mean: float

    @classmethod
    def of(cls, margins: Sequence[tuple[float, bool]], act: float, review: float) -> Check:
        """Count margins with their labels."""
        ham = [margin for margin, spam in margins if not spam]
        spam = [margin for margin, spam in margins if spam]
        return cls(
            len(ham),
            len(spam),
            sum(margin >= act for margin in ham),
            sum(margin >= review for margin in ham),
            sum(margin >= act for margin in spam),
            sum(ham) / len(ham) if ham else 0.0,
        )


def objections(before: Check, after: Check, act: float, bounds: Bounds) -> Iterator[str]:
    """What speaks against a lesson, in words that follow "学了"."""
    acted, found = after.acted - before.acted, before.found - after.found
    if acted > bounds.false:
        yield f"会把 {acted} 条正常消息当广告"
    if found > max(1, int(bounds.missed * before.found)):
        yield f"会漏掉 {found} 条原来认得出的广告"
    asked = after.asked - before.asked
    if asked > max(3, int(bounds.asked * before.ham)):
        yield f"会多拿 {asked} 条正常消息来问管理员"
    if after.mean - before.mean > bounds.rise * max(1.0, act - before.mean):
        yield "会让正常消息整体更像广告"


def standing(margins: Sequence[float], ham: Sequence[float]) -> list[float]:
    """For each margin, the share of ham that lies below it."""
    ordered = sorted(ham)
    return [bisect_left(ordered, margin) / max(1, len(ordered)) for margin in margins]


def unlikely(standings: Sequence[float], likely: float) -> int:
    """How many of the newest samples of spam stand where ordinary talk stands; 0: they may well be ads.

    Looked at are the newest 1, 5, 10, 20 and all, so that neither old ads hide a new poison nor a drip adds up.
    """
    for count in (*(window for window in _WINDOWS if window < len(standings)), len(standings)):
        newest = standings[len(standings) - count :]
        if newest and (sum(newest) + _SURE) / (count + 1) < likely:
            return count
    return 0


def odd(standings: Sequence[float]) -> list[int]:
    """The places of those that stand where ordinary talk stands."""
    return [place for place, share in enumerate(standings) if share < _ODD]
