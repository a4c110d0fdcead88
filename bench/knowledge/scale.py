"""What indexing and a question cost, by how many chunks there are."""

from __future__ import annotations

import random
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlite_utils import Database

from bench.figures import Figure, median
from bench.knowledge.corpus import Passage
from bench.knowledge.shelves import new_shelf
from plugins.knowledge import shelf
from plugins.knowledge.chunks import LENGTH, Chunk
from plugins.knowledge.gate import sure
from plugins.knowledge.search import search

DOCUMENT = 1_000
"""Chunks of one document, which is one transaction."""
QUESTIONS = 1_000
SECONDS = 5.0
"""To index ten thousand chunks."""
MILLISECONDS = {10_000: 2.0, 1_000_000: 20.0}
FLAT = 1.1
"""Memory at the end of the indexing, of that at a tenth of it."""


def scale(passages: Sequence[Passage], size: int) -> list[Figure]:
    """Index `size` chunks made of the passages' sentences, in a new order each, and ask what CMRC asks."""
    name = f"knowledge, {size:,} chunks"
    with new_shelf() as db:
        started = time.perf_counter()
        early = _index(db, passages, size)
        took = time.perf_counter() - started
        late = _resident()
        questions = [question for passage in passages for question in passage.questions]
        random.Random(1).shuffle(questions)
        samples = [_ask(db, question) for question in questions[:QUESTIONS]]
    target = SECONDS if size == 10_000 else None
    figures = [
        Figure(f"{name}, indexed in", took, "s", target),
        Figure(f"{name}, a question, mean", statistics.fmean(samples), "ms", MILLISECONDS.get(size)),
        median(f"{name}, a question", samples, "ms", MILLISECONDS.get(size)),
        Figure(f"{name}, a question, p99", statistics.quantiles(samples, n=100)[98], "ms"),
    ]
    if early and late:
        figures.append(Figure(f"{name}, memory at the end of a tenth's", late / early, "x", FLAT))
    return figures


def _index(db: Database, passages: Sequence[Passage], size: int) -> float:
    """Returns the megabytes that the process holds after a tenth."""
    early = 0.0
    made = _made(passages)
    for number in range(size // DOCUMENT):
        chunks = [Chunk("", next(made)) for _ in range(DOCUMENT)]
        with db.atomic():
            shelf.put(db, shelf.SHARED, source=str(number), title="", digest="", chunks=chunks)
        if number == size // DOCUMENT // 10:
            early = _resident()
        if size > 100_000 and number % 50 == 49:
            print(f"  {(number + 1) * DOCUMENT:,} chunks", file=sys.stderr, flush=True)
    with db.atomic():
        shelf.recount(db)
    return early


def _made(passages: Sequence[Passage]) -> Iterator[str]:
    chance = random.Random(0)
    sentences = [piece for passage in passages for piece in re.findall(r"[^。！？]+[。！？]?", passage.text)]
    while True:
        text = ""
        while len(text) < LENGTH * 0.7:
            text += chance.choice(sentences)
        yield text[:LENGTH]


def _ask(db: Database, question: str) -> float:
    started = time.perf_counter()
    sure(search(db, [shelf.SHARED], question))
    return (time.perf_counter() - started) * 1000


def _resident() -> float:
    """Megabytes that the process holds; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return int(found[1]) / 1000 if found else 0.0
