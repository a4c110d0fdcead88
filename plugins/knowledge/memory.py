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


@dataclass(slots=True)
class Memory:
    """Holds what was looked up of one state of the shelf; `version` says which. Several threads may use it."""

    version: int = -1
    holders: dict[tuple[str, tuple[int, ...]], tuple[list[int], int, float]] = field(default_factory=dict)
    """By term and collections: the chunks that hold it, how many there are in all, and what it is worth."""
    leaves: dict[int, Leaf] = field(default_factory=dict)

    def of(self, version: int) -> Memory:
        """The memory for a state of the shelf: this one, or an empty one in its place."""
        if version != self.version or len(self.holders) > TERMS or len(self.leaves) > CHUNKS:
            # New ones, for another thread may still be reading the old.
            self.holders, self.leaves, self.version = {}, {}, version
        return self


@asynccontextmanager
async def memory(settings: Plugin, db: Db) -> AsyncIterator[Memory]:
    """One for the whole bot."""
    yield Memory()
