"""The real bot as its own process, as a new user starts it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
PLENTY = {
    "XIAOPENG_PACE__GROUP": "0",
    "XIAOPENG_PACE__ACCOUNT": "0",
    "XIAOPENG_PACE__COMMANDS": "0",
    "XIAOPENG_PACE__LOOP": "0",
}
"""Settings without limits, for tests that speak faster than people."""


@dataclass
class Running:
    process: asyncio.subprocess.Process
    url: str
    folder: Path
    log: Path

    @property
    def database(self) -> Path:
        return self.folder / "data" / "xiaopeng.db"

    @property
    def onebot(self) -> str:
        return self.url.replace("http", "ws", 1) + "/onebot/v11/ws"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running_bot(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    """`python -m bot run` in `folder`, ready; told to stop at the end."""
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("XIAOPENG_")}
    env = own | {"PYTHONPATH": str(ROOT), "XIAOPENG_SERVER__PORT": str(port)} | dict(settings or {})
    log = folder / "log.txt"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=folder, env=env, stdout=output, stderr=output
        )
    running = Running(process, f"http://127.0.0.1:{port}", folder, log)
    try:
        await ready(running)
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)


async def ready(running: Running, seconds: float = 30) -> None:
    """Wait until the bot answers at /healthz."""
    async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
        while True:
            if running.process.returncode is not None:
                raise RuntimeError(running.log.read_text())
            try:
                async with session.get(f"{running.url}/healthz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.02)
