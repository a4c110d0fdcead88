"""Our side of OneBot v11: `Link` is one connection with its calls, `Seat` one account over all its connections."""

from __future__ import annotations

import asyncio
import itertools
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import WSMsgType, web
from loguru import logger

from bot.adapters.onebot_events import View
from bot.adapters.onebot_frames import DIRECT, PREFIX, Answer, Body, answer, digits, dump, line, number
from bot.errors import AdapterError
from bot.types import Account, Outgoing

MEDIA_RATE: Final = 256 * 1024
"""Bytes a second that an implementation allows itself for uploads; a call with media waits that much longer."""

MOST_REMEMBERED: Final = 5000

Socket = web.WebSocketResponse[Literal[False]]


class Link:
    """One connection of an implementation: calls with their answers, and when it was last heard."""

    def __init__(self, socket: Socket, transport: asyncio.Transport | None) -> None:
        self.socket = socket
        self.heard = time.monotonic()
        self.patience = math.inf
        self.trusted = False
        """A valid frame came."""
        self.tells = False
        """Its heartbeats say whether the account is online."""
        self.ended = False
        self.asked: set[str] = set()
        self.curious: asyncio.Queue[str] = asyncio.Queue()
        """Groups (by number) in which our own name is still to be learnt."""
        self.tasks: list[asyncio.Task[None]] = []
        self._transport = transport
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        # The random part keeps late answers to an earlier connection apart.
        self._echoes = (f"{prefix}-{n}" for prefix in [secrets.token_hex(4)] for n in itertools.count(1))

    async def ask(self, action: str, params: Mapping[str, object], within: float) -> Answer:
        """Make one call and wait for its answer. Raises AdapterError where none comes."""
        if self.ended or self.socket.closed or self._transport is None or self._transport.is_closing():
            raise AdapterError("与 OneBot 实现的连接已断开")
        echo = next(self._echoes)
        frame = dump({"action": action, "params": params, "echo": echo})
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[echo] = answered
        within += len(frame) / MEDIA_RATE if len(frame) > MEDIA_RATE else 0
        try:
            async with asyncio.timeout(within):
                await self.socket.send_frame(frame, WSMsgType.TEXT)
                return await answered
        except TimeoutError:
            raise AdapterError(f"{action} 在 {within:g} 秒内没有回答", ambiguous=True) from None
        except ConnectionError:
            # The connection stood when the frame was handed over: it may have left.
            raise AdapterError(f"{action} 发出时连接断开", ambiguous=True) from None
        finally:
            del self._waiting[echo]

    async def told(self, action: str, params: Mapping[str, object], within: float) -> dict[str, Any]:
        """Ask for what is good to know, not needed; empty where no answer says it."""
        try:
            answer = await self.ask(action, params, within)
        except AdapterError as failure:
            logger.debug("OneBot: {} failed: {}", action, failure.reason)
            return {}
        return answer.data if isinstance(answer.data, dict) else {}

    def answered(self, body: Body) -> bool:
        """Hand an answer to its call; False where no call waits for it."""
        echo = body.get("echo")
        waiting = self._waiting.get(str(echo)) if isinstance(echo, (str, int)) else None
        if waiting is None or waiting.done():
            return False
        waiting.set_result(answer(body))
        return True

    async def silent(self) -> None:
        """Wait until nothing has been heard for longer than `patience` (seconds)."""
        while True:
            left = self.heard + self.patience - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(left)

    def end(self) -> None:
        """Give up: whoever waits for an answer learns that none will come."""
        self.ended = True
        for task in self.tasks:
            task.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(AdapterError("连接在回答之前断开", ambiguous=True))


@dataclass(slots=True)
class Seat:
    """One of our accounts over all its connections. Groups are keyed by number."""

    view: View
    since: float
    nickname: str = ""
    link: Link | None = None
    online: bool = False
    detail: str = ""
    muted: dict[str, float] = field(default_factory=dict)
    """Until when (monotonic seconds) we may not speak."""
    seen: dict[str, None] = field(default_factory=dict)
    """Ids of messages that this account can take back, oldest first."""
    strangers: dict[str, str] = field(default_factory=dict)
    """Through which group somebody who is no friend writes to us."""

    def may_speak(self, group: str) -> bool:
        until = self.muted.get(group)
        if until is not None and until <= time.monotonic():
            del self.muted[group]
            until = None
        return until is None

    def name(self, nickname: str, group: str | None = None, card: str = "") -> None:
        """Learn what we are called, everywhere or in one group."""
        self.nickname = nickname or self.nickname
        names = tuple(dict.fromkeys(name for name in (self.nickname, card) if name))
        account = Account(self.view.account.id, names)
        if group is not None:
            self.view.accounts[group] = account
        else:
            self.view.account = account
            unknown = [known for known, called in self.view.accounts.items() if not called.names]
            self.view.accounts.update(dict.fromkeys(unknown, account))

    async def learn(self, link: Link, within: float) -> None:
        """Ask, one call after another, what we are called and who carries our words."""
        login = await link.told("get_login_info", {}, within)
        self.name(line(login.get("nickname"), 64))
        version = await link.told("get_version_info", {}, within)
        app, release = (line(version.get(key), 64) for key in ("app_name", "app_version"))
        logger.info("OneBot: {} is connected through {} {}", self.view.account.id, app or "?", release)
        own = number(self.view.account.id.removeprefix(PREFIX))
        while True:
            group = await link.curious.get()
            params = {"group_id": number(group), "user_id": own, "no_cache": False}
            member = await link.told("get_group_member_info", params, within)
            if member:
                self.name(line(member.get("nickname"), 64), group, line(member.get("card"), 64))

    def address(self, outgoing: Outgoing, message: list[Body]) -> dict[str, object]:
        """Whom a private message goes to, and through which group where they may be no friend."""
        group = outgoing.group
        member = outgoing.to or PREFIX + group.id.removeprefix(DIRECT)
        source = self.strangers.get(member) if group.direct else digits(group.id)
        params: dict[str, object] = {"user_id": number(digits(member)), "message": message}
        return params | {"group_id": number(source)} if source else params


def keep(known: dict[str, Any], key: str, value: object = None) -> None:
    """Put into a memory of bounded size, from which the oldest goes."""
    known[key] = value
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]
