"""One process for one database, tried with real ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.store import schema
from bot.store.claim import claimed
from bot.store.database import Store

pytest.importorskip("fcntl", reason="this platform has no such locks")

OTHER = """
import asyncio, sys
from pathlib import Path
from bot.store import schema
from bot.store.database import Store

async def hold():
    async with Store(Path(sys.argv[1]), [schema.tables]).open():
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(hold())
"""


@contextmanager
def another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the database open until its input ends."""
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, path], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


async def opened(path: Path) -> None:
    async with Store(path, [schema.tables]).open():
        assert claimed(path)
    assert not claimed(path)


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    path, link = tmp_path / "x.db", tmp_path / "link.db"
    with another(path) as process:
        link.symlink_to(path)
        for name in (path, link):
            assert claimed(name)
            with pytest.raises(ConfigError, match="in use by another bot") as told:
                await opened(name)
            assert told.value.setting == "XIAOPENG_STORE__PATH"
        await opened(tmp_path / "y.db")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    await opened(path)


async def test_a_killed_process_leaves_no_claim(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with another(path) as process:
        process.kill()
        process.wait(10)
        await opened(path)


async def test_it_opens_again_in_the_same_process(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    await opened(path)
    await opened(path)
    async with Store(path, [schema.tables]).open():
        with pytest.raises(ConfigError, match="in use"):
            await opened(path)
        assert claimed(path), "who was refused takes nothing away"


async def test_a_database_that_fails_to_open_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database " * 500)
    for _ in range(2):
        with pytest.raises(ConfigError, match="cannot be used"):
            await opened(path)
    assert not claimed(path)
