"""The door by which implementations of OneBot v11 come in: who may connect, and what their frames change.

It knows when a connection is dead, which accounts are online, and what was skipped; sending is the adapter's.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web
from loguru import logger

from bot.adapters.onebot_events import EVERYWHERE, View, parse, source
from bot.adapters.onebot_frames import PREFIX, Beat, Body, Malformed, beat, ident, kind, load
from bot.adapters.onebot_link import Link, Seat, Socket, keep
from bot.types import Account, AccountChanged, Event, Message, Muted

SELF_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
LARGEST_MESSAGE: Final = 64 * 2**20
"""Bytes at which the link gives up on a message; far above what is read, so that size alone closes no link."""

PING: Final = 20.0
PATIENCE: Final = 15.0
MOST_KINDS: Final = 64


class Door:
    """All connections of implementations, and the seats of our accounts that they feed.

    `timeout` (seconds) bounds each call for what is good to know; `patience` is as the adapter tells it.
    """

    def __init__(self, token: str, timeout: float, patience: float) -> None:
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self.seats: dict[str, Seat] = {}
        """By account ("qq:10001")."""
        self.skipped: dict[str, int] = {}
        """How many frames of each kind were not made into events."""
        self._receive: Callable[[Event], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._warned: dict[str, float] = {}

    # --- life ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self, receive: Callable[[Event], None]) -> AsyncIterator[None]:
        """Let connections in while entered, and hand every event to `receive`."""
        self._receive = receive
        try:
            yield
        finally:
            self._receive = None
            for seat in self.seats.values():
                if seat.link is not None:
                    self._drop(seat, seat.link, "机器人已停止", WSCloseCode.GOING_AWAY)
            while self._tasks:
                await asyncio.wait(self._tasks)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            logger.opt(exception=failure).error("OneBot: a task broke")

    # --- one connection -----------------------------------------------------------------------

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection from its handshake to its end."""
        if refusal := self._refusal(request):
            status, reason = refusal
            self._warn(f"OneBot: connection refused ({status}): {reason}")
            return web.Response(status=status, text=reason)
        # Implementations give the handshake two seconds: nothing that waits comes before it.
        # Text stays bytes, because a broken character would otherwise close the link.
        socket: Socket = web.WebSocketResponse(
            timeout=2, heartbeat=PING, compress=False, max_msg_size=LARGEST_MESSAGE, decode_text=False
        )
        await socket.prepare(request)
        if self._receive is None:
            await socket.close(code=WSCloseCode.GOING_AWAY)
            return socket
        seat = self._seat(PREFIX + request.headers["X-Self-ID"])
        link = Link(socket, request.transport)
        seat.link, older = link, seat.link
        if older is not None:
            logger.warning("OneBot: {} connected again, the older connection is closed", seat.view.account.id)
            self._drop(seat, older, "", WSCloseCode.POLICY_VIOLATION)
        try:
            await self._read(seat, link)
        finally:
            self._over(seat, link, "与 OneBot 实现的连接已断开")
        return socket

    def _refusal(self, request: web.Request) -> tuple[int, str] | None:
        """Say why a connection may not come in, with the HTTP status."""
        if "Origin" in request.headers:
            return 403, "browsers have no business here"
        if self._token:
            scheme, _, given = request.headers.get("Authorization", "").strip().partition(" ")
            given = given.strip() if scheme.lower() in {"bearer", "token"} else ""
            given = given or request.query.get("access_token", "")
            if not given:
                return 401, "access token missing"
            if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()):
                return 403, "access token wrong"
        if not SELF_ID.fullmatch(request.headers.get("X-Self-ID", "")):
            return 400, "X-Self-ID missing"
        if request.headers.get("X-Client-Role", "universal").lower() != "universal":
            # Two half connections of one account would replace each other for ever.
            return 400, "one connection for events and calls is needed: X-Client-Role: Universal"
        return None if self._receive else (503, "not listening")

    def _seat(self, account: str) -> Seat:
        if account not in self.seats:
            view = View(Account(account), self.seats.keys())
            self.seats[account] = Seat(view, time.time(), detail="还没有收到数据")
        return self.seats[account]

    async def _read(self, seat: Seat, link: Link) -> None:
        try:
            async for message in link.socket:
                link.heard = time.monotonic()
                if message.type is WSMsgType.TEXT:
                    self._take(seat, link, message.data)
                else:
                    self._skip(message.type.name.lower())
        except ConnectionError:
            # A ping that could not be answered: the same as a closed link.
            return

    def _drop(self, seat: Seat, link: Link, reason: str, code: int) -> None:
        """End a link from our side, without waiting for the other's goodbye."""
        self._over(seat, link, reason)
        self._spawn(self._close(link, code))

    async def _close(self, link: Link, code: int) -> None:
        await link.socket.close(code=code)

    def _over(self, seat: Seat, link: Link, reason: str) -> None:
        if link.ended:
            return
        link.end()
        if seat.link is link:
            seat.link = None
            self._turn(seat, False, reason)

    async def _watch(self, seat: Seat, link: Link) -> None:
        await link.silent()
        logger.warning("OneBot: {} fell silent, its connection is closed", seat.view.account.id)
        self._drop(seat, link, "心跳中断", WSCloseCode.GOING_AWAY)

    # --- what comes in ------------------------------------------------------------------------

    def _take(self, seat: Seat, link: Link, data: bytes) -> None:
        try:
            body = load(data)
            if "post_type" not in body:
                if not link.answered(body):
                    self._skip("answer")
                return
            event = parse(body, seat.view, time.time())
            if body["post_type"] == "meta_event":
                self._beat(seat, link, beat(body))
            elif isinstance(event, AccountChanged) and event.group == EVERYWHERE:
                self._trust(seat, link)
                self._turn(seat, False, event.reason)
            else:
                if self._trust(seat, link) or not (seat.online or link.tells):
                    self._turn(seat, True)
                if event is None:
                    self._skip(kind(body))
                    self._renamed(seat, link, body)
                else:
                    self._note(seat, link, event, body)
                    self._tell(event)
        except Malformed as wrong:
            self._skip(f"malformed.{wrong}")
        except Exception as failure:  # noqa: BLE001 - whatever a frame breaks, the next one must be read
            self._skip("broken")
            logger.opt(exception=failure).error("OneBot: a frame broke its reader")

    def _trust(self, seat: Seat, link: Link) -> bool:
        """Whether this is the link's first valid frame; no lifecycle event is waited for."""
        if link.trusted:
            return False
        link.trusted = True
        link.tasks.append(self._spawn(seat.learn(link, self._timeout)))
        return True

    def _beat(self, seat: Seat, link: Link, beat: Beat) -> None:
        if beat.interval is not None:
            if link.patience == math.inf:
                link.tasks.append(self._spawn(self._watch(seat, link)))
            link.patience = max(3 * beat.interval, self._patience)
        first = self._trust(seat, link)
        if beat.online is not None:
            link.tells = True
            self._turn(seat, beat.online, "" if beat.online else "OneBot 实现报告账号不在线")
        elif first:
            self._turn(seat, True)

    def _turn(self, seat: Seat, online: bool, reason: str = "") -> None:
        """Note that an account came or went, and tell it once."""
        if seat.online == online:
            return
        seat.online, seat.since, seat.detail = online, time.time(), reason
        account = seat.view.account
        logger.info("OneBot: {} is {}", account.id, "online" if online else "offline")
        self._tell(AccountChanged(group=EVERYWHERE, account=account, time=seat.since, online=online, reason=reason))

    def _tell(self, event: Event) -> None:
        if self._receive:
            self._receive(event)

    def _note(self, seat: Seat, link: Link, event: Event, body: Body) -> None:
        """Remember what later calls need to know."""
        group = event.group.id.removeprefix(PREFIX)
        if isinstance(event, Message):
            keep(seat.seen, event.id)
            if not event.group.direct:
                if group not in link.asked:
                    link.asked.add(group)
                    link.curious.put_nowait(group)
                    seat.view.accounts.setdefault(group, seat.view.account)
            elif body.get("sub_type") == "group" and (through := source(body)):
                keep(seat.strangers, event.member.id, through)
        elif isinstance(event, Muted):
            silent = self.seats.get(event.member.id) if event.member else None
            if event.seconds == 0:
                (silent or seat).muted.pop(group, None)
            elif silent:
                silent.muted[group] = time.monotonic() + (math.inf if event.seconds is None else event.seconds)
        elif isinstance(event, AccountChanged):
            seat.muted.pop(group, None)
            seat.view.accounts.pop(group, None)
            link.asked.discard(group)

    def _renamed(self, seat: Seat, link: Link, body: Body) -> None:
        """Ask anew for our name in a group where somebody changed it."""
        group, user = ident(body.get("group_id")), ident(body.get("user_id"))
        if body.get("notice_type") == "group_card" and group and PREFIX + (user or "") == seat.view.account.id:
            link.asked.discard(group)

    def _skip(self, kind: str) -> None:
        if kind not in self.skipped and len(self.skipped) >= MOST_KINDS:
            kind = "other"
        self.skipped[kind] = self.skipped.get(kind, 0) + 1

    def _warn(self, text: str) -> None:
        """Warn, once a minute for one thing: a client with a wrong token comes back every few seconds."""
        now = time.monotonic()
        if now - self._warned.get(text, -math.inf) > 60:
            self._warned[text] = now
            logger.warning(text)
