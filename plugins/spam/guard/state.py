"""What the guard keeps for the whole bot: the engine, what it has seen lately, and the groups."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

from loguru import logger
from sqlite_utils import Database

from bot.api import Context, Db, Plugin, StoreError
from plugins.spam.finding import Finding, Said
from plugins.spam.guard import audits, decisions, groups, listing, uptake
from plugins.spam.guard.decisions import Decision
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.school import School
from plugins.spam.guard.tables import mark

FLUSH_SECONDS = 60.0
RETRY_SECONDS = 60.0
CODE_SECONDS = 600.0
GUESSES = 5
"""So many wrong codes a group may try in ten minutes."""
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
UNWRITTEN_MOST = 2_000
"""So many decisions wait in memory while the database takes nothing."""


class Judges(Protocol):
    """The engine, as the guard needs it."""

    def judge(self, said: Said, *, lists: Any = None, memory: Any = None, local: Any = None) -> Finding: ...


class Engines(Protocol):
    """What a guard is given: the engine, and windows for what floods."""

    def __call__(self) -> tuple[Judges, Any]: ...


def shipped() -> tuple[Judges, Any]:
    """The engine with the weights that come along, and an empty memory. Takes up to 0.3 s."""
    from plugins.spam.engine import Engine
    from plugins.spam.memory import Memory

    return Engine.load(), Memory()


@dataclass(slots=True)
class Code:
    """A word that links two groups: whoever brings it was let into the admins' one."""

    group_id: str
    until: float


