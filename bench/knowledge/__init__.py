"""How well and how fast knowledge is found: hits on CMRC 2018, queries and indexing by size, the gate's silence."""

from __future__ import annotations

from pathlib import Path

from bench.figures import Figure, Unmeasured
from bench.knowledge.corpus import WHERE, corpus
from bench.knowledge.hits import hits
from bench.knowledge.scale import scale
from bench.knowledge.silence import silence


def knowledge(
    file: Path | None, *, full: bool = False, lines: Path | None = None, docs: Path | None = None
) -> list[Figure]:
    """Measure on the CMRC 2018 file; `full` also with a million chunks, `lines` and `docs` also the gate.

    Raises Unmeasured, which says where a file is to be had.
    """
    if file is None:
        raise Unmeasured(WHERE)
    passages = corpus(file)
    figures = [*hits(passages), *scale(passages, 10_000)]
    if full:
        figures += scale(passages, 1_000_000)
    if lines is not None and docs is not None:
        figures += silence(lines, docs)
    return figures
