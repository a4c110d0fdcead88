"""What a group was taught, in the tables: samples, what passed unjudged, and the versions made of them."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sqlite_utils import Database

from plugins.spam.guard import samples
from plugins.spam.guard.decisions import Label, storable
from plugins.spam.guard.tables import EVERYWHERE, mark, tables

VERSIONS: Final = 20
"""Versions of a group that are kept, the newest."""
TEXTS: Final = 2_000
"""Samples of a group that count, the newest."""
SHARED: Final = 5_000
"""Samples of all groups that count, the newest."""
PASSED: Final = 250
"""Unjudged messages of a group that are kept."""
PASSED_LONGEST: Final = 200

Aside = Literal["drift", "unlikely"]
"""Why the weights leave a sample out. What is like an `unlikely` one is not taken for an ad either."""


@tables()
def create_lessons(db: Database) -> None:
    db.execute("alter table spam_samples add column aside text not null default ''")
    db.execute("alter table spam_versions add column samples text not null default '[]'")
    db.execute(
        "create table spam_passed (id integer primary key autoincrement, group_id text not null,"
        " member_id text not null, text text not null, time real not null)"
    )
    db.execute("create index spam_passed_group on spam_passed (group_id)")
    db.execute("create index spam_passed_member on spam_passed (member_id)")


class Taught(NamedTuple):
    """A sample that holds; `decision` is the number of the decision that an admin spoke of, 0 where it is unknown."""

    id: int
    label: Label
    text: str
    aside: str
    decision: int


class Version(NamedTuple):
    """What a group has learnt: an `Increment` as bytes, and the samples that were there when it was made."""

    number: int
    data: bytes
    samples: frozenset[int]


@dataclass(frozen=True, slots=True)
class Known:
    """All that a group goes by.

    own      its own samples, oldest first
    allowed  the keys of what its admins cleared
    version  the one that holds, if any
    passed   how many unjudged messages are kept
    """

    own: list[Taught]
    allowed: set[bytes]
    version: Version | None = None
    passed: int = 0

    @property
    def learnable(self) -> list[Taught]:
        return [one for one in self.own if not one.aside]

    @property
    def behind(self) -> bool:
        """Whether the version was made of other samples than those that hold now."""
        return {one.id for one in self.learnable} != (self.version.samples if self.version is not None else set())


class Passed(NamedTuple):
    """A message that nobody judged."""

    group_id: str
    member_id: str
    text: str
    time: float


class Taken(NamedTuple):
    """What was taken back: the version before and after (0: the shipped weights), and decisions whose word holds no
    more; `samples` counts these, the unnumbered included."""

    before: int
    after: int
    decisions: list[int]
    samples: int


def read(db: Database, group_id: str) -> Known:
    """What a group goes by now, without what all groups do."""
    own = _taught(db, group_id, TEXTS)
    passed = db.execute("select count(*) from spam_passed where group_id = ?", [group_id]).fetchone()[0]
    allowed = {samples.key(one.text) for one in own if one.label == "ham"} - {None}
    return Known(own, {one for one in allowed if one is not None}, _current(db, group_id), int(passed))


def shared(db: Database) -> list[Taught]:
    """Ads of all groups, oldest first: what one confirmed for the others, and what the operator brought along, which
    no decision stands behind."""
    return _taught(db, EVERYWHERE, SHARED)


def _taught(db: Database, group_id: str, most: int) -> list[Taught]:
    query = (
        "select id, label, text, aside, coalesce(decision_id, 0) from spam_samples"
        " where group_id = ? and active and text != '' order by id desc limit ?"
    )
    return [Taught(*row) for row in reversed(db.execute(query, [group_id, most]).fetchall())]


def _current(db: Database, group_id: str) -> Version | None:
    query = "select version, delta, samples from spam_versions where group_id = ? and active = 1"
    row = db.execute(query, [group_id]).fetchone()
    return _version(*row) if row is not None else None


def _version(number: int, data: bytes | str, listed: str) -> Version:
    return Version(number, data if isinstance(data, bytes) else b"", frozenset(json.loads(listed)))


_UNKEPT = (
    "from spam_decisions d where group_id = ? and label is not null and text != ''"
    # What was asked about at random and passed was right: nothing is kept of it.
    " and (label = 'spam' or origin != 'audit')"
    " and not exists (select 1 from spam_samples s where s.decision_id = d.id)"
)


def unkept(db: Database, group_id: str) -> int:
    """How many texts were judged of which no sample was kept: the bot died in between."""
    return int(db.execute(f"select count(*) {_UNKEPT}", [group_id]).fetchone()[0])


def repair(db: Database, group_id: str) -> int:
    """Keep the texts that were judged and not kept; returns how many."""
    rows = db.execute(f"select id, label, text, label_by {_UNKEPT}", [group_id]).fetchall()
    return sum(samples.put(db, group_id, label, text, by or "", id) is not None for id, label, text, by in rows)


def put(db: Database, group_id: str, why: str, data: bytes, checks: tuple[str, str], made_of: Collection[int]) -> int:
    """Make this the version that holds; returns its number.

    checks   the frozen set before and after, as json
    made_of  the samples that were there
    """
    last = db.execute("select max(version) from spam_versions where group_id = ?", [group_id]).fetchone()[0]
    number = int(last or 0) + 1
    db.execute("update spam_versions set active = 0 where group_id = ? and active = 1", [group_id])
    db.execute(
        "insert into spam_versions (group_id, version, time, why, delta, check_before, check_after, active, samples)"
        " values (?, ?, ?, ?, ?, ?, ?, 1, ?)",
        [group_id, number, time.time(), why, data, *checks, json.dumps(sorted(made_of))],
    )
    db.execute(
        "delete from spam_versions where group_id = ? and version not in (select version from spam_versions"
        " where group_id = ? and active >= 0 order by version desc limit ?)",
        [group_id, group_id, VERSIONS],
    )
    return number


def set_aside(db: Database, group_id: str, ids: Collection[int], why: Aside) -> None:
    """Leave samples out from here on; one that is harmless talk is not shared any longer."""
    for id in ids:
        db.execute("update spam_samples set aside = ? where id = ? and group_id = ?", [why, id, group_id])
        if why == "unlikely":
            _unshare(db, id)


def take_back(db: Database, group_id: str) -> Taken | None:
    """Let go of what was taught last, and go back to the version before it; None where nothing is left."""
    known = read(db, group_id)
    version = known.version
    of = version.samples if version is not None else frozenset[int]()
    # What was never learnt, yet acts by being alike, is a later word than the version.
    loose = [one for one in known.own if one.id not in of and one.id > max(of, default=0) and one.aside != "unlikely"]
    if loose:
        number = version.number if version is not None else 0
        return Taken(number, number, *_withdrawn(db, loose[-1:]))
    if version is None:
        return None
    query = "select version, delta, samples from spam_versions where group_id = ? and version < ? and active = 0"
    earlier = map(_version_of, db.execute(f"{query} order by version desc", [group_id, version.number]).fetchall())
    # One that was made of all the same samples, for other weights, is no step back.
    before = next((one for one in earlier if of - one.samples), None)
    db.execute(
        "update spam_versions set active = -1, delta = x'' where group_id = ? and version > ?",
        [group_id, before.number if before is not None else 0],
    )
    kept = frozenset[int]()
    if before is not None:
        kept = before.samples
        db.execute("update spam_versions set active = 1 where group_id = ? and version = ?", [group_id, before.number])
    gone = [one for one in known.own if one.id in of and one.id not in kept]
    return Taken(version.number, before.number if before is not None else 0, *_withdrawn(db, gone))


def _version_of(row: tuple[int, bytes | str, str]) -> Version:
    return _version(*row)


def _withdrawn(db: Database, gone: Collection[Taught]) -> tuple[list[int], int]:
    for one in gone:
        _unshare(db, one.id)
        db.execute("update spam_samples set active = 0 where id = ?", [one.id])
    return [one.decision for one in gone if one.decision], len(gone)


def _unshare(db: Database, id: int) -> None:
    db.execute(
        "update spam_samples set active = 0 where group_id = ? and decision_id in"
        " (select decision_id from spam_samples where id = ?)",
        [EVERYWHERE, id],
    )


# --- what passed ------------------------------------------------------------------------------------


def keep(db: Database, heard: Iterable[Passed]) -> None:
    """Keep messages that passed, but not those of whoever is to be forgotten; of each group the newest stay."""
    gone = {row[0] for row in db.execute("select mark from spam_forgotten").fetchall()}
    rows = [one for one in heard if not gone or mark(one.member_id) not in gone]
    insert = "insert into spam_passed (group_id, member_id, text, time) values (?, ?, ?, ?)"
    cut = [(one.group_id, storable(one.member_id), storable(one.text)[:PASSED_LONGEST], one.time) for one in rows]
    db.conn.executemany(insert, cut)
    for group_id in {one.group_id for one in rows}:
        db.execute(
            "delete from spam_passed where group_id = ? and id not in"
            " (select id from spam_passed where group_id = ? order by id desc limit ?)",
            [group_id, group_id, PASSED],
        )


def passed(db: Database, group_id: str) -> list[str]:
    """The texts that passed, oldest first."""
    query = "select text from spam_passed where group_id = ? order by id"
    return [row[0] for row in db.execute(query, [group_id]).fetchall()]
