"""Questions as JSON lines in, what the knowledge says of each as JSON lines out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, NoReturn

from sqlite_utils import Database

from plugins.knowledge.gate import SPEAKS, topical
from plugins.knowledge.search import search

NAMES = ("question", "text", "query")
"""Under which a line may name its question, the first one there counts."""
LONGEST = 1_000_000
"""Bytes of a line."""


def score(db: Database, collections: Sequence[str], lines: IO[bytes], tell: Callable[[str], None]) -> bool:
    """Answer each line as soon as it is there, in order; returns whether all of them could be understood.

    A line is scored as one that nobody put to the bot. Empty lines are left out.
    """
    sound = True
    for line in _lines(lines):
        result, good = _scored(db, collections, line)
        sound = sound and good
        tell(_dumped(result))
    return sound


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(LONGEST + 1):
        rest = line
        while rest and len(line) > LONGEST and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST)
        if line.strip():
            yield line


def _scored(db: Database, collections: Sequence[str], line: bytes) -> tuple[dict[str, Any], bool]:
    try:
        if len(line) > LONGEST:
            raise ValueError(f"the line is longer than {LONGEST} bytes")
        given = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return {"id": None, "error": str(error) or type(error).__name__}, False
    if not isinstance(given, dict):
        return {"id": None, "error": "the line is no object"}, False
    name = next((name for name in NAMES if name in given), NAMES[0])
    question = given.get(name)
    if not isinstance(question, str):
        return {"id": given.get("id"), "error": f'"{name}" is no text'}, False
    found = search(db, collections, question)
    score = topical(found, question)
    best = found.hits[0] if found.hits else None
    return {
        "id": given.get("id"),
        "answer": best.text if best else None,
        "source": best.source if best else None,
        "score": score,
        "speaks": bool(best) and score >= SPEAKS,
    }, True


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _dumped(result: dict[str, Any]) -> str:
    text = json.dumps(result, ensure_ascii=False)
    # Half a pair of surrogates can be written in JSON, and in no encoding.
    return text if _encodable(text) else json.dumps(result)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
