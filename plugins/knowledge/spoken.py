"""What was said unasked, what members made of it, and how sure a group wants the bot to be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlite_utils import Database

from bot.api import Db, Plugin
from plugins.knowledge.gate import SPEAKS
from plugins.knowledge.shelf import tables

CAUTION, CAP = 0.06, 0.95
"""A bad word moves the threshold this share of the way to 1, and never beyond the cap."""
COURAGE, GROUND = 0.02, 0.2
"""A good word moves it this share of the way down to the ground."""
LOWEST = max(0.3, SPEAKS - 0.2)
VERDICTS = 500
"""So many of the last verdicts count."""
DAY = 86_400.0
WORDS_DAYS, VERDICT_DAYS = 30, 180
SHOWN_DAYS = 7


@tables()
def create_spoken(db: Database) -> None:
    db.execute(
        "create table knowledge_spoken (id integer primary key autoincrement, group_id text not null, member_id text,"
        " question text, topical real not null, chunk integer not null, title text not null, source text not null,"
        " message_id text, time real not null)"
    )
    db.execute("create index knowledge_spoken_group on knowledge_spoken (group_id, time)")
    db.execute(
        "create table knowledge_verdicts (spoken integer not null, member_id text not null, group_id text not null,"
        " good integer not null, weight integer not null, time real not null, primary key (spoken, member_id))"
    )
    db.execute("create index knowledge_verdicts_group on knowledge_verdicts (group_id, time)")
    db.execute("create table knowledge_resets (group_id text primary key, time real not null)")
    db.execute(
        "create table knowledge_lines (group_id text not null, day text not null, heard integer not null,"
        " primary key (group_id, day))"
    )


# --- the threshold ------------------------------------------------------------------------


def learnt(verdicts: Iterable[tuple[bool, int]]) -> float:
    """How sure the bot must be, after these verdicts (good or not, and how often it counts), the oldest first."""
    at = SPEAKS
    for good, weight in verdicts:
        for _ in range(weight):
            at = max(LOWEST, at - COURAGE * (at - GROUND)) if good else min(CAP, at + CAUTION * (1 - at))
    return at


def threshold(db: Database, group_id: str) -> float:
    """From which judgement on a line of this group is answered unasked."""
    query = (
        "select good, weight from (select * from knowledge_verdicts where group_id = ?1 and time >"
        " coalesce((select time from knowledge_resets where group_id = ?1), 0) order by time desc limit ?2)"
        " order by time, spoken, member_id"
    )
    return learnt((bool(good), weight) for good, weight in db.execute(query, [group_id, VERDICTS]).fetchall())


def judged(db: Database, spoken: int, member_id: str, good: bool, weight: int) -> None:
    """A member's verdict on what was said; a second one takes the place of their first."""
    db.execute(
        "insert into knowledge_verdicts (spoken, member_id, group_id, good, weight, time)"
        " select id, ?, group_id, ?, ?, ? from knowledge_spoken where id = ?"
        " on conflict (spoken, member_id) do update set good = excluded.good, weight = excluded.weight",
        [member_id, int(good), weight, time.time(), spoken],
    )


def unjudged(db: Database, spoken: int, member_id: str, good: bool) -> None:
    """A member has taken a verdict back."""
    change = "delete from knowledge_verdicts where spoken = ? and member_id = ? and good = ?"
    db.execute(change, [spoken, member_id, int(good)])


def start_over(db: Database, group_id: str) -> None:
    """Let the verdicts so far count no more."""
    change = "insert into knowledge_resets values (?, ?) on conflict (group_id) do update set time = excluded.time"
    db.execute(change, [group_id, time.time()])


# --- what was said ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something said unasked; `chunk` is the passage's number on the shelf."""

    id: int
    chunk: int
    title: str
    source: str
    question: str


def claim(
    db: Database, group_id: str, member_id: str, question: str, topical: float, passage: tuple[int, str, str], most: int
) -> int | None:
    """Write down what is about to be said, if the hour still has room for it. Its number."""
    if lately(db, group_id) >= most:
        return None
    made = db.execute(
        "insert into knowledge_spoken (group_id, member_id, question, topical, chunk, title, source, time)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [group_id, member_id, question, topical, *passage, time.time()],
    ).lastrowid
    assert made is not None
    return made


def went_out(db: Database, number: int, message_id: str | None) -> None:
    """What was said has this message; None: it did not go out, and nothing was said."""
    if message_id is None:
        db.execute("delete from knowledge_spoken where id = ?", [number])
    else:
        db.execute("update knowledge_spoken set message_id = ? where id = ?", [message_id, number])


