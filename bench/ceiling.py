"""What the generator can do by itself: the most that it sends in time to a far end that only reads."""

from __future__ import annotations

from bench.bots import READER
from bench.figures import Figure
from bench.runs import load_on

RATES = (10_000, 20_000, 40_000, 80_000, 160_000)
LATE_MS = 10.0
"""Messages that leave later than this after they were due would be held against a bot."""


def ceiling(seconds: float) -> list[Figure]:
    """Double the rate until the generator is late."""
    best = {"rate": 0.0, "late_p99_ms": 0.0, "busy": 0.0, "seconds": 0.0, "sent": 1.0}
    for rate in RATES:
        told = load_on(READER, "mixed", rate=rate, seconds=min(seconds, 1.0), groups=500, command_every=0)
        if told["late_p99_ms"] > LATE_MS or told["seconds"] * rate > told["sent"] * 1.05:
            break
        best = dict(told)
    return [
        Figure("generator alone, sends in time", best["rate"], "/s"),
        Figure("generator alone, p99 of its lateness", best["late_p99_ms"], "ms"),
        Figure("generator alone, CPU per message", best["busy"] * best["seconds"] / best["sent"] * 1e6, "us"),
    ]
