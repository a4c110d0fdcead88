"""Open loop: events come at their rate, whether or not the bot keeps up; a late answer counts from when it was due."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from time import perf_counter

from bench.load.clock import Span
from bench.load.crowd import Crowd, Said
from bench.load.ledger import percentile
from bench.load.napcat import NapCat

TICK_SECONDS = 0.001
BEHIND_SECONDS = 2.0
"""A bot whose oldest command has waited so long does not keep up, and the rest is spared."""


def mixture(crowd: Crowd, every: int) -> Iterator[Said]:
    """Chatter of random groups; one message in `every` is a command, none where it is 0."""
    for place in itertools.count(1):
        yield crowd.command() if every and place % every == 0 else crowd.chatter()


async def warm(napcat: NapCat, crowd: Crowd, rate: float, commands: int, seconds: float) -> int:
    """Say something in every group, then give some commands, and wait for their replies, `seconds` at most.

    Returns how many messages that were.
    """
    messages = [crowd.chatter(group) for group in range(crowd.groups)] + [crowd.command() for _ in range(commands)]
    for position, said in enumerate(messages):
        if said.command:
            napcat.ledger.asked(said, perf_counter())
        napcat.wire.write(said.data)
        if position % 10 == 9:
            await asyncio.sleep(10 / rate)
    await napcat.until(lambda: not napcat.ledger.waiting, seconds)
    napcat.ledger.forget()
    return len(messages)


async def paced(
    napcat: NapCat,
    messages: Iterator[Said],
    span: Span,
    *,
    rate: float,
    seconds: float,
    behind: float = BEHIND_SECONDS,
    progress: Callable[[int], None] = lambda sent: None,
) -> dict[str, float]:
    """Send `rate` messages a second; gives up early where the bot falls `behind` (seconds)."""
    ledger = napcat.ledger
    total, sent = round(rate * seconds), 0
    late: list[float] = []
    kept = True
    span.begin()
    start = perf_counter()
    while sent < total and kept:
        now = perf_counter()
        due = min(total, int((now - start) * rate) + 1)
        if due > sent:
            late.append(now - start - sent / rate)
            pieces = []
            for position in range(sent, due):
                said = next(messages)
                if said.command:
                    ledger.asked(said, start + position / rate)
                pieces.append(said.data)
            napcat.wire.write(b"".join(pieces))
            sent = due
            progress(sent)
        kept = _oldest(napcat, now) < behind
        await asyncio.sleep(TICK_SECONDS)
    while ledger.waiting and kept:
        kept = _oldest(napcat, perf_counter()) < behind
        await asyncio.sleep(0.005)
    span.end()
    own = {"sent": sent, "rate": rate, "kept": float(kept), "late_p99_ms": percentile(late, 99) * 1000}
    return ledger.told() | own | span.told(sent)


def _oldest(napcat: NapCat, now: float) -> float:
    """How long the first command that lacks its reply has been waiting."""
    return max(0.0, now - next(iter(napcat.ledger.waiting.values()))[1]) if napcat.ledger.waiting else 0.0
