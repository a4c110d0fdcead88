"""Who is in the demo and what was said there: people, rooms, the last messages by their numbers. All in memory."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.errors import Refusal
from bot.types import Group, Member, Role

HISTORY = 500
PEOPLE = 200
FILES = 5


@dataclass(eq=False, slots=True)
class Person:
    """Somebody whom the one at the keyboard plays."""

    name: str
    role: Role = Role.MEMBER

    @property
    def id(self) -> str:
        """The same in every run, so that memory, limits and settings can be tried over a restart."""
        return f"console:{self.name}"

    def member(self) -> Member:
        return Member(self.id, self.name, self.role)


@dataclass(eq=False, slots=True)
class Record:
    """A message that was shown, or is about to be (`number` 0). `to`: only this member may see it."""

    id: str
    group: Group
    author: Member
    to: str | None = None
    number: int = 0
    removed: bool = False
    reactions: set[tuple[str, str]] = field(default_factory=set)
    """Each a member's id and an emoji."""


@dataclass(eq=False, slots=True)
class Room:
    """One group: who is in it, who ever was, and who may not speak (until which Unix second)."""

    group: Group
    people: dict[str, Person] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    muted: dict[str, float] = field(default_factory=dict)
    silent: bool = False
    """Only admins may speak."""
    banned: set[str] = field(default_factory=set)
    """Who may not come back."""

    def demand_voice(self, person: Person) -> None:
        """Raises Refusal where the person is not in the room, or is muted."""
        if person.id not in self.people:
            raise Refusal(f"{person.name} 不在{self.group.name}里，先发 :join 加入。")
        left = self.muted.get(person.id, 0) - time.time()
        if left > 0:
            raise Refusal(f"{person.name} 被禁言了，{int(left) + 1} 秒后才能说话。")
        if self.silent and person.role < Role.ADMIN:
            raise Refusal("全员禁言中，只有管理员可以说话。")


class Rooms:
    """All rooms, people and messages; a direct chat is a room of one."""

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self.rooms = {group.id: Room(group) for group in groups}
        self.people: dict[str, Person] = {}
        self.files: OrderedDict[str, bytes] = OrderedDict()
        self._run = secrets.token_hex(4)
        self._made = 0
        self._shown = 0
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._numbers: OrderedDict[int, Record] = OrderedDict()

    def person(self, name: str) -> Person:
        """Who bears the name; a new person where nobody does. Raises Refusal."""
        known = self.people.get(name)
        if known is None:
            if len(self.people) >= PEOPLE:
                raise Refusal(f"最多 {PEOPLE} 个人，用 :as 换一个来过的名字吧。")
            known = self.people[name] = Person(name)
        return known

    def direct(self, person: Person) -> Room:
        """The person's own chat with the bot."""
        group = Group(f"console:dm:{person.name}", person.name, direct=True)
        return self.rooms.setdefault(group.id, Room(group, {person.id: person}, {person.id}))

    def record(self, group: Group, author: Member, to: str | None = None) -> Record:
        """A message to be shown. Its id is new in every run: the log drops what it has heard before."""
        self._made += 1
        record = Record(f"{self._run}-{self._made}", group, author, to)
        self._records[record.id] = record
        while len(self._records) > HISTORY:
            self._records.popitem(last=False)
        return record

    def number(self, record: Record) -> int:
        """The next number, by which people may now speak of the message."""
        self._shown += 1
        record.number = self._shown
        self._numbers[record.number] = record
        while len(self._numbers) > HISTORY:
            self._numbers.popitem(last=False)
        return record.number

    def hold(self, data: bytes) -> str:
        """Keep the bytes of a file while they are among the newest, and return its id."""
        self._made += 1
        id = f"{self._run}-{self._made}"
        self.files[id] = data
        while len(self.files) > FILES:
            self.files.popitem(last=False)
        return id

    def find(self, message_id: str | None) -> Record | None:
        return self._records.get(message_id or "")

    def seen(self, number: int, person: Person, room: Room) -> Record:
        """A message that the person can see from the room or in their direct chat. Raises Refusal."""
        record = self._numbers.get(number)
        if record is None or record.removed:
            raise Refusal(f"没有 #{number} 这条消息，或者已经撤回了。")
        if record.group.id not in (room.group.id, self.direct(person).group.id):
            raise Refusal(f"#{number} 不在这个群里，先用 :group 或 :as 换过去。")
        if record.to not in (None, person.id):
            raise Refusal(f"#{number} 是私下对别人说的。")
        return record
