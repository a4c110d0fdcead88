"""Runs the bot: the app, its adapters and the web server, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from loguru import logger

from bot import config as settings
from bot import journal, loader
from bot.adapters.onebot import OneBot
from bot.adapters.webchat import WebChat
from bot.app import App
from bot.config import Config
from bot.errors import ConfigError
from bot.pipeline import Adapter
from bot.server import Server
from bot.types import Group, Role

CHAT_PATH = Path("data/chat.db")
"""Where the chat in the terminal keeps its data, so that it may run beside the bot."""


def run() -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code: 2 where the operator must act first."""
    try:
        config = settings.load()
        journal.start(config.log_level)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_until_stopped(config))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def chat() -> int:
    """Hold the demo group in this terminal until its user leaves. Returns the exit code, like `run`."""
    try:
        config = _aside(settings.load())
        # What goes well would come between the lines of the chat.
        journal.start("WARNING" if config.log_level == "INFO" else config.log_level)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_until_left(config))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[tuple[App, Server]]:
    """The whole bot, live while entered. Raises ConfigError."""
    adapters: list[Adapter] = []
    if config.web.enabled:
        adapters.append(WebChat(config, commands=lambda group: _menu(app, group)))
    onebot = OneBot(config.onebot) if config.onebot.enabled else None
    if onebot is not None:
        adapters.append(onebot)
    app = App(config, adapters=adapters, kinds=loader.plugins_of(loader.modules(config.plugins)))
    routes = [route for adapter in adapters for route in adapter.routes()]
    server = Server(config, routes, lambda: _report(app), onebot.astray if onebot else None)
    async with app.open(), server:
        try:
            yield app, server
        finally:
            # While platforms and pages still listen, so that what is under way is told to its end.
            await app.pipeline.close()


async def _until_stopped(config: Config) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(config) as (_, server):
        # What the start made stays to the end: the collector need not walk over it ever again.
        gc.freeze()
        # A message makes some hundred objects that go as they came: to look for cycles among them is mostly in vain.
        gc.set_threshold(10_000, 20, 20)
        gc.enable()
        logger.info("{} is ready: {}", config.name, server.url)
        await stop.wait()
        logger.info("Stopping: what is under way may finish")


def _aside(config: Config) -> Config:
    """The settings with a database of its own, where none is named."""
    if "path" in config.store.model_fields_set:
        return config
    return config.model_copy(update={"store": config.store.model_copy(update={"path": CHAT_PATH})})


async def _until_left(config: Config) -> None:
    from bot.adapters.console import Console

    console = Console(config)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, console.left.set)
    kinds = loader.plugins_of(loader.modules(config.plugins))
    async with App(config, adapters=[console], kinds=kinds).open():
        await console.left.wait()


def _menu(app: App, group: Group) -> Sequence[tuple[str, str]]:
    """The commands of a group, for pages that suggest them: name and usage."""
    seen = {}
    for command, _ in app.board.view(group.id).commands.values():
        if command.role < Role.OPERATOR:
            seen[command.names[0]] = command.usage
    return list(seen.items())


def _report(app: App) -> Mapping[str, object]:
    """What /healthz says: ready while the store writes; no ids and no details for strangers."""
    store = app.store.health()
    return {"ok": store.up, "seconds": round(time.time() - app.started), "database": store.up}


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop where it exists (not on Windows)."""
    try:
        from uvloop import Loop
    except ImportError:
        return None
    return Loop
