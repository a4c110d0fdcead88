"""What the bot keeps for looking at pictures: its eyes, the known ads, and how much it has looked lately."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from loguru import logger

from bot.api import Db, Image, Plugin
from plugins.spam import images
from plugins.spam.eyes import Eyes
from plugins.spam.guard import gallery
from plugins.spam.guard.gallery import Print, Shelf

MINUTELY: Final = 30
"""Pictures of one group that are looked at in a minute."""
PRINTS, SOURCES = 5_000, 500
"""Messages whose pictures are remembered: by their prints, and by where they are to be had."""
READINGS, MEMBER_READINGS = 40, 4
"""Pictures that a model reads in a day, for a group and for a member of it."""

Key = tuple[str, str]
"""A group and a message of it, or a member."""


class Sight:
    """What the bot keeps for looking at pictures: the eyes, the known ads, and the prints of what it saw lately."""

    def __init__(self, eyes: Eyes) -> None:
        self.eyes = eyes
        self.shelves: dict[tuple[str, bool], Shelf] = {}
        """By group, and whether it shares."""
        self._prints: OrderedDict[Key, tuple[Print, ...]] = OrderedDict()
        self._sources: OrderedDict[Key, tuple[Image, ...]] = OrderedDict()
        self._looks: dict[str, tuple[int, int]] = {}
        self._day = ""
        self._readings: Counter[Key] = Counter()

    async def shelf(self, db: Db, group_id: str, *, share: bool) -> Shelf:
        """The known ads of a group, and with `share` of those that share."""
        known = self.shelves.get((group_id, share))
        if known is None:
            known = await db.read(lambda db: gallery.load(db, group_id, share=share))
            self.shelves[group_id, share] = known
        return known

    def heard(self, key: Key, pictures: Sequence[Image]) -> None:
        """Remember where the pictures of a message are to be had; not those that are here, which are large."""
        if sources := tuple(Image(url=picture.url) for picture in pictures if picture.url):
            self._sources[key] = sources
            if len(self._sources) > SOURCES:
                self._sources.popitem(last=False)

    def saw(self, key: Key, prints: Iterable[Print]) -> None:
        """Remember the prints of a message."""
        self._prints[key] = tuple(prints)
        if len(self._prints) > PRINTS:
            self._prints.popitem(last=False)

    def remembered(self, key: Key) -> tuple[tuple[Print, ...], tuple[Image, ...]]:
        """The prints of a message, and where its pictures are to be had."""
        return self._prints.get(key, ()), self._sources.get(key, ())

    def may_look(self, group_id: str) -> bool:
        """Take one look at a picture of a group; False: there were too many in this minute."""
        minute = int(time.monotonic() // 60)
        now, count = self._looks.get(group_id, (minute, 0))
        count = count if now == minute else 0
        self._looks[group_id] = (minute, count + 1)
        return count < MINUTELY

    def may_read(self, group_id: str, member_id: str) -> bool:
        """Take one reading of today's; False: they are used up."""
        today = time.strftime("%Y-%m-%d")
        if today != self._day:
            self._day = today
            self._readings.clear()
        group, member = (group_id, ""), (group_id, member_id)
        if self._readings[group] >= READINGS or self._readings[member] >= MEMBER_READINGS:
            return False
        self._readings.update((group, member))
        return True


@asynccontextmanager
async def sight(_settings: Plugin, _db: Db) -> AsyncIterator[Sight]:
    """For `Context.keep`: one for the bot. That pictures cannot be looked at is said here, once."""
    if missing := images.available():
        logger.warning("spam: {}", missing)
    async with Eyes() as eyes:
        yield Sight(eyes)
