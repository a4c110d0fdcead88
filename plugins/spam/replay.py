"""Old examples, which learning must not forget, and a frozen set, against which each lesson is checked."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"XPR1"
_MOST = 64_000_000
"""No more than so many bytes are unpacked, whatever a broken file asks for."""


class Example(NamedTuple):
    """An old message as the model sees it: its hashed features, and whether it is an ad."""

    indices: tuple[int, ...]
    spam: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """What the weights were trained on, in a few hundred examples, and as many that they never saw."""

    replay: Sequence[Example]
    check: Sequence[Example]

    def save(self, path: Path) -> None:
        """Write the file: counts, labels and lengths, then the sorted features as differences, compressed."""
        numbers = array("I", (len(self.replay), len(self.check)))
        for example in (*self.replay, *self.check):
            numbers.append(len(example.indices) << 1 | example.spam)
        for example in (*self.replay, *self.check):
            last = 0
            for index in sorted(example.indices):
                numbers.append(index - last)
                last = index
        path.write_bytes(_MAGIC + zlib.compress(pack(numbers), 9))

    @classmethod
    def load(cls, path: Path) -> Replay:
        """Read the file, in some tens of milliseconds: only a group that learns needs it.

        Raises ValueError where the file is none of these, OSError where it cannot be read.
        """
        data = path.read_bytes()
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("it begins with other bytes")
            numbers = unpack("I", inflate(data[len(_MAGIC) :], _MOST))
            first, second = numbers[:2]
            ends = list(accumulate(numbers[2 : 2 + first + second], lambda end, head: end + (head >> 1), initial=0))
            body = numbers[2 + first + second :]
            if len(ends) != first + second + 1 or ends[-1] != len(body):
                raise ValueError("its lengths do not add up")
        except (ValueError, zlib.error) as error:
            raise ValueError(f"{path.name} holds no examples: {error}") from error
        heads = numbers[2 : 2 + first + second]
        examples = [
            Example(tuple(accumulate(body[start:end])), bool(head & 1))
            for (start, end), head in zip(pairwise(ends), heads, strict=True)
        ]
        return cls(examples[:first], examples[first:])


def pack(numbers: array[int]) -> bytes:
    """An array as bytes, byte by byte of all numbers: the high ones are nearly all nought, and shrink to nothing."""
    little = numbers.tobytes() if sys.byteorder == "little" else _swapped(numbers).tobytes()
    return b"".join(little[byte :: numbers.itemsize] for byte in range(numbers.itemsize))


def unpack(kind: str, data: bytes) -> array[int]:
    """The array that `pack` made; ValueError where the bytes are no whole numbers."""
    numbers: array[int] = array(kind)
    size = numbers.itemsize
    if len(data) % size:
        raise ValueError("it is cut off")
    count = len(data) // size
    little = bytearray(len(data))
    for byte in range(size):
        little[byte::size] = data[byte * count : (byte + 1) * count]
    numbers.frombytes(bytes(little))
    return numbers if sys.byteorder == "little" else _swapped(numbers)


def inflate(data: bytes, most: int) -> bytes:
    """What zlib packed; ValueError where it is cut off or comes to more than `most` bytes."""
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(data, most)
    if not unpacker.eof:
        raise ValueError("it is cut off, or far too long")
    return plain


def _swapped(numbers: array[int]) -> array[int]:
    turned = array(numbers.typecode, numbers)
    turned.byteswap()
    return turned
