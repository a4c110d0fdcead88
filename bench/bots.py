"""The bots that are measured beside each other, each on a core of its own, away from the generator's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import uv

from bench.figures import Unmeasured
from bench.load.napcat import TOKEN
from bench.process import ROOT, Process, free_port

VENVS = ROOT / "bench" / ".venvs"
PEERS = ROOT / "bench" / "peers"
OURS = {
    "XIAOPENG_PLUGINS": str(ROOT / "bench" / "plugins"),
    "XIAOPENG_LOG_LEVEL": "WARNING",
    "XIAOPENG_ONEBOT__TOKEN": TOKEN,
    # The platform's patience is not what is measured, and one member of a bench talks more than ten people.
    "XIAOPENG_PACE__GROUP": "0",
    "XIAOPENG_PACE__ACCOUNT": "0",
    "XIAOPENG_PACE__COMMANDS": "0",
    "XIAOPENG_PACE__LOOP": "0",
}


@dataclass(frozen=True, slots=True)
class Bot:
    """One that can be started: `python -m <module> [port]`, with `packages` in an environment of their own."""

    name: str
    module: str
    path: str = "/onebot/v11/ws"
    database: str = "bench.db"
    packages: str = ""
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def start(self, folder: Path, **settings: str) -> Process:
        """The process to enter; its log is `database` in `folder`. Raises Unmeasured."""
        port = free_port()
        arguments = [self.module, "run"] if self.module == "bot" else [self.module, str(port)]
        python = environment(self.packages) if self.packages else Path(sys.executable)
        return Process(arguments, port, folder, python=python, core=cores()[0], settings={**self.settings, **settings})


BARE = Bot("bare", "bench.peers.bare")
AIOCQHTTP = Bot("aiocqhttp", "bench.peers.aiocqhttp_bot", path="/ws", packages="aiocqhttp")
NONEBOT2 = Bot("NoneBot2", "bench.peers.nonebot2_bot", packages="nonebot2")
BOT = Bot("bot", "bot", database="data/xiaopeng.db", settings=MappingProxyType(OURS))
READER = Bot("reader", "bench.peers.reader")
"""No bot at all: it only reads, which shows what the generator can do."""
BOTS = (BARE, AIOCQHTTP, NONEBOT2, BOT)


def cores() -> tuple[int, int]:
    """The bot's core and the generator's. Raises Unmeasured where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        raise Unmeasured("Processes cannot be kept to a core here; that takes Linux.")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Unmeasured("Two cores are needed, one for the bot and one for the load.")
    return allowed[0], allowed[1]


def environment(name: str) -> Path:
    """The Python that has the packages of `peers/<name>.txt`, made on first use. Raises Unmeasured."""
    wanted = PEERS / f"{name}.txt"
    folder = VENVS / name
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return python
    tool = uv.find_uv_bin()
    try:
        subprocess.run([tool, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([tool, "pip", "sync", "--quiet", "--python", python, wanted], check=True)
    except subprocess.CalledProcessError as failed:
        raise Unmeasured(f"The packages of {name} could not be installed (uv: {failed.returncode}).") from failed
    stamp.write_bytes(wanted.read_bytes())
    return python
