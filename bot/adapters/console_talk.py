"""What is typed: words of a member, or a line with a colon that drives the demo. Each becomes events."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence

from bot.adapters.console_file import NAME_LIMIT, shared
from bot.adapters.console_orders import HELP, ORDERS, Order, wrong
from bot.adapters.console_picture import load
from bot.adapters.console_rooms import Record, Room, Rooms
from bot.adapters.console_text import clean_name, clean_text, in_line
from bot.errors import Refusal
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

TEXT_LIMIT = 4000
"""Characters of one message."""
EMOJI_LIMIT = 8
DEMO = Group("console:demo", "示例群")
TEST = Group("console:test", "测试群")
GROUPS = {"demo": DEMO, "test": TEST, DEMO.name: DEMO, TEST.name: TEST}
ROLES = {"member": Role.MEMBER, "admin": Role.ADMIN, "owner": Role.OWNER}
ROLE_WORDS = {Role.MEMBER: "成员", Role.ADMIN: "管理员", Role.OWNER: "群主"}
ALL = "所有人"
NUMBERED = re.compile(r"#?(\d{1,9})(?:\s+(.*))?", re.ASCII | re.DOTALL)


Said = Callable[[Record, Sequence[Part], Record | None], None]
"""Shows what a member said, and the message that it quotes."""


class Talk:
    """Obeys lines; `note` shows a line of the demo itself. `person` speaks now, in `room`."""

    def __init__(self, rooms: Rooms, account: Account, note: Callable[[str], None], said: Said) -> None:
        self._rooms = rooms
        self._account = account
        self._note = note
        self._said = said
        self._reserved = {*(name.casefold() for name in account.names), account.id.partition(":")[2], ALL}
        self.room = rooms.rooms[DEMO.id]
        self.person = rooms.person("我")
        self.left = False
        """Whether the one at the keyboard has had enough."""

    async def obey(self, line: str) -> Sequence[Event]:
        """Do what a line asks, show it, and return what happened by it. Raises Refusal."""
        if not line.strip():
            return []
        if line.startswith("::"):
            return [self._say(self.room, self._words(self.room, line[1:]))]
        if not line.startswith((":", "：")):
            return [self._say(self.room, self._words(self.room, line))]
        word, rest = (*line[1:].split(maxsplit=1), "", "")[:2]
        order = ORDERS.get(word.lower())
        if order is None and line.startswith("："):
            return [self._say(self.room, self._words(self.room, line))]  # a sentence in Chinese may well begin so
        if order is None:
            raise Refusal(f"没有 :{clean_name(word)}。发 :help 看可以做什么；就想这样说的话，前面再加一个冒号。")
        return await self._drive(word.lower(), order, rest.strip())

    def arrive(self) -> Sequence[Event]:
        """The one who speaks now joins the room, unless they ever were in it."""
        return [] if self.person.id in self.room.known else self._join()

    async def _drive(self, word: str, order: Order, rest: str) -> Sequence[Event]:
        if bool(order.example) != bool(rest):
            raise wrong(order)
        match word:
            case "help":
                self._note(HELP)
            case "quit":
                self.left = True
            case "as":
                return self._become(rest)
            case "role":
                if rest.lower() not in ROLES:
                    raise wrong(order)
                self.person.role = ROLES[rest.lower()]
                self._tell()
            case "join":
                if self.person.id in self.room.people:
                    raise Refusal(f"{self.person.name} 已经在{self.room.group.name}里了。")
                return self._join()
            case "leave":
                return self._leave()
            case "group":
                group = GROUPS.get(rest.lower())
                if group is None:
                    raise wrong(order)
                self.room = self._rooms.rooms[group.id]
                self._tell()
                return self.arrive()
            case "image":
                self.room.demand_voice(self.person)
                data, mime = await asyncio.to_thread(load, rest.strip("\"'"))
                return [self._say(self.room, [Image(data=data, mime=mime)])]
            case "file":
                self.room.demand_voice(self.person)
                name, held = await asyncio.to_thread(shared, rest.strip("\"'"))
                file = File(in_line(name)[-NAME_LIMIT:] or "文件", size=len(held), id=self._rooms.hold(held))
                return [self._say(self.room, [file])]
            case "dm":
                room = self._rooms.direct(self.person)
                return [self._say(room, self._words(room, rest))]
            case _:
                return self._about(word, order, rest)
        return []

    # --- coming and going -----------------------------------------------------------------

    def _become(self, name: str) -> Sequence[Event]:
        if " " in name or clean_name(name) != name:
            raise Refusal("名字里不能有空格和看不见的字，最多 32 个字，比如 :as 小红")
        if name.casefold() in self._reserved:
            raise Refusal("这个名字不能用，换一个吧。")
        self.person = self._rooms.person(name)
        self._tell()
        return self.arrive()

    def _join(self) -> Sequence[Event]:
        if self.person.id in self.room.banned:
            raise Refusal(f"{self.person.name} 已被移出{self.room.group.name}，不能再加入。")
        self.room.people[self.person.id] = self.person
        self.room.known.add(self.person.id)
        self._note(f"{self.person.name} 加入了{self.room.group.name}")
        return [
            MemberJoined(group=self.room.group, account=self._account, time=time.time(), member=self.person.member())
        ]

    def _leave(self) -> Sequence[Event]:
        if self.room.people.pop(self.person.id, None) is None:
            raise Refusal(f"{self.person.name} 本来就不在{self.room.group.name}里。")
        self._note(f"{self.person.name} 离开了{self.room.group.name}")
        return [MemberLeft(group=self.room.group, account=self._account, time=time.time(), member=self.person.member())]

    def _tell(self) -> None:
        self._note(f"现在你是 {self.person.name}（{ROLE_WORDS[self.person.role]}），在{self.room.group.name}")

    # --- messages -------------------------------------------------------------------------

    def _say(self, room: Room, parts: Sequence[Part], quote: Record | None = None) -> Message:
        room.demand_voice(self.person)
        record = self._rooms.record(room.group, self.person.member())
        self._said(record, parts, quote)
        return Message(
            group=room.group,
            account=self._account,
            time=time.time(),
            id=record.id,
            member=record.author,
            parts=tuple(parts),
            quote=quote.id if quote else None,
        )

    def _about(self, word: str, order: Order, rest: str) -> Sequence[Event]:
        """Do something with a message that is named by its number."""
        found = NUMBERED.fullmatch(rest)
        if found is None:
            raise wrong(order)
        words = (found[2] or "").strip()
        if (word == "quote" and not words) or (word == "recall" and words):
            raise wrong(order)
        record = self._rooms.seen(int(found[1]), self.person, self.room)
        room = self._rooms.rooms[record.group.id]
        if word == "quote":
            return [self._say(room, self._words(room, words), record)]
        if word == "recall":
            return [self._recall(record)]
        emoji = words or "👍"
        if len(emoji) > EMOJI_LIMIT or clean_name(emoji) != emoji or any(c.isascii() or c.isspace() for c in emoji):
            raise wrong(order)
        return self._react(room, record, emoji, added=word == "react")

    def _recall(self, record: Record) -> Recalled:
        own = record.author.id == self.person.id
        if not own and self.person.role < Role.ADMIN:
            raise Refusal("只能撤回自己的消息，管理员可以撤回别人的。")
        record.removed = True
        self._note(f"{self.person.name} 撤回了 #{record.number}")
        return Recalled(
            group=record.group,
            account=self._account,
            time=time.time(),
            message_id=record.id,
            member=record.author,
            operator=None if own else self.person.member(),
        )

    def _react(self, room: Room, record: Record, emoji: str, *, added: bool) -> Sequence[Event]:
        room.demand_voice(self.person)
        mark = (self.person.id, emoji)
        if (mark in record.reactions) == added:
            raise Refusal(
                f"已经给 #{record.number} 贴过 {emoji} 了。" if added else f"没有给 #{record.number} 贴过 {emoji}。"
            )
        (record.reactions.add if added else record.reactions.remove)(mark)
        self._note(
            f"{self.person.name} {'给' if added else '从'} #{record.number} {'贴了' if added else '拿掉了'} {emoji}"
        )
        return [
            Reaction(
                group=record.group,
                account=self._account,
                time=time.time(),
                message_id=record.id,
                member=self.person.member(),
                emoji=emoji,
                added=added,
            )
        ]

    def _words(self, room: Room, line: str) -> Sequence[Part]:
        """Text with its mentions, of those who are in the room. Raises Refusal."""
        text = clean_text(line)
        if len(text) > TEXT_LIMIT:
            raise Refusal(f"太长了，一条消息最多 {TEXT_LIMIT} 个字。")
        if not text.strip():
            raise Refusal("还没有写内容呢。")
        names = dict.fromkeys(self._account.names, self._account.id)
        names |= {person.name: person.id for person in room.people.values()}
        if self.person.role >= Role.ADMIN:
            names[ALL] = EVERYONE
        parts: list[Part] = []
        end = 0
        for found in _mentions(names).finditer(text):
            if found.start() > end:
                parts.append(Text(text[end : found.start()]))
            parts.append(Mention(names[found[1]], found[1]))
            end = found.end()
        if end < len(text):
            parts.append(Text(text[end:]))
        return parts


def _mentions(names: dict[str, str]) -> re.Pattern[str]:
    """An @ with one of the names, the longest that fits; not inside an address, nor only a word's beginning."""
    longest_first = sorted(names, key=len, reverse=True)
    either = "|".join(re.escape(name) + (r"(?![A-Za-z0-9_])" if name[-1:].isascii() else "") for name in longest_first)
    return re.compile(f"(?<![A-Za-z0-9_.])[@＠]({either}) ?")
