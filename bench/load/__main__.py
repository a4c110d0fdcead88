"""`python -m bench.load closed --port 8080`: load a bot that runs already, and print what was measured as JSON."""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Mapping

import orjson
import uvloop

from bench.load.asked import ANSWER, asked
from bench.load.clock import Span, quiet
from bench.load.closed import closed
from bench.load.crowd import FIRST, Crowd
from bench.load.napcat import PONG, NapCat
from bench.load.paced import mixture, paced, warm


async def run(options: argparse.Namespace) -> dict[str, object]:
    napcat = NapCat(ANSWER if options.kind == "ask" else PONG)
    crowd, span = Crowd(options.groups, first=options.first), Span(options.pid)
    found: Mapping[str, object]
    async with napcat.connected(options.port, options.path):
        warmed = 0
        if options.kind == "closed":
            found = await closed(napcat, crowd, span, members=options.members, seconds=options.seconds)
        elif options.kind == "ask":
            found = await asked(napcat, crowd, span, count=options.count, at_once=options.at_once)
        else:
            messages = mixture(crowd, options.command_every)
            warmed = await warm(
                napcat, crowd, options.warm_rate, 50 if options.command_every else 0, options.warm_seconds
            )
            await quiet(options.pid)
            if options.kind == "mixed":
                # Made beforehand, so that the generator has nothing to do but to send.
                messages = iter(list(itertools.islice(messages, round(options.rate * options.seconds))))
            found = await paced(
                napcat,
                messages,
                span,
                rate=options.rate,
                seconds=options.seconds,
                behind=options.behind,
                progress=Progress(options.every),
            )
    return {**found, "first": options.first, "warmed": warmed, "strange": napcat.strange}


class Progress:
    """Prints how many messages were sent, every so many of them; nothing for 0."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._next = every

    def __call__(self, sent: int) -> None:
        if self._every and sent >= self._next:
            self._next += self._every
            print(orjson.dumps({"sent": sent}).decode(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("kind", choices=("closed", "mixed", "soak", "ask"), help="soak: mixed, made on the way")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/onebot/v11/ws")
    parser.add_argument("--pid", type=int, help="the bot's process, whose processor time is read")
    parser.add_argument("--core", type=int, help="the core to run on")
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--members", type=int, default=64, help="closed: how many commands are in flight")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rate", type=float, default=1000, help="mixed, soak: messages a second")
    parser.add_argument("--warm-rate", type=float, default=2000, help="mixed, soak: messages a second before that")
    parser.add_argument("--command-every", type=int, default=20, help="one in so many is a command; 0: none is")
    parser.add_argument("--count", type=int, default=20, help="ask: how many questions")
    parser.add_argument("--at-once", action="store_true", help="ask: all together, instead of one after another")
    parser.add_argument("--warm-seconds", type=float, default=60, help="mixed, soak: the longest wait after that")
    parser.add_argument("--behind", type=float, default=2, help="seconds of waiting after which a bot has lost")
    parser.add_argument("--first", type=int, default=FIRST, help="the first message id, of ten digits")
    parser.add_argument("--every", type=int, default=0, help="print the progress every so many messages")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    print(orjson.dumps(uvloop.run(run(options))).decode(), flush=True)


if __name__ == "__main__":
    main()
