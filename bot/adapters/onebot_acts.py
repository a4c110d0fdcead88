"""What the adapter does in a QQ group; an act is believed when a notice or a fresh read confirms it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from bot.adapters.onebot_asks import Asks
from bot.adapters.onebot_frames import PREFIX, amount, digits, line, number
from bot.adapters.onebot_link import Seat
from bot.adapters.onebot_parts import nodes
from bot.adapters.onebot_view import HIDDEN
from bot.errors import AdapterError
from bot.types import (
    AccountChanged,
    CardChanged,
    Event,
    Forward,
    FriendRequest,
    Group,
    JoinRequest,
    MemberJoined,
    MemberLeft,
    Muted,
    Outgoing,
    Recalled,
)

LONGEST_MUTE: Final = 30 * 86400
LONGEST_CARD: Final = 60
MUTE_SLACK: Final = 90.0
"""Seconds by which the end of a mute may be off: clocks differ, and some platforms count in minutes."""
UNSEEN: Final = "平台说好了，但没有看到生效"

Check = Callable[[Seat], Awaitable[bool]]
"""Whether a fresh read shows that an act took effect."""


class Acts(Asks):
    """The acts of the adapter.

    confirm   seconds that an accepted act may take to show its effect
    """

    forwards = True
    confirm: float = 5.0

    async def recall(self, group: Group, message_id: str) -> None:
        # An id is that of the account that saw the message: another account may know it for another message.
        seats = [seat for seat in self._in(group) if message_id in seat.seen] or self._in(group)

        async def check(seat: Seat) -> bool:
            return group.direct

        def match(event: Event) -> bool:
            return isinstance(event, Recalled) and event.message_id == message_id and event.group.id == group.id

        # A direct chat tells nothing of what we take back.
        await self._act(
            seats, "" if group.direct else "recall", "delete_msg", {"message_id": number(message_id)}, match, check
        )

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        # Without a duration one implementation lifts the mute, and the others take half an hour.
        duration = max(0, min(int(seconds), LONGEST_MUTE))
        if duration:
            self._spare(member_id)
        params = self._about(group, member_id) | {"duration": duration}

        def match(event: Event) -> bool:
            if not isinstance(event, Muted) or event.member is None or event.member.id != member_id:
                return False
            return event.group.id == group.id and (event.seconds == 0) == (duration == 0)

        async def check(seat: Seat) -> bool:
            until = (await self._read(seat, group, member_id)).muted_until
            if until is None:
                return False
            now = time.time()
            return abs(until - now - duration) < MUTE_SLACK and until > now if duration else until <= now

        await self._act(self._in(group), "mute", "set_group_ban", params, match, check)

    async def mute_all(self, group: Group, on: bool) -> None:
        params = self._about(group) | {"enable": on}

        def match(event: Event) -> bool:
            if not isinstance(event, Muted) or event.member is not None:
                return False
            return event.group.id == group.id and (event.seconds != 0) == on

        async def check(seat: Seat) -> bool:
            data = await self.call(seat.view.account.id, "get_group_info", self._about(group) | {"no_cache": True})
            said = amount(data.get("group_all_shut")) if isinstance(data, dict) else None
            return said is not None and (said != 0) == on

        await self._act(self._in(group), "mute_all", "set_group_whole_ban", params, match, check)

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None:
        self._spare(member_id)
        params = self._about(group, member_id) | {"reject_add_request": forever}

        def match(event: Event) -> bool:
            return isinstance(event, MemberLeft) and event.member.id == member_id and event.group.id == group.id

        async def check(seat: Seat) -> bool:
            """Gone is who cannot be read while we ourselves can: nothing else tells it from a platform that is down."""
            try:
                await self._read(seat, group, member_id)
            except AdapterError as refused:
                if refused.ambiguous:
                    return False
                await self._read(seat, group, seat.view.account.id)
                return True
            return False

        await self._act(self._in(group), "kick", "set_group_kick", params, match, check)

    async def rename(self, group: Group, member_id: str, card: str) -> None:
        card = line(card, LONGEST_CARD)
        params = self._about(group, member_id) | {"card": card}

        def match(event: Event) -> bool:
            if not isinstance(event, CardChanged) or event.member.id != member_id:
                return False
            return event.group.id == group.id and event.after == card

        async def check(seat: Seat) -> bool:
            return line((await self._info(seat, group, member_id)).get("card"), LONGEST_CARD) == card

        await self._act(self._in(group), "rename", "set_group_card", params, match, check)

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        seat = self._seats.get(request.account.id)
        if seat is None or seat.link is None:
            raise AdapterError(f"QQ 账号 {request.account.id.removeprefix(PREFIX)} 没有连接")
        # The flag is the implementation's own: it goes back as it came, and only to who gave it.
        params: dict[str, object] = {"flag": request.flag, "approve": approve}
        if isinstance(request, FriendRequest):
            await self.call(request.account.id, "set_friend_add_request", params)
            return
        sort = "invite" if request.invited else "add"
        params |= {"sub_type": sort, "type": sort, "reason": "" if approve else line(reason, 200)}
        who = request.account.id if request.invited else request.member.id
        if not approve or who == HIDDEN:
            await self.call(request.account.id, "set_group_add_request", params)
            return

        def match(event: Event) -> bool:
            if event.group.id != request.group.id:
                return False
            if request.invited:
                return isinstance(event, AccountChanged) and event.online
            return isinstance(event, MemberJoined) and event.member.id == who

        async def check(seat: Seat) -> bool:
            return bool(await self._info(seat, request.group, who))

        await self._act([seat], "admit", "set_group_add_request", params, match, check)

    def _spare(self, member_id: str) -> None:
        """Raises AdapterError for an account of ours: one must not silence or remove another."""
        if member_id in self._seats:
            raise AdapterError("这是机器人自己的账号")

    async def _act(
        self,
        seats: Sequence[Seat],
        act: str,
        action: str,
        params: Mapping[str, object],
        match: Callable[[Event], bool],
        check: Check,
    ) -> None:
        """Call as one account after another until one call took effect. Raises the first doubt, or the last refusal."""
        failure = AdapterError("没有连接的 QQ 账号")
        for seat in seats:
            # Before the call: the notice may be here before its answer.
            with seat.expect(match) as seen:
                try:
                    await self.call(seat.view.account.id, action, params)
                except AdapterError as refused:
                    if not refused.ambiguous:
                        failure = failure if failure.ambiguous else refused
                        continue
                    if await self._took_effect(seat, seen, (0.0,), check):
                        return
                    raise
                told = act in seat.quirks.confirms
                pauses = (1.0,) if told else (0.0, 0.1, 0.3, 0.6)
                if await self._took_effect(seat, seen, pauses, check):
                    return
                # Another account may have the rights that this one lacks without being told so.
                failure = failure if failure.ambiguous else AdapterError(UNSEEN, ambiguous=True)
        raise failure

    async def _took_effect(
        self, seat: Seat, seen: asyncio.Future[Event], pauses: Sequence[float], check: Check
    ) -> bool:
        """Wait for the notice, `pauses` being parts of `confirm`; after each look ourselves."""
        for pause in pauses:
            await asyncio.wait({seen}, timeout=pause * self.confirm)
            if seen.done():
                return True
            with suppress(AdapterError, TimeoutError):
                async with asyncio.timeout(self.confirm):
                    if await check(seat):
                        return True
        return seen.done()


def merged(seat: Seat, outgoing: Outgoing) -> tuple[str, dict[str, object]] | None:
    """The call that sends merged messages into a group; None for all other messages.

    Raises AdapterError where the implementation has no such call.
    """
    first = outgoing.parts[0] if len(outgoing.parts) == 1 else None
    if not isinstance(first, Forward):
        return None
    group = digits(outgoing.group.id)
    messages = nodes(first, seat.view.accounts.get(group, seat.view.account))
    where: dict[str, object] = {"group_id": number(group)}
    match seat.quirks.forward:
        case "group_forward":
            return "send_group_forward_msg", where | {"messages": messages}
        case "send_msg":
            return "send_group_msg", where | {"message": messages}
        case _:
            raise AdapterError("这个 OneBot 实现发不了合并转发")
