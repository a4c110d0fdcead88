"""What the bot keeps of what groups are taught: made of the tables beside the lanes, and handed to the engine."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from random import random
from typing import Final

from loguru import logger
from sqlite_utils import Database

from bot.api import Context, Db, StoreError
from plugins.spam.guard import lessons
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.lessons import PASSED, Known, Passed
from plugins.spam.guard.tables import EVERYWHERE, mark
from plugins.spam.increment import Increment
from plugins.spam.local import Local
from plugins.spam.model import SHIPPED, Model
from plugins.spam.nearest import Cleared, Match, Trace, load_common
from plugins.spam.nearest import Known as Ads

AGAIN_SECONDS: Final = 60.0
ENGINE_SECONDS: Final = 5.0
WAITING: Final = 2_000
ONE_IN: Final = 0.1
"""Of a group whose shelf of passed messages is full, this share goes on being kept."""


@dataclass(slots=True)
class Place:
    """What a group's `Local` was made from.

    share   it goes by what other groups confirmed
    turn    how often what all go by had changed
    passed  how many messages that passed are kept of it
    hungry  samples wait until more of those were seen
    until   what could not be read is tried again then (`time.monotonic`); 0: it was read
    """

    share: bool
    turn: int
    passed: int = 0
    hungry: bool = False
    until: float = 0.0


class School:
    """One for the bot. What is asked for here changes `Watched.local` and `Watched.allowed`."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` holds what comes along beside the weights."""
        self.folder = folder or Path(str(files("plugins.spam").joinpath(SHIPPED)))
        self.lesson = asyncio.Lock()
        """Held while a group learns or goes back: one at a time for the whole bot, since it takes the processor."""
        self.asked: dict[str, list[Context]] = {}
        """By group that is to learn: where that is to be told."""
        self._places: dict[str, Place] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._turn = 0
        self._gathering = asyncio.Lock()
        self._pieces: frozenset[str] | None = None
        self._common: Common | None = None
        self._waiting: deque[Passed] = deque(maxlen=WAITING)

    # --- the groups ---------------------------------------------------------------------------

    def knows(self, watched: Watched, *, share: bool) -> bool:
        """Whether what the engine is told of a group is up to date; asked with every message."""
        place = self._places.get(watched.id)
        if place is None or place.share is not share:
            return False
        if place.until:
            return time.monotonic() < place.until
        return place.turn == self._turn

    def outdated(self, group_id: str) -> None:
        """What a group (or, by `EVERYWHERE`, each) goes by is another now: it is read anew when it talks."""
        if group_id == EVERYWHERE:
            self._turn += 1
        else:
            self._places.pop(group_id, None)

    async def refresh(self, db: Db, watched: Watched, model: Model | None, *, share: bool) -> bool:
        """Make a group's knowledge anew from the tables. True: its samples are still to be learnt.

        Where they cannot be read, what was known stays, and it is tried again in a minute.
        """
        async with self._locks.setdefault(watched.id, asyncio.Lock()):
            first, turn = watched.id not in self._places, self._turn
            place = self._places.setdefault(watched.id, Place(share, turn))
            place.share, place.turn, place.until = share, turn, 0.0
            if model is None:  # an engine without weights has no use for it, or there is none yet
                place.until = time.monotonic() + ENGINE_SECONDS
                return False
            try:
                if first:
                    await self._repair(db, watched.id)
                common, pieces = await self._shared(db, model)
                known, local, behind = await db.read(
                    partial(_made, group_id=watched.id, model=model, common=common, pieces=pieces, share=share),
                    fresh=False,
                )
            except (StoreError, OSError, ValueError) as error:
                logger.warning("spam: what {} taught cannot be read: {}", watched.id, error)
                place.until = time.monotonic() + AGAIN_SECONDS
                return False
            watched.local, watched.allowed = local, known.allowed
            place.passed = known.passed
            return behind

    async def _shared(self, db: Db, model: Model) -> tuple[Common, frozenset[str]]:
        """What all groups go by, and the pieces that tell nothing. Raises StoreError, OSError, ValueError."""
        async with self._gathering:
            if self._pieces is None:
                self._pieces = await asyncio.to_thread(load_common, self.folder / "common.bin")
            if self._common is None or self._common.turn != self._turn:
                gather = partial(_gathered, turn=self._turn, model=model, pieces=self._pieces)
                self._common = await db.read(gather, fresh=False)
            return self._common, self._pieces

    @staticmethod
    async def _repair(db: Db, group_id: str) -> None:
        def missing(db: Database) -> int:
            return lessons.unkept(db, group_id)

        if await db.read(missing, fresh=False):
            number = await db.write(partial(lessons.repair, group_id=group_id))
            logger.info("spam: {} texts in {} were judged and not kept; they are now", number, group_id)

    def forget(self, marks: Iterable[bytes]) -> None:
        """Let go of the members behind these marks: what their words taught is read anew."""
        gone = set(marks)
        stay = [one for one in self._waiting if mark(one.member_id) not in gone]
        self._waiting.clear()
        self._waiting.extend(stay)
        self._places.clear()

    # --- what passes --------------------------------------------------------------------------

    def hear(self, watched: Watched, member_id: str, text: str) -> bool:
        """Keep a message that passed, for learning. True: so many were waited for that a lesson may do now."""
        place = self._places.get(watched.id)
        if place is None or (place.passed >= PASSED and random() > ONE_IN):
            return False
        self._waiting.append(Passed(watched.id, member_id, text[: lessons.PASSED_LONGEST], time.time()))
        place.passed += 1
        if place.hungry and place.passed % 10 == 0:
            place.hungry = False
            return True
        return False

    def postpone(self, group_id: str) -> None:
        """Note that what a group taught could not be learnt now: it is tried again in a minute."""
        if (place := self._places.get(group_id)) is not None:
            place.until = time.monotonic() + AGAIN_SECONDS

    def starve(self, group_id: str) -> None:
        """Note that a group's samples wait for more messages that pass."""
        if (place := self._places.get(group_id)) is not None:
            place.hungry = True

    async def flush(self, db: Db) -> None:
        """Write down what passed. Raises StoreError; nothing is lost then."""
        heard = list(self._waiting)
        if not heard:
            return
        await db.write(partial(lessons.keep, heard=heard))
        written = set(map(id, heard))
        stay = [one for one in self._waiting if id(one) not in written]
        self._waiting.clear()
        self._waiting.extend(stay)


