"""What the bot does in the web chat's groups: recall, mute, show out, rename."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from bot.adapters.webchat_rooms import Room, Rooms, Visitor
from bot.adapters.webchat_talk import Talk
from bot.adapters.webchat_wire import Refused
from bot.errors import AdapterError
from bot.types import (
    Account,
    CardChanged,
    Event,
    FriendRequest,
    Group,
    JoinRequest,
    Member,
    MemberLeft,
    Message,
    Muted,
    Profile,
    Role,
)


class Acts:
    """The half of the adapter that acts. What it does happens at once, so nothing needs to be confirmed."""

    account: Account
    _rooms: Rooms
    _talk: Talk
    _receive: Callable[[Event], None] | None

    async def recall(self, group: Group, message_id: str) -> None:
        room = self._room(group)
        record = room.records.get(message_id)
        if record is None:
            raise AdapterError("那条消息已经不在了")
        if not record.removed:
            self._rooms.remove(room, record, "admin")

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        room, visitor = self._inside(group, member_id)
        if seconds > 0:
            room.muted[member_id] = time.time() + seconds
        elif room.muted.pop(member_id, None) is None:
            return
        kind = "muted" if seconds > 0 else "unmuted"
        room.publish({"is": "notice", "kind": kind, "name": visitor.name, "seconds": seconds})

    async def mute_all(self, group: Group, on: bool) -> None:
        room = self._room(group)
        if group.direct:
            raise AdapterError("私聊里没有群可以管")
        if room.silent == on:
            return
        room.silent = on
        room.publish({"is": "notice", "kind": "muted_all" if on else "unmuted_all", "name": ""})
        self._happened(Muted(**self._scene(room), member=None, seconds=None if on else 0, operator=self._bot))

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None:
        room, visitor = self._inside(group, member_id)
        if forever:
            room.banned.add(member_id)
        self._talk.show_out(visitor, room, "kicked")
        self._happened(MemberLeft(**self._scene(room), member=visitor.member(), operator=self._bot))

    async def rename(self, group: Group, member_id: str, card: str) -> None:
        """Give a visitor another name, in all groups: the web chat has one for each."""
        room, visitor = self._inside(group, member_id)
        before = visitor.name
        try:
            self._talk.rename(visitor, card)
        except Refused as refused:
            raise AdapterError(str(refused).rstrip("。")) from refused
        self._happened(CardChanged(**self._scene(room), member=visitor.member(), before=before, after=visitor.name))

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        raise AdapterError("网页聊天里没有入群申请")

    async def profile(self, group: Group, member_id: str, *, fresh: bool = False) -> Profile | None:
        room = self._rooms.rooms.get(group.id)
        visitor = room.visitors.get(member_id) if room else None
        if room is None or visitor is None:
            return None
        return Profile(visitor.member(), muted_until=room.muted.get(member_id, 0.0))

    async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
        """Nothing: what is said here is heard, or the bot is not running."""
        return []

    @property
    def _bot(self) -> Member:
        return Member(self.account.id, self.account.names[0], Role.ADMIN, is_bot=True)

    def _room(self, group: Group) -> Room:
        room = self._rooms.rooms.get(group.id)
        if room is None:
            raise AdapterError("没有这个群了")
        return room

    def _inside(self, group: Group, member_id: str) -> tuple[Room, Visitor]:
        """A shared group and one who is in it. Raises AdapterError."""
        room = self._room(group)
        visitor = room.visitors.get(member_id)
        if visitor is None or group.direct:
            raise AdapterError("群里没有这个人")
        return room, visitor

    def _scene(self, room: Room) -> dict[str, Any]:
        return {"group": room.group, "account": self.account, "time": time.time()}

    def _happened(self, event: Event) -> None:
        if self._receive is not None:
            self._receive(event)
