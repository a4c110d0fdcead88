"""Words joined by wildcards, hundreds of them looked for in one text at once, in time linear in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Generic, TypeVar

T = TypeVar("T")

STAR = "*"
SHORTEST = 2
"""A pattern has at least so many characters in a row."""
_EDGE = "\0"
_RUN = re.compile(r"[a-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Pattern(Generic[T]):
    """Pieces that stand in a text in this order, and what they stand for.

    head, tail  the first piece begins the text, the last one ends it
    characters  all that are in the pieces
    """

    pieces: tuple[str, ...]
    means: T
    head: bool
    tail: bool
    characters: frozenset[str]

    def fits(self, text: str) -> bool:
        """Whether the pieces stand in `text`, which is `marked` where they are: one search for each piece."""
        at, last = 0, len(self.pieces) - 1
        for number, piece in enumerate(self.pieces):
            if number == last and self.tail:
                start = len(text) - len(piece)
                return start >= at and (not (self.head and last == 0) or start == 0) and text.endswith(piece)
            found = text.find(piece, at)
            if found < 0 or (number == 0 and self.head and found != 0):
                return False
            at = found + len(piece)
        return True

    def pairs(self) -> list[str]:
        """Pairs of neighbours that every text has which this fits; empty where no piece has two characters."""
        found = [piece[at : at + 2] for piece in self.pieces for at in range(len(piece) - 1)]
        return [pair for pair in found if _EDGE not in pair] or found


class Patterns(Generic[T]):
    """Many patterns, by the pair of characters that tells each best from the others."""

    __slots__ = ("_buckets",)

    def __init__(self, patterns: Iterable[Pattern[T]] = ()) -> None:
        """What has no two characters in a row is left out."""
        known = [(pattern, pairs) for pattern in patterns if (pairs := pattern.pairs())]
        often = Counter(pair for _, pairs in known for pair in set(pairs))
        buckets: dict[str, list[Pattern[T]]] = {}
        for pattern, pairs in known:
            buckets.setdefault(min(pairs, key=often.__getitem__), []).append(pattern)
        self._buckets: Mapping[str, Sequence[Pattern[T]]] = MappingProxyType(buckets)

    def __bool__(self) -> bool:
        return bool(self._buckets)

    def within(self, text: str) -> T | None:
        """What the first pattern means that fits; only those are tried that share two characters with the text."""
        if not self._buckets or not text:
            return None
        pairs = self._buckets.keys() & {one + other for one, other in pairwise(text)}
        if not pairs:
            return None
        characters = set(text)
        for pair in pairs:
            for pattern in self._buckets[pair]:
                if pattern.characters <= characters and pattern.fits(text):
                    return pattern.means
        return None


def literal(text: str, means: T) -> Pattern[T]:
    """A text to be found as it is, anywhere."""
    return Pattern((text,), means, False, False, frozenset(text))


def pattern(pieces: Sequence[str], means: T, *, whole: bool) -> Pattern[T]:
    """Pieces with a star between each two; an empty one at an end is a star there.

    Where a word ends and no star follows, the text's word ends, too: "vx" stands in "加vx123" and not in "vxlan".
    `whole`: it is the text from the first character to the last.
    """
    last = len(pieces) - 1
    edged = [marked(piece, left=number == 0, right=number == last) for number, piece in enumerate(pieces)]
    kept = tuple(filter(None, edged))
    return Pattern(kept, means, whole and bool(pieces[0]), whole and bool(pieces[-1]), frozenset("".join(kept)))


def marked(text: str, *, left: bool = True, right: bool = True) -> str:
    """A text with a mark at the edges of its Latin words and numbers; not at its own edges unless `left`, `right`."""
    if not text or not _RUN.search(text):
        return text
    edged = _RUN.sub(rf"{_EDGE}\g<0>{_EDGE}", text)
    if not left:
        edged = edged.removeprefix(_EDGE)
    return edged if right else edged.removesuffix(_EDGE)
