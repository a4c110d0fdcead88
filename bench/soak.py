"""Whether the bot stays as it is for an hour: 200 messages a second over 500 groups, its memory every ten seconds."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import orjson

from bench.bots import BOT
from bench.figures import Figure, Unmeasured
from bench.process import ROOT, Process, environment
from bench.runs import Run, command_line, looked_through

RATE = 200
GROUPS = 500
WARM_SECONDS = 120.0
EVERY_SECONDS = 10.0
FLAT = 1.1
"""After warming up, the most memory is at most so many times the least."""


def soak(minutes: float) -> list[Figure]:
    """Load our bot for `minutes`, with its progress printed. Raises Unmeasured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        with BOT.start(folder) as process:
            told, memory = _load(process, folder, minutes * 60)
        found = Run(told, looked_through(folder / BOT.database, told))
    messages = found["sent"] + found["warmed"]
    return [
        Figure(f"soak of {minutes:g} min, messages", messages, ""),
        Figure("soak, commands answered", found["replies"], ""),
        Figure("soak, lost or doubled", found.lost, "", 0),
        Figure("soak, out of order", found.disorder, "", 0),
        Figure("soak, p99 of commands", found["p99_ms"], "ms"),
        Figure("soak, CPU per event", found["cpu_us"], "us"),
        Figure("soak, memory RSS, most", max(memory), "MB", samples=tuple(memory)),
        Figure("soak, memory RSS, most of least", max(memory) / min(memory), "x", FLAT),
    ]


def _load(process: Process, folder: Path, seconds: float) -> tuple[dict[str, object], list[float]]:
    """Run the generator beside the samples of the memory. Raises Unmeasured."""
    options = {"rate": RATE, "groups": GROUPS, "seconds": seconds, "behind": 60, "every": RATE * 10}
    said, memory = folder / "load.jsonl", []
    # A short soak, as a test of this file runs it, warms up for a third of its time.
    warm = min(WARM_SECONDS, seconds / 3)
    every = min(EVERY_SECONDS, seconds / 10)
    with said.open("wb") as out:
        command = command_line(BOT, process, "soak", **options)
        load = subprocess.Popen(command, cwd=ROOT, env=environment(0), stdout=out)
    try:
        begun = time.monotonic()
        while load.poll() is None:
            time.sleep(every)
            passed, held = time.monotonic() - begun, process.memory()["Rss"]
            if passed >= warm and load.poll() is None:
                memory.append(held)
            if not len(memory) % 6:
                print(f"  {passed / 60:.1f} min: {held:.1f} MB, {_last(said)}", flush=True)
    finally:
        load.terminate()
        load.wait()
    if load.returncode or not memory:
        raise Unmeasured(f"The load broke off after {_last(said)} (code {load.returncode}).")
    told: dict[str, object] = orjson.loads(said.read_bytes().splitlines()[-1])
    return told, memory


def _last(said: Path) -> str:
    lines = said.read_bytes().splitlines()
    return f"{orjson.loads(lines[-1])['sent']} sent" if lines else "nothing sent"
