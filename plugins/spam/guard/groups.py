"""What the guard knows of each group, in memory: read when the group is first heard, written beside its lane."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

from sqlite_utils import Database

from plugins.spam.guard import samples
from plugins.spam.guard.decisions import storable
from plugins.spam.guard.tables import mark

Mode = Literal["off", "shadow", "on"]
GONE_MOST = 200
"""So many messages that were taken back are remembered, the newest."""
SILENT_MOST = 20
SPARED_SECONDS = 600.0
TOLD_SECONDS = 600.0
DAY_SECONDS = 60.0
DAY_COLUMNS = ("seen", "acted", "would", "reviewed", "passed", "duplicates", "failed")


Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows of spam_members, spam_days and spam_facts that are to be written."""

    members: list[Row]
    days: list[Row]
    facts: list[Row]

    def write(self, db: Database) -> None:
        """Whoever is to be forgotten is left out."""
        gone = {row[0] for row in db.execute("select mark from spam_forgotten").fetchall()}
        members = [row for row in self.members if not gone or mark(str(row[1])) not in gone]
        db.conn.executemany("insert or replace into spam_members values (?, ?, ?, ?, ?, ?, ?, ?)", members)
        columns, marks = ", ".join(DAY_COLUMNS), ", ".join("?" * (len(DAY_COLUMNS) + 2))
        days = f"insert or replace into spam_days (group_id, day, {columns}) values ({marks})"  # noqa: S608 - constants
        db.conn.executemany(days, self.days)
        db.conn.executemany("insert or replace into spam_facts values (?, ?, ?)", self.facts)


@dataclass(slots=True)
class Standing:
    """How a member stands in a group; `last_strike` is in Unix seconds, `trusted_by` the admin who vouched."""

    real: int = 0
    trusted_by: str = ""
    strikes: int = 0
    last_strike: float = 0.0
    false_reports: int = 0
    good_reports: int = 0


@dataclass(slots=True)
class Watched:
    """One group. Change a member by `standing` and then `touch`; count by `count`; the rest is written elsewhere.

    allowed    what an admin said is no ad, as `samples.key` gives it
    lists      the group's allow and deny lists, a `plugins.spam.lists.Lists`
    local      what the group taught, a `plugins.spam.local.Local`
    demoted    rules that are wrong too often here: what they alone decide is for the admins
    audit      who chooses messages to ask about, a `plugins.spam.auditing.Auditor`
    facts      what else is to outlive a restart, by name; change it by `note`
    """

    id: str
    mode: Mode = "shadow"
    since: float = 0.0
    by: str = ""
    admin_group: str | None = None
    members: dict[str, Standing] = field(default_factory=dict)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    allowed: set[bytes] = field(default_factory=set)
    lists: Any = None
    local: Any = None
    demoted: frozenset[str] = frozenset()
    audit: Any = None
    facts: dict[str, str] = field(default_factory=dict)
    gone: deque[str] = field(default_factory=lambda: deque(maxlen=GONE_MOST))
    spared: dict[str, float] = field(default_factory=dict)
    last: dict[str, bytes] = field(default_factory=dict)
    """By member: the mark of their last real message, so that nobody earns trust by repeating one."""
    told: dict[str, deque[float]] = field(default_factory=dict)
    untold: int = 0
    """Decisions that were not reported one by one since the last report, as there were too many."""
    silent: deque[int] = field(default_factory=lambda: deque(maxlen=SILENT_MOST))
    """The numbers of those of which the group was not told, as there were too many."""
    _dirty: set[str] = field(default_factory=set)
    _noted: set[str] = field(default_factory=set)
    _counted: bool = False
    _day: str = ""
    _day_until: float = 0.0

    def standing(self, member_id: str) -> Standing:
        """How a member stands; whoever is new stands nowhere yet, and is not written down for being asked about."""
        return self.members.get(member_id) or Standing()

    def touch(self, member_id: str, standing: Standing) -> None:
        """Note how a member stands now; it is written with the next flush."""
        self.members[member_id] = standing
        self._dirty.add(member_id)

    def count(self, what: str, number: int = 1) -> None:
        """Add to today's figures; `what` is one of DAY_COLUMNS."""
        counts = self.days.get(self.day())
        if counts is None:
            counts = self.days[self._day] = Counter()
        counts[what] += number
        self._counted = True

    def day(self) -> str:
        """The local date, worked out once a minute: it is asked for with every message."""
        now = time.monotonic()
        if now >= self._day_until:
            self._day, self._day_until = today(), now + DAY_SECONDS
        return self._day

    def note(self, name: str, value: str) -> None:
        """Keep a fact of the group; it is written with the next flush."""
        if self.facts.get(name) != value:
            self.facts[name] = value
            self._noted.add(name)

    def spare(self, member_id: str) -> None:
        """Note that a member turned out to be an admin: for a while nothing of theirs is stopped."""
        self.spared[member_id] = time.monotonic() + SPARED_SECONDS

    def is_spared(self, member_id: str) -> bool:
        return bool(self.spared) and time.monotonic() < self.spared.get(member_id, 0.0)

    def may_tell(self, what: str, most: int, seconds: float = TOLD_SECONDS) -> bool:
        """Whether a line of this kind may be said: no more than `most` in so many seconds."""
        times, now = self.told.setdefault(what, deque()), time.monotonic()
        while times and now - times[0] > seconds:
            times.popleft()
        if len(times) >= most:
            return False
        times.append(now)
        return True

    # --- to and from the tables -------------------------------------------------------------

    def changes(self) -> Changes:
        """What changed since the last time, which counts as written from here on."""
        members = [self._row(member_id) for member_id in self._dirty if member_id in self.members]
        facts: list[Row] = [(self.id, name, self.facts[name]) for name in self._noted]
        days: list[Row] = []
        if self._counted:
            days = [(self.id, day, *(counts[name] for name in DAY_COLUMNS)) for day, counts in self.days.items()]
        self._dirty.clear()
        self._noted.clear()
        self._counted = False
        return Changes(members, days, facts)

    def _row(self, member_id: str) -> Row:
        one = self.members[member_id]
        head = (self.id, storable(member_id), one.real, one.trusted_by, one.strikes, one.last_strike)
        return (*head, one.false_reports, one.good_reports)

    def again(self, changes: Changes) -> None:
        """This could not be written; it is tried with the next flush."""
        self._dirty.update(str(row[1]) for row in changes.members)
        self._noted.update(str(row[1]) for row in changes.facts)
        self._counted |= bool(changes.days)

    def rest(self) -> None:
        """Let go of the figures of days that are over, and of what is no longer of use."""
        now = today()
        for day in [day for day in self.days if day not in (now, self._day)]:
            del self.days[day]
        moment = time.monotonic()
        self.spared = {id: until for id, until in self.spared.items() if until > moment}

    def forget(self, marks: Iterable[bytes]) -> None:
        """Let go of the members behind these marks."""
        gone = set(marks)
        for member_id in [member_id for member_id in self.members if mark(member_id) in gone]:
            del self.members[member_id]
        for kept in (self.spared, self.last):
            for member_id in [member_id for member_id in kept if mark(member_id) in gone]:
                del kept[member_id]
        self._dirty &= self.members.keys()


