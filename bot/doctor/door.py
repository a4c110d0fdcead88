"""The door: who could reach the web server, whether it finds its port, and who has all powers."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.adapters.onebot import OneBot
from bot.adapters.webchat import WebChat
from bot.config import LOOPBACK, Config, Web, variable
from bot.config import OneBot as OneBotSettings
from bot.doctor.finding import Finding, failed, ok, warn
from bot.errors import ConfigError
from bot.server import HEALTH, Server, check_exposure

OURS = "xiaopeng"
"""The `Server` header of the bot."""
PLATFORMS = (OneBot.platform, WebChat.platform)


def look(config: Config) -> Iterator[Finding]:
    yield from _exposure(config)
    yield from _port(config)
    yield from _dialled(config)
    yield from _operators(config)


def _exposure(config: Config) -> Iterator[Finding]:
    closed = {"web": Web(enabled=False), "onebot": OneBotSettings(enabled=False)}
    exposed = False
    for part in closed:
        # Each part alone: with both at once, the first would hide the second.
        try:
            check_exposure(config.model_copy(update={name: off for name, off in closed.items() if name != part}))
        except ConfigError as error:
            exposed = True
            yield failed(error)
    if not exposed:
        reach = "this machine only" if config.loopback else "others too, with password and token"
        yield ok("exposure", f"{config.server.host} is reached by {reach}")


def _port(config: Config) -> Iterator[Finding]:
    """Bind the address as the bot would, and let go of it."""
    shut = config.model_copy(update={"web": Web(enabled=False), "onebot": OneBotSettings(enabled=False)})

    async def bind() -> None:
        async with Server(shut, (), dict):
            pass

    try:
        asyncio.run(bind())
    except ConfigError as error:
        if error.setting == variable("server", "port") and _ours(config):
            yield ok(error.setting, f"the bot is running on {config.server.port}")
        else:
            yield failed(error)
    else:
        yield ok(variable("server", "port"), f"{config.server.port} is free" if config.server.port else "any free one")


def _ours(config: Config) -> bool:
    """Whether the bot itself holds the port."""
    host = config.server.host if config.loopback else "127.0.0.1"
    address = f"http://{f'[{host}]' if ':' in host else host}:{config.server.port}{HEALTH}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=2) as answer:
            return bool(answer.headers.get("Server") == OURS)
    except urllib.error.HTTPError as error:
        return bool(error.headers.get("Server") == OURS)
    except (OSError, ValueError):
        return False


def _dialled(config: Config) -> Iterator[Finding]:
    """The implementations that the bot is to dial; what they answer is told by the running bot."""
    setting, token = variable("onebot", "connect"), variable("onebot", "token")
    secret = config.onebot.token.get_secret_value() if config.onebot.token else ""
    for address in config.onebot.connect if config.onebot.enabled else ():
        parts = urlsplit(address)
        near = parts.hostname in LOOPBACK
        shown = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        if near and parts.port == config.server.port:
            yield warn(setting, f"{shown} is the bot's own port. Name the port on which the implementation listens.")
        elif not near and not secret and "access_token=" not in parts.query:
            yield warn(setting, f"{shown} is on another machine and is dialled without a token. Set {token} on both.")
        else:
            yield ok(setting, f"{shown} is dialled")


def _operators(config: Config) -> Iterator[Finding]:
    setting = variable("operators")
    if not config.operators:
        yield warn(setting, f'Nobody has all powers. Set it to your own id, like ["{PLATFORMS[0]}:12345"].')
    strange = sorted({id.partition(":")[0] for id in config.operators | config.bots} - set(PLATFORMS))
    if strange:
        yield warn(setting, f"No platform is called {', '.join(strange)}. Ids begin with {' or '.join(PLATFORMS)}.")
    if config.operators and not strange:
        yield ok(setting, f"{len(config.operators)} have all powers")
