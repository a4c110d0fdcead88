"""How long from a process's birth to its first 200, and what it holds when idle; the bare bot beside it.

The kinds take turns within each round, so that a busy moment of the machine hits all of them.
Processor time varies less than the clock where others work on the machine. A bot on a fresh
database makes its folder and tables; on an existing one it finds them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.figures import Figure, median, ratio
from bench.process import PROC, Process, free_port

RATIO = 2.0
"""Our start takes at most so many times the bare bot's."""
IDLE_MB = 90.0

TITLES = {
    "bare": "start bare",
    "fresh": "start bot, fresh database",
    "existing": "start bot, existing database",
}

Start = Callable[[], Process]


def starts(rounds: int) -> list[Figure]:
    """Time the kinds `rounds` times each, after one start of each that only warms the disk."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        kinds = _kinds(Path(scratch))
        times: dict[str, list[float]] = {name: [] for name in kinds}
        cpu: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(rounds + 1):
            for name in _turned(list(kinds), number):
                with kinds[name]() as process:
                    used = process.cpu() if PROC.exists() else None
                if number:
                    times[name].append(process.seconds * 1000)
                if number and used is not None:
                    cpu[name].append(used * 1000)
    return [*_figures(times), *(median(f"{TITLES[name]}, CPU", cpu[name], "ms") for name in kinds if cpu[name])]


def idle(seconds: float) -> list[Figure]:
    """What the bare bot and ours hold `seconds` after they were ready."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        kinds = _kinds(Path(scratch))
        with kinds["bare"]() as bare, kinds["existing"]() as ours:
            time.sleep(seconds)
            found = [(process, process.memory()) for process in (bare, ours)]
    return [
        Figure(f"memory {_title(process)} {kind.upper()}", held[kind], "MB", target)
        for kind in ("Rss", "Pss")
        for process, held in found
        for target in [IDLE_MB if process is ours else None]
    ]


def _kinds(scratch: Path) -> Mapping[str, Start]:
    known = scratch / "known"
    known.mkdir()

    def bare() -> Process:
        port = free_port()
        return Process(["bench.bare", str(port)], port, scratch)

    def fresh() -> Process:
        return Process(["bot", "run"], free_port(), Path(tempfile.mkdtemp(dir=scratch)))

    def existing() -> Process:
        return Process(["bot", "run"], free_port(), known)

    return {"bare": bare, "fresh": fresh, "existing": existing}


def _turned(names: list[str], by: int) -> list[str]:
    """Another kind begins each round: none is always the one after the same neighbour's end."""
    by %= len(names)
    return names[by:] + names[:by]


def _figures(times: Mapping[str, list[float]]) -> list[Figure]:
    found = [median(TITLES["bare"], times["bare"], "ms")]
    for name in ("fresh", "existing"):
        found.append(median(TITLES[name], times[name], "ms"))
        found.append(ratio(f"{name}, of the bare bot's", times[name], times["bare"], RATIO))
    return found


def _title(process: Process) -> str:
    return "bot" if process.arguments[0] == "bot" else "bare"