def increment_of(known: Known, model: Model) -> Increment | None:
    """What a group has learnt; None: nothing, or nothing that fits these weights."""
    if known.version is None:
        return None
    try:
        return Increment.from_bytes(known.version.data, model.name)
    except ValueError as error:
        logger.warning("spam: version {} of what was learnt is broken: {}", known.version.number, error)
        return None


@dataclass(frozen=True, slots=True)
class Common:
    """The ads of all groups, and the numbers of those that only groups that share go by."""

    turn: int
    ads: Ads
    confirmed: frozenset[int]


class Shelves(Ads):
    """A group's own ads, and those of all groups but for some; the latter are held once for the whole bot."""

    def __init__(self, pieces: frozenset[str], common: Common, hidden: Iterable[int]) -> None:
        super().__init__(pieces)
        self._shared = common.ads
        self._hidden = set(hidden)

    def __len__(self) -> int:
        return super().__len__() + len(self._shared)

    def find(self, trace: Trace) -> Match | None:
        """The confirmed ad that a message repeats, the group's own first."""
        match = super().find(trace)
        if match is None and (match := self._shared.find(trace)) is not None and match.key in self._hidden:
            return None
        return match

    def clear(self, trace: Trace) -> None:
        """Go no more by whatever this harmless message is like."""
        while (match := self.find(trace)) is not None:
            if not self.remove(match.key):
                self._hidden.add(match.key)


def _gathered(db: Database, *, turn: int, model: Model, pieces: frozenset[str]) -> Common:
    rows, ads = lessons.shared(db), Ads(pieces)
    for one in rows:
        ads.add(one.id, Trace.of(model.reader.folding.fold(one.text)))
    return Common(turn, ads, frozenset(one.id for one in rows if one.decision))


def _made(
    db: Database, *, group_id: str, model: Model, common: Common, pieces: frozenset[str], share: bool
) -> tuple[Known, Local, bool]:
    """What a group goes by, as the engine takes it; runs in a reader, in about 0.1 ms for each sample."""
    known = lessons.read(db, group_id)
    shelves, cleared = Shelves(pieces, common, () if share else common.confirmed), Cleared()
    for one in known.own:
        trace = Trace.of(model.reader.folding.fold(one.text))
        if one.label == "ham":
            cleared.add(one.id, trace)
            shelves.clear(trace)
        elif one.aside != "unlikely":
            shelves.add(one.id, trace)
    local = Local(known=shelves, cleared=cleared)
    increment = increment_of(known, model)
    if increment is not None:
        local.delta, local.shift = increment.delta, increment.shift
    foreign = increment is None and known.version is not None and bool(known.version.samples)
    return known, local, known.behind or foreign
