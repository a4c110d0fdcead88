"""How often people say a thing when they talk of nothing in particular.

What a shelf speaks of often and everyday talk seldom is what the shelf is about: a line that holds such terms is
on its topic, however small the shelf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from plugins.knowledge.terms import is_latin

COUNTS = Path(__file__).with_name("everyday.txt")
HALF = 0.5
"""What a term counts for that was never heard."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Everyday messages of one language: in how many of `messages` a term was heard."""

    messages: int
    heard: dict[str, int]

    def share(self, term: str) -> float:
        """The share of messages that hold a term; never 0."""
        return (self.heard.get(term, 0) + HALF) / self.messages

    def rarity(self, term: str) -> float:
        """From 0, for what is in every message, to 1, for what was never heard."""
        return math.log(self.share(term)) / math.log(HALF / self.messages)


@cache
def _talks() -> dict[str, Talk]:
    talks: dict[str, Talk] = {}
    heard: dict[str, int] = {}
    for line in COUNTS.read_text(encoding="utf-8").splitlines():
        first, *found = line.split()
        if first == "#":
            continue
        if first.startswith("["):
            heard = {}
            talks[first[1:]] = Talk(int(found[0].rstrip("]")), heard)
        else:
            heard.update(dict.fromkeys(found, int(first)))
    return talks


def talk(term: str) -> Talk:
    """The everyday messages that a term is to be held against: those of its language."""
    return _talks()["en" if is_latin(term) else "zh"]
