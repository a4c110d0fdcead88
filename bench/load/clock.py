"""Processor time: of the bot under test, all threads together, and of the generator itself."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Span:
    """What passed between `begin` and `end`: seconds on the clock, of the bot's CPU (`pid`), of our own."""

    pid: int | None
    seconds: float = 0.0
    bot: float = 0.0
    own: float = 0.0

    def begin(self) -> None:
        self.seconds, self.bot, self.own = -time.perf_counter(), -used(self.pid), -time.process_time()

    def end(self) -> None:
        self.seconds += time.perf_counter()
        self.bot += used(self.pid)
        self.own += time.process_time()

    def told(self, events: int) -> dict[str, float]:
        """The figures; `busy` is the generator's share of its core: near 1 it was the limit itself."""
        return {
            "seconds": self.seconds,
            "cpu_us": self.bot / events * 1e6 if events else 0.0,
            "bot_busy": self.bot / self.seconds,
            "busy": self.own / self.seconds,
        }


def used(pid: int | None) -> float:
    """Seconds of processor time of all threads of a process, in steps of 10 ms; 0 without one."""
    if pid is None:
        return 0.0
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def quiet(pid: int | None, share: float = 0.02, patience: float = 5.0) -> None:
    """Wait until a process has nothing left to do: it used less than `share` of a core for a moment."""
    last, deadline = used(pid), time.monotonic() + patience
    while pid is not None and time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        now = used(pid)
        if now - last <= 0.25 * share:
            return
        last = now
