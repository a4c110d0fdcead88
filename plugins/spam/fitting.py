"""Logistic regression on few examples with many features, held to the weights it starts from."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_WORK = 6_000_000
"""Features visited at most: a limit by count and not by the clock gives the same weights on every machine."""


@dataclass(slots=True)
class Row:
    """One example: its margin under the shipped weights, and those of its features that may change.

    own    their places in the list of weights
    scale  the value of each: 1 / √(all features of the example)
    sign   1 for an ad, -1 for ham
    cost   how much it matters
    edge   the margin that it is to be on the right side of
    pull   what came out: how hard it pulls at the weights, from 0 (content) to `cost`
    """

    base: float
    own: Sequence[int]
    scale: float
    sign: int
    cost: float
    edge: float = 0.0
    pull: float = 0.0


@dataclass(slots=True)
class Fit:
    """The weights for some rows; `steps()` does the work.

    stiff  how hard the weights are held: a row of cost 1 moves no margin by more than about 1 / stiff
    lean   how much of that is open to the shift of all margins
    """

    rows: Sequence[Row]
    size: int
    stiff: float
    lean: float
    weights: list[float] = field(init=False)
    shift: float = 0.0

    def __post_init__(self) -> None:
        self.weights = [0.0] * self.size

    def steps(self, rounds: int) -> Iterator[None]:
        """Coordinate ascent in the dual: no learning rate, one best answer; pauses after every row."""
        rounds = max(2, min(rounds, _WORK // (1 + sum(len(row.own) for row in self.rows))))
        order = list(range(len(self.rows)))
        for turn in range(rounds):
            random.Random(turn).shuffle(order)
            for number in order:
                self._pull(self.rows[number])
                yield

    def margin(self, row: Row) -> float:
        """The log-odds of a row under what is learnt."""
        return row.base + row.scale * sum(map(self.weights.__getitem__, row.own)) + self.shift

    def left_out(self, row: Row) -> float:
        """The margin that a row would have, had it not been among the rows: its own pull taken back."""
        return self.margin(row) - row.sign * row.pull * self._grip(row)

    def _grip(self, row: Row) -> float:
        return (len(row.own) * row.scale * row.scale + self.lean) / self.stiff

    def _pull(self, row: Row) -> None:
        margin, grip, old = row.sign * (self.margin(row) - row.edge), self._grip(row), row.pull
        new = old
        for _ in range(4):  # Newton's steps towards the pull that fits the margin it leads to
            lifted = max(-30.0, min(30.0, margin + (new - old) * grip))
            wanted = row.cost / (1.0 + math.exp(lifted))
            slope = 1.0 + grip * wanted * (1.0 - wanted / row.cost)
            new = max(0.0, min(row.cost, new - (new - wanted) / slope))
        step = (new - old) * row.sign / self.stiff
        if abs(step) < 1e-4:
            return
        row.pull = new
        self.shift += step * self.lean
        step *= row.scale
        weights = self.weights
        for place in row.own:
            weights[place] += step
