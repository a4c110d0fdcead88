"""What the pages of the web chat ask for: each request changes the rooms, shows it, and becomes an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bot.adapters.webchat_rooms import Record, Room, Rooms, Visitor
from bot.adapters.webchat_tab import Tab
from bot.adapters.webchat_wire import (
    EMOJI,
    FILES_LIMIT,
    IMAGES_LIMIT,
    ROLES,
    TEXT_LIMIT,
    Ask,
    Become,
    Frame,
    Hello,
    Join,
    Leave,
    Piece,
    React,
    Refused,
    Rename,
    Request,
    Say,
    TakeBack,
    clean_name,
    clean_text,
    shown,
)
from bot.types import (
    EVERYONE,
    Account,
    Event,
    File,
    Group,
    Image,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Part,
    Reaction,
    Recalled,
    Role,
    Text,
)

Commands = Callable[[Group], Sequence[tuple[str, str]]]
"""The commands of a group, each with its help, for the page to suggest."""


class Talk:
    """Obeys the pages' requests. `home` is the group in which a newcomer is at once."""

    def __init__(self, rooms: Rooms, account: Account, home: Group, commands: Commands) -> None:
        self.rooms = rooms
        self._account = account
        self._home = home
        self._commands = commands
        self._reserved = {name.casefold() for name in account.names}

    @property
    def bot(self) -> Frame:
        return {"id": self._account.id, "name": self._account.names[0], "role": "admin", "online": True, "bot": True}

    def obey(self, tab: Tab, request: Request) -> list[Event]:
        """Do what a page asked and return what happened by it. Raises Refused."""
        if isinstance(request, Hello):
            return self._greet(tab, request)
        visitor = tab.visitor
        if visitor is None:
            raise Refused("hello_first")
        match request:
            case Say():
                return self._say(visitor, request)
            case React():
                return self._react(visitor, request)
            case TakeBack():
                return self._take_back(visitor, request)
            case Join():
                room = self.rooms.find(request.group, visitor)
                if visitor.id in room.banned:
                    raise Refused("banned")
                return self._join(visitor, room)
            case Leave():
                return self._leave(visitor, self.rooms.inside(request.group, visitor))
            case Rename():
                self.rename(visitor, request.name)
            case Become():
                visitor.role = ROLES[request.role]
                self._show(visitor)
            case Ask():
                room = self.rooms.find(request.group, visitor)
                tab.put({"is": "commands", "group": request.group, "list": [*map(list, self._commands(room.group))]})
        return []

    def closed(self, tab: Tab) -> None:
        """A page is gone; its visitor stays a member, perhaps offline."""
        if tab.visitor is not None:
            tab.visitor.tabs.discard(tab)
            if not tab.visitor.tabs:
                self._show(tab.visitor)

    # --- coming and going -----------------------------------------------------------------

    def _greet(self, tab: Tab, request: Hello) -> list[Event]:
        if tab.visitor is not None:
            raise Refused("hello_twice")
        events: list[Event] = []
        visitor = self.rooms.known(request.token)
        if visitor is None:
            leaver = self.rooms.idle()
            if leaver is not None:
                for room in self.rooms.of(leaver):
                    events += [] if room.group.direct else self._leave(leaver, room)
                self.rooms.forget(leaver)
            name = clean_name(request.name)
            visitor = self.rooms.enter("访客" if not name or name.casefold() in self._reserved else name)
            events += self._join(visitor, self.rooms.rooms[self._home.id])
        tab.visitor = visitor
        visitor.tabs.add(tab)
        tab.put({"is": "welcome", "token": visitor.token, "me": visitor.shown(), "bot": self.bot, "emoji": EMOJI})
        for room in self.rooms.of(visitor):
            tab.put(room.shown(visitor, self.bot))
        if len(visitor.tabs) == 1:
            self._show(visitor)
        return events

    def _join(self, visitor: Visitor, room: Room) -> list[Event]:
        if visitor.id in room.visitors:
            return []
        room.publish({"is": "member", "member": visitor.shown()})
        room.publish({"is": "notice", "kind": "joined", "name": visitor.name})
        room.visitors[visitor.id] = visitor
        visitor.put(room.shown(visitor, self.bot))
        return [MemberJoined(group=room.group, account=self._account, time=time.time(), member=visitor.member())]

    def _leave(self, visitor: Visitor, room: Room) -> list[Event]:
        if room.group.direct:
            raise Refused("unknown_group")
        if visitor.id not in room.visitors:
            return []
        self.show_out(visitor, room, "left")
        return [MemberLeft(group=room.group, account=self._account, time=time.time(), member=visitor.member())]

    def show_out(self, visitor: Visitor, room: Room, kind: str) -> None:
        """Take a visitor out of a room, and tell the pages by a notice of this kind."""
        del room.visitors[visitor.id]
        visitor.put(room.shown(visitor, self.bot))
        room.publish({"is": "gone", "id": visitor.id})
        room.publish({"is": "notice", "kind": kind, "name": visitor.name})

    def rename(self, visitor: Visitor, name: str) -> None:
        """Give a visitor another name. Raises Refused."""
        self.rooms.rename(visitor, self._named(name))
        self._show(visitor)

    def _show(self, visitor: Visitor) -> None:
        for room in self.rooms.of(visitor):
            if visitor.id in room.visitors:
                room.publish({"is": "member", "member": visitor.shown()})
        visitor.put({"is": "me", "me": visitor.shown()})

    def _named(self, name: str) -> str:
        name = clean_name(name)
        if not name:
            raise Refused("name_empty")
        if name.casefold() in self._reserved:
            raise Refused("name_taken")
        return name

    # --- messages -------------------------------------------------------------------------

    def _say(self, visitor: Visitor, request: Say) -> list[Event]:
        room = self.rooms.inside(request.group, visitor)
        if not room.may_speak(visitor):
            raise Refused("muted")
        parts, drawn = self._parts(visitor, room, request.parts)
        quote = room.seen(request.quote, visitor).id if request.quote else None
        for piece in request.parts:
            if piece.image is not None:
                visitor.uploads.pop(piece.image, None)
            if piece.file is not None:
                visitor.attached.pop(piece.file, None)
        author = visitor.member()
        record = Record(author, drawn, quote)
        room.add(record)
        for member in list(room.visitors.values()):
            key = {"key": request.key} if member is visitor and request.key else {}
            member.put({"is": "message", "group": room.group.id, "message": record.shown(), **key})
        return [
            Message(
                group=room.group,
                account=self._account,
                time=record.time,
                id=record.id,
                member=author,
                parts=tuple(parts),
                quote=quote,
            )
        ]

    def _parts(self, visitor: Visitor, room: Room, pieces: Sequence[Piece]) -> tuple[list[Part], list[Frame]]:
        """What was said, as the house and as the page need it. Raises Refused."""
        parts: list[Part] = []
        drawn: list[Frame] = []
        for piece in pieces:
            part, picture = self._part(visitor, room, piece)
            if part is not None:
                parts.append(part)
                drawn.append(shown(part, picture))
        if sum(len(part.text) for part in parts if isinstance(part, Text)) > TEXT_LIMIT:
            raise Refused("too_long")
        if sum(isinstance(part, Image) for part in parts) > IMAGES_LIMIT:
            raise Refused("image_many")
        if sum(isinstance(part, File) for part in parts) > FILES_LIMIT:
            raise Refused("file_many")
        if not any(not isinstance(part, Text) or part.text.strip() for part in parts):
            raise Refused("empty")
        return parts, drawn

    def _part(self, visitor: Visitor, room: Room, piece: Piece) -> tuple[Part | None, str]:
        match piece:
            case Piece(text=str(text), mention=None, image=None, file=None):
                text = clean_text(text)
                return (Text(text) if text else None), ""
            case Piece(text=None, mention=str(member_id), image=None, file=None):
                return self._mention(visitor, room, member_id), ""
            case Piece(text=None, mention=None, image=str(key), file=None):
                picture = self.rooms.gallery.get(key) if key in visitor.uploads else None
                if picture is None:
                    raise Refused("image_lost")
                mime, data = picture
                return Image(data=data, mime=mime), key
            case Piece(text=None, mention=None, image=None, file=str(key)):
                held = self.rooms.shelf.get(key) if key in visitor.attached else None
                if held is None:
                    raise Refused("file_lost")
                return File(held.name, size=len(held.data), id=key), ""
        raise Refused("wrong_form")

    def _mention(self, visitor: Visitor, room: Room, member_id: str) -> Mention:
        if member_id == self._account.id:
            return Mention(member_id, self._account.names[0])
        if member_id == EVERYONE:
            if visitor.role < Role.ADMIN:
                raise Refused("not_everyone")
            return Mention(EVERYONE, "所有人")
        if member_id not in room.visitors:
            raise Refused("unknown_member")
        return Mention(member_id, room.visitors[member_id].name)

    def _react(self, visitor: Visitor, request: React) -> list[Event]:
        room = self.rooms.inside(request.group, visitor)
        if not room.may_speak(visitor):
            raise Refused("muted")
        record = room.seen(request.message, visitor)
        who = record.reactions.setdefault(request.emoji, [])
        changed = (visitor.id in who) != request.on
        if changed and request.on:
            who.append(visitor.id)
        elif changed:
            who.remove(visitor.id)
        if not who:
            del record.reactions[request.emoji]
        if not changed:
            return []
        room.publish({"is": "reactions", "id": record.id, "reactions": record.shown()["reactions"]}, record.to)
        return [
            Reaction(
                group=room.group,
                account=self._account,
                time=time.time(),
                message_id=record.id,
                member=visitor.member(),
                emoji=request.emoji,
                added=request.on,
            )
        ]

    def _take_back(self, visitor: Visitor, request: TakeBack) -> list[Event]:
        room = self.rooms.inside(request.group, visitor)
        record = room.seen(request.message, visitor)
        own = record.author.id == visitor.id
        if not own and visitor.role < Role.ADMIN:
            raise Refused("not_yours")
        self.rooms.remove(room, record, "author" if own else "admin")
        return [
            Recalled(
                group=room.group,
                account=self._account,
                time=time.time(),
                message_id=record.id,
                member=record.author,
                operator=None if own else visitor.member(),
            )
        ]
