"""SQLite behind one writer thread with group commit, and a few readers.

Everything that waits in the writer's queue shares one transaction, so a burst costs one
commit. A write that must survive a power cut (`durable`) makes its whole batch commit with
`synchronous=FULL`; the others survive a killed process, which WAL gives for free.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from loguru import logger
from sqlite_utils import Database, Migrations

from bot.errors import StoreError
from bot.store.claim import claim
from bot.store.faults import code, listed, raisable
from bot.store.opening import BUSY_SECONDS
from bot.store.writer import Job, Row, Writer
from bot.types import Health

T = TypeVar("T")

BUFFER_SECONDS = 0.2
"""How long a row of the log may wait for its commit."""
BUFFER_ROWS = 500
READERS = 2
WRITE_SECONDS = 5.0
READ_SECONDS = 30.0
JOIN_SECONDS = 30.0
"""The end of the bot waits no longer than this for a change that never returns."""
CLOSED = "The database is closed"
IN_WORDS: dict[int | None, str] = {
    sqlite3.SQLITE_FULL: "磁盘满了",
    sqlite3.SQLITE_BUSY: "数据库被别的程序占着",
}


class Db(Protocol):
    """The database as a plugin sees it."""

    async def read(self, query: Callable[[Database], T], *, fresh: bool = True) -> T:
        """Run `query` on a reader. Writing there is an error. Raises StoreError after half a minute.

        Not `fresh`, it does without the log of the last moments, and does not wait until that is written.
        """

    async def write(self, change: Callable[[Database], T], *, durable: bool = False) -> T:
        """Run `change` in the writer, all or nothing. Raises StoreError.

        It may run twice, where another's failure ends the transaction that they share.
        """


class Store:
    """The database. Enter it once; `path` is made with its folder."""

    def __init__(
        self, path: Path, migrations: Sequence[Migrations], *, on_trouble: Callable[[str], None] | None = None
    ):
        self.path = path
        self._on_trouble = on_trouble
        self._writer = Writer(path, migrations, self._settle, self._troubled)
        self._buffer: list[tuple[str, Row]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._urgent: list[tuple[str, Row]] = []
        self._committing = False
        self._under_way = 0
        """Handovers of rows that the writer has not settled yet."""
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []

    # --- life -----------------------------------------------------------------------------

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Store]:
        """Live while entered. Raises ConfigError where `path` cannot be used, or another process uses it."""
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            stack.enter_context(claim(self.path))
            ready: asyncio.Future[None] = self._loop.create_future()
            thread = threading.Thread(target=self._writer.work, args=(ready,), name="store-writer", daemon=True)
            thread.start()
            stack.push_async_callback(self._join, thread)
            await ready
            self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
            stack.push_async_callback(asyncio.to_thread, self._close_readers)
            stack.callback(self._hand_over)  # at once: closing the readers may take a while
            yield self

    def _close_readers(self) -> None:
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()

    async def _join(self, thread: threading.Thread) -> None:
        self._hand_over()
        self._closed = True
        self._writer.put(None)
        await asyncio.to_thread(thread.join, JOIN_SECONDS)
        if thread.is_alive():
            logger.error("The database was left open: {}", self._held() or "the writer does not end")

    # --- what the event loop calls --------------------------------------------------------

    def row(self, statement: str, row: Row) -> None:
        """Add a row of the log; it is committed within `BUFFER_SECONDS`."""
        if self._closed:
            logger.error("A row of the log came after the end: {}", statement)
            return
        self._buffer.append((statement, row))
        if self._timer is None:
            self._timer = self._loop.call_later(BUFFER_SECONDS, self._hand_over)
        elif len(self._buffer) >= BUFFER_ROWS:
            self._hand_over()

    async def flush(self) -> None:
        """Commit every row added so far. Raises StoreError; the rows are then kept for later."""
        await self._done(Job(self._loop.create_future()))

    async def commit(self, statement: str, row: Row) -> None:
        """Commit this one row; rows added before it may follow in their own time. Raises StoreError.

        Whoever comes while a commit is under way shares the next one: a burst costs one hop to the writer and back.
        """
        if self._closed:
            raise StoreError(CLOSED)
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._urgent.append((statement, row))
        self._waiters.append(waiter)
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._commit)
        await waiter

    def _commit(self) -> None:
        if not self._waiters:  # they were handed over with something else meanwhile
            self._committing = False
            return
        done: asyncio.Future[None] = self._loop.create_future()
        done.add_done_callback(partial(self._committed, self._waiters))
        self._writer.put(Job(done, rows=self._urgent))
        self._under_way += 1
        self._waiters, self._urgent = [], []

    def _committed(self, waiters: list[asyncio.Future[None]], done: asyncio.Future[None]) -> None:
        error = done.exception()
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(StoreError(str(error)))
        self._commit()

    async def write(
        self,
        change: Callable[[Database], T],
        *,
        durable: bool = False,
        owner: str = "core",
        limit: float = WRITE_SECONDS,
    ) -> T:
        """Run `change` in a SAVEPOINT of the writer, after every row added so far.

        Raises StoreError when the database cannot write or `limit` seconds are over, and
        whatever `change` raises; nothing of it is kept then. `change` may run twice, where
        another's failure ends the transaction that they share.
        """
        job = Job(self._loop.create_future(), change=change, durable=durable, owner=owner, limit=limit)
        result: T = await self._done(job)
        return result

    async def read(
        self, query: Callable[[Database], T], *, owner: str = "core", limit: float = READ_SECONDS, fresh: bool = True
    ) -> T:
        """Run `query` on a reader, which cannot write. `fresh`: it sees every row added so far.

        Raises StoreError after `limit` seconds.
        """
        if self._closed:
            raise StoreError(CLOSED)
        if fresh and (self._buffer or self._waiters or self._under_way):
            with suppress(StoreError):  # what is committed can be read while nothing can be written
                await self.flush()
        return await self._loop.run_in_executor(self._readers, self._read, query, owner, limit)

    @property
    def waiting(self) -> int:
        """Rows that could not be written yet."""
        return self._writer.waiting

    @property
    def lost(self) -> int:
        """Rows of the log given up: SQLite cannot take them, or too many waited."""
        return self._writer.lost

    def health(self) -> Health:
        writer, trouble = self._writer, self._writer.trouble
        if trouble is not None:
            reason = IN_WORDS.get(code(trouble), "数据库写不进去")
            kept = f"，{writer.waiting} 条记录先记在内存里" if writer.waiting else ""
            return Health("数据库", False, writer.since, f"{reason}{kept}，改动暂时不能生效")
        held = self._held()
        return Health("数据库", not held, writer.since, held)

    def _held(self) -> str:
        """Which change keeps the writer too long; empty where none does."""
        running = self._writer.running
        if running is None:
            return ""
        job, started = running
        took = time.monotonic() - started
        return f"{job.owner} 占着数据库 {took:.0f} 秒了" if took > 2 * job.limit else ""

    async def _done(self, job: Job) -> Any:
        if self._closed:
            raise StoreError(CLOSED)
        assert job.done is not None
        self._hand_over()
        self._writer.put(job)
        return await job.done

    def _hand_over(self) -> None:
        if self._waiters:
            self._commit()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._buffer:
            rows, self._buffer = self._buffer, []
            self._under_way += 1
            self._writer.put(Job(None, rows=rows))

    # --- readers --------------------------------------------------------------------------

    def _read(self, query: Callable[[Database], T], owner: str, limit: float) -> T:
        db: Database | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = Database(self._connect())
        connection: sqlite3.Connection = db.conn
        deadline = time.monotonic() + limit
        connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 10_000)
        try:
            return listed(query(db), owner)  # type: ignore[no-any-return]
        except BaseException as error:
            told = raisable(error, owner, limit)
            if told is error:
                raise
            raise told from error
        finally:
            connection.set_progress_handler(None, 0)
            if connection.in_transaction:
                # A transaction left open would keep showing this reader the past.
                connection.rollback()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
        connection.execute("pragma query_only = on")
        self._reader_connections.append(connection)
        return connection

    # --- what the writer thread calls -----------------------------------------------------

    def _settle(self, batch: list[Job]) -> None:
        self._loop.call_soon_threadsafe(self._settled, batch)

    def _settled(self, batch: list[Job]) -> None:
        for job in batch:
            self._under_way -= bool(job.rows)
            if job.done is None or job.done.done():
                continue
            if job.error is not None:
                job.done.set_exception(job.error)
            else:
                job.done.set_result(job.result)

    def _troubled(self, trouble: str) -> None:
        if self._on_trouble is not None:
            self._loop.call_soon_threadsafe(self._on_trouble, trouble)


class PluginDb:
    """A plugin's way to the store: its name is in the log of what it does."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def read(self, query: Callable[[Database], T], *, fresh: bool = True) -> T:
        return await self._store.read(query, owner=self._owner, fresh=fresh)

    async def write(self, change: Callable[[Database], T], *, durable: bool = False) -> T:
        return await self._store.write(change, durable=durable, owner=self._owner)
