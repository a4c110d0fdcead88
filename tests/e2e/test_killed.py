"""The real bot, killed twenty times at work: what it acknowledged is there, and nothing is done twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ROOT = Path(__file__).parent.parent.parent
LIVES = 20
MESSAGES, CHANGES, SECONDS = 1000, 100, 1.0
"""What is sent in one life, and how long that takes; the kill comes somewhere in it."""
QUIET, QUIET_SECONDS = 300, 1.5
"""In every fourth life nothing is asked, so that no answer hastens the commit of what is said."""
AGAIN = 150
"""So many of the last life's messages come once more, as implementations do after a reconnect."""
GROUPS = (20001, 20002, 20003, 20004)
ADMIN, PLATFORM_SAYS = 30001, {"status": "ok", "retcode": 0}
BUFFERED = 0.5
"""A row may wait a fifth of a second for its commit; the rest is for the way there."""


@dataclass
class Sent:
    """A message of ours: what it changes, when it went, when the bot answered it."""

    id: int
    group: int
    text: str
    user: int
    value: int | None = None
    at: float = 0.0
    answered: list[float] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def command(self) -> bool:
        return self.text.startswith("/")


@dataclass
class Line:
    """The platform's side of one connection; `book` is all that was ever said, by id."""

    ws: aiohttp.ClientWebSocketResponse
    book: dict[int, Sent]
    ids: itertools.count[int]
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Sent) -> None:
        self.book.setdefault(message.id, message)
        message.at = message.at or time.monotonic()
        role = "admin" if message.user == ADMIN else "member"
        body = {
            "post_type": "message", "message_type": "group", "sub_type": "normal", "time": int(time.time()),
            "self_id": 10001, "message_id": message.id, "group_id": message.group, "user_id": message.user, "font": 0,
            "sender": {"user_id": message.user, "nickname": f"成员{message.user}", "card": "", "role": role},
            "raw_message": message.text, "message": [{"type": "text", "data": {"text": message.text}}],
        }  # fmt: skip
        await self.ws.send_str(json.dumps(body))

    async def serve(self) -> None:
        """Answer the bot's calls, and note which message each reply quotes."""
        async for frame in self.ws:
            call = json.loads(frame.data)
            params: dict[str, Any] = call.get("params") or {}
            data: dict[str, Any] | None = None
            match call["action"]:
                case "send_group_msg":
                    data = {"message_id": next(self.ids)}
                    self._note(params["message"])
                case "get_login_info":
                    data = {"user_id": 10001, "nickname": "欧小鹏"}
                case "get_group_member_info":
                    role = "admin" if params["user_id"] == ADMIN else "member"
                    data = {**params, "role": role, "nickname": "成员", "card": ""}
            with suppress(ConnectionError):
                await self.ws.send_str(json.dumps({**PLATFORM_SAYS, "data": data, "echo": call["echo"]}))

    def _note(self, segments: list[dict[str, Any]]) -> None:
        quoted = [int(part["data"]["id"]) for part in segments if part["type"] == "reply"]
        text = "".join(part["data"]["text"] for part in segments if part["type"] == "text")
        for id in quoted:
            self.book[id].answered.append(time.monotonic())
            self.book[id].answers.append(text)
        self.moved.set()

    async def ask(self, group: int, text: str) -> str:
        """Say something as the admin, and wait for the reply to it."""
        message = Sent(next(self.ids), group, text, ADMIN)
        await self.send(message)
        async with asyncio.timeout(15):
            while not message.answers:
                self.moved.clear()
                await self.moved.wait()
        return message.answers[0]


