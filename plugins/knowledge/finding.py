"""What is found for a question, how surely, and what is remembered of an answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from loguru import logger
from sqlite_utils import Database

from bot.api import Context, Member, Passage
from plugins.knowledge import showing
from plugins.knowledge.gate import FOUND, enough, sure, topical
from plugins.knowledge.memory import Memory
from plugins.knowledge.search import Hit, search
from plugins.knowledge.shelf import SHIPPED, tables
from plugins.knowledge.terms import fold

WEIGHED = 20
"""So many hits a reranker is shown."""
PASSAGES = 5
RANK_SECONDS = 4.0
"""A source has five seconds; what a reranker has not said by then is not waited for."""
EVEN = 60
"""How little the first places count more than the next, where two orders are put together."""
DAYS = 30
"""So long it is remembered what an answer was made of: as long as the log keeps what was said."""


@tables()
def create_answers(db: Database) -> None:
    db.execute(
        "create table knowledge_answers (id integer primary key, group_id text not null, member_id text, name text,"
        " message_id text, question text not null, passages text not null, time real not null)"
    )
    db.execute("create index knowledge_answers_time on knowledge_answers (time)")
    db.execute("create index knowledge_answers_member on knowledge_answers (member_id)")


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the shelf brought.

    sure     how surely the first hit answers a question that was put to the bot
    topical  how surely it answers a line that was not; 0 where that was not asked for
    own      more was looked through than what is shipped
    """

    hits: tuple[Hit, ...]
    sure: float
    topical: float
    own: bool
    enough: float = FOUND
    """From which `sure` on the first hit is an answer."""

    @property
    def answers(self) -> bool:
        return bool(self.hits) and self.sure >= self.enough

    def sures(self) -> list[float]:
        """How surely the hit in each place answers: as surely as the best, less as its score is less."""
        scores = sorted((hit.score for hit in self.hits), reverse=True)
        best = scores[0] if scores and scores[0] > 0 else 1.0
        return [self.sure * score / best for score in scores]


def look(
    db: Database,
    names: Sequence[str],
    question: str,
    most: int = PASSAGES,
    *,
    unasked: bool = False,
    memory: Memory | None = None,
) -> Look:
    """Search the collections of these names, and judge what is found; `unasked` also as a line of mere talk."""
    memory = memory or Memory()
    found = search(db, names, question, most=most, memory=memory)
    known, named = memory.of(found.version), tuple(names)
    own = known.own.get(named)
    if own is None:
        own = known.own[named] = _is_own(db, named)
    least = enough(found.hits[0], question) if found.hits else FOUND
    return Look(found.hits, sure(found), topical(found, question) if unasked else 0.0, own, least)


def _is_own(db: Database, names: Sequence[str]) -> bool:
    """Whether one of these collections holds more than what is shipped."""
    marks = ",".join("?" * len(names))
    query = (
        "select exists (select 1 from knowledge_documents d join knowledge_collections c"  # noqa: S608 - question marks
        f" on c.id = d.collection where c.name in ({marks}) and c.name != ?)"
    )
    return bool(db.execute(query, [*names, SHIPPED]).fetchone()[0])


async def ordered(ctx: Context, question: str, hits: Sequence[Hit]) -> Sequence[Hit]:
    """The hits in the order on which the search and the reranker agree best, what bears the question itself first."""
    wanted = plain(question)
    return sorted(await _ranked(ctx, question, hits), key=lambda hit: plain(hit.title) != wanted)


async def _ranked(ctx: Context, question: str, hits: Sequence[Hit]) -> Sequence[Hit]:
    texts = [f"{hit.title}\n{hit.text}" for hit in hits]
    try:
        async with asyncio.timeout(RANK_SECONDS):
            scores = await ctx.models.rank(question, texts)
    except TimeoutError:
        logger.warning("knowledge: the reranker took more than {} s", RANK_SECONDS)
        return hits
    return hits if scores is None else fused(hits, scores)


def plain(question: str) -> str:
    """A question without what does not tell it from another: case, width, signs."""
    return re.sub(r"\W+", "", fold(question))


def fused(hits: Sequence[Hit], scores: Sequence[float]) -> list[Hit]:
    """Both orders put together by reciprocal rank: the hits' own, and that of the scores."""
    places = {at: place for place, at in enumerate(sorted(range(len(hits)), key=lambda at: -scores[at]))}
    worth = [1 / (EVEN + at) + 1 / (EVEN + places[at]) for at in range(len(hits))]
    return [hits[at] for at in sorted(range(len(hits)), key=lambda at: -worth[at])]


def passages(hits: Sequence[Hit], sures: Sequence[float]) -> tuple[Passage, ...]:
    """The first of the hits, as they are handed to whoever answers."""
    chosen = zip(hits[:PASSAGES], sures[:PASSAGES], strict=True)
    return tuple(Passage(hit.text, hit.title, showing.source_of(hit), round(sure, 4)) for hit, sure in chosen)


@dataclass(frozen=True, slots=True)
class Kept:
    """A passage as it is remembered: `chunk` is its number on the shelf, as long as it stands there."""

    title: str
    source: str
    chunk: int


def kept(hits: Sequence[Hit]) -> list[Kept]:
    return [Kept(hit.title, showing.source_of(hit), hit.id) for hit in hits[:PASSAGES]]


def write(
    group_id: str, question: str, of: Sequence[Kept], asker: Member | None, message_id: str | None, db: Database
) -> int:
    """A row for an answer; returns its number."""
    row = [
        group_id, asker.id if asker else None, showing.storable(asker.name) if asker else None, message_id,
        showing.storable(question[:500]),
        orjson.dumps(of).decode(), time.time(),
    ]  # fmt: skip
    made = db.execute(
        "insert into knowledge_answers (group_id, member_id, name, message_id, question, passages, time)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        row,
    ).lastrowid
    assert made is not None
    return made


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it is remembered."""

    question: str
    passages: tuple[Kept, ...]
    asker: Member | None
    message_id: str | None


def answered(db: Database, group_id: str, number: int) -> Answered | None:
    """The answer of this number, in this group."""
    query = "select * from knowledge_answers where id = ? and group_id = ?"
    for row in db.query(query, [number, group_id]):
        asker = Member(row["member_id"], row["name"] or "") if row["member_id"] else None
        of = tuple(Kept(**one) for one in orjson.loads(row["passages"]))
        return Answered(row["question"], of, asker, row["message_id"])
    return None


def whole(db: Database, passage: Kept) -> str | None:
    """The text of a passage; None where it stands on the shelf no more."""
    query = "select text from knowledge_chunks where id = ? and title = ?"
    row = db.execute(query, [passage.chunk, passage.title]).fetchone()
    return row[0] if row else None


def purge(db: Database) -> None:
    """Drop what is past its time."""
    db.execute("delete from knowledge_answers where time < ?", [time.time() - DAYS * 86_400])
