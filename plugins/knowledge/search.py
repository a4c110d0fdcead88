"""Finds the chunks that speak of a question.

First the index: of the question's terms the rarest are looked up, as far as a budget goes, and each chunk
they name collects what they are worth. Then the best of these are read and weighed (BM25, with the title counting
more), with all terms. So the price of a question does not grow with the shelf.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

from sqlite_utils import Database

from plugins.knowledge.asking import asked, characters
from plugins.knowledge.everyday import talk
from plugins.knowledge.memory import Known, Leaf, Memory
from plugins.knowledge.shelf import span, state
from plugins.knowledge.terms import fold, is_latin

BUDGET = 1_000
"""So many entries of the index are read for a question."""
SMALL = 200
"""Chunks that a shelf is thought to have more: on a small one, too, a term that is there once is worth something."""
READ = 16
"""So many chunks are read and weighed."""
K1, B, TITLE = 1.2, 0.5, 3.0
SINGLE = 0.25
"""The part of a term's worth that a single character has, which is only looked for in headings."""
SELDOM = 20
"""One in so many chunks is thought to have a character in its heading, where that is not looked up."""
TOGETHER = 4
"""So many terms are looked for in one chunk, where each alone is in too many."""
LEAST = 200
"""Entries that are read of the rarest term, however little of the budget is left."""
CONTRAST = 1.3
"""How much more a rare term is worth than its information."""
USUAL = 450.0
"""Characters of a usual chunk."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found.

    also      other wordings of its heading, one a line
    score     BM25 with the title weighted, summed over the question's terms
    coverage  the share of what the question's terms are worth that the chunk holds, 0 to 1
    """

    id: int
    title: str
    text: str
    also: str
    source: str
    document: str
    collection: str
    score: float
    coverage: float
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought: `hits`, the best first, what each term of the question is worth,
    in how many chunks it is, and how many chunks there are."""

    hits: tuple[Hit, ...]
    worth: dict[str, float]
    chunks: dict[str, int]
    size: int
    version: int
    """Which state of the shelf this was."""


def search(
    db: Database, collections: Sequence[str], question: str, *, most: int = 5, memory: Memory | None = None
) -> Found:
    """The best chunks of the named collections. Takes time that is bounded by `BUDGET` and `READ`.

    With a `memory`, what was looked up before is not looked up again.
    """
    wanted, single = asked(question), characters(question)
    size, version = state(db)
    known = (memory or Memory()).of(version)
    names = tuple(collections)
    numbers = known.numbers.get(names)
    if numbers is None:
        numbers = known.numbers[names] = _numbers(db, names)
    if not (wanted or single) or not numbers or not size:
        return Found((), {}, {}, size, version)
    chunks = _common(db, [*wanted, *single])
    points: defaultdict[int, float] = defaultdict(float)
    worth: dict[str, float] = {}
    budget = BUDGET
    rarest = sorted(wanted, key=lambda term: chunks.get(term, 0))
    for term in (*rarest, *single):
        common = chunks.get(term, 0)
        if term in single and len(points) >= READ:
            # There is enough to read: in how many headings it stands is not worth another look.
            worth[term] = _worth(term, size, common or size // SELDOM)
            continue
        if common > budget and points:
            worth[term] = _worth(term, size, common)
            continue
        found = known.holders.get((term, numbers))
        if found is None:
            ids = _holders(db, numbers, [term], max(budget, LEAST))
            count = max(common, len(ids))
            found = known.holders[term, numbers] = ids, count, _worth(term, size, count)
        ids, chunks[term], value = found
        budget -= len(ids)
        worth[term] = value
        for id in ids:
            points[id] += value
    if len(rarest) > 1 and chunks.get(rarest[0], 0) > BUDGET:
        # Even the rarest was cut short: what holds several of them is looked up as such.
        for id in _holders(db, numbers, rarest[:TOGETHER], BUDGET):
            points[id] += sum(worth.values())
    best = nlargest(READ, points, points.__getitem__)
    return Found(_weighed(_leaves(db, best, known), worth, most), worth, chunks, size, version)


def _holders(db: Database, numbers: Sequence[int], together: Sequence[str], most: int) -> list[int]:
    """The chunks of some collections that hold all of these terms, at most so many of each."""
    query = "select rowid from knowledge_index where knowledge_index match ? and rowid between ? and ? limit ?"
    wanted = " AND ".join(f'"{term}"' for term in together)
    found: list[int] = []
    for number in numbers:
        found += [id for (id,) in db.conn.execute(query, (wanted, *span(number), most)).fetchall()]
    return found


def _worth(term: str, size: int, chunks: int) -> float:
    """What it says of a chunk that it holds the term: how rare that is on the shelf, and in everyday talk."""
    rare = math.log(1 + max(0.0, size + SMALL - chunks + 0.5) / (chunks + 0.5)) * talk(term).rarity(term)
    value = math.pow(rare, CONTRAST)
    return SINGLE * value if _is_single(term) else value


def _numbers(db: Database, collections: Sequence[str]) -> tuple[int, ...]:
    marks = ",".join("?" * len(collections))
    query = f"select id from knowledge_collections where name in ({marks})"  # noqa: S608 - only question marks
    return tuple(row[0] for row in db.conn.execute(query, list(collections)).fetchall())


def _common(db: Database, wanted: Sequence[str]) -> dict[str, int]:
    marks = ",".join("?" * len(wanted))
    query = f"select term, chunks from knowledge_common where term in ({marks})"  # noqa: S608 - only question marks
    return dict(db.conn.execute(query, list(wanted)).fetchall())


def _leaves(db: Database, ids: Sequence[int], known: Known) -> list[Leaf]:
    """These chunks, but for those that are dropped by now."""
    new = [id for id in ids if id not in known.leaves]
    if new:
        marks = ",".join("?" * len(new))
        query = (
            "select k.id, k.title, k.text, k.also, d.source, d.title, c.name, k.odd"  # noqa: S608 - only question marks
            " from knowledge_chunks k join knowledge_documents d on d.id = k.document"
            f" join knowledge_collections c on c.id = d.collection where k.id in ({marks})"
        )
        for *shown, odd in db.conn.execute(query, new).fetchall():
            id, title, text, also, *_ = shown
            # Only what was odd when it was indexed is normalized again: looking for that takes longer than the rest.
            plain = fold if odd else str.casefold
            known.leaves[id] = Leaf(tuple(shown), plain(text), plain(f"{title}\n{also}"))
    return [leaf for id in ids if (leaf := known.leaves.get(id)) is not None]


def _weighed(leaves: Sequence[Leaf], worth: Mapping[str, float], most: int) -> tuple[Hit, ...]:
    """The best of these chunks, by all terms."""
    whole = sum(worth.values()) or 1.0
    terms = [(term, value, is_latin(term), _is_single(term)) for term, value in worth.items()]
    weighed = []
    for leaf in leaves:
        body, head = leaf.body, leaf.head
        norm = K1 * (1 - B + B * len(body) / USUAL)
        score = coverage = 0.0
        holds = []
        for term, value, latin, single in terms:
            count = 0.0
            if term in head:
                count = TITLE * (_begun(term, head) if latin else head.count(term))
            if not single and term in body:
                count += _begun(term, body) if latin else body.count(term)
            if count:
                score += value * count * (K1 + 1) / (count + norm)
                coverage += value
                holds.append(term)
        weighed.append((-score, leaf.shown, coverage / whole, holds))
    weighed.sort(key=lambda one: one[:2])
    return tuple(Hit(*shown, -score, coverage, frozenset(holds)) for score, shown, coverage, holds in weighed[:most])


def _begun(word: str, text: str) -> int:
    """How often a word begins in a folded text: with its endings, and not inside another one."""
    count, at = 0, text.find(word)
    while at >= 0:
        before = text[at - 1] if at else " "
        count += not (before.isascii() and before.isalnum())
        at = text.find(word, at + len(word))
    return count


def _is_single(term: str) -> bool:
    return len(term) == 1 and not is_latin(term)
