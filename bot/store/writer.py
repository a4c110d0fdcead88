"""The writer thread: one connection, group commit, and what is done while the disk takes nothing.

Everything that waits shares one transaction. What one job does wrong stays its own failure:
the others of its batch are committed. Rows that cannot be written now are kept, oldest first.
"""

from __future__ import annotations

import asyncio
import queue
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from loguru import logger
from sqlite_utils import Database, Migrations

from bot.errors import StoreError
from bot.store.checkpoint import Checkpointer
from bot.store.faults import OUTSIDE, UNWRITABLE, code, listed, raisable, unwritable, writable
from bot.store.opening import BUSY_SECONDS, connect

Row = tuple[object, ...]

BATCH = 512
PIECE = 2000
"""So many of the kept rows are written by one transaction, so that a disk with little room takes some."""
KEPT_ROWS = 200_000
"""How many rows are kept in memory while the database cannot write."""
IMPATIENT_SECONDS = 0.2
"""In trouble a change is refused after so long, so that nobody waits for a database that is locked anyway."""
RETRY_SECONDS = 1.0
WIDTHS = (64, 16, 4, 1)
"""How many rows one statement writes at most, the most first."""
VALUES = re.compile(r"values (\((?:\?, )*\?\))$")


@dataclass(slots=True)
class Job:
    """One thing for the writer: rows by statement, or a function; `done` is told the result."""

    done: asyncio.Future[Any] | None
    rows: Sequence[tuple[str, Row]] = ()
    change: Callable[[Database], Any] | None = None
    durable: bool = False
    owner: str = "core"
    limit: float = 5.0
    result: Any = None
    error: BaseException | None = None