def load(db: Database, group_id: str) -> Watched:
    """A group as the tables have it, without its lists and what it taught."""
    watched = Watched(group_id)
    query = "select mode, since, by, admin_group from spam_groups where group_id = ?"
    for mode, since, by, admin_group in db.execute(query, [group_id]).fetchall():
        watched.mode, watched.since, watched.by, watched.admin_group = mode, since, by, admin_group
    query = (
        "select member_id, real, trusted_by, strikes, last_strike, false_reports, good_reports from spam_members"
        " where group_id = ?"
    )
    watched.members = {row[0]: Standing(*row[1:]) for row in db.execute(query, [group_id]).fetchall()}
    query = f"select {', '.join(DAY_COLUMNS)} from spam_days where group_id = ? and day = ?"  # noqa: S608 - constants
    for row in db.execute(query, [group_id, today()]).fetchall():
        watched.days[today()] = Counter(dict(zip(DAY_COLUMNS, row, strict=True)))
    facts = db.execute("select name, value from spam_facts where group_id = ?", [group_id]).fetchall()
    watched.facts = dict(facts)
    watched.allowed = samples.allowed(db, group_id)
    return watched


def put(db: Database, watched: Watched) -> None:
    """Write down the mode of a group and the group of its admins."""
    row = [watched.id, watched.mode, watched.since, watched.by, watched.admin_group]
    db.execute("insert or replace into spam_groups values (?, ?, ?, ?, ?)", row)


def reporting_to(db: Database, admin_group: str) -> list[str]:
    """The groups whose reports go to this one."""
    query = "select group_id from spam_groups where admin_group = ? order by group_id"
    return [row[0] for row in db.execute(query, [admin_group]).fetchall()]


def today() -> str:
    """The local date, as the figures are kept by."""
    return datetime.fromtimestamp(time.time()).astimezone().date().isoformat()


def digest(text: str) -> bytes:
    """A short mark of a text."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()
