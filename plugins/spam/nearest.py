"""What was confirmed once is known again at once: ads with small changes, and cleared messages to the letter."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from plugins.spam.contacts import contacts
from plugins.spam.folding import Folded

_NUMBERED = re.compile(r"[a-z0-9]*[0-9][a-z0-9]*")
_LONGEST = 1_200
_ALIKE = 0.5
"""An ad is known again by this share of its telling pieces."""
_FEWEST = 8
"""Telling pieces that an ad must have to be known again at all."""
_SHORT = 12
"""With fewer than these, the message must be little else than the ad."""
_TOUCHED = 80
"""So many places of a posting are looked at, the rarest pieces first…"""
_VERIFIED = 6
"""…and so many samples compared, those first that share the most with a message: the time has a bound."""


class Match(NamedTuple):
    """The sample that a message is like, and how much of it was found, from 0 to 1."""

    key: int
    share: float


@dataclass(frozen=True, slots=True)
class Trace:
    """A message by the pieces of how it sounds, numbers and ids left out; one serves all lookups of a message."""

    folded: Folded
    view: str
    grams: frozenset[str]

    @classmethod
    def of(cls, folded: Folded) -> Trace:
        """Three syllables, or five Latin letters, to a piece; of a very long message, its beginning and its end."""
        view = _NUMBERED.sub("#", folded.sounds)
        if len(view) > _LONGEST:
            view = f"{view[: _LONGEST // 2]}\n{view[-_LONGEST // 2 :]}"
        last = len(view) - 2
        pieces = [view[at : at + 3] if view[at] >= "\u3000" else view[at : at + 5] for at in range(last)]
        return cls(folded, view, frozenset(pieces))


@dataclass(slots=True)
class _Entry:
    grams: frozenset[str]
    indexed: tuple[str, ...]
    keys: dict[int, None]


@dataclass(slots=True)
class _Index:
    """Samples by a few of their pieces: enough that whatever shares `alike` of a sample has one of them."""

    alike: float
    entries: dict[frozenset[str], _Entry] = field(default_factory=dict)
    by_key: dict[int, _Entry] = field(default_factory=dict)
    postings: dict[str, list[_Entry]] = field(default_factory=dict)

    def add(self, key: int, grams: frozenset[str]) -> None:
        """Another sample; one that is the same piece by piece shares the entry."""
        self.remove(key)
        entry = self.entries.get(grams)
        if entry is None:
            spare = len(grams) - int(self.alike * len(grams) + 0.999) + 1
            rarest = sorted(grams, key=lambda gram: (len(self.postings.get(gram, ())), gram))[:spare]
            entry = self.entries[grams] = _Entry(grams, tuple(rarest), {})
            for gram in rarest:
                self.postings.setdefault(gram, []).append(entry)
        entry.keys[key] = None
        self.by_key[key] = entry

    def remove(self, key: int) -> bool:
        """Forget a sample; False where it is not known."""
        entry = self.by_key.pop(key, None)
        if entry is None:
            return False
        del entry.keys[key]
        if not entry.keys:
            del self.entries[entry.grams]
            for gram in entry.indexed:
                posting = self.postings[gram]
                posting.remove(entry)
                if not posting:
                    del self.postings[gram]
        return True

    def candidates(self, grams: Collection[str]) -> Iterator[_Entry]:
        """Samples that may be alike, the likeliest first; never more than a few, however many there are."""
        hits = self.postings.keys() & grams
        if not hits:
            return
        touched: list[_Entry] = []
        longest = len(grams) / self.alike
        for posting in sorted(map(self.postings.__getitem__, hits), key=len):
            touched += posting if len(posting) <= _TOUCHED else posting[-_TOUCHED:]
            if len(touched) > _TOUCHED:
                break
        counts = Counter(map(id, touched))
        found = {id(entry): entry for entry in touched if len(entry.grams) <= longest}
        for number in sorted(found, key=counts.__getitem__, reverse=True)[:_VERIFIED]:
            yield found[number]


class Known:
    """Confirmed ads, known again under new numbers, small edits and harmless padding.

    common  pieces that ordinary messages share, as `common_pieces` finds them: they tell nothing
    """

    def __init__(self, common: frozenset[str] = frozenset()) -> None:
        self._common = common
        self._index = _Index(_ALIKE)

    def __len__(self) -> int:
        return len(self._index.by_key)

    def add(self, key: int, trace: Trace) -> bool:
        """Remember an ad by a number of the caller's; False where it is too short or too ordinary to be known by."""
        grams = trace.grams - self._common
        if len(grams) < _FEWEST or len(grams) * 2 < len(trace.grams):
            return False
        self._index.add(key, grams)
        return True

    def remove(self, key: int) -> bool:
        """Forget an ad; False where it is not known."""
        return self._index.remove(key)

    def find(self, trace: Trace) -> Match | None:
        """The confirmed ad that a message repeats, if any."""
        for entry in self._index.candidates(trace.grams):
            shared = entry.grams & trace.grams
            share = len(shared) / len(entry.grams)
            if share >= _ALIKE and self._together(entry, shared, trace):
                return Match(next(iter(entry.keys)), share)
        return None

    def _together(self, entry: _Entry, shared: frozenset[str], trace: Trace) -> bool:
        """A short ad is the message; a longer one stands in one place of it and is not strewn over it by chance."""
        size = len(entry.grams)
        if size < _SHORT:
            return len(shared) >= _ALIKE * len(trace.grams - self._common)
        if len(trace.grams) < 3 * size:
            return True
        places = sorted(trace.view.find(gram) for gram in shared)
        tenth = len(places) // 10
        return places[-1 - tenth] - places[tenth] < 3 * size


