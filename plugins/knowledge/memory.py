"""What a search need not look up again, as long as nothing changes on the shelf."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.api import Db, Plugin

TERMS, CHUNKS = 5_000, 1_000
"""So many are remembered at most, some megabytes; then it begins anew."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A chunk ready to be weighed: what a hit shows of it, and its text and its heading folded."""

    shown: tuple[int, str, str, str, str, str, str]
    body: str
    head: str


@dataclass(frozen=True, slots=True)
class Known:
    """What was looked up of one state of the shelf; `version` says which."""

    version: int
    holders: dict[tuple[str, tuple[int, ...]], tuple[list[int], int, float]] = field(default_factory=dict)
    """By term and collections: the chunks that hold it, how many there are in all, and what it is worth."""
    leaves: dict[int, Leaf] = field(default_factory=dict)
    numbers: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    """By their names: the collections that are there."""
    own: dict[tuple[str, ...], bool] = field(default_factory=dict)
    """By their names: whether one of the collections holds more than what is shipped."""


class Memory:
    """Holds what is known of the shelf as it is now. Several threads may use it."""

    def __init__(self) -> None:
        self._known = Known(-1)

    def of(self, version: int) -> Known:
        """What is known of a state of the shelf; nothing yet, where it has changed or too much was remembered."""
        known = self._known
        if version != known.version or len(known.holders) > TERMS or len(known.leaves) > CHUNKS:
            # Another one, for a thread that still looks at the old state writes down what it finds there.
            known = self._known = Known(version)
        return known


@asynccontextmanager
async def memory(settings: Plugin, db: Db) -> AsyncIterator[Memory]:
    """One for the whole bot."""
    yield Memory()
