"""What a group has learnt: a few thousand numbers that are added to the shipped weights."""

from __future__ import annotations

import json
import math
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from plugins.spam.replay import inflate, pack, unpack

_MAGIC = b"XPI1"
_STEP = 1 / 4096
"""Weights are kept as whole numbers of this: small in the database, and checked as they will be used."""
_WIDEST = 32767
_MOST = 4_000_000


@dataclass(frozen=True, slots=True)
class Increment:
    """One version of what a group has learnt.

    base     fingerprint of the weights that it belongs to; upon others it means nothing
    version  0: nothing learnt yet
    delta    feature → what is added to its weight
    shift    what is added to every margin
    counts   how many samples it was made from: spam, ham, weak
    """

    base: str
    version: int = 0
    delta: Mapping[int, float] = field(default_factory=dict)
    shift: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As it is stored: two to four bytes a feature; what `rounded` made comes back exactly."""
        chosen = sorted(self.delta)
        features = array("I", (later - sooner for sooner, later in zip((0, *chosen), chosen, strict=False)))
        weights = array("h", (whole(self.delta[index]) for index in chosen))
        head = {"base": self.base, "version": self.version, "shift": self.shift, "counts": dict(self.counts)}
        parts = json.dumps(head).encode(), pack(features), pack(weights)
        lengths = array("I", map(len, parts))
        return _MAGIC + zlib.compress(pack(lengths) + b"".join(parts), 9)

    @classmethod
    def from_bytes(cls, data: bytes, base: str) -> Increment | None:
        """What was stored, or None where it belongs to other weights and must be learnt anew from the samples.

        Raises ValueError where the bytes are none of ours.
        """
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("it begins with other bytes")
            plain = inflate(data[len(_MAGIC) :], _MOST)
            cuts = list(accumulate(unpack("I", plain[:12]), initial=12))
            head, features, weights = (plain[start:end] for start, end in pairwise(cuts))
            facts = json.loads(head)
            if facts["base"] != base:
                return None
            values = [number * _STEP for number in unpack("h", weights)]
            delta = dict(zip(accumulate(unpack("I", features)), values, strict=True))
            return cls(base, int(facts["version"]), delta, float(facts["shift"]), dict(facts["counts"]))
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise ValueError(f"these bytes are no increment: {error}") from error


def rounded(delta: Iterable[tuple[int, float]], most: int) -> dict[int, float]:
    """The weightiest `most` features, as exactly as they are stored; those that round to nothing are left out."""
    chosen = sorted(delta, key=lambda pair: (-abs(pair[1]), pair[0]))[:most]
    return {index: whole(weight) * _STEP for index, weight in sorted(chosen) if whole(weight)}


def whole(weight: float) -> int:
    """A weight in steps."""
    if not math.isfinite(weight):
        raise ValueError("a weight is no number")
    return max(-_WIDEST, min(_WIDEST, round(weight / _STEP)))