@dataclass(frozen=True, slots=True)
class _Clear:
    text: str
    disguise: frozenset[str]
    handles: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, folded: Folded) -> _Clear:
        handles = frozenset((contact.kind, contact.handle) for contact in contacts(folded))
        return cls(folded.text, frozenset(folded.disguise) - {"emoji"}, handles)

    def allows(self, other: _Clear) -> bool:
        """Whether the other says this and nothing more: the same numbers, words and ways of contact, one slip apart."""
        if other.handles != self.handles or not other.disguise <= self.disguise:
            return False
        mine, theirs = self.text, other.text
        if mine == theirs:
            return True
        start = next((at for at, (one, two) in enumerate(zip(mine, theirs, strict=False)) if one != two), None)
        if start is None:
            start = min(len(mine), len(theirs))
        end = 0
        while end < min(len(mine), len(theirs)) - start and mine[-1 - end] == theirs[-1 - end]:
            end += 1
        gone, new = mine[start : len(mine) - end], theirs[start : len(theirs) - end]
        return len(new) <= 1 and len(gone) <= 2 and not any("0" <= sign <= "z" for sign in new + gone)


class Cleared:
    """Messages that an admin called harmless: they pass when they are said again, and nothing that is like them."""

    def __init__(self) -> None:
        self._index = _Index(0.9)
        self._clear: dict[int, _Clear] = {}

    def __len__(self) -> int:
        return len(self._clear)

    def add(self, key: int, trace: Trace) -> bool:
        """Remember a harmless message by a number of the caller's; False where it is too short."""
        if len(trace.grams) < _FEWEST:
            return False
        self._index.add(key, trace.grams)
        self._clear[key] = _Clear.of(trace.folded)
        return True

    def remove(self, key: int) -> bool:
        """Forget a message; False where it is not known."""
        self._clear.pop(key, None)
        return self._index.remove(key)

    def find(self, trace: Trace) -> Match | None:
        """The harmless message that this one repeats, if any."""
        said: _Clear | None = None
        for entry in self._index.candidates(trace.grams):
            if len(trace.grams - entry.grams) > 12:
                continue
            said = said or _Clear.of(trace.folded)
            for key in entry.keys:
                if self._clear[key].allows(said):
                    return Match(key, 1.0)
        return None


def common_pieces(ham: Iterable[Trace], share: float = 0.002, most: int = 20_000) -> frozenset[str]:
    """The pieces that at least `share` of these ordinary messages hold, the most frequent `most` of them."""
    counts: Counter[str] = Counter()
    messages = 0
    for trace in ham:
        counts.update(trace.grams)
        messages += 1
    least = max(3.0, share * messages)
    return frozenset(gram for gram, count in counts.most_common(most) if count >= least)


def save_common(path: Path, common: frozenset[str]) -> None:
    """Write the common pieces beside the weights: they belong to the same tables of characters."""
    path.write_bytes(zlib.compress("\n".join(sorted(common)).encode(), 9))


def load_common(path: Path) -> frozenset[str]:
    """Read them; OSError where they cannot be read, ValueError where they are broken."""
    try:
        return frozenset(zlib.decompress(path.read_bytes()).decode().split("\n")) - {""}
    except zlib.error as error:
        raise ValueError(f"{path.name} holds no common pieces: {error}") from error
