"""A small world of groups: who is in them, what was said, and what our account may do there."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from tests.peers.onebot_segments import Segments
from tests.peers.onebot_shelf import Shelf

Body = dict[str, Any]
POWER = {"member": 1, "admin": 2, "owner": 3}


class Denied(Exception):
    """The platform refuses: `kind` names why ("not_admin", "muted", "no_member" ...)."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass
class Person:
    """A member of a group; `muted_until` and the other times are Unix seconds."""

    nickname: str
    card: str | None = ""
    role: str | None = "member"
    muted_until: float = 0
    joined: float = 1_600_000_000
    spoke: float = 0

    @property
    def muted(self) -> bool:
        return self.muted_until > time.time()


class Group(dict[str, Person]):
    """People by number, and what holds for the whole group."""

    name = ""
    silent = False
    """The whole group is muted."""
    gone = False
    """Our account is not in it any more."""
    own_mute = 0.0
    """Until when (Unix seconds) our account is muted, where it is no known member."""

    def __init__(self, people: dict[str, Person] | None = None) -> None:
        super().__init__(people or {})
        self.known_roles: dict[str, str | None] = {}
        """Roles as they were when last asked for: an implementation's cache."""
        self.banished: set[str] = set()
        """Who was kicked for ever."""


class World(dict[str, Group]):
    """Groups by number."""

    def __setitem__(self, key: str, value: dict[str, Person]) -> None:
        super().__setitem__(key, value if isinstance(value, Group) else Group(value))

    def at(self, group: int | str | None) -> Group:
        """The group of a number, which comes to be when somebody speaks of it."""
        key = str(group)
        if key not in self:
            self[key] = Group()
        return self[key]


@dataclass
class Record:
    """A message that was said in a group (None: privately)."""

    id: str
    group: str | None
    user: str
    segments: Segments
    body: Body
    recalled: bool = False


@dataclass
class Request:
    """Somebody who wants to enter a group (None: to be a friend)."""

    flag: str
    group: int | None
    user: int
    comment: str
    invited: bool = False
    answer: bool | None = None
    reason: str = ""


@dataclass
class Life:
    """What happens in a world as one account (`own`) sees it.

    Rights hold in a group of which our account is a known member; elsewhere everything is allowed, so that a
    test which is not about rights need not build a group.
    """

    own: str
    signed: bool
    world: World = field(default_factory=World)
    records: dict[str, Record] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    forwards: dict[str, Segments] = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)

    def __post_init__(self) -> None:
        self._ids = itertools.count(700_000_001)
        self.numbers = itertools.count(1_700_000_000_000)
        """For the flags of requests."""

    def next_id(self) -> int:
        return next(self._ids) * (-1 if self.signed else 1)

    @property
    def strict(self) -> bool:
        """Whether any group knows our rights."""
        return any(self.own in group for group in self.world.values())

    def group(self, number: object) -> Group:
        """A group that we may act in. Raises Denied."""
        found = self.world.get(str(number))
        if found is None:
            if self.strict:
                raise Denied("no_group")
            return self.world.at(str(number))
        if found.gone:
            raise Denied("gone")
        return found

    def over(self, group: Group, user: str) -> Person | None:
        """A member whom we have power over; None in a group without rights. Raises Denied."""
        person = group.get(user)
        if self.own not in group:
            return person
        if person is None:
            raise Denied("no_member")
        ours, theirs = POWER.get(group[self.own].role or "", 1), POWER.get(person.role or "", 1)
        if ours < POWER["admin"]:
            raise Denied("not_admin")
        if theirs >= ours and user != self.own:
            raise Denied("owner" if person.role == "owner" else "peer")
        return person

    def admin(self, group: Group) -> None:
        """Raises Denied where we are known to be no admin."""
        if self.own in group and POWER.get(group[self.own].role or "", 1) < POWER["admin"]:
            raise Denied("not_admin")

    def heard(self, record: Record) -> None:
        self.records[record.id] = record
        if record.group is not None and (person := self.world.at(record.group).get(record.user)):
            person.spoke = time.time()

    def last(self, group: str, count: int) -> list[Record]:
        """The last messages of a group, oldest first; what was taken back is not among them."""
        kept = [record for record in self.records.values() if record.group == group and not record.recalled]
        return kept[-count:] if count > 0 else []

    # --- what our account does --------------------------------------------------------------

    def speak(self, number: object) -> Group:
        """Raises Denied where our account may say nothing."""
        group = self.group(number)
        ours = group.get(self.own)
        if ours is None:
            muted = group.own_mute > time.time()
        else:
            muted = ours.muted or (group.silent and POWER.get(ours.role or "", 1) < POWER["admin"])
        if muted:
            raise Denied("muted")
        return group

    def mute(self, number: object, user: str, seconds: float) -> None:
        person = self.over(self.group(number), user)
        if person is not None:
            person.muted_until = time.time() + seconds if seconds > 0 else 0

    def mute_all(self, number: object, on: bool) -> None:
        group = self.group(number)
        self.admin(group)
        group.silent = on

    def kick(self, number: object, user: str, forever: bool) -> bool:
        """Whether somebody left."""
        group = self.group(number)
        self.over(group, user)
        if forever:
            group.banished.add(user)
        return group.pop(user, None) is not None

    def rename(self, number: object, user: str, card: str) -> str:
        """Give a card and return the one before."""
        group = self.group(number)
        if user not in group:
            raise Denied("no_member")
        if user != self.own:
            self.over(group, user)
        before, group[user].card = group[user].card or "", card
        return before

    def recall(self, message_id: str) -> Record | None:
        """Take a message back; None where the world without rights does not know it."""
        record = self.records.get(message_id)
        if record is None:
            if self.strict:
                raise Denied("no_message")
            return None
        if record.group is not None and record.user != self.own:
            group = self.group(record.group)
            if record.user in group:
                self.over(group, record.user)
            else:
                self.admin(group)
        record.recalled = True
        return record

    def admit(self, flag: str, approve: bool, reason: str) -> Request:
        request = self.requests.get(flag)
        if request is None or request.answer is not None:
            raise Denied("no_request")
        if request.group is not None and not request.invited:
            self.admin(self.group(request.group))
        request.answer, request.reason = approve, reason
        return request
