"""Reads the connections of implementations, whoever made them: what their frames change, and when one is dead.

It knows which accounts are online and what was skipped; letting in, dialling and sending are others' business.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType
from loguru import logger

from bot.adapters.onebot_events import EVERYWHERE, View, parse
from bot.adapters.onebot_frames import PREFIX, Beat, Body, Malformed, amount, beat, ident, kind, line, load
from bot.adapters.onebot_learn import greet, study, survey
from bot.adapters.onebot_link import Link, Seat
from bot.adapters.onebot_notes import heed, note
from bot.adapters.onebot_notices import further
from bot.adapters.onebot_report import Kind, Troubles
from bot.types import Account, AccountChanged, Event, Reaction

PATIENCE: Final = 15.0
INTRODUCTION: Final = 5.0

REFUSED: Final = 1403
"""The retcode of an answer to nobody's question, by which NapCat and LLBot refuse a token."""

MOST_KINDS: Final = 64
ENDS: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED})
MOST_EARLY: Final = 200
AGAIN: Final = (3, 300.0)
"""So many replacements of a connection within so many seconds are no accident."""


class Reader:
    """The seats of our accounts, and what their connections feed them.

    timeout        seconds that bound each call for what is good to know
    patience       as the adapter tells it
    introduction   seconds within which a connection must tell whose it is
    """

    def __init__(self, timeout: float, patience: float, introduction: float) -> None:
        self._timeout = timeout
        self._patience = patience
        self._introduction = introduction
        self.seats: dict[str, Seat] = {}
        """By account ("qq:10001")."""
        self.troubles = Troubles()
        self.skipped: dict[str, int] = {}
        """How many frames of each kind were skipped before it was known whose they are."""
        self._receive: Callable[[Event], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: set[Link] = set()

    # --- life ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def open(
        self, receive: Callable[[Event], None], *work: Callable[[], Coroutine[Any, Any, None]]
    ) -> AsyncIterator[None]:
        """Hand every event to `receive` while entered, and have `work` done beside that."""
        self._receive = receive
        standing = {self.spawn(each()) for each in work}
        try:
            yield
        finally:
            self._receive = None
            for link in list(self._links):
                self.drop(link, "机器人已停止", WSCloseCode.GOING_AWAY)
            # What dials is read to its end before it is cancelled: its far end is due a goodbye too.
            while closing := self._tasks - standing:
                await asyncio.wait(closing)
            for task in standing:
                task.cancel()
            while self._tasks:
                await asyncio.wait(self._tasks)

    @property
    def listening(self) -> bool:
        return self._receive is not None

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside, watched."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            logger.opt(exception=failure).error("OneBot: a task broke")

    # --- one connection -----------------------------------------------------------------------

    async def serve(self, link: Link, account: str | None) -> None:
        """Read a connection to its end; it tells itself whose it is where `account` ("qq:10001") is None."""
        self._links.add(link)
        try:
            if account is not None:
                self._sit(link, account)
            else:
                link.early = [] if link.speaks else None
                link.tasks.append(self.spawn(self._introduce(link)))
            receive = link.socket.receive
            while (message := await receive()).type not in ENDS:
                link.heard = time.monotonic()
                if message.type is WSMsgType.TEXT:
                    self._take(link, message.data)
                else:
                    self._skip(link, message.type.name.lower())
        except ConnectionError:
            # A ping that could not be answered: the same as a closed link.
            return
        finally:
            self._links.discard(link)
            self._over(link, "与 OneBot 实现的连接已断开")

    async def _introduce(self, link: Link) -> None:
        """Ask whose connection this is; where that is not answered, its first event tells it."""
        end = time.monotonic() + self._introduction
        login = await link.told("get_login_info", {}, self._introduction) if link.speaks else None
        user = ident(login.get("user_id")) if isinstance(login, dict) else None
        if user not in (None, "0"):
            seat = self._sit(link, f"{PREFIX}{user}")
            self._trust(seat, link)
            self._turn(seat, True)
        early, link.early = link.early, None
        for data in early or ():
            self._take(link, data)
        if link.seat is None:
            await asyncio.sleep(end - time.monotonic())
        if link.seat is None:
            what: Kind = "not_onebot" if link.forward else "no_self_id"
            self.troubles.note(what, f"连接后 {self._introduction:g} 秒内没有说明是哪个 QQ 账号")
            self.drop(link, "", WSCloseCode.POLICY_VIOLATION)

    def _sit(self, link: Link, account: str) -> Seat:
        """Give a connection its account, and take it from an older one: the last wins."""
        seat = self.seats.get(account)
        if seat is None:
            seat = Seat(View(Account(account), self.seats.keys()), time.time(), detail="还没有收到数据")
            self.seats[account] = seat
        link.seat, seat.forward = seat, link.forward
        standing = [older for older in (seat.link, seat.ear) if older is not None]
        seat.link = link if link.speaks else seat.link
        seat.ear = link if link.hears else seat.ear
        for older in dict.fromkeys(standing):
            if (older.speaks and link.speaks) or (older.hears and link.hears):
                self._replace(seat, older)
        if not link.hears:
            # Events come by another connection, so nothing would ever be said by this one unasked.
            link.tasks.append(self.spawn(self._learn(seat, link)))
            if seat.ear is not None and seat.ear.trusted:
                self._turn(seat, True)
        return seat

    def _replace(self, seat: Seat, older: Link) -> None:
        logger.warning("OneBot: {} connected again, the older connection is closed", seat.view.account.id)
        older.replaced = True
        self.drop(older, "连接被新的连接取代", WSCloseCode.POLICY_VIOLATION)
        now = time.monotonic()
        seat.replaced = [*(then for then in seat.replaced[-9:] if then > now - AGAIN[1]), now]
        if len(seat.replaced) >= AGAIN[0]:
            number = seat.view.account.id.removeprefix(PREFIX)
            self.troubles.note("replaced", f"账号 {number} 反复重新连接，是不是有两个客户端用了同一个账号？")

    def drop(self, link: Link, reason: str, code: int) -> None:
        """End a link from our side, without waiting for the other's goodbye."""
        link.dropped = True
        self._over(link, reason)
        self.spawn(self._close(link, code))

    async def _close(self, link: Link, code: int) -> None:
        await link.socket.close(code=code)

    def _over(self, link: Link, reason: str) -> None:
        if link.ended:
            return
        link.end()
        seat = link.seat
        if seat is None or link not in (seat.link, seat.ear):
            return
        seat.link = None if seat.link is link else seat.link
        seat.ear = None if seat.ear is link else seat.ear
        if seat.online:
            self._turn(seat, False, reason)
        elif not seat.gone:
            seat.detail = reason

    async def _watch(self, seat: Seat, link: Link) -> None:
        await link.silent()
        logger.warning("OneBot: {} fell silent, its connection is closed", seat.view.account.id)
        number = seat.view.account.id.removeprefix(PREFIX)
        self.troubles.note("silent", f"账号 {number} 的连接 {link.patience:g} 秒没有心跳，已断开等它重连")
        self.drop(link, "心跳中断", WSCloseCode.GOING_AWAY)

    async def _learn(self, seat: Seat, link: Link) -> None:
        if not await greet(seat, link, self._timeout):
            self._offline(seat, "OneBot 实现报告账号不在线")
        await survey(seat, link, self._timeout)
        while True:
            await study(seat, link, await link.curious.get(), self._timeout)

    # --- what comes in ------------------------------------------------------------------------

    def _take(self, link: Link, data: bytes) -> None:
        """Do what one frame asks for; whatever it holds, the next one is read."""
        try:
            body = load(data)
            if "post_type" not in body:
                if not link.answered(body):
                    self._strange(link, body)
                return
            seat = link.seat or self._named(link, body, data)
            if seat is None:
                return
            event = parse(body, seat.view, time.time())
            post = body["post_type"]
            if post == "meta_event":
                self._beat(seat, link, beat(body))
                return
            if event is not None and event.group is EVERYWHERE:
                self._trust(seat, link)
                self._offline(seat, event.reason if isinstance(event, AccountChanged) else "")
                return
            if self._trust(seat, link) or not (seat.online or link.tells):
                self._turn(seat, True)
            if post == "notice":
                if body.get("notice_type") == "bot_online":
                    self._turn(seat, True)
                heed(seat, body)
            if event is None:
                self._skip(link, kind(body))
                return
            note(self.seats, seat, event, body)
            if seat.expected:
                seat.witness(event)
            self._tell(event)
            if type(event) is Reaction:
                for more in further(body, event):
                    self._tell(more)
        except Malformed as wrong:
            self._skip(link, f"malformed.{wrong}")
        except Exception as failure:  # noqa: BLE001 - whatever a frame breaks, the next one must be read
            self._skip(link, "broken")
            logger.opt(exception=failure).error("OneBot: a frame broke its reader")

    def _named(self, link: Link, body: Body, data: bytes) -> Seat | None:
        """Whose connection this is, from an event's own words; while that is still asked for, the event waits."""
        if link.early is not None and len(link.early) < MOST_EARLY:
            link.early.append(data)
            return None
        user = ident(body.get("self_id"))
        if user not in (None, "0"):
            return self._sit(link, f"{PREFIX}{user}")
        self._skip(link, "nobody")
        return None

    def _strange(self, link: Link, body: Body) -> None:
        """An answer to no call of ours: a late one, or the refusal of our token."""
        self._skip(link, "answer")
        if link.seat is None and link.forward and amount(body.get("retcode")) == REFUSED:
            link.refused = line(body.get("message") or body.get("wording"), 80) or "token"

    def _trust(self, seat: Seat, link: Link) -> bool:
        """Whether this is the link's first valid frame; no lifecycle event is waited for."""
        if link.trusted:
            return False
        link.trusted = True
        if link.speaks:
            link.tasks.append(self.spawn(self._learn(seat, link)))
        return True

    def _beat(self, seat: Seat, link: Link, beat: Beat) -> None:
        if beat.interval is not None:
            if link.patience == math.inf:
                link.tasks.append(self.spawn(self._watch(seat, link)))
            link.patience = max(3 * beat.interval, self._patience)
        first = self._trust(seat, link)
        if beat.online is False:
            link.tells = seat.quirks.sees_account
            self._offline(seat, "OneBot 实现报告账号不在线")
        elif beat.online and seat.quirks.sees_account:
            link.tells = True
            self._turn(seat, True)
        elif first:
            self._turn(seat, True)

    def _offline(self, seat: Seat, reason: str) -> None:
        """The account is gone, although its connection stands."""
        if not seat.gone:
            self.troubles.note("account_offline", f"账号 {seat.view.account.id.removeprefix(PREFIX)}：{reason}")
            seat.gone, seat.detail = True, reason
        self._turn(seat, False, seat.detail)

    def _turn(self, seat: Seat, online: bool, reason: str = "") -> None:
        """Note that an account came or went, and tell it once."""
        if online and (seat.link is None or seat.ear is None):
            half = "事件" if seat.link is None else "调用"
            seat.detail = f"只连上了一半（{half}），还差另一个连接"
            return
        seat.gone = seat.gone and not online
        if seat.online == online:
            return
        seat.online, seat.since, seat.detail = online, time.time(), reason
        account = seat.view.account
        logger.info("OneBot: {} is {}", account.id, "online" if online else "offline")
        self._tell(AccountChanged(group=EVERYWHERE, account=account, time=seat.since, online=online, reason=reason))

    def _tell(self, event: Event) -> None:
        if self._receive:
            self._receive(event)

    def _skip(self, link: Link, kind: str) -> None:
        counts = self.skipped if link.seat is None else link.seat.skipped
        if kind not in counts and len(counts) >= MOST_KINDS:
            kind = "other"
        counts[kind] = counts.get(kind, 0) + 1
