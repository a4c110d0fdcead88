"""Which messages admins are asked about at random, and with what chance each was chosen."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from random import Random
from typing import Literal, TypedDict

from plugins.spam.finding import Verdict

Band = Literal["act", "low", "middle", "high"]
"""What was acted on; and what was not, by its score: likely fine, uncertain, nearly reviewed."""

BANDS: tuple[Band, ...] = ("low", "middle", "high")
EDGES = (0.02, 0.2)
"""Scores where the bands of passed messages part."""
SHARES: Mapping[Band, float] = {"act": 0.25, "low": 0.35, "middle": 0.2, "high": 0.2}
"""How the questions of a day are spread: nearly all messages are low, so an uncertain one is asked about oftener."""
FIRST: Mapping[Band, float] = {"act": 4.0, "low": 60.0, "middle": 5.0, "high": 2.0}
"""Messages a day to reckon with, on the first day of a group."""
NEW = 0.3
"""How much the last day counts in what the next is reckoned to be; the first days count more."""

FEW = 4
"""So many questions of a band are never too many for a day."""


class State(TypedDict):
    """What an auditor has to remember, in plain values; `day` is a local date, `days` how many, counts are by band."""

    day: str
    days: int
    expected: dict[str, float]
    seen: dict[str, int]
    chosen: dict[str, int]


def band(verdict: Verdict, score: float) -> Band | None:
    """Which band a message belongs to; None for `review`: admins are asked about each of those anyhow."""
    if verdict == "pass":
        return BANDS[bisect(EDGES, score)]
    return "act" if verdict == "act" else None


class Auditor:
    """Chooses about `daily` messages a day of one group (0: none), each with a chance that is fixed before it comes.

    The chance of a band follows from the days before; when a day brings far more than these, it is halved again and
    again, and never is 0: a raid of thousands leads to a few questions more. As no chance depends on what the message
    turns out to be, 1/chance is how many messages the chosen one stands for. `state` is all there is to keep: give it
    back to go on after a restart. `random` decides; the same one on the same messages chooses the same.

    Ask about what was chosen only after `precision.WAIT`: what admins mark by themselves until then is known of the
    chosen as of all others, so that being chosen changes nothing about it.
    """

    def __init__(self, daily: float, random: Random, state: State | None = None) -> None:
        if daily < 0:
            raise ValueError(f"{daily} questions a day are none to ask")
        self.daily = daily
        self._random = random
        self._parts = {name: max(FEW, round(2 * daily * share)) for name, share in SHARES.items()}
        state = state or State(day="", days=0, expected={}, seen={}, chosen={})
        self._day = state["day"]
        self._days = state["days"]
        self._expected: dict[str, float] = {name: state["expected"].get(name, count) for name, count in FIRST.items()}
        self._seen = dict(state["seen"])
        self._chosen = dict(state["chosen"])
        self._chances = self._spread()

    @property
    def state(self) -> State:
        """A copy of what has to be kept, of str, int and float only."""
        return State(
            day=self._day,
            days=self._days,
            expected=dict(self._expected),
            seen=dict(self._seen),
            chosen=dict(self._chosen),
        )

    def choose(self, verdict: Verdict, score: float, day: str) -> float | None:
        """The chance with which this message was chosen, or None where it was not. `day`: the local date."""
        if day != self._day:
            self._turn(day)
        name = band(verdict, score)
        if name is None:
            return None
        self._seen[name] = self._seen.get(name, 0) + 1
        if not self.daily:
            return None
        chance = self._chances[name]
        chosen = self._chosen.get(name, 0)
        if chosen:
            # Twice the band's part of the questions is enough: each time it fills up, the chance halves.
            chance *= 0.5 ** (chosen // self._parts[name])
        if self._random.random() >= chance:
            return None
        self._chosen[name] = chosen + 1
        return chance

    def _turn(self, day: str) -> None:
        """Begin a day; what the last one brought goes into what is expected."""
        if self._day:
            self._days += 1
            part = max(NEW, 1 / self._days)
            for name, expected in self._expected.items():
                self._expected[name] = (1 - part) * expected + part * self._seen.get(name, 0)
        self._day, self._seen, self._chosen = day, {}, {}
        self._chances = self._spread()

    def _spread(self) -> dict[Band, float]:
        """The chance of each band today; questions that a rare band has no messages for go to the others."""
        chances: dict[Band, float] = {}
        left, bands = float(self.daily), list(SHARES)
        while bands:
            parts = sum(SHARES[name] for name in bands)
            wanted = {name: left * SHARES[name] / parts / max(self._expected[name], 0.5) for name in bands}
            full = [name for name in bands if wanted[name] >= 1]
            if not full:
                return chances | wanted
            # None of these has as many messages as its part of the questions: something is left for the others.
            left -= sum(self._expected[name] for name in full)
            chances |= dict.fromkeys(full, 1.0)
            bands = [name for name in bands if name not in full]
        return chances
