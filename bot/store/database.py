"""SQLite behind one writer thread with group commit, and a few readers.

Everything that waits in the writer's queue shares one transaction, so a burst costs one
commit. A write that must survive a power cut (`durable`) makes its whole batch commit with
`synchronous=FULL`; the others survive a killed process, which WAL gives for free.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from loguru import logger
from sqlite_utils import Database, Migrations

from bot.errors import ConfigError, StoreError
from bot.types import Health

T = TypeVar("T")
Row = tuple[object, ...]

BUFFER_SECONDS = 0.2
"""How long a row of the log may wait for its commit."""
BUFFER_ROWS = 500
KEPT_ROWS = 200_000
"""How many rows are kept in memory while the database cannot write."""
UNWRITABLE = (ValueError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.IntegrityError)
"""What a row raises that no second try can write."""
BATCH = 512
BUSY_SECONDS = 3.0
READERS = 2


class Db(Protocol):
    """The database as a plugin sees it."""

    async def read(self, query: Callable[[Database], T]) -> T:
        """Run `query` on a reader. Writing there is an error."""

    async def write(self, change: Callable[[Database], T], *, durable: bool = False) -> T:
        """Run `change` in the writer, all or nothing. Raises StoreError."""


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


class Store:
    """The database. Enter it once; `path` is made with its folder."""

    def __init__(
        self, path: Path, migrations: Sequence[Migrations], *, on_trouble: Callable[[str], None] | None = None
    ):
        self.path = path
        self.migrations = migrations
        self.since = time.time()
        self.trouble: str | None = None
        self.waiting = 0
        """Rows that could not be written yet."""
        self.lost = 0
        """Rows of the log given up because too many waited."""
        self._on_trouble = on_trouble
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._buffer: list[tuple[str, Row]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._unwritten: list[tuple[str, Row]] = []
        self._deadline = 0.0
        self._synchronous = ""
        self._closing = False
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []

    # --- life -----------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Store]:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            ready: asyncio.Future[None] = self._loop.create_future()
            thread = threading.Thread(target=self._work, args=(ready,), name="store-writer", daemon=True)
            thread.start()
            stack.push_async_callback(asyncio.to_thread, thread.join)
            stack.callback(self._jobs.put, None)
            await ready
            self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
            stack.callback(self._close_readers)
            stack.push_async_callback(self._close_buffer)
            yield self

    async def _close_buffer(self) -> None:
        self._closing = True
        try:
            await self.flush()
        except StoreError as error:
            logger.error("The last rows of the log could not be written: {}", error)

    def _close_readers(self) -> None:
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()

    # --- what the event loop calls --------------------------------------------------------

    def row(self, statement: str, row: Row) -> None:
        """Add a row of the log; it is committed within `BUFFER_SECONDS`."""
        self._buffer.append((statement, row))
        if self._timer is None:
            self._timer = self._loop.call_later(BUFFER_SECONDS, self._hand_over)
        elif len(self._buffer) >= BUFFER_ROWS:
            self._hand_over()

    async def flush(self) -> None:
        """Commit every row added so far. Raises StoreError; the rows are then kept for later."""
        done = self._loop.create_future()
        self._hand_over(done)
        await done

    async def write(
        self, change: Callable[[Database], T], *, durable: bool = False, owner: str = "core", limit: float = 5.0
    ) -> T:
        """Run `change` in a SAVEPOINT of the writer, after every row added so far.

        Raises StoreError when the database cannot write or `limit` seconds are over, and
        whatever `change` raises; nothing of it is kept then.
        """
        self._hand_over()
        done = self._loop.create_future()
        self._jobs.put(Job(done, change=change, durable=durable, owner=owner, limit=limit))
        result: T = await done
        return result

    async def read(self, query: Callable[[Database], T]) -> T:
        """Run `query` on a reader, which cannot write. It sees what is committed."""
        return await self._loop.run_in_executor(self._readers, self._read, query)

    def health(self) -> Health:
        return Health("数据库", self.trouble is None, self.since, self.trouble or "")

    def _hand_over(self, done: asyncio.Future[None] | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer or done is not None:
            rows, self._buffer = self._buffer, []
            self._jobs.put(Job(done, rows=rows))

    # --- readers --------------------------------------------------------------------------

    def _read(self, query: Callable[[Database], T]) -> T:
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
            connection.execute("pragma query_only = on")
            self._reader_connections.append(connection)
            db = self._local.db = Database(connection)
        return query(db)

    # --- the writer thread ----------------------------------------------------------------

    def _work(self, ready: asyncio.Future[None]) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            self._tell(ready, error=self._explained(error))
            return
        self._tell(ready)
        db = Database(connection)
        retry_at = 0.0
        stop = False
        while not stop:
            batch: list[Job] = []
            try:
                job = self._jobs.get(timeout=1.0) if self._unwritten else self._jobs.get()
                while True:
                    if job is None:
                        stop = True
                        break
                    batch.append(job)
                    if len(batch) >= BATCH:
                        break
                    job = self._jobs.get_nowait()
            except queue.Empty:
                pass
            retry = bool(self._unwritten) and (stop or time.monotonic() >= retry_at)
            if not batch and not retry:
                continue
            self._run(db, connection, batch, with_unwritten=retry)
            if self._unwritten:
                retry_at = time.monotonic() + 1.0
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma foreign_keys = on")
        db = Database(connection)
        for migrations in self.migrations:
            migrations.apply(db)
        return connection

    def _explained(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error | OSError):
            return ConfigError(
                "XIAOPENG_STORE__PATH",
                f"{self.path} cannot be opened as a database ({error}).",
                "Name a file in a folder the bot may write to, or restore it from a backup.",
            )
        return error

    def _run(self, db: Database, connection: sqlite3.Connection, batch: list[Job], *, with_unwritten: bool) -> None:
        """One transaction for the whole batch; every job that waits is answered."""
        wanted = "full" if any(job.durable for job in batch) else "normal"
        kept, self._unwritten = (self._unwritten, []) if with_unwritten else ([], self._unwritten)
        rows: dict[str, list[Row]] = defaultdict(list)
        try:
            if wanted != self._synchronous:
                connection.execute(f"pragma synchronous = {wanted}")
                self._synchronous = wanted
            connection.execute("begin immediate")
            for statement, row in kept:
                rows[statement].append(row)
            for job in batch:
                for statement, row in job.rows:
                    rows[statement].append(row)
                if job.change is not None:
                    self._insert(connection, rows)
                    self._change(db, connection, job)
            self._insert(connection, rows)
            connection.execute("commit")
        except Exception as error:  # the thread must outlive whatever a batch brings; every waiter is told
            if connection.in_transaction:
                connection.execute("rollback")
            failure = StoreError(f"The database cannot write: {error}")
            self._keep(kept, batch)
            for job in batch:
                job.error = failure
            self._note(str(error))
        else:
            self._note(None)
        self.waiting = len(self._unwritten)
        self._loop.call_soon_threadsafe(_settle, batch)

    def _insert(self, connection: sqlite3.Connection, rows: dict[str, list[Row]]) -> None:
        for statement, values in rows.items():
            connection.execute("savepoint log")
            try:
                connection.executemany(statement, values)
            except UNWRITABLE:
                connection.execute("rollback to log")
                self._insert_singly(connection, statement, values)
            connection.execute("release log")
        rows.clear()

    def _insert_singly(self, connection: sqlite3.Connection, statement: str, values: list[Row]) -> None:
        """One row that SQLite cannot take must not hold back the others."""
        for row in values:
            try:
                connection.execute(statement, row)
            except UNWRITABLE as error:
                self.lost += 1
                logger.error("A row of the log cannot be written ({}): {}", type(error).__name__, statement)

    def _change(self, db: Database, connection: sqlite3.Connection, job: Job) -> None:
        assert job.change is not None
        started = time.monotonic()
        self._deadline = started + job.limit
        connection.execute("savepoint job")
        connection.set_progress_handler(self._expired, 10_000)
        try:
            job.result = job.change(db)
        except Exception as error:
            job.error = error
            if isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted":
                job.error = StoreError(f"{job.owner} took more than {job.limit:g} s to write")
        finally:
            connection.set_progress_handler(None, 0)
        took = time.monotonic() - started
        if took > job.limit:
            logger.warning("{} held the writer for {:.1f} s", job.owner, took)
        if not connection.in_transaction:
            # Some errors (a full disk) and a `commit` by the plugin end the whole transaction.
            if job.error is None:
                logger.error("{} ended the writer's transaction; a plugin must not commit", job.owner)
                connection.execute("begin immediate")
                return
            raise sqlite3.OperationalError(str(job.error))
        if job.error is not None:
            connection.execute("rollback to job")
        connection.execute("release job")

    def _expired(self) -> int:
        return int(time.monotonic() > self._deadline)

    def _keep(self, kept: list[tuple[str, Row]], batch: list[Job]) -> None:
        """Keep the rows of a failed batch for the next try, the oldest given up first."""
        waiting = kept + self._unwritten
        for job in batch:
            waiting.extend(job.rows)
        given_up = max(0, len(waiting) - KEPT_ROWS)
        self.lost += given_up
        self._unwritten = waiting[given_up:]

    def _note(self, trouble: str | None) -> None:
        if trouble == self.trouble:
            return
        self.trouble, self.since = trouble, time.time()
        if trouble:
            logger.error("The database cannot write ({}); the log waits in memory, changes are refused", trouble)
        else:
            logger.info("The database writes again")
        if self._on_trouble is not None and trouble:
            self._loop.call_soon_threadsafe(self._on_trouble, trouble)

    def _tell(self, done: asyncio.Future[None], error: BaseException | None = None) -> None:
        self._loop.call_soon_threadsafe(_settle, [Job(done, error=error)])


def _settle(batch: list[Job]) -> None:
    for job in batch:
        done = job.done
        if done is None or done.done():
            continue
        if job.error is not None:
            done.set_exception(job.error)
        else:
            done.set_result(job.result)


class PluginDb:
    """A plugin's way to the store: its name is in the log of what it does."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def read(self, query: Callable[[Database], T]) -> T:
        return await self._store.read(query)

    async def write(self, change: Callable[[Database], T], *, durable: bool = False) -> T:
        return await self._store.write(change, durable=durable, owner=self._owner)