class Culprit(Exception):
    """A job ended the transaction of all: the others are done again without it."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.owner)
        self.job = job


class Writer:
    """Owns the connection that writes. `settle` is called in the thread with the jobs that are done."""

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migrations],
        settle: Callable[[list[Job]], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self.path = path
        self.since = time.time()
        self.trouble: Exception | None = None
        self.waiting = 0
        """Rows that could not be written yet."""
        self.lost = 0
        """Rows of the log given up: SQLite cannot take them, or too many waited."""
        self.running: tuple[Job, float] | None = None
        """The change in progress and when (monotonic) it began."""
        self._migrations = migrations
        self._checkpointer = Checkpointer(path)
        self._settle = settle
        self._on_trouble = on_trouble
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stopped = False
        self._unwritten: list[tuple[str, Row]] = []
        self._deadline = 0.0
        self._synchronous = ""

    def put(self, job: Job | None) -> None:
        """Add a job; None ends the thread after those before it."""
        self._jobs.put(job)

    def work(self, ready: asyncio.Future[Any]) -> None:
        """The thread's life."""
        try:
            self._connection = connect(self.path, self._migrations)
        except Exception as error:  # noqa: BLE001 - whoever opens the store is told
            self._settle([Job(ready, error=error)])
            return
        self._connection.set_authorizer(self._allowed)
        self._db = Database(self._connection)
        self._settle([Job(ready)])
        with self._checkpointer:
            while not self._stopped:
                self._serve(self._next())
        if self._unwritten:
            logger.error("{} rows of the log are lost: the database could not write to the end", len(self._unwritten))
        self._connection.close()

    def _next(self) -> list[Job]:
        """All that waits, in order; nothing, when it is time to try again."""
        batch: list[Job] = []
        try:
            job = self._jobs.get(timeout=RETRY_SECONDS if self.trouble else None)
            while job is not None:
                batch.append(job)
                if len(batch) >= BATCH:
                    return batch
                job = self._jobs.get_nowait()
            self._stopped = True
        except queue.Empty:
            pass
        return batch

    # --- a batch --------------------------------------------------------------------------

    def _serve(self, batch: list[Job]) -> None:
        """Write the batch, after what is kept from before; every job that waits is answered."""
        try:
            self._catch_up()
            self._together(batch)
        except Exception as error:  # noqa: BLE001 - the thread outlives whatever comes; every waiter is told
            self._keep(batch)
            failure = StoreError(f"The database cannot write: {error}")
            for job in batch:
                job.error = failure
            self._failed(error)
        self.waiting = len(self._unwritten)
        self._settle(batch)

    def _catch_up(self) -> None:
        """Write what is kept; in trouble with nothing kept, try whether the disk takes anything."""
        while self._unwritten:
            piece = self._unwritten[:PIECE]
            self._together([Job(None, rows=piece)])
            del self._unwritten[:PIECE]
        if self.trouble is not None:
            self._begin("normal")
            try:
                version = self._connection.execute("pragma user_version").fetchone()[0]
                self._connection.execute(f"pragma user_version = {version}")
                self._connection.commit()
            except sqlite3.Error:
                self._roll_back()
                raise
            self._works()

    def _together(self, jobs: list[Job]) -> None:
        """One transaction for all jobs but those that break it. Raises what the disk says."""
        left, carefully = jobs, False
        while left:
            try:
                self._once(left, carefully)
            except Culprit as culprit:
                left = [job for job in left if job is not culprit.job]
            except (*UNWRITABLE, sqlite3.OperationalError) as error:
                if carefully or not unwritable(error):
                    raise
                carefully = True
            else:
                return

    def _once(self, jobs: list[Job], carefully: bool) -> None:
        """Write the jobs. Raises what one row does wrong, unless `carefully`: then it alone is given up."""
        rows: dict[str, list[Row]] = {}
        given_up: list[str] = []
        self._begin("full" if any(job.durable for job in jobs) else "normal")
        try:
            for job in jobs:
                for statement, row in job.rows:
                    rows.setdefault(statement, []).append(row)
                if job.change is not None:
                    given_up += self._insert(rows, carefully)
                    self._change(job)
            given_up += self._insert(rows, carefully)
            self._connection.commit()
            self._checkpointer.wrote(len(jobs) + sum(len(job.rows) for job in jobs))
        except BaseException:  # whatever ends a batch, its transaction must not stay open
            self._roll_back()
            raise
        self.lost += len(given_up)
        for problem in given_up:
            logger.error("A row of the log cannot be written: {}", problem)

    def _begin(self, synchronous: str) -> None:
        if synchronous != self._synchronous:
            self._connection.execute(f"pragma synchronous = {synchronous}")
            self._synchronous = synchronous
        self._connection.execute("begin immediate")

    def _roll_back(self) -> None:
        try:
            self._connection.rollback()
        except sqlite3.Error as error:
            logger.error("The database could not roll back: {}", error)

    # --- rows -----------------------------------------------------------------------------

    def _insert(self, rows: dict[str, list[Row]], carefully: bool) -> list[str]:
        """Insert the rows; returns what is wrong with those that cannot be written."""
        given_up: list[str] = []
        for statement, values in rows.items():
            if carefully:
                given_up += self._insert_singly(statement, values)
            else:
                self._insert_widely(statement, values)
        rows.clear()
        return given_up

    def _insert_widely(self, statement: str, values: list[Row]) -> None:
        """Several rows a step: at each step this thread gives the interpreter away and has to wait for it."""
        start = 0
        for width in WIDTHS:
            several = wide(statement, width)
            while several and len(values) - start >= width:
                piece = values[start : start + width]
                self._connection.execute(several, tuple(chain.from_iterable(piece)))
                start += width

    def _insert_singly(self, statement: str, values: list[Row]) -> Iterator[str]:
        """One row that SQLite cannot take must not hold back the others."""
        for row in values:
            try:
                try:
                    self._connection.execute(statement, row)
                except (UnicodeEncodeError, OverflowError):
                    self._connection.execute(statement, tuple(map(writable, row)))
            except (*UNWRITABLE, sqlite3.OperationalError) as error:
                if not unwritable(error):
                    raise
                yield f"{type(error).__name__} ({error}) in {statement}"

    def _keep(self, batch: list[Job]) -> None:
        """Keep the rows of a failed batch for the next try, the oldest given up first."""
        for job in batch:
            self._unwritten.extend(job.rows)
        given_up = max(0, len(self._unwritten) - KEPT_ROWS)
        self.lost += given_up
        del self._unwritten[:given_up]

    # --- changes --------------------------------------------------------------------------

    def _change(self, job: Job) -> None:
        assert job.change is not None
        job.result, job.error = None, None
        started = time.monotonic()
        self._deadline = started + job.limit
        self._connection.execute("savepoint job")
        self._connection.set_progress_handler(self._expired, 10_000)
        self.running = job, started
        try:
            job.result = listed(job.change(self._db), job.owner)
        except BaseException as error:  # a plugin may raise anything, and the thread must live on
            job.error = raisable(error, job.owner, job.limit)
            if code(error) in OUTSIDE:
                raise
        finally:
            self.running = None
            self._connection.set_progress_handler(None, 0)
        took = time.monotonic() - started
        if took > job.limit:
            logger.warning("{} held the writer for {:.1f} s", job.owner, took)
        if not self._connection.in_transaction:
            # An interrupted write and `or rollback` take the whole transaction with them.
            job.result, job.error = None, job.error or StoreError(f"{job.owner} ended the writer's transaction")
            raise Culprit(job)
        if job.error is not None:
            self._connection.execute("rollback to job")
        self._connection.execute("release job")

    def _expired(self) -> int:
        return int(time.monotonic() > self._deadline)

    def _allowed(self, action: int, *_: str | None) -> int:
        """A change is part of a batch: it may not commit it, nor roll it back."""
        denied = self.running is not None and action == sqlite3.SQLITE_TRANSACTION
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    # --- trouble --------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        if self.trouble is None:
            self.since = time.time()
            self._connection.execute(f"pragma busy_timeout = {IMPATIENT_SECONDS * 1000:.0f}")
        if str(error) != str(self.trouble):
            logger.error("The database cannot write ({}); the log waits in memory, changes are refused", error)
            self._on_trouble(str(error))
        self.trouble = error

    def _works(self) -> None:
        self.waiting = len(self._unwritten)
        self.trouble, self.since = None, time.time()
        self._connection.execute(f"pragma busy_timeout = {BUSY_SECONDS * 1000:.0f}")
        logger.info("The database writes again")


@cache
def wide(statement: str, width: int) -> str:
    """The statement for so many rows; empty where it can only take one."""
    if width == 1:
        return statement
    values = VALUES.search(statement)
    return statement + f", {values[1]}" * (width - 1) if values else ""
