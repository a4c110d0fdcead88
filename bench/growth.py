"""Whether an event costs the same in ten groups and in ten thousand, and on a log of millions of rows."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.bots import BOT
from bench.closed import faults
from bench.figures import Figure, median
from bench.load.crowd import FIRST
from bench.picture import Curve, draw
from bench.prefill import prefill
from bench.process import ROOT
from bench.runs import Run, run

FLAT = 1.2
"""The dearest point costs at most so many times the cheapest."""
RATE = 1000
GROUPS = (10, 1000, 10_000)
ROWS = (0, 10_000, 1_000_000)
MOST_ROWS = 10_000_000
MIDDLE = 1000
"""How many groups there are while the rows vary."""
PICTURE = ROOT / "docs" / "bench-growth.svg"


@dataclass(frozen=True, slots=True)
class Point:
    """One measured place: so many groups, on a log of so many rows."""

    groups: int
    rows: int

    @property
    def name(self) -> str:
        return f"{self.groups:,} groups, {self.rows:,} rows"


def growth(turns: int, seconds: float, *, full: bool) -> list[Figure]:
    """CPU per event at each point, by turns; `full` adds ten million rows and draws the picture."""
    rows = (*ROWS, MOST_ROWS) if full else ROWS
    points = list(dict.fromkeys([*(Point(groups, 0) for groups in GROUPS), *(Point(MIDDLE, many) for many in rows)]))
    runs: dict[Point, list[Run]] = {point: [] for point in points}
    with ExitStack() as stack:
        logs = {}
        for many in rows[1:]:
            print(f"  filling a log of {many:,} rows ...", flush=True)
            logs[many] = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            prefill(logs[many], many)
        for number in range(turns):
            for point in points:
                runs[point].append(_measured(point, logs.get(point.rows), number, seconds))
    costs = {point: [found["cpu_us"] for found in of] for point, of in runs.items()}
    figures = [median(f"growth {point.name}, CPU per event", costs[point], "us") for point in points]
    medians = {point: statistics.median(costs[point]) for point in points}
    curves = {
        "groups": [(point.groups, medians[point]) for point in points if point.rows == 0],
        "rows": [(point.rows, medians[point]) for point in points if point.groups == MIDDLE],
    }
    for name, curve in curves.items():
        figures.append(Figure(f"growth by {name}, dearest of cheapest", _spread(curve), "x", FLAT))
    if full:
        PICTURE.write_text(picture(curves), encoding="utf-8")
        print(f"  drawn: {PICTURE}")
    return figures + faults("growth", {BOT.name: [found for of in runs.values() for found in of]})


def _measured(point: Point, log: Path | None, number: int, seconds: float) -> Run:
    # A log is used by every round: each says something new.
    first = FIRST + number * 10_000_000
    return run(BOT, "mixed", log, groups=point.groups, rate=RATE, seconds=seconds, first=first, behind=10)


def _spread(curve: Sequence[tuple[int, float]]) -> float:
    costs = [cost for _, cost in curve]
    return max(costs) / min(costs)


def picture(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Both curves as one SVG."""
    return draw(
        "CPU per event",
        [
            Curve("groups, on an empty log", curves["groups"]),
            Curve(f"rows in the log, {MIDDLE:,} groups", curves["rows"]),
        ],
    )
