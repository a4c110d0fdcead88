"""Cuts documents into chunks: what is found, shown, and given to a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from plugins.knowledge.documents import Document

LENGTH = 700
"""Characters of a chunk."""
OVERLAP = 64
"""Characters of its end that the next one repeats, where a section is cut."""
FENCE = "```"
JOIN = " › "
LONGEST_TITLE = 200
_EDGES = tuple(re.compile(edge) for edge in (r"\n\s*\n", r"\n", r"[。！？；!?;](?=.)|\.(?=\s)", r"[，,、\s]"))


@dataclass(frozen=True, slots=True)
class Chunk:
    """One stretch of a document, word for word; `title` is its heading path."""

    title: str
    text: str
    also: str = ""


def chunks(document: Document) -> Iterator[Chunk]:
    """The document's chunks in order."""
    for section in document.sections:
        path = [step for step in section.path if step]
        if not path or (path[0] != document.title and document.title):
            path.insert(0, document.title)
        title = JOIN.join(dict.fromkeys(filter(None, path)))[:LONGEST_TITLE]
        for piece in _pieces(section.text.strip()):
            yield Chunk(title, piece, "\n".join(section.also))


def _pieces(text: str) -> Iterator[str]:
    start, fenced = 0, False
    while len(text) - start > LENGTH:
        end = _edges(text, start + LENGTH // 2, start + LENGTH)[-1]
        then = next((edge for edge in _edges(text, end - OVERLAP, end) if edge < end), end)
        yield _closed(text[start:end].strip(), fenced)
        fenced ^= text.count(FENCE, start, then) % 2 == 1
        start = then
    if rest := text[start:].strip():
        yield _closed(rest, fenced)


def _closed(piece: str, fenced: bool) -> str:
    """A piece whose code fences are whole; `fenced`: it begins inside one."""
    if fenced:
        piece = f"{FENCE}\n{piece}"
    return f"{piece}\n{FENCE}" if piece.count(FENCE) % 2 else piece


def _edges(text: str, low: int, high: int) -> list[int]:
    """Where to cut between `low` and `high`: behind paragraphs, else lines, sentences, words."""
    for edge in _EDGES:
        found = [match.end() for match in edge.finditer(text, low, high)]
        if found:
            return found
    return [high]
