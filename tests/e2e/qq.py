"""A real bot with QQ accounts behind it, in both directions: for the tests of QQ."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp

from tests.e2e.running import PLENTY, Running, running_bot
from tests.peers.onebot import Flavour, OneBotPeer, Segments
from tests.peers.openai_server import OpenAIServer

Direction = Literal["reverse", "forward"]
DIRECTIONS: tuple[Direction, ...] = ("reverse", "forward")
TOKEN = "a-token"
ANSWER = "先看文档。"
MEMBER, ADMIN, OWNER = 30003, 30002, 30001


@asynccontextmanager
async def model_and_bot(
    folder: Path, connect: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """A bot with a model behind it, which dials these addresses."""
    async with OpenAIServer() as model:
        model.answer = ANSWER
        settings = {
            "XIAOPENG_MODELS__LOCAL__MODEL": "far-end",
            "XIAOPENG_MODELS__LOCAL__BASE_URL": model.base_url,
            "XIAOPENG_MODELS__LOCAL__API_KEY": "sk-test",
            "XIAOPENG_ONEBOT__TOKEN": TOKEN,
            "XIAOPENG_ONEBOT__CONNECT": json.dumps(list(connect)),
        }
        async with running_bot(folder, settings | PLENTY | dict(more or {})) as running:
            yield running


@asynccontextmanager
async def one_account(folder: Path, direction: Direction) -> AsyncIterator[tuple[Running, OneBotPeer]]:
    """A bot, and an account that is linked to it in one direction."""
    async with AsyncExitStack() as stack:
        peer = OneBotPeer(token=TOKEN)
        if direction == "forward":
            await stack.enter_async_context(peer)
            bot = await stack.enter_async_context(model_and_bot(folder, [peer.address]))
        else:
            bot = await stack.enter_async_context(model_and_bot(folder))
            peer.dial(bot.onebot)
            await stack.enter_async_context(peer)
        await peer.wait_linked(20)
        yield bot, peer


def logged(bot: Running) -> set[str]:
    """The ids of all messages in the log."""
    with closing(sqlite3.connect(f"file:{bot.database}?mode=ro", uri=True)) as database:
        return {str(row[0]) for row in database.execute("select message_id from messages")}


def words(peer: OneBotPeer, where: int | str | None = None) -> list[str]:
    """What the bot said (in a group, by number), the text of it; merged messages line by line."""
    return [_text(segments) for there, segments in peer.said if where is None or there == str(where)]


def _text(segments: Segments) -> str:
    found = []
    for segment in segments:
        if segment["type"] == "text":
            found.append(str(segment["data"]["text"]))
        elif segment["type"] == "node":
            found.append(_text(segment["data"]["content"]) + "\n")
    return "".join(found)


async def hears(peer: OneBotPeer, text: str, where: int | str | None = None, times: int = 1) -> None:
    """Wait until the bot said something that contains a text."""
    await peer.until(lambda: sum(text in said for said in words(peer, where)) >= times, 20)


@dataclass
class Account:
    """One account of the town: its implementation, and the groups that are its own; in `quiet` nobody speaks."""

    peer: OneBotPeer
    direction: Direction
    group: int
    other: int
    quiet: int

    @property
    def name(self) -> str:
        return f"{self.peer.flavour.app} {self.direction}"


@dataclass
class Town:
    """A bot with one account of every flavour in each direction, and `strangers` who do not know its token."""

    bot: Running
    accounts: list[Account]
    strangers: list[OneBotPeer]

    async def everywhere(self, scene: Callable[[Account], Awaitable[None]]) -> None:
        """Play a scene with all accounts at once. Raises ExceptionGroup, each failure with its account's name."""

        async def play(account: Account) -> Exception | None:
            try:
                await scene(account)
            except (Exception, TimeoutError) as failure:  # noqa: BLE001 - every account's failure is told, below
                failure.add_note(f"{account.name}; the bot said: {words(account.peer)[-5:]}")
                return failure
            return None

        failed = [failure for failure in await asyncio.gather(*map(play, self.accounts)) if failure]
        if failed:
            raise ExceptionGroup("not everywhere", failed)

    async def report(self) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.bot.url}/onebot/v11/report"
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def standing(self, account: Account) -> dict[str, Any]:
        """What the report says of an account."""
        found = (await self.report())["accounts"]
        return next((one for one in found if one["account"] == str(account.peer.self_id)), {})

    async def until_standing(self, account: Account, within: float, **expected: object) -> None:
        async with asyncio.timeout(within):
            while not expected.items() <= (await self.standing(account)).items():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.2)

    async def until_logged(self, ids: Mapping[str, set[str]], within: float = 20) -> None:
        """Wait until the log has all these messages, which are ordered by account."""
        async with asyncio.timeout(within):
            while set().union(*ids.values()) - logged(self.bot):  # noqa: ASYNC110 - the log is another process's
                await asyncio.sleep(0.1)


@asynccontextmanager
async def town(folder: Path, flavours: Sequence[Flavour]) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        accounts = []
        kinds = [(flavour, direction) for flavour in flavours for direction in DIRECTIONS]
        for n, (flavour, direction) in enumerate(kinds):
            peer = OneBotPeer(self_id=10001000 + n, token=TOKEN, flavour=flavour, heartbeats=1)
            account = Account(peer, direction, 21000 + n, 22000 + n, 23000 + n)
            for group in (account.group, account.other, account.quiet):
                peer.found(group, "admin", owner=OWNER, admins=[ADMIN], members=[MEMBER])
            accounts.append(account)
        strangers = [OneBotPeer(self_id=10009000, token="another", flavour=flavour) for flavour in flavours]
        dialled = [account.peer for account in accounts if account.direction == "forward"] + strangers
        for peer in dialled:
            await stack.enter_async_context(peer)
        bot = await stack.enter_async_context(model_and_bot(folder, [peer.address for peer in dialled]))
        for account in accounts:
            if account.direction == "reverse":
                account.peer.dial(bot.onebot)
                await stack.enter_async_context(account.peer)
            await account.peer.wait_linked(20)
        yield Town(bot, accounts, strangers)
