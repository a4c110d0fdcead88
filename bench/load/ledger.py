"""What was asked and what came back: each command once, in its group's order, and how long it took."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.load.crowd import Said


@dataclass(slots=True)
class Ledger:
    """Times are seconds of `perf_counter`: the loop's own clock goes in steps of 1 ms."""

    waiting: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Commands without a reply: number → group, and when it was due to be said."""
    latencies: list[float] = field(default_factory=list)
    duplicates: int = 0
    astray: int = 0
    """Replies to another group than the one that asked."""
    disorder: int = 0
    """Replies that were overtaken by a later one of their group."""
    _groups: dict[int, int] = field(default_factory=dict)
    _answered: set[int] = field(default_factory=set)

    def asked(self, said: Said, due: float) -> None:
        self.waiting[said.number] = (said.group, due)

    def replied(self, number: int, group: int, now: float) -> None:
        """Enter the reply that names `number`."""
        known = self.waiting.pop(number, None)
        if known is None:
            self.duplicates += number in self._answered
            self.astray += number not in self._answered
            return
        self._answered.add(number)
        home, due = known
        self.latencies.append(now - due)
        self.astray += home != group
        if number < self._groups.get(group, 0):
            self.disorder += 1
        else:
            self._groups[group] = number

    def forget(self) -> None:
        """Drop what was measured so far, as after warming up."""
        self.latencies.clear()

    def told(self) -> dict[str, float]:
        """The figures, latencies in ms."""
        return {
            "replies": len(self.latencies),
            "lost": len(self.waiting),
            "duplicates": self.duplicates,
            "astray": self.astray,
            "disorder": self.disorder,
            "p50_ms": percentile(self.latencies, 50) * 1000,
            "p99_ms": percentile(self.latencies, 99) * 1000,
            "max_ms": max(self.latencies, default=0.0) * 1000,
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """The `percent`-th percentile; 0 for no values."""
    if len(values) < 2:
        return max(values, default=0.0)
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
