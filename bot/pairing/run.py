"""The command itself: print what to paste, watch until all is well or somebody has had enough."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson
from loguru import logger

from bot import journal
from bot.config import Config, variable
from bot.doctor.finding import Finding, ok, warn
from bot.errors import ConfigError
from bot.pairing import paste
from bot.pairing.remedies import REMEDIES
from bot.pairing.secret import given
from bot.pairing.source import Hindered, Source, opened
from bot.pairing.watch import SETTLE, Watch

OFTEN: Final = 0.25
"""Seconds between two looks."""

SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True)
class Voice:
    """How the command speaks: `plain` prints a line as it is, `line` a finding."""

    plain: Callable[[str], None]
    line: Callable[[Finding], None]


def pair(
    config: Config,
    plain: Callable[[str], None],
    line: Callable[[Finding], None],
    *,
    wait: float | None = None,
    as_json: bool = False,
    made: bool = False,
) -> int:
    """Connect an implementation; returns the exit code: 0 where an account is connected and logged in, else 1.

    `wait` (seconds) bounds it; `made` says that the token is new. Raises ConfigError where the operator must act first.
    """
    if not config.onebot.enabled:
        setting = variable("onebot", "enabled")
        raise ConfigError(setting, "The door for QQ is shut.", f"Set {setting}=true.")
    journal.start("ERROR")
    # What the dialler logs is told here with its remedy.
    logger.disable("bot.adapters.onebot_dial")

    async def stoppable() -> int:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await paired(config, Voice(plain, line), stop, wait=wait, as_json=as_json, made=made)

    return asyncio.run(stoppable())


async def paired(
    config: Config,
    voice: Voice,
    stop: asyncio.Event,
    *,
    wait: float | None = None,
    as_json: bool = False,
    made: bool = False,
    settle: float = SETTLE,
    often: float = OFTEN,
) -> int:
    """The same, until `stop`.

    `settle` (seconds) is how long what is seen must stand before all is well, `often` the time between two looks.
    """
    watch = Watch(config, time.time(), settle=settle)
    async with opened(config) as source:
        if not as_json:
            _introduce(config, voice, source, made)
        say = _masked(given(config), (lambda finding: None) if as_json else voice.line)
        done = await _watched(watch, source, say, stop, wait, often)
    well = bool(watch.connected)
    if as_json:
        voice.plain(_json(watch, well, done))
        return 0 if well else 1
    for finding in watch.last():
        say(finding)
    if not well:
        voice.line(warn("QQ", "Not connected. Run it again when something has changed; docs/operators.md has more."))
        return 1
    for line in _next(config, watch, source, made):
        voice.plain(line)
    return 0


async def _watched(
    watch: Watch, source: Source, say: Callable[[Finding], None], stop: asyncio.Event, wait: float | None, often: float
) -> bool:
    """Look until all is well (True), or until the time is up or somebody stops it (False)."""
    begun = time.monotonic()
    while True:
        try:
            report = await source.report()
            passed = time.monotonic() - begun
            found = watch.see(report, passed)
        except Hindered as hindered:
            passed = time.monotonic() - begun
            found = watch.hindered(hindered.kind, passed)
        for finding in found:
            say(finding)
        if watch.settled(passed):
            return True
        left = often if wait is None else min(often, wait - passed)
        if left <= 0:
            return False
        try:
            async with asyncio.timeout(left):
                await stop.wait()
            return False
        except TimeoutError:
            continue


def _introduce(config: Config, voice: Voice, source: Source, made: bool) -> None:
    if source.running:
        voice.line(ok("QQ", f"The bot runs on port {source.port}. Ctrl-C ends this."))
    else:
        voice.line(ok("QQ", "The bot does not run; its door is open here. Before you start it, end this with Ctrl-C."))
    if made:
        restart = " Restart the bot, so that it asks for it." if source.running else ""
        voice.line(ok(variable("onebot", "token"), f"a new token stands in .env now.{restart}"))
    elif not given(config):
        voice.line(warn(variable("onebot", "token"), "none is set; `xiaopeng qq --yes` writes one into .env."))
    voice.plain("")
    for line in paste.forward(config) if config.onebot.connect else paste.reverse(config, source.port):
        voice.plain(line)
    voice.plain("")
    voice.line(ok("QQ", "Waiting. What happens is told here as it happens."))


def _next(config: Config, watch: Watch, source: Source, made: bool) -> list[str]:
    """What to do, now that it works."""
    lines = ["", "可以了: QQ is connected."]
    restart = ", and restart the bot" if source.running else ""
    if not config.operators:
        lines.append(f'  Give yourself all powers: {variable("operators")}=["qq:your-own-number"] in .env{restart}.')
    if not watch.rules:
        lines.append("  Make the bot an admin of its groups, so that it can recall and mute.")
    if not source.running:
        start = "Start the bot (`make run`, or `xiaopeng run`), then say"
    elif made:
        start = "Restart the bot, so that it asks for the new token, then say"
    else:
        start = "The bot runs: say"
    return [*lines, f"  {start} /帮助 in a group."]


def _masked(token: str, line: Callable[[Finding], None]) -> Callable[[Finding], None]:
    """Print no finding with the token in it, whatever a stranger's detail may hold."""

    def say(finding: Finding) -> None:
        text = finding.text.replace(token, "…") if len(token) >= SHORTEST_SECRET else finding.text
        line(Finding(finding.level, finding.subject, text))

    return say


def _json(watch: Watch, well: bool, done: bool) -> str:
    """What was seen, for scripts: the report, and each mistake with its remedy."""
    troubles = []
    for trouble in watch.seen.troubles:
        known = REMEDIES.get(trouble.kind)
        words = {"wrong": known.wrong, "remedy": known.remedy} if known else {}
        troubles.append(trouble.model_dump(mode="json") | words)
    accounts = [seen.model_dump(mode="json") for seen in watch.seen.accounts]
    report = {"connected": well, "settled": done, "accounts": accounts, "troubles": troubles}
    return orjson.dumps(report, option=orjson.OPT_INDENT_2).decode()
