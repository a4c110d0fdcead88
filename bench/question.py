"""What a question to a model costs on top of the openai SDK alone: `/问` in a group, beside the same request.

One after another at a model time of 100 ms, and 500 from 100 groups at once at 2 s. Bot and SDK take turns on
one core, the model and the generator are on the other.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bench.bots import BOT, cores
from bench.figures import Figure, Unmeasured, median, ratio
from bench.load.crowd import FIRST
from bench.load.ledger import percentile
from bench.process import ROOT, Process, environment, free_port
from bench.runs import load

ROUNDS = 10
EACH = 10
"""Questions of each round, of the bot and of the SDK."""
MODEL_SECONDS = 0.1
BURST = 500
BURST_GROUPS = 100
BURST_SECONDS = 2
OVERHEAD_MS = 5.0
BURST_TIMES = 1.3


class Sdk:
    """The SDK in a process of its own, on the bot's core."""

    def __init__(self, base_url: str, body: bytes) -> None:
        command = [sys.executable, "-m", "bench.peers.sdk", base_url]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment(0), stdin=pipe, stdout=pipe)
        os.sched_setaffinity(self._process.pid, {cores()[0]})
        self._say(body)

    def ask(self, count: int, *, at_once: bool = False) -> list[float]:
        """Milliseconds of each answer. Raises Unmeasured."""
        self._say(b"%d %d" % (count, at_once))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Unmeasured("The SDK alone broke off.")
        took: list[float] = orjson.loads(line)
        return took

    def close(self) -> None:
        self._process.communicate()

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()


class Asked:
    """Our bot in front of the model, and the SDK beside it."""

    def __init__(self, process: Process, sdk: Sdk) -> None:
        self.process = process
        self.sdk = sdk
        self._first = FIRST + 1_000_000

    def ask(self, count: int, *, groups: int, at_once: bool = False) -> list[float]:
        """Milliseconds of each `/问`, from the frame sent to the reply's. Raises Unmeasured where one is missing."""
        first, self._first = self._first, self._first + count
        flags = {"at_once": True} if at_once else {}
        told = load(BOT, self.process, "ask", count=count, groups=groups, first=first, **flags)
        if told["lost"] or told["duplicates"] or told["strange"]:
            raise Unmeasured(f"Of {count} questions {told['lost']} have no answer; other words: {told['strange']}")
        took: list[float] = told["latencies_ms"]
        return took


@contextmanager
def beside(seconds: float) -> Iterator[Asked]:
    """Our bot and the SDK alone, warm, both asking a model that takes `seconds`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    base_url = f"{address}/{seconds}/v1"
    settings = {
        "XIAOPENG_MODELS__BENCH__BASE_URL": base_url,
        "XIAOPENG_MODELS__BENCH__MODEL": "bench",
        "XIAOPENG_MODELS__BENCH__CONCURRENCY": str(BURST),
        "XIAOPENG_QUOTA__MEMBER": "0",
        "XIAOPENG_QUOTA__GROUP": "0",
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        model = Process(["bench.model", str(port)], port, Path(scratch), core=cores()[1])
        with model, BOT.start(Path(scratch), **settings) as process:
            told = load(BOT, process, "ask", count=5, groups=5)
            if told["lost"] or told["strange"]:
                raise Unmeasured(f"The bot does not answer questions: {told['strange']}")
            with urllib.request.urlopen(f"{address}/last") as last:  # noqa: S310 - our own server
                sdk = Sdk(base_url, last.read())
            try:
                sdk.ask(5)
                yield Asked(process, sdk)
            finally:
                sdk.close()


def question() -> list[Figure]:
    """Measure both by turns. Raises Unmeasured."""
    return [*_singly(), *_together()]


def _singly() -> list[Figure]:
    ours: list[float] = []
    alone: list[float] = []
    with beside(MODEL_SECONDS) as asked:
        for _ in range(ROUNDS):
            alone.append(statistics.median(asked.sdk.ask(EACH)))
            ours.append(statistics.median(asked.ask(EACH, groups=EACH)))
    over = [one - other for one, other in zip(ours, alone, strict=True)]
    return [
        median(f"question, SDK alone ({MODEL_SECONDS * 1000:.0f} ms of it the model's)", alone, "ms"),
        median("question, bot", ours, "ms"),
        median("question, bot's overhead", over, "ms", OVERHEAD_MS),
    ]


def _together(rounds: int = 3) -> list[Figure]:
    ours: list[float] = []
    alone: list[float] = []
    with beside(BURST_SECONDS) as asked:
        for _ in range(rounds):
            alone.append(percentile(asked.sdk.ask(BURST, at_once=True), 99))
            ours.append(percentile(asked.ask(BURST, groups=BURST_GROUPS, at_once=True), 99))
    title = f"{BURST} questions at once"
    return [
        median(f"{title}, SDK alone, p99", alone, "ms"),
        median(f"{title}, bot, p99", ours, "ms"),
        ratio(f"{title}, p99, of the SDK's", ours, alone, BURST_TIMES),
    ]
