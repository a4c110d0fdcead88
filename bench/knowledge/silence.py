"""Whether the gate speaks where the documents answer, and is silent where they do not."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bench.figures import Figure, Unmeasured
from bench.knowledge.shelves import new_shelf
from plugins.knowledge import shelf
from plugins.knowledge.chunks import chunks
from plugins.knowledge.documents import Unreadable
from plugins.knowledge.gate import SPEAKS, topical
from plugins.knowledge.reading import read
from plugins.knowledge.search import search

LINES = (
    "The gate needs gt_good.txt and gt_bad.txt from github.com/tpoisonooo/huixiangdou-evaluation-results (rejection/),"
    " and a folder with the documents of the projects they are about."
)
F1 = 0.70


def silence(lines: Path, docs: Path) -> list[Figure]:
    """F1 of speaking over all lines, and over the half that no weight was fitted on. Raises Unmeasured."""
    try:
        good, bad = ((lines / name).read_text(encoding="utf-8").splitlines() for name in ("gt_good.txt", "gt_bad.txt"))
    except OSError as error:
        raise Unmeasured(LINES) from error
    with new_shelf() as db:
        with db.atomic():
            for path in sorted(docs.rglob("*")):
                if path.suffix not in (".md", ".rst", ".ipynb") or not path.is_file():
                    continue
                try:
                    document = read(path.name, path.read_bytes())
                except Unreadable:
                    continue
                source = str(path.relative_to(docs))
                shelf.put(db, shelf.SHARED, source=source, title=document.title, digest="", chunks=chunks(document))
            shelf.recount(db)
        asked = [(line, line in set(good)) for line in dict.fromkeys([*good, *bad]) if line.strip()]
        spoke = [(line, meant, topical(search(db, [shelf.SHARED], line), line) >= SPEAKS) for line, meant in asked]
    held = [row for row in spoke if hashlib.md5(row[0].encode(), usedforsecurity=False).digest()[0] % 2]
    return [
        Figure("knowledge gate, F1", _f1(spoke), "share", F1, least=True),
        Figure("knowledge gate, F1 of the lines not fitted on", _f1(held), "share", F1, least=True),
        Figure("knowledge gate, silent", sum(not row[2] for row in spoke) / len(spoke), "share"),
    ]


def _f1(rows: list[tuple[str, bool, bool]]) -> float:
    both = sum(meant and speaks for _, meant, speaks in rows)
    return 2 * both / (sum(meant for _, meant, _ in rows) + sum(speaks for *_, speaks in rows))