class Bot:
    """The bot as its operator starts it."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "data" / "bot.db"
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("XIAOPENG_")}
        self._environment |= {
            "PYTHONPATH": str(ROOT),
            "XIAOPENG_SERVER__PORT": str(self._port),
            "XIAOPENG_STORE__PATH": str(self.database),
            "XIAOPENG_WEB__ENABLED": "false",
            "XIAOPENG_LOG_LEVEL": "WARNING",
            **{f"XIAOPENG_PACE__{name}": "0" for name in ("GROUP", "ACCOUNT", "COMMANDS", "LOOP")},
        }

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self._folder, env=self._environment, stderr=log
            )

    async def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 20)

    @asynccontextmanager
    async def line(self, book: dict[int, Sent], ids: itertools.count[int]) -> AsyncIterator[Line]:
        """Connect as soon as the bot listens."""
        headers = {"X-Self-ID": "10001", "X-Client-Role": "Universal", "User-Agent": "OneBot/11"}
        async with aiohttp.ClientSession(headers=headers) as session:
            ws = await self._connected(session)
            line = Line(ws, book, ids)
            serving = asyncio.create_task(line.serve())
            event = {"post_type": "meta_event", "meta_event_type": "lifecycle", "sub_type": "connect"}
            await ws.send_str(json.dumps({**event, "time": int(time.time()), "self_id": 10001}))
            try:
                yield line
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                await ws.close()

    async def _connected(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(30):
            while True:
                assert self.process.returncode is None, (self._folder / "log").read_text("utf-8")
                try:
                    return await session.ws_connect(f"ws://127.0.0.1:{self._port}/onebot/v11/ws")
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Found:
    """What is in the database that a killed bot left."""

    integrity: str
    messages: frozenset[int]
    settings: dict[int, int]
    audit: list[tuple[int, int]]
    """Group and value of every change, oldest first."""


def found(database: Path, copy: Path) -> Found:
    """Look at a copy: the bot itself must mend what the kill left."""
    copy.mkdir()
    for file in database.parent.iterdir():
        if not file.name.endswith("-shm"):
            shutil.copy(file, copy)
    with closing(sqlite3.connect(copy / database.name)) as db:
        settings = db.execute("select group_id, value from settings").fetchall()
        audit = db.execute("select group_id, after from audit where act = 'set' order by id").fetchall()
        result = Found(
            db.execute("pragma integrity_check").fetchone()[0],
            frozenset(int(id) for (id,) in db.execute("select message_id from messages")),
            {_number(group): int(value) for group, value in settings},
            [(_number(group), int(value)) for group, value in audit],
        )
    shutil.rmtree(copy)
    return result


def _number(group_id: str) -> int:
    return int(group_id.removeprefix("qq:"))


def burst(ids: itertools.count[int], values: dict[int, itertools.count[int]], chance: random.Random) -> list[Sent]:
    """What members and an admin say in one life; each value is set once in a group."""
    texts = ["今天聊点什么", "/状态", "/帮助", "/问 怎么安装", "哈哈"]
    said = [
        Sent(
            next(ids),
            chance.choice(GROUPS),
            chance.choices(texts, (60, 8, 8, 4, 20))[0],
            chance.randrange(40001, 40050),
        )
        for _ in range(MESSAGES)
    ]
    for place in sorted(chance.sample(range(MESSAGES), CHANGES), reverse=True):
        group = chance.choice(GROUPS)
        value = next(values[group])
        said.insert(place, Sent(0, group, f"/设置 问答 记忆分钟 {value}", ADMIN, value))
    for message in said:
        message.id = message.id or next(ids)
    return said


def chatter(ids: itertools.count[int], chance: random.Random) -> list[Sent]:
    return [Sent(next(ids), chance.choice(GROUPS), "闲聊", chance.randrange(40001, 40050)) for _ in range(QUIET)]


async def live(line: Line, said: list[Sent], seconds: float, kill_after: float, bot: Bot) -> float:
    """Say it all, evenly, until the kill; returns when that was."""
    started = time.monotonic()

    async def say() -> None:
        with suppress(ConnectionError):
            for number, message in enumerate(said):
                await line.send(message)
                ahead = started + seconds * number / len(said) - time.monotonic()
                await asyncio.sleep(max(0, ahead))

    saying = asyncio.create_task(say())
    await asyncio.sleep(kill_after)
    killed = time.monotonic()
    assert await bot.stop(signal.SIGKILL) == -signal.SIGKILL
    saying.cancel()
    await asyncio.gather(saying, return_exceptions=True)
    return killed


def check(there: Found, book: dict[int, Sent], said: list[Sent], killed: float) -> None:
    assert there.integrity == "ok"

    # Every change that was acknowledged is there, none was made twice, and the last one holds.
    changes = Counter(there.audit)
    acknowledged = {(m.group, m.value) for m in book.values() if m.value and any("→" in text for text in m.answers)}
    assert acknowledged <= changes.keys()
    assert set(changes.values()) <= {1}
    assert there.settings == dict(there.audit)

    # No message is answered twice, in whatever life.
    assert [m for m in book.values() if len(m.answered) > 1] == []

    # The log has all but the last moment.
    sent = [m for m in said if m.at]
    lag = max((m.answered[0] - m.at for m in sent if m.answered), default=0.0)
    for group in GROUPS:
        here = [m for m in sent if m.group == group]
        sure = [m for m in here if m.at < killed - BUFFERED - lag]
        assert {m.id for m in sure} <= there.messages


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_killed_bot_keeps_its_word(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    bot, book = Bot(tmp_path), dict[int, Sent]()
    ids, values = itertools.count(1_000_001), {group: itertools.count(1) for group in GROUPS}
    said: list[Sent] = []
    there = Found("", frozenset(), {}, [])
    figures: Counter[str] = Counter()
    for life in range(LIVES + 1):
        await bot.start()
        async with bot.line(book, ids) as line:
            for group in GROUPS:
                told = re.search(r"：(\d+)（", await line.ask(group, "/设置 问答 记忆分钟"))
                assert told is not None
                assert int(told[1]) == there.settings.get(group, 30), f"seed {seed}, life {life}"
            for message in [m for m in said if m.at][-AGAIN:]:
                await line.send(message)
            if life == LIVES:
                await line.ask(GROUPS[0], "/状态")
                break
            if life % 4 == 3:
                said = chatter(ids, chance)
                killed = await live(line, said, QUIET_SECONDS, chance.uniform(0.8, 1) * QUIET_SECONDS, bot)
            else:
                said = burst(ids, values, chance)
                killed = await live(line, said, SECONDS, chance.uniform(0.1, 1) * SECONDS, bot)
        there = found(bot.database, tmp_path / "copy")
        try:
            check(there, book, said, killed)
        except AssertionError as error:
            error.add_note(f"seed {seed}, life {life}")
            raise
        figures["sent"] += sum(m.at > 0 for m in said)
    assert await bot.stop(signal.SIGTERM) == 0, (tmp_path / "log").read_text("utf-8")
    there = found(bot.database, tmp_path / "copy")
    check(there, book, [], time.monotonic())
    figures["logged"] = len(there.messages)
    figures["answered"] = sum(bool(m.answered) for m in book.values())
    figures["changes"] = len(there.audit)
    assert figures["answered"] > LIVES * 20, figures
    assert figures["changes"] > LIVES * 5, figures