def lately(db: Database, group_id: str) -> int:
    """How often the bot spoke unasked in the last hour."""
    query = "select count(*) from knowledge_spoken where group_id = ? and time > ?"
    return int(db.execute(query, [group_id, time.time() - 3600]).fetchone()[0])


def said_already(db: Database, group_id: str, chunk: int) -> bool:
    """Whether this passage was said in the last hour."""
    query = "select 1 from knowledge_spoken where group_id = ? and time > ? and chunk = ? limit 1"
    return db.execute(query, [group_id, time.time() - 3600, chunk]).fetchone() is not None


def by_message(db: Database, group_id: str, message_id: str) -> int | None:
    """The number of what was said in this message."""
    query = "select id from knowledge_spoken where group_id = ? and message_id = ? order by id desc limit 1"
    row = db.execute(query, [group_id, message_id]).fetchone()
    return int(row[0]) if row else None


def find(db: Database, group_id: str, number: int) -> Spoken | None:
    query = "select id, chunk, title, source, question from knowledge_spoken where id = ? and group_id = ?"
    return next((Spoken(**row) for row in db.query(query, [number, group_id])), None)


# --- how it went --------------------------------------------------------------------------


class Lines:
    """How many lines were heard, by group and day, until they are written down."""

    def __init__(self) -> None:
        self._heard: Counter[tuple[str, str]] = Counter()

    def hear(self, group_id: str) -> None:
        self._heard[group_id, time.strftime("%Y-%m-%d")] += 1

    async def save(self, db: Db) -> None:
        """Write down what was counted since the last time. Raises StoreError, and keeps the counts then."""
        # Taken before anything is waited for: two may save at once.
        counted, self._heard = self._heard, Counter()
        if not counted:
            return

        def add(store: Database) -> None:
            change = (
                "insert into knowledge_lines values (?, ?, ?)"
                " on conflict (group_id, day) do update set heard = heard + excluded.heard"
            )
            for (group_id, day), count in counted.items():
                store.execute(change, [group_id, day, count])

        try:
            await db.write(add)
        except BaseException:
            self._heard += counted
            raise


@asynccontextmanager
async def lines(settings: Plugin, db: Db) -> AsyncIterator[Lines]:
    """The counts of all groups; what is not yet written is, at the end."""
    kept = Lines()
    try:
        yield kept
    finally:
        await kept.save(db)


@dataclass(frozen=True, slots=True)
class Report:
    """The last days of a group: lines heard, answers given unasked, and the members' verdicts on them."""

    threshold: float
    heard: int
    answered: int
    good: int
    bad: int


def report(db: Database, group_id: str) -> Report:
    since = time.time() - SHOWN_DAYS * DAY
    day = time.strftime("%Y-%m-%d", time.localtime(since + DAY))
    heard = db.execute(
        "select coalesce(sum(heard), 0) from knowledge_lines where group_id = ? and day >= ?", [group_id, day]
    ).fetchone()[0]
    answered = db.execute(
        "select count(*) from knowledge_spoken where group_id = ? and time > ?", [group_id, since]
    ).fetchone()[0]
    good, bad = db.execute(
        "select coalesce(sum(good), 0), coalesce(sum(not good), 0) from knowledge_verdicts"
        " where group_id = ? and time > ?",
        [group_id, since],
    ).fetchone()
    return Report(threshold(db, group_id), heard, answered, good, bad)


# --- the end ------------------------------------------------------------------------------


def forget(db: Database, member_id: str) -> None:
    """What a member asked and who judged goes; that it was judged stays, since the threshold comes from it."""
    db.execute("update knowledge_spoken set member_id = null, question = null where member_id = ?", [member_id])
    change = "update knowledge_verdicts set member_id = 'forgotten-' || lower(hex(randomblob(8))) where member_id = ?"
    db.execute(change, [member_id])


def purge(db: Database) -> None:
    """Blank the words and drop the rows that are past their time."""
    now = time.time()
    db.execute(
        "update knowledge_spoken set member_id = null, question = null where time < ? and question is not null",
        [now - WORDS_DAYS * DAY],
    )
    db.execute("delete from knowledge_verdicts where time < ?", [now - VERDICT_DAYS * DAY])
    db.execute("delete from knowledge_spoken where time < ?", [now - VERDICT_DAYS * DAY])
    db.execute(
        "delete from knowledge_lines where day < ?", [time.strftime("%Y-%m-%d", time.localtime(now - WORDS_DAYS * DAY))]
    )
