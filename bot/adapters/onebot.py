"""QQ through implementations of OneBot v11, which connect to us (reverse WebSocket) or which we dial (forward).

This is the adapter: it calls and sends. What else belongs to it:

onebot_acts     what it does in a group; an act is believed when something confirms it
onebot_asks     what it asks about a group
onebot_files    how it gets files that members share
onebot_door     who may come in
onebot_dial     whom we dial, and when again
onebot_reader   what a frame changes, and when a connection counts as dead
onebot_learn    what is asked on a new connection
onebot_notes    what is kept in mind of what is heard
onebot_link     one connection and its calls; one account and what it remembers
onebot_places   what an account knows of its groups
onebot_pulse    signs that an account cannot speak
onebot_quirks   how implementations differ
onebot_report   what the operator is told
onebot_events   frames become events: messages
onebot_notices  the same for notices and requests
onebot_view     who reads a frame, and what most frames have
onebot_parts    segments and CQ codes become parts of a message, and back
onebot_frames   bytes, ids, answers, heartbeats
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiohttp import web
from loguru import logger

from bot.adapters.onebot_acts import Acts, merged
from bot.adapters.onebot_dial import RETRY, Dialer
from bot.adapters.onebot_door import Door
from bot.adapters.onebot_files import Files
from bot.adapters.onebot_frames import MUTED, PREFIX, Answer, digits, handle, number
from bot.adapters.onebot_link import Link, Seat
from bot.adapters.onebot_parts import write
from bot.adapters.onebot_reader import INTRODUCTION, PATIENCE, Reader
from bot.adapters.onebot_report import report
from bot.config import OneBot as Settings
from bot.errors import AdapterError
from bot.types import Event, Group, Health, Outgoing

PATH: Final = "/onebot/v11/ws"
REPORT: Final = "/onebot/v11/report"
GUESSES: Final = (
    "/onebot/v11/ws/event",
    "/onebot/v11/ws/api",
    "/onebot/v11/ws/",
    "/onebot/v11/",
    "/onebot/v11",
    "/onebot/",
    "/onebot",
    "/ws/",
    "/ws",
)
"""What operators type instead of the path."""


class OneBot(Acts, Files):
    """The `Adapter` for QQ: any number of our accounts, by web sockets in either direction.

    patience       the least time (seconds) of silence after which a link with a heartbeat counts as dead
    introduction   seconds within which a connection must tell whose it is
    retry          seconds before the first attempt to dial again, and the longest pause between two
    """

    name = "onebot"
    platform = "qq"
    streams = False

    def __init__(
        self,
        settings: Settings,
        *,
        patience: float = PATIENCE,
        introduction: float = INTRODUCTION,
        retry: tuple[float, float] = RETRY,
    ) -> None:
        token = settings.token.get_secret_value() if settings.token else ""
        self._timeout = settings.timeout
        self._reader = Reader(settings.timeout, patience, introduction)
        self._seats = self._reader.seats
        self._door = Door(PATH, token, self._reader, self.report)
        self._dialers = [Dialer(address, token, self._reader, retry) for address in settings.connect]

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.route("*", PATH, self._door.accept)
        yield web.get(REPORT, self._door.tell)
        yield from (web.route("*", path, self.astray) for path in GUESSES)

    async def astray(self, request: web.Request) -> web.Response:
        """Tell an implementation that connects elsewhere where to go, and remember that it did."""
        return await self._door.astray(request)

    def listen(self, receive: Callable[[Event], None]) -> AbstractAsyncContextManager[None]:
        return self._reader.open(receive, *(dialer.run for dialer in self._dialers))

    def health(self) -> Sequence[Health]:
        found = [_health(id, seat) for id, seat in self._seats.items()]
        return found + [health for dialer in self._dialers if (health := dialer.health()) is not None]

    def report(self) -> dict[str, object]:
        """Our accounts with their groups, and the known mistakes seen since the start, ready for JSON."""
        return report(self._seats, self._reader.troubles)

    @property
    def skipped(self) -> Mapping[str, int]:
        """How many frames of each kind were not made into events."""
        counts = Counter(self._reader.skipped)
        for seat in self._seats.values():
            counts.update(seat.skipped)
        return counts

    async def call(
        self,
        account_id: str,
        action: str,
        params: Mapping[str, object],
        timeout: float | None = None,  # noqa: ASYNC109 - a call that timed out is no cancelled call: it may have worked
    ) -> Any:
        """Call an action as one of our accounts ("qq:10001") and return its data. Raises AdapterError."""
        seat, link = self._linked(account_id)
        return self._granted(seat, await link.ask(action, params, self._timeout if timeout is None else timeout))

    def _linked(self, account_id: str) -> tuple[Seat, Link]:
        seat = self._seats.get(account_id)
        if seat is None or seat.link is None:
            raise AdapterError(f"QQ 账号 {account_id.removeprefix(PREFIX)} 没有连接")
        return seat, seat.link

    def _granted(self, seat: Seat, answer: Answer) -> Any:
        if answer.reason:
            if answer.lost and seat.pulse.lose(answer.reason):
                logger.warning("OneBot: {} cannot reach QQ: {}", seat.view.account.id, answer.reason)
            raise AdapterError(answer.reason, ambiguous=answer.ambiguous)
        return answer.data

    async def send(self, outgoing: Outgoing) -> str:
        seat, link = self._linked(outgoing.account.id)
        private = outgoing.to is not None or outgoing.group.direct
        # What was said in a group cannot be quoted to a member alone.
        quote = outgoing.quote if outgoing.to is None else None
        message = write(outgoing.parts, quote, mentions=not private)
        if not message:
            raise AdapterError("这条消息没有可以发送的内容")
        try:
            if private:
                answer = await link.ask("send_private_msg", seat.address(outgoing, message), self._timeout)
            else:
                group = digits(outgoing.group.id)
                if not seat.may_speak(group):
                    raise AdapterError(MUTED)
                plain = "send_group_msg", {"group_id": number(group), "message": message}
                action, params = merged(seat, outgoing) or plain
                answer = await link.ask(action, params, self._timeout)
                if answer.muted:
                    seat.place(group).refuse()
            data = self._granted(seat, answer)
        except AdapterError as failure:
            # A line that broke says nothing of the account.
            if failure.ambiguous and not link.ended and seat.pulse.doubt(outgoing.group.id):
                logger.warning("OneBot: {} may be restricted: {}", seat.view.account.id, failure.reason)
            raise
        message_id = handle(data.get("message_id")) if isinstance(data, dict) else None
        if message_id is None:
            raise AdapterError("OneBot 实现没有给出消息号，不知道是否发出", ambiguous=True)
        if seat.pulse.doubts or seat.pulse.detail:
            seat.pulse.sure()
        seat.seen.keep(message_id, None)
        return message_id

    def _in(self, group: Group) -> list[Seat]:
        """Our connected accounts, first those known to be in the group."""
        place = group.id.removeprefix(PREFIX)
        connected = [seat for seat in self._seats.values() if seat.link is not None]
        return sorted(connected, key=lambda seat: (place not in seat.view.accounts, not seat.online))


def _health(id: str, seat: Seat) -> Health:
    name = f"QQ {id.removeprefix(PREFIX)}"
    if seat.online and seat.pulse.detail:
        return Health(name, False, seat.pulse.since, seat.pulse.detail)
    return Health(name, seat.online, seat.since, seat.detail)
