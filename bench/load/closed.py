"""Closed loop: every member gives the next command when the last one is answered."""

from __future__ import annotations

import asyncio
from time import perf_counter

from bench.load.clock import Span
from bench.load.crowd import Crowd, Said
from bench.load.napcat import NapCat

WARM_SECONDS = 0.7
TURNS = 10
"""Each member is answered so often at least, on average: a slow bot answers all of them in one go."""
LONGEST_SECONDS = 20.0


async def closed(
    napcat: NapCat, crowd: Crowd, span: Span, *, members: int, seconds: float, patience: float = 10
) -> dict[str, float]:
    """Keep `members` commands in flight for `seconds`, longer for a slow bot.

    What lacks its reply `patience` seconds after that is lost.
    """
    ledger = napcat.ledger
    sent = 0
    asked: dict[int, Said] = {}
    entered = ledger.replied
    ending = False

    def ask(said: Said) -> None:
        nonlocal sent
        asked[said.number] = said
        ledger.asked(said, perf_counter())
        napcat.wire.write(said.data)
        sent += 1

    def replied(number: int, group: int, at: float) -> None:
        entered(number, group, at)
        said = asked.pop(number, None)
        if said is not None and not ending:
            ask(crowd.again(said))

    napcat.enter = replied
    for place in range(members):
        ask(crowd.command(place % crowd.groups, 1 + place // crowd.groups))
    await asyncio.sleep(WARM_SECONDS)
    await napcat.until(lambda: len(ledger.latencies) >= members, LONGEST_SECONDS)
    ledger.forget()
    span.begin()
    await asyncio.sleep(seconds)
    await napcat.until(lambda: len(ledger.latencies) >= TURNS * members, LONGEST_SECONDS)
    span.end()
    told = ledger.told()
    ending = True
    await napcat.until(lambda: not ledger.waiting, patience)
    rate = told["replies"] / span.seconds
    return told | {"sent": sent, "lost": len(ledger.waiting), "rate": rate} | span.told(int(told["replies"]))
