"""QQ through a OneBot v11 implementation that connects to us by reverse WebSocket."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import WSCloseCode, WSMsgType, web
from loguru import logger

from bot.adapters import onebot_wire as wire
from bot.config import OneBot as Settings
from bot.errors import AdapterError
from bot.types import Account, AccountChanged, Event, Group, Health, Message, Muted, Outgoing, Role

PATH: Final = "/onebot/v11/ws"
SELF_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
LARGEST_MESSAGE: Final = 64 * 2**20
"""Bytes at which the link gives up on a message; far above what is read, so that size alone closes no link."""

PING: Final = 20.0
PATIENCE: Final = 15.0
MUTE_GUESS: Final = 600.0
"""Seconds that a group is left alone when a refusal, not a notice, told that we are muted there."""

LONGEST_MUTE: Final = 30 * 86400
MEDIA_RATE: Final = 256 * 1024
"""Bytes a second that an implementation allows itself for uploads; a call with media waits that much longer."""

MOST_REMEMBERED: Final = 5000
MOST_KINDS: Final = 64

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
        self._waiting: dict[str, asyncio.Future[wire.Answer]] = {}
        # The random part keeps late answers to an earlier connection apart.
        self._echoes = (f"{prefix}-{n}" for prefix in [secrets.token_hex(4)] for n in itertools.count(1))

    async def ask(self, action: str, params: Mapping[str, object], within: float) -> wire.Answer:
        """Make one call and wait for its answer. Raises AdapterError where none comes."""
        if self.ended or self.socket.closed or self._transport is None or self._transport.is_closing():
            raise AdapterError("与 OneBot 实现的连接已断开")
        echo = next(self._echoes)
        frame = wire.dump({"action": action, "params": params, "echo": echo})
        answered: asyncio.Future[wire.Answer] = asyncio.get_running_loop().create_future()
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

    def answered(self, body: wire.Body) -> bool:
        """Hand an answer to its call; False where no call waits for it."""
        echo = body.get("echo")
        waiting = self._waiting.get(str(echo)) if isinstance(echo, (str, int)) else None
        if waiting is None or waiting.done():
            return False
        waiting.set_result(wire.answer(body))
        return True

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

    view: wire.View
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


def keep(known: dict[str, Any], key: str, value: object = None) -> None:
    """Put into a memory of bounded size, from which the oldest goes."""
    known[key] = value
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]


class OneBot:
    """The `Adapter` for QQ: one web socket, any number of our accounts.

    `patience` is the least time (seconds) of silence after which a link with a heartbeat counts as dead.
    """

    name = "onebot"
    platform = "qq"
    streams = False

    def __init__(self, settings: Settings, *, patience: float = PATIENCE) -> None:
        self._token = settings.token.get_secret_value() if settings.token else ""
        self._timeout = settings.timeout
        self._patience = patience
        self._receive: Callable[[Event], None] | None = None
        self._seats: dict[str, Seat] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._skipped: dict[str, int] = {}
        self._warned: dict[str, float] = {}

    # --- life ---------------------------------------------------------------------------------

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.get(PATH, self._accept)]

    @asynccontextmanager
    async def listen(self, receive: Callable[[Event], None]) -> AsyncIterator[None]:
        self._receive = receive
        try:
            yield
        finally:
            self._receive = None
            for seat in self._seats.values():
                if seat.link is not None:
                    self._drop(seat, seat.link, "机器人已停止", WSCloseCode.GOING_AWAY)
            while self._tasks:
                await asyncio.wait(self._tasks)

    def health(self) -> Sequence[Health]:
        return [Health(id, seat.online, seat.since, seat.detail) for id, seat in self._seats.items()]

    @property
    def skipped(self) -> Mapping[str, int]:
        """How many frames of each kind were not made into events."""
        return self._skipped

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

    async def _accept(self, request: web.Request) -> web.StreamResponse:
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
        seat = self._seat(wire.PREFIX + request.headers["X-Self-ID"])
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
        if account not in self._seats:
            view = wire.View(Account(account), self._seats.keys())
            self._seats[account] = Seat(view, time.time(), detail="还没有收到数据")
        return self._seats[account]

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
        while True:
            left = link.heard + link.patience - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(left)
        logger.warning("OneBot: {} fell silent, its connection is closed", seat.view.account.id)
        self._drop(seat, link, "心跳中断", WSCloseCode.GOING_AWAY)

    async def _learn(self, seat: Seat, link: Link) -> None:
        """Ask, one call after another, what we are called and who carries our words."""
        login = await self._curious(link, "get_login_info", {})
        seat.name(wire.line(login.get("nickname"), 64))
        version = await self._curious(link, "get_version_info", {})
        app, release = (wire.line(version.get(key), 64) for key in ("app_name", "app_version"))
        logger.info("OneBot: {} is connected through {} {}", seat.view.account.id, app or "?", release)
        own = wire.number(seat.view.account.id.removeprefix(wire.PREFIX))
        while True:
            group = await link.curious.get()
            params = {"group_id": wire.number(group), "user_id": own, "no_cache": False}
            member = await self._curious(link, "get_group_member_info", params)
            if member:
                seat.name(wire.line(member.get("nickname"), 64), group, wire.line(member.get("card"), 64))

    async def _curious(self, link: Link, action: str, params: Mapping[str, object]) -> dict[str, Any]:
        """Ask for what is good to know, not needed."""
        try:
            answer = await link.ask(action, params, self._timeout)
        except AdapterError as failure:
            logger.debug("OneBot: {} failed: {}", action, failure.reason)
            return {}
        return answer.data if isinstance(answer.data, dict) else {}

    # --- what comes in ------------------------------------------------------------------------

    def _take(self, seat: Seat, link: Link, data: bytes) -> None:
        try:
            body = wire.load(data)
            if "post_type" not in body:
                if not link.answered(body):
                    self._skip("answer")
                return
            event = wire.parse(body, seat.view, time.time())
            if body["post_type"] == "meta_event":
                self._beat(seat, link, wire.beat(body))
            elif isinstance(event, AccountChanged) and event.group == wire.EVERYWHERE:
                self._trust(seat, link)
                self._turn(seat, False, event.reason)
            else:
                if self._trust(seat, link) or not (seat.online or link.tells):
                    self._turn(seat, True)
                if event is None:
                    self._skip(wire.kind(body))
                    self._renamed(seat, link, body)
                else:
                    self._note(seat, link, event, body)
                    self._tell(event)
        except wire.Malformed as wrong:
            self._skip(f"malformed.{wrong}")
        except Exception as failure:  # noqa: BLE001 - whatever a frame breaks, the next one must be read
            self._skip("broken")
            logger.opt(exception=failure).error("OneBot: a frame broke its reader")

    def _trust(self, seat: Seat, link: Link) -> bool:
        """Whether this is the link's first valid frame; no lifecycle event is waited for."""
        if link.trusted:
            return False
        link.trusted = True
        link.tasks.append(self._spawn(self._learn(seat, link)))
        return True

    def _beat(self, seat: Seat, link: Link, beat: wire.Beat) -> None:
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
        self._tell(
            AccountChanged(group=wire.EVERYWHERE, account=account, time=seat.since, online=online, reason=reason)
        )

    def _tell(self, event: Event) -> None:
        if self._receive:
            self._receive(event)

    def _note(self, seat: Seat, link: Link, event: Event, body: wire.Body) -> None:
        """Remember what later calls need to know."""
        group = event.group.id.removeprefix(wire.PREFIX)
        if isinstance(event, Message):
            keep(seat.seen, event.id)
            if not event.group.direct:
                if group not in link.asked:
                    link.asked.add(group)
                    link.curious.put_nowait(group)
                    seat.view.accounts.setdefault(group, seat.view.account)
            elif body.get("sub_type") == "group" and (source := wire.source(body)):
                keep(seat.strangers, event.member.id, source)
        elif isinstance(event, Muted):
            silent = self._seats.get(event.member.id) if event.member else None
            if event.seconds == 0:
                (silent or seat).muted.pop(group, None)
            elif silent:
                silent.muted[group] = time.monotonic() + (math.inf if event.seconds is None else event.seconds)
        elif isinstance(event, AccountChanged):
            seat.muted.pop(group, None)
            seat.view.accounts.pop(group, None)
            link.asked.discard(group)

    def _renamed(self, seat: Seat, link: Link, body: wire.Body) -> None:
        """Ask anew for our name in a group where somebody changed it."""
        group, user = wire.ident(body.get("group_id")), wire.ident(body.get("user_id"))
        if body.get("notice_type") == "group_card" and group and wire.PREFIX + (user or "") == seat.view.account.id:
            link.asked.discard(group)

    def _skip(self, kind: str) -> None:
        if kind not in self._skipped and len(self._skipped) >= MOST_KINDS:
            kind = "other"
        self._skipped[kind] = self._skipped.get(kind, 0) + 1

    def _warn(self, text: str) -> None:
        """Warn, once a minute for one thing: a client with a wrong token comes back every few seconds."""
        now = time.monotonic()
        if now - self._warned.get(text, -math.inf) > 60:
            self._warned[text] = now
            logger.warning(text)

    # --- what goes out ------------------------------------------------------------------------

    async def call(
        self,
        account: str,
        action: str,
        params: Mapping[str, object],
        timeout: float | None = None,  # noqa: ASYNC109 - a call that timed out is no cancelled call: it may have worked
    ) -> Any:
        """Call an action as one of our accounts ("qq:10001") and return its data. Raises AdapterError."""
        seat = self._seats.get(account)
        if seat is None or seat.link is None:
            raise AdapterError(f"QQ 账号 {account.removeprefix(wire.PREFIX)} 没有连接")
        return self._granted(await seat.link.ask(action, params, self._timeout if timeout is None else timeout))

    def _granted(self, answer: wire.Answer) -> Any:
        if answer.reason:
            raise AdapterError(answer.reason, ambiguous=answer.ambiguous)
        return answer.data

    async def send(self, outgoing: Outgoing) -> str:
        seat = self._seats.get(outgoing.account.id)
        if seat is None or seat.link is None:
            raise AdapterError(f"QQ 账号 {outgoing.account.id.removeprefix(wire.PREFIX)} 没有连接")
        private = outgoing.to is not None or outgoing.group.direct
        # What was said in a group cannot be quoted to a member alone.
        quote = outgoing.quote if outgoing.to is None else None
        message = wire.write(outgoing.parts, quote, mentions=not private)
        if not message:
            raise AdapterError("这条消息没有可以发送的内容")
        if private:
            answer = await seat.link.ask("send_private_msg", self._address(seat, outgoing, message), self._timeout)
        else:
            group = digits(outgoing.group.id)
            if not seat.may_speak(group):
                raise AdapterError(wire.MUTED)
            params = {"group_id": wire.number(group), "message": message}
            answer = await seat.link.ask("send_group_msg", params, self._timeout)
            if answer.muted and seat.may_speak(group):
                seat.muted[group] = time.monotonic() + MUTE_GUESS
        data = self._granted(answer)
        message_id = wire.handle(data.get("message_id")) if isinstance(data, dict) else None
        if message_id is None:
            raise AdapterError("OneBot 实现没有给出消息号，不知道是否发出", ambiguous=True)
        keep(seat.seen, message_id)
        return message_id

    def _address(self, seat: Seat, outgoing: Outgoing, message: list[wire.Body]) -> dict[str, object]:
        """Whom a private message goes to, and through which group where they may be no friend."""
        group = outgoing.group
        member = outgoing.to or wire.PREFIX + group.id.removeprefix(wire.DIRECT)
        source = seat.strangers.get(member) if group.direct else digits(group.id)
        params: dict[str, object] = {"user_id": wire.number(digits(member)), "message": message}
        return params | {"group_id": wire.number(source)} if source else params

    async def role(self, group: Group, member_id: str) -> Role:
        if group.direct or not member_id.startswith(wire.PREFIX):
            return Role.UNKNOWN
        params = {"user_id": wire.number(digits(member_id)), "no_cache": True}
        member = await self._told(group, "get_group_member_info", params)
        return wire.role(member.get("role"))

    async def size(self, group: Group) -> int | None:
        if group.direct:
            return None
        count = (await self._told(group, "get_group_info", {})).get("member_count")
        return count if type(count) is int and count > 0 else None

    async def _told(self, group: Group, action: str, params: Mapping[str, object]) -> dict[str, Any]:
        """Ask about a group, five seconds at most; empty where nobody can tell."""
        try:
            async with asyncio.timeout(5):
                data = await self._any(group, action, params)
        except (AdapterError, TimeoutError) as failure:
            logger.debug("OneBot: {} failed: {}", action, failure)
            return {}
        return data if isinstance(data, dict) else {}

    async def recall(self, group: Group, message_id: str) -> None:
        # An id is that of the account that saw the message: another account may know it for another message.
        seen = [seat for seat in self._in(group) if message_id in seat.seen]
        params = {"message_id": wire.number(message_id)}
        await self._any(group, "delete_msg", params, seen or None, place=False)

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        if group.direct:
            raise AdapterError("私聊里不能禁言")
        # Without a duration one implementation lifts the mute, and the others take half an hour.
        duration = max(0, min(int(seconds), LONGEST_MUTE))
        await self._any(group, "set_group_ban", {"user_id": wire.number(digits(member_id)), "duration": duration})

    def _in(self, group: Group) -> list[Seat]:
        """Our connected accounts, first those known to be in the group."""
        number = group.id.removeprefix(wire.PREFIX)
        connected = [seat for seat in self._seats.values() if seat.link is not None]
        return sorted(connected, key=lambda seat: (number not in seat.view.accounts, not seat.online))

    async def _any(
        self,
        group: Group,
        action: str,
        params: Mapping[str, object],
        seats: Sequence[Seat] | None = None,
        *,
        place: bool = True,
    ) -> Any:
        """Call as one account after another until one may. Raises the last refusal, or the first doubt."""
        failure = AdapterError("没有连接的 QQ 账号")
        if place:
            params = {"group_id": wire.number(digits(group.id)), **params}
        for seat in self._in(group) if seats is None else seats:
            try:
                return await self.call(seat.view.account.id, action, params)
            except AdapterError as refused:
                failure = refused
                if refused.ambiguous:
                    break
        raise failure


def digits(id: str) -> str:
    """The platform's own id ("qq:20001" → "20001"). Raises AdapterError for another platform's."""
    if not id.startswith(wire.PREFIX):
        raise AdapterError(f"{id[:40]!r} 不是 QQ 的号")
    return id.removeprefix(wire.PREFIX)
