"""Who is in the web chat and what was said there: visitors, rooms, last messages, pictures, files. All in memory."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bot.adapters.webchat_shelf import Shelf
from bot.adapters.webchat_tab import Tab
from bot.adapters.webchat_wire import ROLES, Frame, Refused, sniff
from bot.types import Group, Member, Role

HISTORY = 200
VISITORS = 300
UPLOADS = 8
GALLERY = 64 * 1024 * 1024
_ROLE_NAMES = {role: name for name, role in ROLES.items()}


@dataclass(eq=False, slots=True)
class Visitor:
    """A person as one browser tab made them up; who has `token` is them."""

    name: str
    id: str = field(default_factory=lambda: "web:" + secrets.token_hex(5))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    role: Role = Role.MEMBER
    tabs: set[Tab] = field(default_factory=set)
    uploads: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Pictures that came in and were not yet sent with a message, oldest first."""
    uploading: int = 0
    attached: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """The same for files."""
    attaching: bool = False

    def member(self) -> Member:
        return Member(self.id, self.name, self.role)

    def shown(self) -> Frame:
        return {"id": self.id, "name": self.name, "role": _ROLE_NAMES[self.role], "online": bool(self.tabs)}

    def put(self, frame: Frame) -> None:
        for tab in list(self.tabs):
            tab.put(frame)


@dataclass(eq=False, slots=True)
class Record:
    """A message as pages show it. `to`: only this member may see it."""

    author: Member
    parts: list[Frame]
    quote: str | None = None
    to: str | None = None
    streaming: bool = False
    broken: bool = False
    """Its stream ended before its end."""
    removed: str = ""
    """"author" or "admin", when it was taken back."""
    reactions: dict[str, list[str]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: "w" + secrets.token_hex(6))
    time: float = field(default_factory=time.time)

    def shown(self) -> Frame:
        """The message as it is now: what comes later must not slip into a frame that still waits."""
        return {
            "id": self.id,
            "from": {
                "id": self.author.id,
                "name": self.author.name,
                "role": _ROLE_NAMES.get(self.author.role, "member"),
                "bot": self.author.is_bot,
            },
            "time": self.time,
            "parts": [dict(part) for part in self.parts],
            "quote": self.quote,
            "private": self.to is not None,
            "streaming": self.streaming,
            "broken": self.broken,
            "removed": self.removed,
            "reactions": {emoji: list(who) for emoji, who in self.reactions.items()},
        }


@dataclass(eq=False, slots=True)
class Room:
    """One group: who joined it, its last messages, who may not speak (until which Unix second), who may not join."""

    group: Group
    visitors: dict[str, Visitor] = field(default_factory=dict)
    records: OrderedDict[str, Record] = field(default_factory=OrderedDict)
    muted: dict[str, float] = field(default_factory=dict)
    silent: bool = False
    """Only admins may speak."""
    banned: set[str] = field(default_factory=set)

    def publish(self, frame: Frame, to: str | None = None) -> None:
        """Tell every page of the room, or those of the member `to`."""
        for visitor in list(self.visitors.values()):
            if to is None or visitor.id == to:
                visitor.put({**frame, "group": self.group.id})

    def add(self, record: Record) -> None:
        self.records[record.id] = record
        while len(self.records) > HISTORY:
            self.records.popitem(last=False)

    def seen(self, message_id: str, visitor: Visitor) -> Record:
        """The message, if this visitor may see it and it was not taken back. Raises Refused."""
        record = self.records.get(message_id)
        if record is None or record.removed or record.to not in (None, visitor.id):
            raise Refused("unknown_message")
        return record

    def may_speak(self, visitor: Visitor) -> bool:
        if self.muted.get(visitor.id, 0) > time.time() or (self.silent and visitor.role < Role.ADMIN):
            return False
        self.muted.pop(visitor.id, None)
        return True

    def shown(self, visitor: Visitor, bot: Frame) -> Frame:
        """The room as this visitor may see it; from outside only its name."""
        joined = visitor.id in self.visitors
        return {
            "is": "room",
            "group": self.group.id,
            "name": self.group.name,
            "direct": self.group.direct,
            "joined": joined,
            "members": [bot, *(member.shown() for member in self.visitors.values())] if joined else [],
            "messages": [r.shown() for r in self.records.values() if r.to in (None, visitor.id)] if joined else [],
        }


