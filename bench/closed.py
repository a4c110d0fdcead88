"""How many commands a second the bots answer at most: 64 in flight over 64 members in 50 groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.bots import AIOCQHTTP, BOT, BOTS, NONEBOT2
from bench.figures import Figure, Unmeasured, median, ratio
from bench.runs import Run, run, turned

GROUPS = 50
MEMBERS = 64
TIMES = {NONEBOT2.name: 12.0, AIOCQHTTP.name: 1.0}
"""We answer at least so many times as much."""


def closed(turns: int, seconds: float) -> list[Figure]:
    """Measure each bot `turns` times for `seconds`, by turns."""
    runs: dict[str, list[Run]] = {bot.name: [] for bot in BOTS}
    for number in range(turns):
        for bot in turned(BOTS, number):
            found = run(bot, "closed", groups=GROUPS, members=MEMBERS, seconds=seconds)
            if not found["replies"]:
                raise Unmeasured(f"{bot.name} answered nothing.")
            runs[bot.name].append(found)
    rates = {name: [found["rate"] for found in of] for name, of in runs.items()}
    figures = [median(f"closed {name}", rates[name], "/s") for name in rates]
    figures += [
        ratio(f"closed bot, of {name}", rates[BOT.name], rates[name], least, least=True)
        for name, least in TIMES.items()
    ]
    costs = {name: [found["cpu_us"] for found in of] for name, of in runs.items()}
    figures += [median(f"closed {name}, CPU per command", costs[name], "us") for name in costs]
    figures += [ratio(f"closed {name}, CPU, of the bot's", costs[name], costs[BOT.name]) for name in TIMES]
    busy = max(found["busy"] for of in runs.values() for found in of)
    figures.append(Figure("closed, generator's share of its core, most", 100 * busy, "%", 80.0))
    return figures + faults("closed", runs)


def faults(title: str, runs: Mapping[str, Sequence[Run]]) -> list[Figure]:
    """What was lost, doubled or out of order, in all rounds together; ours has none."""
    found = []
    for name, of in runs.items():
        target = 0.0 if name == BOT.name else None
        found.append(Figure(f"{title} {name}, lost or doubled", sum(run.lost for run in of), "", target))
        found.append(Figure(f"{title} {name}, out of order", sum(run.disorder for run in of), "", target))
    return found
