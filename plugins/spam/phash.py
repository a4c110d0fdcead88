"""Perceptual hashes: 64 bits that stay near each other when a picture is scaled, saved again or slightly changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

NONE: Final[frozenset[str]] = frozenset()
SIDE: Final = 32
"""The picture is made this small, in pixels a side, before its waves are taken."""
WAVES: Final = 8
SMALLEST: Final = 32
"""Pixels a side, below which a picture is an icon."""
SWING: Final = 2.0
"""Steps of grey that half of the 64 waves swing at least, in a picture that can be told from others."""
INK: Final = 0.06
"""Share of the picture that is not its commonest grey; a line of text on white has less."""
NEAR: Final = 12
"""Steps of grey that still pass for the same."""
WITHIN: Final = 6
"""Bits that may differ: a saved, scaled or brightened copy has no more, and no two different pictures have so few."""
BANDS: Final = tuple(range(0, 64, 16))
FLIPS: Final = (0, *(1 << bit for bit in range(16)))
"""What a band may differ by: of six bits that differ, one of four bands has no more than one."""
COSINES: Final = tuple(
    tuple(math.cos((2 * at + 1) * wave * math.pi / (2 * SIDE)) for at in range(SIDE)) for wave in range(WAVES)
)


def of(picture: Image) -> int | None:
    """The hash of a picture in mode L; None where it is too small or too plain."""
    from PIL.Image import Resampling

    if min(picture.size) < SMALLEST:
        return None
    small = picture.resize((SIDE, SIDE), resample=Resampling.LANCZOS, reducing_gap=2.0)
    waves = _waves(small.tobytes())
    if sorted(map(abs, waves))[len(waves) // 2] < SWING or _ink(small.histogram()) < INK:
        return None
    middle = sorted(waves)[len(waves) // 2]
    return sum(1 << at for at, wave in enumerate(waves) if wave > middle)


def _waves(pixels: bytes) -> list[float]:
    """The lowest waves of the picture in both directions, without its mean brightness."""
    rows = [pixels[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]
    across = [[sum(map(mul, row, cosine)) for row in rows] for cosine in COSINES]
    scale = 2 / SIDE
    waves = [scale * sum(map(mul, column, cosine)) for cosine in COSINES for column in across]
    waves[0] = 0.0
    return waves


def _ink(counts: Sequence[int]) -> float:
    """The share of pixels that are no shade of the commonest grey."""
    common = max(range(len(counts)), key=counts.__getitem__)
    paper = sum(counts[max(0, common - NEAR) : common + NEAR + 1])
    return 1 - paper / sum(counts)


@dataclass(frozen=True, slots=True)
class Near:
    """A known picture and by how many bits it differs."""

    key: str
    distance: int


class Hashes:
    """Known pictures by their hashes; one of thousands is found in some microseconds."""

    def __init__(self, known: Iterable[tuple[str, int]] = ()) -> None:
        self._hashes: dict[str, int] = {}
        self._bands: tuple[dict[int, set[str]], ...] = tuple({} for _ in BANDS)
        for key, hash in known:
            self.add(key, hash)

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, key: str, hash: int) -> None:
        """Know a picture by this key; its hash before is forgotten. Raises ValueError for more than 64 bits."""
        if not 0 <= hash < 1 << 64:
            raise ValueError("a hash has 64 bits")
        self.remove(key)
        self._hashes[key] = hash
        for start, band in zip(BANDS, self._bands, strict=True):
            band.setdefault(hash >> start & 0xFFFF, set()).add(key)

    def remove(self, key: str) -> None:
        """Know it no longer; a key that is not known is no error."""
        hash = self._hashes.pop(key, None)
        if hash is None:
            return
        for start, band in zip(BANDS, self._bands, strict=True):
            at = hash >> start & 0xFFFF
            band[at].discard(key)
            if not band[at]:
                del band[at]

    def near(self, hash: int, within: int = WITHIN) -> list[Near]:
        """All known pictures that differ by at most `within` bits (up to 7), the nearest first."""
        keys: set[str] = set()
        for start, band in zip(BANDS, self._bands, strict=True):
            part = hash >> start & 0xFFFF
            for flip in FLIPS:
                keys |= band.get(part ^ flip, NONE)
        found = [Near(key, (self._hashes[key] ^ hash).bit_count()) for key in keys]
        return sorted((near for near in found if near.distance <= within), key=lambda near: (near.distance, near.key))

    def nearest(self, hash: int | None, within: int = WITHIN) -> Near | None:
        """The nearest known picture; None where there is none, or where the picture has no hash."""
        return next(iter(self.near(hash, within)), None) if hash is not None else None
