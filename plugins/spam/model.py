"""The trained weights: a linear model over hashed features, as one direct sum."""

from __future__ import annotations

import json
import math
import sys
import zlib
from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from plugins.spam.features import BITS, Hashing, cut, is_suspect, segments
from plugins.spam.folding import Folded, Folding

FORMAT = 1
NEEDED = ("act", "review", "scale", "bias", "slope", "offset", "handicap")
"""What the card of the weights says about them."""
REMEMBERED = 200
"""Characters of the longest text whose features are remembered."""
SHIPPED = "weights"
"""The folder of the weights that come along."""


class Unreadable(ValueError):
    """Weights that are broken, or made for other features."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with its features: of the whole, and of its pieces where it is long."""

    folded: Folded
    whole: tuple[int, ...]
    pieces: tuple[tuple[int, ...], ...] = ()


class Reader:
    """Reads texts into features; the last few thousand are remembered, as groups repeat themselves."""

    def __init__(self) -> None:
        self.folding = Folding()
        self.hashing = Hashing(self.folding)
        self._remembered = lru_cache(4_096)(self._read)

    def read(self, text: str) -> Reading:
        """The features of a text."""
        # Only short texts come again and again, and thousands of long ones would fill the memory.
        return self._remembered(text) if len(text) <= REMEMBERED else self._read(text)

    def _read(self, text: str) -> Reading:
        if not text.isascii():
            # Half a character can be received, but not encoded.
            text = text.encode("utf-8", "replace").decode()
        text = cut(text)
        folded = self.folding.fold(text)
        features, fold = self.hashing.features, self.folding.fold
        whole = tuple(features(folded))
        parts = segments(text) if is_suspect(folded) else ()
        if len(parts) < 2:
            return Reading(folded, whole)
        return Reading(folded, whole, tuple(tuple(features(fold(part))) for part in parts))


class Model:
    """Weights by hashed feature; margins are log-odds before calibration."""

    def __init__(self, weights: array[int], card: Mapping[str, float], name: str) -> None:
        self.reader = Reader()
        self.read = self.reader.read
        self.name = name
        self.act = card["act"]
        self.review = card["review"]
        self._weights = weights
        self._scale = card["scale"]
        self._bias = card["bias"]
        self._slope = card["slope"]
        self._offset = card["offset"]
        self._handicap = card["handicap"]

    @classmethod
    def load(cls, folder: Path | None = None) -> Model:
        """The weights in a folder, or those that come along. Raises Unreadable."""
        place = folder if folder is not None else files("plugins.spam").joinpath(SHIPPED)
        try:
            card = json.loads(place.joinpath("model.json").read_text(encoding="utf-8"))
            packed = place.joinpath("weights.bin").read_bytes()
            if card["format"] != FORMAT or card["bits"] != BITS:
                raise Unreadable(
                    f"{place}: made for another version of the filter; train it again: xiaopeng spam train"
                )
            weights = array("h")
            weights.frombytes(zlib.decompress(packed))
            if sys.byteorder == "big":
                weights.byteswap()
            if len(weights) != 1 << BITS:
                raise Unreadable(f"{place}: weights.bin holds {len(weights)} weights, not {1 << BITS}")
            card = {name: float(card[name]) for name in NEEDED}
            return cls(weights, card, blake2b(packed, digest_size=6).hexdigest())
        except (OSError, KeyError, TypeError, ValueError, zlib.error) as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(f"{place}: {type(error).__name__}: {error}") from error

    def indices(self, text: str) -> tuple[int, ...]:
        """The hashed features of a whole text, each once."""
        return self.read(text).whole

    def margin(self, indices: Collection[int], delta: Mapping[int, float] | None = None, shift: float = 0.0) -> float:
        """Log-odds of one set of features; `delta` are weights that a group has learnt on top."""
        total = sum(map(self._weights.__getitem__, indices)) * self._scale
        if delta:
            total += sum(delta[index] for index in indices if index in delta)
        return float(self._bias + total / math.sqrt(len(indices) or 1) + shift)

    def weigh(self, reading: Reading, delta: Mapping[int, float] | None = None, shift: float = 0.0) -> float:
        """The margin of a text: of the whole, or of its worst piece, which harmless padding cannot thin."""
        whole = self.margin(reading.whole, delta, shift)
        if not reading.pieces:
            return whole
        return max(whole, max(self.margin(piece, delta, shift) for piece in reading.pieces) - self._handicap)

    def odds(self, margin: float) -> float:
        """Calibrated log-odds of a margin: 0 is as likely an ad as not."""
        return self._slope * margin + self._offset

    def probability(self, margin: float) -> float:
        """How probable it is that a text of this margin is an ad, from 0 to 1."""
        odds = self.odds(margin)
        return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0

    def share(self, name: str, reading: Reading) -> float:
        """What one named feature adds to the calibrated log-odds of a text."""
        weight = self._weights[self.reader.hashing.named(name)] * self._scale
        return float(self._slope * weight / math.sqrt(len(reading.whole) or 1))

    def telling(self, reading: Reading, most: int) -> list[str]:
        """The pieces of a text, as it is read, that speak loudest for an ad."""
        text = reading.folded.text
        weights = [self._weights[feature] for feature in self.reader.hashing.read_pairs(text)]
        found: list[str] = []
        taken: set[int] = set()
        for place in sorted(range(len(weights)), key=weights.__getitem__, reverse=True):
            if len(found) >= most or weights[place] <= 0:
                break
            start, end = place, place + 2
            if not text[start:end].isalpha() or taken & {start, end - 1}:
                continue
            if text[start:end].isascii():
                start, end = _word(text, start)
            if text[start:end].isalpha():  # what holds digits is most likely whom to call
                found.append(text[start:end])
            taken.update(range(start, end))
        return found


def _word(text: str, place: int) -> tuple[int, int]:
    """Where the Latin word around a place begins and ends."""
    start = end = place
    while start and text[start - 1].isascii() and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isascii() and text[end].isalnum():
        end += 1
    return start, min(end, start + 20)