class Guard:
    """One for the bot. `db` is the plugin's; `load` gives the engine, in a thread."""

    def __init__(self, db: Db, load: Callable[[], tuple[Judges, Any]]) -> None:
        self.db = db
        self.groups: dict[str, Watched] = {}
        self.school = School()
        self.unwritten: deque[Decision] = deque(maxlen=UNWRITTEN_MOST)
        """Decisions that the database did not take yet, some of them acted already."""
        self.concluded: dict[int, Decision] = {}
        """Decisions by number, of which it could not be written what came of them."""
        self.taken: dict[str, str] = {}
        """What was taught beside the bot and is taken up: by group, a mark."""
        self._load = load
        self._loading: asyncio.Task[tuple[Judges, Any]] | None = None
        self._locks: dict[str, asyncio.Lock] = {}
        self._deciding: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._codes: dict[str, Code] = {}
        self._guesses: dict[str, deque[float]] = {}
        self.retry_at = 0.0
        """When (by `time.monotonic`) an engine that did not load is tried again."""
        self._complained = 0.0

    # --- the engine ---------------------------------------------------------------------------

    def start(self) -> None:
        self.retry_at = time.monotonic() + RETRY_SECONDS
        self._loading = asyncio.get_running_loop().create_task(asyncio.to_thread(self._load))

    async def stop(self) -> None:
        """Wait no more for an engine."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    async def engine(self) -> tuple[Judges, Any]:
        """The engine and its memory. Raises what loading it raised; a minute later it is tried again."""
        loading = self._loading
        if loading is not None and self.failed and time.monotonic() >= self.retry_at:
            loading = None
        if loading is None:
            self.start()
            loading = self._loading
            assert loading is not None
        if loading.done():
            return loading.result()
        # Whoever grows tired of waiting must not keep the others from an engine.
        return await asyncio.shield(loading)

    @property
    def failed(self) -> bool:
        """Whether the engine did not load: nothing is judged then."""
        loading = self._loading
        return loading is not None and loading.done() and (loading.cancelled() or loading.exception() is not None)

    def complain(self, error: BaseException) -> None:
        """Log that nothing can be judged, once a minute: the messages pass meanwhile."""
        now = time.monotonic()
        if now - self._complained >= FLUSH_SECONDS or not self._complained:
            self._complained = now
            logger.opt(exception=error).error("spam: nothing can be judged, messages pass")

    # --- the groups ---------------------------------------------------------------------------

    async def group(self, group_id: str) -> Watched:
        """What is known of a group. Raises StoreError where it is not known yet and cannot be read."""
        known = self.groups.get(group_id)
        if known is not None:
            return known
        async with self._locks.setdefault(group_id, asyncio.Lock()):
            known = self.groups.get(group_id)
            if known is None:
                known = await self.db.read(lambda db: _loaded(db, group_id), fresh=False)
                self.groups[group_id] = known
        return known

    async def put(self, watched: Watched) -> None:
        """Write a group's mode and admin group down. Raises StoreError."""
        await self.db.write(lambda db: groups.put(db, watched), durable=True)

    def deciding(self, number: int) -> asyncio.Lock:
        """Held while an admin's word about a decision is carried out: two of them may come at once."""
        return self._deciding.setdefault(number, asyncio.Lock())

    # --- the codes ----------------------------------------------------------------------------

    def code(self, group_id: str) -> str:
        """A new code that links to this group; an earlier one of it holds no more."""
        now = time.monotonic()
        self._codes = {
            word: code for word, code in self._codes.items() if code.until > now and code.group_id != group_id
        }
        word = "".join(secrets.choice(LETTERS) for _ in range(6))
        self._codes[word] = Code(group_id, now + CODE_SECONDS)
        return word

    def redeem(self, word: str, group_id: str) -> str | None:
        """The group behind a code, which holds no more then; None: there is none, or too much was guessed."""
        now = time.monotonic()
        guesses = self._guesses.setdefault(group_id, deque(maxlen=GUESSES))
        if len(guesses) == GUESSES and now - guesses[0] < CODE_SECONDS:
            return None
        code = self._codes.get(word.upper())
        if code is None or code.until < now:
            guesses.append(now)
            return None
        del self._codes[word.upper()]
        return code.group_id

    # --- beside the lanes -----------------------------------------------------------------------

    async def flush(self) -> None:
        """Write what changed, and let go of whom the bot was told to forget.

        Raises StoreError; nothing is lost then.
        """
        known = list(self.groups.values())
        for watched in known:
            audits.save(watched)
        changed = [watched.changes() for watched in known]
        waiting, ended = list(self.unwritten), dict(self.concluded)

        def write(db: Database) -> list[bytes]:
            marks = [row[0] for row in db.execute("select mark from spam_forgotten").fetchall()]
            gone = set(marks)
            for changes in changed:
                changes.write(db)
            for decision in waiting:
                if mark(decision.member_id) not in gone:
                    written, new = decisions.write(db, decision)
                    # It may have been written when nobody waited for that any more, before it came to its end.
                    decisions.concluded(db, replace(decision, id=written.id), step=decision.step if not new else None)
            for decision in ended.values():
                decisions.concluded(db, decision, step=decision.step, finding=decision.finding)
            db.execute("delete from spam_forgotten")
            return marks

        try:
            marks = await self.db.write(write)
        except BaseException:
            for watched, changes in zip(known, changed, strict=True):
                watched.again(changes)
            raise
        for watched in known:
            watched.rest()
            if marks:
                watched.forget(marks)
        written = {id(decision.outcome) for decision in waiting}
        self.unwritten = deque((one for one in self.unwritten if id(one.outcome) not in written), UNWRITTEN_MOST)
        for number, decision in ended.items():
            if self.concluded.get(number) is decision:
                del self.concluded[number]
        if marks:
            self.school.forget(marks)
        await self.school.flush(self.db)

    async def keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
                await uptake.take_up(self)
            except StoreError as error:
                logger.warning("spam: what changed is not written yet: {}", error)
            except Exception:  # noqa: BLE001 - a broken row must not end the writing for all groups
                logger.exception("spam: what changed could not be written")


def _loaded(db: Database, group_id: str) -> Watched:
    watched = groups.load(db, group_id)
    watched.lists = listing.load(db, group_id)
    audits.load(db, watched)
    return watched


@asynccontextmanager
async def opened(settings: Plugin, db: Db) -> AsyncIterator[Guard]:
    """The guard of the bot, while it runs."""
    load: Callable[[], tuple[Judges, Any]] = getattr(settings, "engines", shipped)
    guard = Guard(db, load)
    guard.start()
    flushing = asyncio.get_running_loop().create_task(guard.keep_flushing())
    try:
        yield guard
    finally:
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await guard.stop()
        try:
            await guard.flush()
        except StoreError as error:
            logger.error("spam: the last minute is not written: {}", error)


async def kept(ctx: Context) -> Guard:
    """The guard of the bot."""
    return await ctx.keep(opened, scope="bot")
