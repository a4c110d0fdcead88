"""The OneBot adapter in a running server, and what it heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from bot.adapters.onebot import OneBot
from bot.config import OneBot as Settings
from bot.types import Account, AccountChanged, Event, Group, Health, Message, Outgoing, Part

GROUP = Group("qq:20001")
US = Account("qq:10001000")


@dataclass
class Bot:
    """The adapter in a running server, and what it heard."""

    adapter: OneBot
    url: str
    heard: list[Event] = field(default_factory=list)

    @property
    def http(self) -> str:
        return self.url.replace("ws://", "http://").removesuffix("/onebot/v11/ws")

    def messages(self) -> list[Message]:
        return [event for event in self.heard if isinstance(event, Message)]

    def changes(self) -> list[tuple[bool, str]]:
        return [(e.online, e.reason) for e in self.heard if isinstance(e, AccountChanged) and e.group.id == "qq:*"]

    async def send(self, *parts: Part, group: Group = GROUP, **more: Any) -> str:
        return await self.adapter.send(Outgoing(group, US, parts, **more))

    async def hears(self, text: str) -> Message:
        await until(lambda: any(message.text == text for message in self.messages()))
        return next(message for message in self.messages() if message.text == text)

    async def health(self, true: Callable[[Health], bool]) -> Health:
        """Wait until the only thing that has a health is as told, and return its health."""
        await until(lambda: len(self.adapter.health()) == 1 and true(self.adapter.health()[0]))
        return self.adapter.health()[0]

    def troubles(self) -> dict[str, dict[str, Any]]:
        """The troubles of the report, by kind."""
        told: Any = self.adapter.report()["troubles"]
        return {trouble["kind"]: trouble for trouble in told}

    def accounts(self) -> list[dict[str, Any]]:
        """The accounts of the report."""
        told: Any = self.adapter.report()["accounts"]
        return list(told)

    def account(self) -> dict[str, Any]:
        """The only account of the report."""
        (account,) = self.accounts()
        return account


async def until(true: Callable[[], bool], within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(token: str | None = None, *connect: str, **options: Any) -> AsyncIterator[Bot]:
    """A bot with this token, which dials these addresses."""
    settings = Settings(
        token=SecretStr(token) if token is not None else None, timeout=options.pop("timeout", 2), connect=connect
    )
    adapter = OneBot(settings, **options)
    app = web.Application()
    app.add_routes(adapter.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        bot = Bot(adapter, f"ws://{host}:{port}/onebot/v11/ws")
        async with adapter.listen(bot.heard.append):
            yield bot
    finally:
        await runner.cleanup()
