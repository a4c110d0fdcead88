"""Questions to a model: one after another, or all at once."""

from __future__ import annotations

import re
from time import perf_counter
from typing import Final

from bench.load.clock import Span
from bench.load.crowd import Crowd
from bench.load.napcat import NapCat

WORDS: Final = "/问 {} 号问题：怎样取消一个正在等待的任务？"
ANSWER: Final = re.compile(r"^答 (\d+)")
PATIENCE: Final = 30.0


async def asked(napcat: NapCat, crowd: Crowd, span: Span, *, count: int, at_once: bool) -> dict[str, object]:
    """Ask `count` questions in turn over all groups, each by another member. Gives up half a minute after the last."""
    ledger = napcat.ledger
    questions = [crowd.command(place % crowd.groups, 1 + place // crowd.groups, WORDS) for place in range(count)]
    span.begin()
    for said in questions:
        ledger.asked(said, perf_counter())
        napcat.wire.write(said.data)
        if not at_once:
            await napcat.until(lambda: not ledger.waiting, PATIENCE)
    await napcat.until(lambda: not ledger.waiting, PATIENCE)
    span.end()
    own = {"sent": count, "latencies_ms": [1000 * latency for latency in ledger.latencies]}
    return {**ledger.told(), **own, **span.told(count)}
