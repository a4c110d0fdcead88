"""What the bot does in the console's groups: recall, mute, show out, rename."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from bot.adapters.console_rooms import Person, Room, Rooms
from bot.errors import AdapterError
from bot.types import (
    Account,
    Event,
    File,
    FriendRequest,
    Group,
    JoinRequest,
    Member,
    MemberLeft,
    Message,
    Muted,
    Profile,
)


class Acts(ABC):
    """The half of the adapter that acts. What it does happens at once, so nothing needs to be confirmed."""

    account: Account
    _bot: Member
    _rooms: Rooms
    _receive: Callable[[Event], None] | None

    @abstractmethod
    def _note(self, text: str) -> None:
        """Show a line of the demo itself."""

    async def recall(self, group: Group, message_id: str) -> None:
        record = self._rooms.find(message_id)
        if record is None or record.group.id != group.id:
            raise AdapterError("那条消息已经不在了")
        if not record.removed:
            record.removed = True
            self._note(f"{self._bot.name} 撤回了 {f'#{record.number}' if record.number else '还没写完的消息'}")

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        room, person = self._inside(group, member_id)
        if seconds > 0:
            room.muted[member_id] = time.time() + seconds
            self._note(f"{person.name} 被禁言 {seconds} 秒")
        elif room.muted.pop(member_id, None) is not None:
            self._note(f"{person.name} 可以说话了")

    async def mute_all(self, group: Group, on: bool) -> None:
        room = self._room(group)
        if group.direct:
            raise AdapterError("私聊里没有群可以管")
        if room.silent == on:
            return
        room.silent = on
        self._note("全员禁言了，管理员还可以说话" if on else "大家可以说话了")
        self._happened(Muted(**self._scene(room), member=None, seconds=None if on else 0, operator=self._bot))

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None:
        room, person = self._inside(group, member_id)
        del room.people[member_id]
        if forever:
            room.banned.add(member_id)
        self._note(f"{person.name} 被移出了{room.group.name}")
        self._happened(MemberLeft(**self._scene(room), member=person.member(), operator=self._bot))

    async def rename(self, group: Group, member_id: str, card: str) -> None:
        raise AdapterError("终端里的名字用 :as 换，改不了名片")

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        raise AdapterError("终端里没有入群申请")

    async def profile(self, group: Group, member_id: str, *, fresh: bool = False) -> Profile | None:
        room = self._rooms.rooms.get(group.id)
        person = room.people.get(member_id) if room else None
        if room is None or person is None:
            return None
        return Profile(person.member(), muted_until=room.muted.get(member_id, 0.0))

    async def fetch(self, group: Group, file: File, limit: int) -> bytes:
        """A file that was shared lately."""
        data = self._rooms.files.get(file.id)
        if data is None:
            raise AdapterError("文件已经不在了")
        if len(data) > limit:
            raise AdapterError(f"太大了，最多 {limit / 1e6:g} MB")
        return data

    async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
        """Nothing: what is said here is heard, or the bot is not running."""
        return []

    def _room(self, group: Group) -> Room:
        room = self._rooms.rooms.get(group.id)
        if room is None:
            raise AdapterError("没有这个群")
        return room

    def _inside(self, group: Group, member_id: str) -> tuple[Room, Person]:
        """A shared group and one who is in it. Raises AdapterError."""
        room = self._room(group)
        person = room.people.get(member_id)
        if person is None or group.direct:
            raise AdapterError("群里没有这个人")
        return room, person

    def _scene(self, room: Room) -> dict[str, Any]:
        return {"group": room.group, "account": self.account, "time": time.time()}

    def _happened(self, event: Event) -> None:
        if self._receive is not None:
            self._receive(event)
