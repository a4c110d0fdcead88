"""The highest rate of chatter with commands in it at which the commands are still answered at once.

500 groups, one message in twenty is a command. A rate is held when the commands' p99 is at most 100 ms,
counted from when each was due, and nothing is lost, in replies and in the log.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.bots import AIOCQHTTP, BARE, BOT, BOTS, NONEBOT2, Bot
from bench.closed import faults
from bench.figures import Figure, median, ratio
from bench.runs import Run, run, turned

GROUPS = 500
P99_MS = 100.0
BEHIND_SECONDS = 0.5
"""A command that waited so long was one of many: the rate is not held, and the rest is spared."""
GUESSES = {BARE.name: 12_000.0, AIOCQHTTP.name: 2500.0, NONEBOT2.name: 150.0, BOT.name: 3000.0}
TIMES = {NONEBOT2.name: 25.0, AIOCQHTTP.name: 1.2}
"""We hold at least so many times as much."""
HALVINGS = 3
LATER_STEP = 1.2
"""A later search begins where the last one ended, and goes in small steps."""


@dataclass(slots=True)
class Search:
    """The search of one bot's highest rate; `best` is the run at it."""

    bot: Bot
    seconds: float
    best: Run | None = None

    def holds(self, rate: float) -> bool:
        """Whether the bot holds a rate; a moment of the machine is not its limit, so it has two tries."""
        for _ in range(2):
            found = run(
                self.bot,
                "mixed",
                groups=GROUPS,
                rate=round(rate),
                seconds=self.seconds,
                warm_rate=round(GUESSES[self.bot.name]),
                behind=BEHIND_SECONDS,
            )
            if found["kept"] and found["p99_ms"] <= P99_MS and not found.lost:
                if self.best is None or found["rate"] >= self.best["rate"]:
                    self.best = found
                return True
        return False

    def highest(self, guess: float, step: float) -> Run:
        """Go up or down from `guess` by `step` (a factor) to both sides of the limit, then halve in between."""
        low = high = guess
        if self.holds(guess):
            while self.holds(high := high * step):
                low = high
        else:
            while not self.holds(low := low / step):
                high = low
        for _ in range(HALVINGS):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.holds(middle) else (low, middle)
        assert self.best is not None
        return self.best


def mixed(turns: int, seconds: float) -> list[Figure]:
    """Search for each bot `turns` times, by turns; each search begins where the last one ended."""
    runs: dict[str, list[Run]] = {bot.name: [] for bot in BOTS}
    for number in range(turns):
        for bot in turned(BOTS, number):
            before = runs[bot.name]
            guess, step = (before[-1]["rate"], LATER_STEP) if before else (GUESSES[bot.name], 2.0)
            found = Search(bot, seconds).highest(guess, step)
            print(f"  {bot.name} holds {found['rate']:.0f}/s (p99 {found['p99_ms']:.0f} ms)", flush=True)
            before.append(found)
    rates = {name: [found["rate"] for found in of] for name, of in runs.items()}
    figures = [median(f"mixed {name}", rates[name], "/s") for name in rates]
    figures += [
        ratio(f"mixed bot, of {name}", rates[BOT.name], rates[name], least, least=True) for name, least in TIMES.items()
    ]
    costs = {name: [found["cpu_us"] for found in of] for name, of in runs.items()}
    figures += [median(f"mixed {name}, CPU per event", costs[name], "us") for name in costs]
    late = max(found["late_p99_ms"] for of in runs.values() for found in of)
    figures.append(Figure("mixed, p99 of the generator's lateness, most", late, "ms", 20.0))
    return figures + faults("mixed", runs)
