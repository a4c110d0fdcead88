"""What the adapter asks about a QQ group: its members, its size, its last messages."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from loguru import logger

from bot.adapters.onebot_events import parse
from bot.adapters.onebot_frames import PREFIX, Malformed, amount, digits, line, number
from bot.adapters.onebot_link import Seat
from bot.adapters.onebot_view import HIDDEN, role
from bot.errors import AdapterError
from bot.types import Account, Group, Member, Message, Profile, Role

ASKING: Final = 5.0
"""Seconds after which what is only good to know is given up."""
PROFILE_SECONDS: Final = 60.0


class Asks(ABC):
    """The questions of the adapter; it has the calls and the accounts by which they are asked."""

    _seats: dict[str, Seat]

    @abstractmethod
    async def call(
        self,
        account_id: str,
        action: str,
        params: Mapping[str, object],
        timeout: float | None = None,  # noqa: ASYNC109 - a call that timed out is no cancelled call: it may have worked
    ) -> Any:
        """Call an action as one of our accounts ("qq:10001") and return its data. Raises AdapterError."""

    @abstractmethod
    def _in(self, group: Group) -> list[Seat]:
        """Our connected accounts, first those known to be in the group."""

    async def profile(self, group: Group, member_id: str, *, fresh: bool = False) -> Profile | None:
        if group.direct or not member_id.startswith(PREFIX) or member_id == HIDDEN:
            return None
        seats = self._in(group)
        for seat in seats if not fresh else ():
            until, profile = seat.view.profiles.get((group.id, member_id), (0.0, None))
            if until > time.monotonic():
                return profile
        for seat in seats:
            try:
                return await self._read(seat, group, member_id, fresh=fresh)
            except AdapterError as failure:
                logger.debug("OneBot: no profile of {} in {}: {}", member_id, group.id, failure.reason)
        return None

    async def _read(self, seat: Seat, group: Group, member_id: str, *, fresh: bool = True) -> Profile:
        """Read a member through one account, and remember it for a while. Raises AdapterError."""
        info = await self._info(seat, group, member_id, fresh=fresh)
        name = line(info.get("card"), 64) or line(info.get("nickname"), 64)
        member = Member(member_id, name, role(info.get("role")), info.get("is_robot") is True)
        joined, spoke = amount(info.get("join_time")), amount(info.get("last_sent_time"))
        profile = Profile(member, joined or None, spoke or None, amount(info.get("shut_up_timestamp")))
        seat.view.learn(group.id, profile, time.monotonic() + PROFILE_SECONDS)
        return profile

    async def _info(self, seat: Seat, group: Group, member_id: str, *, fresh: bool = True) -> dict[str, Any]:
        params = self._about(group, member_id) | {"no_cache": fresh}
        data = await self.call(seat.view.account.id, "get_group_member_info", params)
        if not isinstance(data, dict):
            raise AdapterError("OneBot 实现没有给出这个成员的资料", ambiguous=True)
        return data

    async def role(self, group: Group, member_id: str) -> Role:
        if group.direct or not member_id.startswith(PREFIX) or member_id == HIDDEN:
            return Role.UNKNOWN
        # Roles go stale in the caches of some implementations: a privilege is never granted from one.
        try:
            async with asyncio.timeout(ASKING):
                profile = await self.profile(group, member_id, fresh=True)
        except TimeoutError:
            return Role.UNKNOWN
        return profile.member.role if profile else Role.UNKNOWN

    async def size(self, group: Group) -> int | None:
        if group.direct:
            return None
        for seat in self._in(group):
            try:
                async with asyncio.timeout(ASKING):
                    data = await self.call(seat.view.account.id, "get_group_info", self._about(group))
            except (AdapterError, TimeoutError) as failure:
                logger.debug("OneBot: get_group_info failed: {}", failure)
                continue
            count = data.get("member_count") if isinstance(data, dict) else None
            if type(count) is int and count > 0:
                return count
        return None

    async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
        seat = self._seats.get(account.id)
        if group.direct or count <= 0 or (seat is not None and not seat.quirks.history):
            return []
        params = self._about(group) | {"count": count}
        data = await self.call(account.id, "get_group_msg_history", params)
        frames = data.get("messages") if isinstance(data, dict) else None
        if seat is None or not isinstance(frames, list):
            return []
        messages: list[Message] = []
        for frame in frames:
            # What is inside a history bears no kind with some implementations.
            if not isinstance(frame, dict) or frame.get("post_type", "message") != "message":
                continue
            whole = {"message_type": "group", "group_id": params["group_id"], **frame, "post_type": "message"}
            try:
                event = parse(whole, seat.view, time.time())
            except Malformed as wrong:
                logger.debug("OneBot: a message of the history of {} cannot be read: {}", group.id, wrong)
                continue
            if isinstance(event, Message) and event.group.id == group.id:
                messages.append(replace(event, recovered=True))
        if messages and messages[0].time > messages[-1].time:
            messages.reverse()  # so that those of one second come in order, too
        messages.sort(key=lambda message: message.time)
        for message in messages:
            seat.seen.keep(message.id, None)
        return messages[-count:]

    def _about(self, group: Group, member_id: str | None = None) -> dict[str, object]:
        """What a call about a group, or a member of it, begins with. Raises AdapterError."""
        if group.direct:
            raise AdapterError("私聊里没有群可以管")
        params: dict[str, object] = {"group_id": number(digits(group.id))}
        if member_id is None:
            return params
        if member_id == HIDDEN:
            raise AdapterError("平台没有说这个人是谁")
        return params | {"user_id": number(digits(member_id))}
