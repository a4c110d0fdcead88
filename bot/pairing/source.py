"""Where the report comes from: the bot that runs already, or the same adapter and server, opened here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import aiohttp
from pydantic import ValidationError
from yarl import URL

from bot.adapters.onebot import REPORT, OneBot
from bot.config import Config
from bot.errors import ConfigError
from bot.pairing.report import Report
from bot.pairing.secret import given
from bot.server import HEALTH, Server

OURS: Final = "xiaopeng"
"""The `Server` header of the bot."""

PAIRING: Final = "pairing"
"""What the health of this command has and that of the bot has not."""

WITHIN: Final = aiohttp.ClientTimeout(total=5)
AT_ONCE: Final = aiohttp.ClientTimeout(total=2)
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


class Hindered(Exception):
    """The bot that runs cannot be asked; `kind` is the mistake."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Source(Protocol):
    """Something to ask for the report, which may raise `Hindered`; `port` is where implementations connect to."""

    running: bool
    port: int

    async def report(self) -> Report: ...


@dataclass
class Here:
    """The adapter itself, served by this command."""

    tell: Callable[[], object]
    port: int
    running: bool = field(default=False, init=False)

    async def report(self) -> Report:
        return Report.model_validate(self.tell())


@dataclass
class There:
    """The bot that runs, asked with its token."""

    session: aiohttp.ClientSession
    url: str
    token: str
    port: int
    running: bool = field(default=True, init=False)

    async def report(self) -> Report:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            async with self.session.get(self.url + REPORT, headers=headers, allow_redirects=False) as answer:
                if answer.status in {401, 403}:
                    raise Hindered("report_refused")
                if answer.status != 200:
                    raise Hindered("report_missing")
                return Report.model_validate_json(await answer.read())
        except (aiohttp.ClientError, TimeoutError):
            raise Hindered("bot_gone") from None
        except ValidationError:
            raise Hindered("report_missing") from None


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Source]:
    """Ask the bot if it runs; otherwise hold its door open while entered.

    Raises ConfigError as the bot would, and where this command runs already.
    """
    # A proxy of the environment has no part in what goes to this machine.
    async with aiohttp.ClientSession(timeout=WITHIN, trust_env=False) as session:
        url = address(config)
        if config.server.port and await _runs(session, url):
            yield There(session, url, given(config), config.server.port)
            return
    adapter = OneBot(config.onebot)
    # The adapter goes first at the end: it says goodbye, while the server would wait for connections to end.
    async with (
        Server(config, adapter.routes(), lambda: {"ok": True, PAIRING: True}, adapter.astray) as server,
        adapter.listen(lambda event: None),
    ):
        yield Here(adapter.report, URL(server.url).port or 0)


def address(config: Config) -> str:
    """Where the bot answers on this machine, without a final slash."""
    host = EVERYWHERE.get(config.server.host, config.server.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.server.port}"


async def _runs(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url + HEALTH, allow_redirects=False, timeout=AT_ONCE) as answer:
            if answer.headers.get("Server") != OURS:
                return False
            pairing = PAIRING in await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
    if pairing:
        raise ConfigError("xiaopeng qq", "It runs already, in another window.", "Go on there, or end it with Ctrl-C.")
    return True
