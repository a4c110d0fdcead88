"""QQ through a OneBot v11 implementation that connects to us by reverse WebSocket.

This is the adapter: it sends, recalls and mutes. What else belongs to it:

onebot_door     who may connect, what a frame changes, when a connection counts as dead
onebot_link     one connection and its calls; one account and what it remembers
onebot_events   frames become events
onebot_parts    segments and CQ codes become parts of a message, and back
onebot_frames   bytes, ids, answers, heartbeats
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiohttp import web
from loguru import logger

from bot.adapters.onebot_door import PATIENCE, Door
from bot.adapters.onebot_events import role
from bot.adapters.onebot_frames import MUTED, PREFIX, Answer, digits, handle, number
from bot.adapters.onebot_link import Seat, keep
from bot.adapters.onebot_parts import write
from bot.config import OneBot as Settings
from bot.errors import AdapterError
from bot.types import Event, Group, Health, Outgoing, Role

PATH: Final = "/onebot/v11/ws"
MUTE_GUESS: Final = 600.0
"""Seconds that a group is left alone when a refusal, not a notice, told that we are muted there."""

LONGEST_MUTE: Final = 30 * 86400


class OneBot:
    """The `Adapter` for QQ: one web socket, any number of our accounts.

    `patience` is the least time (seconds) of silence after which a link with a heartbeat counts as dead.
    """

    name = "onebot"
    platform = "qq"
    streams = False

    def __init__(self, settings: Settings, *, patience: float = PATIENCE) -> None:
        token = settings.token.get_secret_value() if settings.token else ""
        self._timeout = settings.timeout
        self._door = Door(token, settings.timeout, patience)
        self._seats = self._door.seats

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.get(PATH, self._door.accept)]

    def listen(self, receive: Callable[[Event], None]) -> AbstractAsyncContextManager[None]:
        return self._door.open(receive)

    def health(self) -> Sequence[Health]:
        return [
            Health(f"QQ {id.removeprefix(PREFIX)}", seat.online, seat.since, seat.detail)
            for id, seat in self._seats.items()
        ]

    @property
    def skipped(self) -> Mapping[str, int]:
        """How many frames of each kind were not made into events."""
        return self._door.skipped

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
            raise AdapterError(f"QQ 账号 {account.removeprefix(PREFIX)} 没有连接")
        return self._granted(await seat.link.ask(action, params, self._timeout if timeout is None else timeout))

    def _granted(self, answer: Answer) -> Any:
        if answer.reason:
            raise AdapterError(answer.reason, ambiguous=answer.ambiguous)
        return answer.data

    async def send(self, outgoing: Outgoing) -> str:
        seat = self._seats.get(outgoing.account.id)
        if seat is None or seat.link is None:
            raise AdapterError(f"QQ 账号 {outgoing.account.id.removeprefix(PREFIX)} 没有连接")
        private = outgoing.to is not None or outgoing.group.direct
        # What was said in a group cannot be quoted to a member alone.
        quote = outgoing.quote if outgoing.to is None else None
        message = write(outgoing.parts, quote, mentions=not private)
        if not message:
            raise AdapterError("这条消息没有可以发送的内容")
        if private:
            answer = await seat.link.ask("send_private_msg", seat.address(outgoing, message), self._timeout)
        else:
            group = digits(outgoing.group.id)
            if not seat.may_speak(group):
                raise AdapterError(MUTED)
            params = {"group_id": number(group), "message": message}
            answer = await seat.link.ask("send_group_msg", params, self._timeout)
            if answer.muted and seat.may_speak(group):
                seat.muted[group] = time.monotonic() + MUTE_GUESS
        data = self._granted(answer)
        message_id = handle(data.get("message_id")) if isinstance(data, dict) else None
        if message_id is None:
            raise AdapterError("OneBot 实现没有给出消息号，不知道是否发出", ambiguous=True)
        keep(seat.seen, message_id)
        return message_id

    async def role(self, group: Group, member_id: str) -> Role:
        if group.direct or not member_id.startswith(PREFIX):
            return Role.UNKNOWN
        params = {"user_id": number(digits(member_id)), "no_cache": True}
        member = await self._told(group, "get_group_member_info", params)
        return role(member.get("role"))

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
        params = {"message_id": number(message_id)}
        await self._any(group, "delete_msg", params, seen or None, place=False)

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        if group.direct:
            raise AdapterError("私聊里不能禁言")
        # Without a duration one implementation lifts the mute, and the others take half an hour.
        duration = max(0, min(int(seconds), LONGEST_MUTE))
        await self._any(group, "set_group_ban", {"user_id": number(digits(member_id)), "duration": duration})

    def _in(self, group: Group) -> list[Seat]:
        """Our connected accounts, first those known to be in the group."""
        place = group.id.removeprefix(PREFIX)
        connected = [seat for seat in self._seats.values() if seat.link is not None]
        return sorted(connected, key=lambda seat: (place not in seat.view.accounts, not seat.online))

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
            params = {"group_id": number(digits(group.id)), **params}
        for seat in self._in(group) if seats is None else seats:
            try:
                return await self.call(seat.view.account.id, action, params)
            except AdapterError as refused:
                failure = refused
                if refused.ambiguous:
                    break
        raise failure
