"""The vectors of texts: how near two are to each other, and a memory of the latest."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from operator import mul
from typing import TypeAlias

CAPACITY = 2000
"""At 1,024 numbers of four bytes each: 8 MB."""
Vector: TypeAlias = "array[float]"


def unit(numbers: Sequence[float]) -> Vector:
    """The vector of length 1 in the same direction; zeros stay zeros. Raises ValueError for what has no length."""
    length = math.hypot(*numbers)
    if not math.isfinite(length):
        raise ValueError("a vector of no finite length")
    return array("f", (number / length for number in numbers) if length else numbers)


def cosine(one: Vector, other: Vector) -> float:
    """How near two unit vectors are: -1 opposite, 1 the same direction."""
    return max(-1.0, min(1.0, sum(map(mul, one, other), 0.0)))


class Memory:
    """The unit vectors of the texts that were asked for last, by a hash of the text; all of one length."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._vectors: OrderedDict[bytes, Vector] = OrderedDict()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, text: str) -> Vector | None:
        key = _key(text)
        if key in self._vectors:
            self._vectors.move_to_end(key)
        return self._vectors.get(key)

    def put(self, known: Iterable[tuple[str, Vector]]) -> None:
        """Remember these; where their length is another, the model is another, and the rest is forgotten."""
        for text, vector in known:
            if self._vectors and len(next(iter(self._vectors.values()))) != len(vector):
                self._vectors.clear()
            self._vectors[_key(text)] = vector
        while len(self._vectors) > self._capacity:
            self._vectors.popitem(last=False)

    def clear(self) -> None:
        self._vectors.clear()


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
