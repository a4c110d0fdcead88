"""What was said in the last minutes, over all groups: who floods, and what comes again."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass

from plugins.spam.finding import Said

WINDOW_SECONDS = 600.0
MOST = 3_000
"""So many messages are remembered at most."""
SKETCH = 4
"""A message is found again by any of its smallest features: alike ones share most of them."""
ALIKE = 0.7
"""Two messages are alike by this share of common features (Jaccard)."""
FEWEST = 40
"""Features that a message must have to be told from others at all: short ones are alike by chance."""
KEPT = 256
"""Of the features of a longer message only the smallest are remembered: a fair sample, as they are hashed."""
CANDIDATES = 10
TIMES = 60
"""So many times of one text are remembered, the last ones."""
FLOOD_SECONDS = 10.0
FLOOD_MOST = 8
"""More messages than this within `FLOOD_SECONDS` are a flood."""


@dataclass(frozen=True, slots=True)
class Echo:
    """How often a message came before, within the window.

    own      times, by the same member in the same group
    groups   other groups in which the same member said it
    members  other members who are not trusted and said it, here or elsewhere
    flood    messages of this member in this group within the last seconds, this one included
    """

    own: int = 0
    groups: int = 0
    members: int = 0
    flood: int = 0


@dataclass(frozen=True, slots=True)
class _Time:
    """One time that a text was said."""

    time: float
    group: str
    member: str
    trusted: bool


@dataclass(eq=False, slots=True)
class _Text:
    """A text, and when it was said by whom."""

    size: int
    features: frozenset[int]
    keys: tuple[int, ...]
    times: deque[_Time]


class Memory:
    """The last texts of all groups; its size is bounded, whatever is said."""

    def __init__(self) -> None:
        self._texts: OrderedDict[int, _Text] = OrderedDict()
        """By the hash of their words, which can be long; the one that was said last at the end."""
        self._by_key: dict[int, list[_Text]] = {}
        self._times: dict[tuple[str, str], deque[float]] = {}

    def see(self, said: Said, features: Collection[int]) -> Echo:
        """Remember a message; how often it, or one like it, came before."""
        self._forget(said.time)
        flood = self._flood(said)
        if len(features) < FEWEST:
            return Echo(flood=flood)
        words = hash(said.text)
        text = self._texts.get(words)
        if text is None:
            text = self._new(words, features)
        own, groups, members = 0, set(), set()
        since = said.time - WINDOW_SECONDS
        for other in self._alike(text):
            for time in other.times:
                if time.time < since:
                    continue
                if time.member != said.member:
                    if not time.trusted:
                        members.add(time.member)
                elif time.group != said.group:
                    groups.add(time.group)
                else:
                    own += 1
        text.times.append(_Time(said.time, said.group, said.member, said.trusted))
        self._texts.move_to_end(words)
        return Echo(own, len(groups), len(members), flood)

    def _new(self, words: int, features: Collection[int]) -> _Text:
        smallest = sorted(set(features))
        kept, keys = frozenset(smallest[:KEPT]), tuple(smallest[:SKETCH])
        text = _Text(len(smallest), kept, keys, deque(maxlen=TIMES))
        self._texts[words] = text
        for key in text.keys:
            self._by_key.setdefault(key, []).append(text)
        return text

    def _alike(self, text: _Text) -> list[_Text]:
        """The text itself, and the others like it."""
        found, seen = [text], {id(text)}
        size = text.size
        for key in text.keys:
            for other in self._by_key[key][-CANDIDATES:]:
                if id(other) in seen or not ALIKE <= size / other.size <= 1 / ALIKE:
                    continue
                seen.add(id(other))
                both = text.features | other.features
                if max(size, other.size) > KEPT:
                    both = frozenset(sorted(both)[:KEPT])
                if len(text.features & other.features & both) >= ALIKE * len(both):
                    found.append(other)
        return found

    def _flood(self, said: Said) -> int:
        who = (said.group, said.member)
        times = self._times.get(who)
        if times is None:
            if len(self._times) >= MOST:
                self._times = {
                    who: times for who, times in self._times.items() if times[-1] > said.time - FLOOD_SECONDS
                }
                if len(self._times) >= MOST:
                    self._times.clear()
            times = self._times[who] = deque(maxlen=4 * FLOOD_MOST)
        times.append(said.time)
        while times[0] < said.time - FLOOD_SECONDS:
            times.popleft()
        return len(times)

    def _forget(self, now: float) -> None:
        """Let go of what was said too long ago, and of the oldest where there is too much."""
        texts = self._texts
        while texts:
            words, text = next(iter(texts.items()))
            if len(texts) < MOST and (not text.times or text.times[-1].time >= now - WINDOW_SECONDS):
                return
            del texts[words]
            for key in text.keys:
                those = self._by_key[key]
                those.remove(text)
                if not those:
                    del self._by_key[key]
