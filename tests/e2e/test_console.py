"""`xiaopeng chat` as its user has it: the real program in a terminal of its own, and behind a pipe."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CHAT = (sys.executable, "-m", "bot", "chat")
SECONDS = 20


def environ(folder: Path, **more: str) -> dict[str, str]:
    """Nothing of this machine's settings, and the poorest locale there is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XIAOPENG_", "LC_", "LANG"))}
    own = {"PYTHONPATH": str(ROOT), "XIAOPENG_STORE__PATH": str(folder / "chat.db"), "LC_ALL": "C", "TERM": "xterm"}
    return {**kept, **own, **more}


class Terminal:
    def __init__(self, outer: int, process: Process) -> None:
        self.process = process
        self._outer = outer
        self._raw = b""
        self._news = asyncio.Event()

    @property
    def screen(self) -> str:
        """What is on it, without colours."""
        return re.sub(r"\x1b\[\d+m", "", self._raw.decode(errors="replace").replace("\r\n", "\n"))

    def look(self) -> None:
        try:
            self._raw += os.read(self._outer, 65536)
        except OSError:  # the program has left, and nobody else holds the other end
            asyncio.get_running_loop().remove_reader(self._outer)
        self._news.set()

    def type(self, text: str) -> None:
        os.write(self._outer, text.encode())

    async def sees(self, pattern: str) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                while (found := re.search(pattern, self.screen)) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"{pattern!r} was never shown, but:\n{self.screen}")
        return found[0]

    async def ends(self) -> int:
        return await asyncio.wait_for(self.process.wait(), SECONDS)


@asynccontextmanager
async def terminal(folder: Path, **more: str) -> AsyncIterator[Terminal]:
    """The program as leader of a session whose terminal is ours, so that Ctrl-C reaches it."""
    outer, inner = os.openpty()
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1', "sh", os.ttyname(inner), *CHAT,
        cwd=folder, env=environ(folder, **more), start_new_session=True,
    )  # fmt: skip
    seat = Terminal(outer, process)
    asyncio.get_running_loop().add_reader(outer, seat.look)
    try:
        yield seat
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(outer)
        os.close(outer)
        os.close(inner)


@pytest.mark.slow
async def test_a_visit_to_the_demo_group(tmp_path: Path) -> None:
    async with terminal(tmp_path) as seat:
        await seat.sees("本机上的演示.*:help")
        await seat.sees("#1 欧小鹏：欢迎 @我 加入示例群")
        seat.type("/问 怎么关闭一个插件\n")
        await seat.sees(r"↑ #2 我\n#3 欧小鹏 ↪ #2：资料里这样写：\n\s*管理员发 `/关闭 插件名`")
        await seat.sees(r"依据：自带问答 › 关于欧小鹏 › 怎么关闭一个插件？\n")
        seat.type(":as 小红\n")
        await seat.sees("— 小红 加入了示例群")
        await seat.sees("#4 欧小鹏：欢迎 @小红")
        seat.type("/关闭 问答\n")
        await seat.sees("只有管理员可以这样做。")
        seat.type(":role admin\n/关闭 问答\n")
        await seat.sees("问答 已关闭。")
        seat.type(":dm 冥王星上的企鹅怎么织毛衣\n")
        await seat.sees(r"欧小鹏（私聊小红）：没找到相关的资料。\n")
        seat.type(":quit\n")
        assert await seat.ends() == 0
        assert "Traceback" not in seat.screen
        assert "INFO" not in seat.screen


@pytest.mark.slow
async def test_answers_again_in_a_second_run(tmp_path: Path) -> None:
    for _ in range(2):
        async with terminal(tmp_path) as seat:
            await seat.sees("加入了")
            seat.type("/帮助\n")
            await seat.sees(r"欧小鹏 ↪ #\d+：")
            seat.type("\x04")
            assert await seat.ends() == 0


@pytest.mark.parametrize("key", ["\x03", "\x04", "半句话\x03"])
async def test_keys_that_leave(tmp_path: Path, key: str) -> None:
    async with terminal(tmp_path) as seat:
        await seat.sees("加入了")
        seat.type(key)
        assert await seat.ends() == 0
        assert "Traceback" not in seat.screen


async def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    async with terminal(tmp_path) as seat:
        await seat.sees("加入了")
        seat.process.send_signal(signal.SIGHUP)
        assert await seat.ends() == 0


async def test_behind_a_pipe(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *CHAT, cwd=tmp_path, env=environ(tmp_path), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    typed = "/问 怎么关闭一个插件\n::不是命令\n:as \x1b[31m坏\n@欧小鹏 冥王星上的企鹅怎么织毛衣"
    out, err = await asyncio.wait_for(process.communicate(typed.encode()), SECONDS)
    shown = out.decode()
    assert (process.returncode, err.decode()) == (0, "")
    assert "#1 我：/问 怎么关闭一个插件\n#2 我：:不是命令\n" in shown
    assert "欧小鹏 ↪ #1：资料里这样写：" in shown
    assert "欧小鹏 ↪ #3：没找到相关的资料，已记给管理员" in shown
    assert "欢迎 @我" in shown
    assert "\x1b" not in shown


async def test_keeps_its_own_data_where_none_is_named(tmp_path: Path) -> None:
    own = {name: value for name, value in environ(tmp_path).items() if name != "XIAOPENG_STORE__PATH"}
    process = await asyncio.create_subprocess_exec(*CHAT, cwd=tmp_path, env=own, stdin=PIPE, stdout=PIPE)
    await asyncio.wait_for(process.communicate(b"/x"), SECONDS)
    assert process.returncode == 0
    assert {file.name for file in (tmp_path / "data").iterdir()} == {"chat.db", "chat.db.lock"}


async def test_what_the_operator_must_mend(tmp_path: Path) -> None:
    async with terminal(tmp_path, XIAOPENG_QUOTA__MEMBER="many") as seat:
        assert await seat.ends() == 2
        await seat.sees("XIAOPENG_QUOTA__MEMBER")
        assert "Traceback" not in seat.screen
