"""How often the passage that answers stands first, and among the first five."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures import Figure
from bench.knowledge.corpus import Passage
from bench.knowledge.shelves import new_shelf
from plugins.knowledge import shelf
from plugins.knowledge.chunks import Chunk
from plugins.knowledge.search import search

FIRST, FIVE = 0.96, 0.99


def hits(passages: Sequence[Passage]) -> list[Figure]:
    """Each passage is one chunk without a title; each question is asked once."""
    with new_shelf() as db:
        with db.atomic():
            for number, passage in enumerate(passages):
                shelf.put(db, shelf.SHARED, source=str(number), title="", digest="", chunks=[Chunk("", passage.text)])
            shelf.recount(db)
        ranks = [
            next(
                (at for at, hit in enumerate(search(db, [shelf.SHARED], question).hits) if hit.source == str(number)), 9
            )
            for number, passage in enumerate(passages)
            for question in passage.questions
        ]
    return [
        Figure("knowledge hit@1", sum(rank == 0 for rank in ranks) / len(ranks), "share", FIRST, least=True),
        Figure("knowledge hit@5", sum(rank < 5 for rank in ranks) / len(ranks), "share", FIVE, least=True),
    ]
