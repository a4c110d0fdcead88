"""One bot under one load: started, loaded, stopped, and its log looked through."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.audit import Kept, kept, rows
from bench.bots import Bot, cores
from bench.figures import Unmeasured
from bench.process import ROOT, Process, environment


@dataclass(frozen=True, slots=True)
class Run:
    """What the generator told (`bench.load`), and what the bot's log held; None where it was not looked at."""

    told: Mapping[str, Any]
    kept: Kept | None

    def __getitem__(self, name: str) -> float:
        value = self.told[name]
        assert isinstance(value, int | float)
        return value

    @property
    def lost(self) -> int:
        """Messages lost, doubled or astray, in replies and in the log."""
        replies = sum(int(self[name]) for name in ("lost", "duplicates", "astray"))
        return replies + (self.kept.missing + self.kept.double if self.kept else 0)

    @property
    def disorder(self) -> int:
        """Messages behind a later one of their group, in replies and in the log."""
        return int(self["disorder"]) + (self.kept.disorder if self.kept else 0)


def run(bot: Bot, kind: str, folder: Path | None = None, **options: object) -> Run:
    """Load a bot that is started for it, in `folder` where one is given. Raises Unmeasured."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            return run(bot, kind, Path(scratch), **options)
    before = rows(folder / bot.database)
    with bot.start(folder) as process:
        told = load(bot, process, kind, **options)
        gone = not told.get("kept", 1.0)
        if gone:
            process.kill()  # what it has not done yet would take longer than it is worth
    return Run(told, None if gone else looked_through(folder / bot.database, told, before))


def looked_through(database: Path, told: Mapping[str, Any], before: int = 0) -> Kept:
    """Hold a log against what the generator says that it sent; `before` is the last row that was there."""
    return kept(database, int(told["first"]), int(told["sent"]) + int(told["warmed"]), before)


def load_on(bot: Bot, kind: str, **options: object) -> Mapping[str, Any]:
    """Load a bot whose log is not looked at. Raises Unmeasured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, bot.start(Path(scratch)) as process:
        return load(bot, process, kind, **options)


def load(bot: Bot, process: Process, kind: str, **options: object) -> Mapping[str, Any]:
    """Run the generator against a bot that serves, on its own core. Raises Unmeasured."""
    command = command_line(bot, process, kind, **options)
    done = subprocess.run(command, cwd=ROOT, env=environment(0), capture_output=True, check=False)
    if done.returncode:
        raise Unmeasured(f"The load on {bot.name} broke off.\n{done.stderr.decode(errors='replace')[-2000:]}")
    told: Mapping[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return told


def command_line(bot: Bot, process: Process, kind: str, **options: object) -> list[str]:
    """How the generator is called."""
    place = {"port": process.port, "path": bot.path, "pid": process.pid, "core": cores()[1]}
    flags = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in {**place, **options}.items()
    ]
    return [sys.executable, "-m", "bench.load", kind, *flags]


def turned(bots: Sequence[Bot], by: int) -> list[Bot]:
    """Another bot begins each round: none is always the one after the same neighbour's end."""
    by %= len(bots)
    return [*bots[by:], *bots[:by]]