class Rooms:
    """All rooms and visitors; `join` and `leave` say whether something changed."""

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self.rooms = {group.id: Room(group) for group in groups}
        self.gallery = Gallery()
        self.shelf = Shelf()
        self.visitors: dict[str, Visitor] = {}
        self._tokens: dict[str, Visitor] = {}

    def known(self, token: str) -> Visitor | None:
        return self._tokens.get(token) if token else None

    def enter(self, name: str) -> Visitor:
        """Take in a new visitor, with a direct chat of their own."""
        visitor = Visitor(name)
        self.visitors[visitor.id] = self._tokens[visitor.token] = visitor
        direct = Group(_direct(visitor), name, direct=True)
        self.rooms[direct.id] = Room(direct, {visitor.id: visitor})
        return visitor

    def rename(self, visitor: Visitor, name: str) -> None:
        visitor.name = name
        direct = self.rooms[_direct(visitor)]
        direct.group = replace(direct.group, name=name)

    def remove(self, room: Room, record: Record, by: str) -> None:
        """Take a message back: its content is gone from memory and from the pages."""
        for part in record.parts:
            self.gallery.drop(str(part.get("image", "")).rpartition("/")[2])
            self.shelf.drop(str(part.get("file", "")).rpartition("/")[2])
        record.removed, record.parts, record.reactions = by, [], {}
        room.publish({"is": "removed", "id": record.id, "by": by}, record.to)

    def idle(self) -> Visitor | None:
        """Who has to go when a new visitor finds the house full: the oldest without an open page."""
        if len(self.visitors) < VISITORS:
            return None
        leaver = next((visitor for visitor in self.visitors.values() if not visitor.tabs), None)
        if leaver is None:
            raise Refused("full")
        return leaver

    def forget(self, visitor: Visitor) -> None:
        """Let go of a visitor who left every shared room."""
        del self.visitors[visitor.id], self._tokens[visitor.token]
        del self.rooms[_direct(visitor)]

    def of(self, visitor: Visitor) -> Iterator[Room]:
        """The rooms that the visitor can know of: the shared ones and their own."""
        return (room for room in list(self.rooms.values()) if not room.group.direct or visitor.id in room.visitors)

    def find(self, group_id: str, visitor: Visitor) -> Room:
        """A room that the visitor can know of. Raises Refused."""
        room = self.rooms.get(group_id)
        if room is None or (room.group.direct and visitor.id not in room.visitors):
            raise Refused("unknown_group")
        return room

    def inside(self, group_id: str, visitor: Visitor) -> Room:
        """A room that the visitor is in. Raises Refused."""
        room = self.find(group_id, visitor)
        if visitor.id not in room.visitors:
            raise Refused("not_joined")
        return room


def _direct(visitor: Visitor) -> str:
    return "web:dm:" + visitor.id.removeprefix("web:")


class Gallery:
    """Pictures by unguessable ids, the oldest dropped when they outgrow `limit` bytes."""

    def __init__(self, limit: int = GALLERY) -> None:
        self._limit = limit
        self._size = 0
        self._pictures: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def add(self, data: bytes) -> str:
        """Keep a picture and return its id. Raises Refused where it is none."""
        mime = sniff(data)
        if mime is None:
            raise Refused("not_image")
        key = secrets.token_urlsafe(18)
        self._pictures[key] = (mime, data)
        self._size += len(data)
        while self._size > self._limit and len(self._pictures) > 1:
            self.drop(next(iter(self._pictures)))
        return key

    def get(self, key: str) -> tuple[str, bytes] | None:
        """MIME type and bytes."""
        return self._pictures.get(key)

    def drop(self, key: str) -> None:
        _, data = self._pictures.pop(key, ("", b""))
        self._size -= len(data)
