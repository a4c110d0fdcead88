"""What the store promises: little to commit, nothing lost, and nobody harmed by another's failure."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from sqlite_utils import Database, Migrations

from bot.errors import ConfigError, StoreError
from bot.store import database, opening, writer
from bot.store.database import PluginDb, Store

NOTE = "insert into notes (id, text) values (?, ?)"
LOG = "insert into log (text) values (?)"
tables = Migrations("test")


@tables()
def create_tables(db: Database) -> None:
    db.table("notes").create({"id": int, "text": str}, pk="id", not_null={"text"})
    db.table("log").create({"id": int, "text": str}, pk="id")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "there" / "is" / "none" / "bot.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store(path, [tables]).open() as store:
        yield store


def add(id: int, text: str | None = "x") -> Callable[[Database], int]:
    def change(db: Database) -> int:
        db.conn.execute(NOTE, (id, text))
        return id

    return change


def ids(path: Path) -> list[int]:
    """What another program finds in the file."""
    with sqlite3.connect(path) as other:
        found = [id for (id,) in other.execute("select id from notes order by id")]
    other.close()
    return found


def logged(path: Path) -> list[str]:
    with sqlite3.connect(path) as other:
        found = [text for (text,) in other.execute("select text from log order by id")]
    other.close()
    return found


@contextmanager
def commits(store: Store) -> Iterator[list[str]]:
    """Every COMMIT of the writer, as SQLite itself tells it."""
    seen: list[str] = []
    connection = store._writer._connection
    connection.set_trace_callback(lambda sql: seen.append(sql) if sql.lower().startswith("commit") else None)
    yield seen
    connection.set_trace_callback(None)


async def held(store: Store) -> tuple[asyncio.Task[Any], threading.Event]:
    """Hold the writer in a change, so that what comes now waits for one batch."""
    inside, release = threading.Event(), threading.Event()

    def wait(_: Database) -> None:
        inside.set()
        release.wait(10)

    task = asyncio.ensure_future(store.write(wait, limit=60))
    await asyncio.to_thread(inside.wait, 5)
    return task, release


async def until(true: Callable[[], bool], within: float = 8) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - it is another thread that moves
            await asyncio.sleep(0.02)


# --- group commit -------------------------------------------------------------------------


async def test_many_writes_at_once_are_few_commits(store: Store, path: Path) -> None:
    with commits(store) as seen:
        assert await asyncio.gather(*(store.write(add(id)) for id in range(2000))) == list(range(2000))
    assert ids(path) == list(range(2000))
    assert 1 <= len(seen) <= 40


async def test_what_waits_together_is_one_commit(store: Store, path: Path) -> None:
    with commits(store) as seen:
        first, release = await held(store)
        others = [asyncio.ensure_future(store.write(add(id))) for id in range(300)]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(first, *others)
    assert len(seen) == 2
    assert len(ids(path)) == 300


async def test_rows_keep_their_order_among_themselves_and_before_a_change(store: Store, path: Path) -> None:
    seen: list[int] = []

    def count(db: Database) -> None:
        seen.append(db.conn.execute("select count(*) from log").fetchone()[0])

    for number in range(1, 1201):
        store.row(LOG, (f"{number}",))
        if number % 400 == 0:
            await store.write(count)
    await store.flush()
    assert seen == [400, 800, 1200]
    assert logged(path) == [str(number) for number in range(1, 1201)]


async def test_a_row_is_committed_within_the_promised_time(store: Store, path: Path) -> None:
    started = time.monotonic()
    store.row(LOG, ("soon",))
    await until(lambda: bool(logged(path)), 2)
    assert time.monotonic() - started < database.BUFFER_SECONDS + 0.15


async def test_a_steady_stream_of_rows_does_not_put_the_commit_off(store: Store, path: Path) -> None:
    store.row(LOG, ("first",))
    for _ in range(60):
        await asyncio.sleep(0.005)
        store.row(LOG, ("more",))
    assert logged(path)[0] == "first"


async def test_a_full_buffer_does_not_wait(store: Store, path: Path) -> None:
    for number in range(database.BUFFER_ROWS + 1):
        store.row(LOG, (f"{number}",))
    assert len(store._buffer) == 1
    await store.flush()
    assert len(logged(path)) == database.BUFFER_ROWS + 1


async def test_only_what_must_survive_a_power_cut_waits_for_the_disk(store: Store) -> None:
    def synchronous(db: Database) -> int:
        return int(db.conn.execute("pragma synchronous").fetchone()[0])

    normal, full = 1, 2
    assert await store.write(synchronous) == normal
    assert await store.write(synchronous, durable=True) == full
    assert await store.write(synchronous) == normal
    first, release = await held(store)
    together = [asyncio.ensure_future(store.write(synchronous, durable=durable)) for durable in (False, True)]
    await asyncio.sleep(0)
    release.set()
    await first
    assert await asyncio.gather(*together) == [full, full], "one durable write makes its whole batch durable"


# --- one's failure is not another's -------------------------------------------------------


async def batch(store: Store, *changes: Callable[[Database], Any], limit: float = 5.0) -> list[Any]:
    """What becomes of changes that share one transaction."""
    first, release = await held(store)
    owners = [f"plugin{number}" for number in range(len(changes))]
    tasks = [
        asyncio.ensure_future(store.write(change, owner=owner, limit=limit))
        for change, owner in zip(changes, owners, strict=True)
    ]
    await asyncio.sleep(0)
    release.set()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def half_and_fail(db: Database) -> None:
    add(50)(db)
    raise KeyError("mine")


async def test_a_failing_change_leaves_nothing_and_harms_nobody(store: Store, path: Path) -> None:
    store.row(LOG, ("before",))
    one, failed, twice, two = await batch(store, add(1), half_and_fail, add(1), add(2))
    assert (one, two) == (1, 2)
    assert isinstance(failed, KeyError)
    assert isinstance(twice, sqlite3.IntegrityError)
    assert ids(path) == [1, 2]
    assert logged(path) == ["before"]
    assert store.health().up


def commit(db: Database) -> None:
    add(60)(db)
    db.conn.commit()


def commit_by_statement(db: Database) -> None:
    add(61)(db)
    db.conn.execute("commit")


def roll_back(db: Database) -> None:
    add(62)(db)
    db.conn.rollback()


def roll_back_by_statement(db: Database) -> None:
    db.conn.execute("rollback")


def script(db: Database) -> None:
    db.conn.executescript("insert into notes values (63, 'x');")


def or_rollback(db: Database) -> None:
    add(64)(db)
    db.conn.execute("insert or rollback into notes values (64, 'x')")


def or_rollback_and_go_on(db: Database) -> int:
    try:
        or_rollback(db)
    except sqlite3.IntegrityError:
        return 1
    raise AssertionError


def with_connection(db: Database) -> None:
    with db.conn:
        add(65)(db)


def release(db: Database) -> None:
    add(66)(db)
    db.conn.execute("release job")


@pytest.mark.parametrize(
    "change",
    [
        commit, commit_by_statement, roll_back, roll_back_by_statement, script, or_rollback, or_rollback_and_go_on,
        with_connection,
    ],
)  # fmt: skip
async def test_a_change_that_ends_the_transaction_of_all_ends_only_itself(
    store: Store, path: Path, change: Callable[[Database], Any]
) -> None:
    for round_ in range(3):
        store.row(LOG, (f"row {round_}",))
        one, broken, two = await batch(store, add(2 * round_), change, add(2 * round_ + 1))
        assert (one, two) == (2 * round_, 2 * round_ + 1)
        assert isinstance(broken, StoreError | sqlite3.IntegrityError), broken
        if isinstance(broken, StoreError):
            assert "plugin1" in str(broken)
    assert ids(path) == list(range(6))
    assert logged(path) == ["row 0", "row 1", "row 2"]
    assert store.health().up


async def test_what_sqlite_utils_does_is_allowed_and_all_or_nothing(store: Store, path: Path) -> None:
    def much(db: Database) -> int:
        table = db.table("notes")
        table.insert({"id": 1, "text": "a"})
        table.insert_all(({"id": number, "text": "b"} for number in range(2, 300)), batch_size=50)
        table.upsert({"id": 1, "text": "c"}, pk="id")
        table.update(2, {"text": "d"})
        table.delete_where("id > ?", [10])
        table.enable_fts(["text"], create_triggers=True)
        table.transform(rename={"text": "words"})
        table.transform(rename={"words": "text"})
        db.table("made").create({"id": int}, pk="id")
        with db.atomic():
            db.table("made").insert({"id": 1})
        return table.count

    def then_fail(db: Database) -> None:
        db.table("other").create({"id": int})
        db.table("notes").insert({"id": 999, "text": "z"})
        raise KeyError

    assert await store.write(much) == 10
    with pytest.raises(KeyError):
        await store.write(then_fail)
    assert ids(path) == list(range(1, 11))
    assert not await store.read(lambda db: db.table("other").exists())


def for_ever(db: Database) -> None:
    add(70)(db)
    db.conn.execute("insert into notes select value + 1000, 'x' from (with recursive n(value) as"
                    " (select 1 union all select value + 1 from n) select value from n)")  # fmt: skip


def for_ever_reading(db: Database) -> None:
    add(71)(db)
    db.conn.execute("with recursive n(v) as (select 1 union all select v + 1 from n) select max(v) from n").fetchall()


@pytest.mark.parametrize("change", [for_ever, for_ever_reading])
async def test_a_runaway_change_is_ended_and_named_and_the_others_go_through(
    store: Store, path: Path, change: Callable[[Database], None]
) -> None:
    store.row(LOG, ("row",))
    started = time.monotonic()
    one, runaway, two = await batch(store, add(1), change, add(2), limit=0.3)
    assert time.monotonic() - started < 2
    assert (one, two) == (1, 2)
    assert isinstance(runaway, StoreError)
    assert "plugin1 took more than 0.3 s" in str(runaway)
    assert ids(path) == [1, 2]
    assert logged(path) == ["row"]
    assert store.health().up


class Odd(BaseException):
    """Nothing that an `except Exception` sees."""


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), Odd(), asyncio.CancelledError()]
)
async def test_whatever_a_change_raises_the_writer_lives_and_all_are_answered(
    store: Store, path: Path, error: BaseException
) -> None:
    def fail(db: Database) -> None:
        add(80)(db)
        raise error

    async with asyncio.timeout(5):
        one, odd, two = await batch(store, add(1), fail, add(2))
    assert (one, two) == (1, 2)
    assert isinstance(odd, RuntimeError)
    assert "plugin1" in str(odd)
    assert ids(path) == [1, 2]


async def test_a_change_that_releases_the_savepoint_does_not_stop_the_writer(store: Store, path: Path) -> None:
    with pytest.raises(StoreError):
        await store.write(release, owner="plugin")
    await until(lambda: store.health().up)
    assert await store.write(add(1)) == 1
    assert ids(path) == [1]


async def test_an_iterator_does_not_leave_its_thread(store: Store) -> None:
    await store.write(add(1))
    assert (await store.write(lambda db: db.conn.execute("delete from log"))).rowcount == 0, "it has no rows to read"
    lazy: Any = lambda db: db.query("select * from notes")  # noqa: E731
    db = PluginDb(store, "lazy")
    for attempt in (db.read, db.write):
        with pytest.raises(TypeError, match=r"lazy returned an iterator.*list"):
            await attempt(lazy)
    assert await store.read(lambda db: list(db.query("select id from notes"))) == [{"id": 1}]


async def test_a_cancelled_caller_does_not_stop_the_batch(store: Store, path: Path) -> None:
    first, release = await held(store)
    gone, stays = (asyncio.ensure_future(store.write(add(id))) for id in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    release.set()
    await first
    assert await stays == 2
    assert 2 in ids(path)


# --- rows that cannot be written ----------------------------------------------------------


async def test_a_row_that_sqlite_cannot_take_holds_nothing_up(store: Store, path: Path) -> None:
    rows = [
        (1, "first"), (2, "half \ud800 a character"), (2**63, "too large"), (3, "nul\0byte"), (4, None),
        (5, object()), (1, "twice"), (6, "last"),
    ]  # fmt: skip
    for row in rows:
        store.row(NOTE, row)
    store.row("insert into nowhere values (?)", ("x",))
    store.row(NOTE, (7, "too", "many"))
    store.row(LOG, ("after",))
    await store.flush()
    with sqlite3.connect(path) as other:
        found = dict(other.execute("select id, text from notes where id < 100 order by id").fetchall())
    other.close()
    assert found == {1: "first", 2: "half ? a character", 3: "nul\0byte", 6: "last"}
    assert logged(path) == ["after"]
    assert store.lost == 6
    assert store.health().up


async def test_half_a_character_and_a_large_number_are_kept_as_well_as_can_be(store: Store, path: Path) -> None:
    store.row(LOG, (2**70,))
    store.row(LOG, ("\udfff还在",))
    await store.flush()
    assert logged(path) == [str(2**70), "?还在"]
    assert store.lost == 0


# --- readers ------------------------------------------------------------------------------


async def test_readers_cannot_write(store: Store, path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await store.read(add(1))
    assert ids(path) == []


async def test_a_reader_sees_what_was_written_and_is_not_held_up_by_the_writer(store: Store) -> None:
    await store.write(add(1))
    first, release = await held(store)
    count: Callable[[Database], int] = lambda db: db.table("notes").count  # noqa: E731
    assert await asyncio.wait_for(store.read(count), 1) == 1
    release.set()
    await first


async def test_a_reader_left_in_a_transaction_does_not_keep_seeing_the_past(store: Store) -> None:
    def leave_open(db: Database) -> int:
        db.conn.execute("begin")
        return db.table("notes").count

    for _ in range(2 * database.READERS):
        await asyncio.gather(*(store.read(leave_open) for _ in range(database.READERS)))
    await store.write(add(1))
    for _ in range(4):
        assert await store.read(lambda db: db.table("notes").count) == 1


async def test_runaway_readers_are_ended_so_that_others_can_read(store: Store) -> None:
    endless: Callable[[Database], object] = lambda db: db.conn.execute(  # noqa: E731
        "with recursive n(v) as (select 1 union all select v + 1 from n) select max(v) from n"
    ).fetchall()
    runs = [store.read(endless, owner="slow", limit=0.3) for _ in range(database.READERS)]
    ended = await asyncio.gather(*runs, return_exceptions=True)
    assert [str(error) for error in ended] == ["slow took more than 0.3 s in the database"] * database.READERS
    assert await store.read(lambda db: db.table("notes").count) == 0


async def test_a_reader_may_raise_what_a_future_cannot_carry(store: Store) -> None:
    nothing: Callable[[Database], Any] = lambda db: next(db.query("select * from notes"))  # noqa: E731
    with pytest.raises(RuntimeError, match="plugin raised StopIteration"):
        await asyncio.wait_for(PluginDb(store, "plugin").read(nothing), 5)


# --- no room on the disk ------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes that really runs full."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mount], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    return ballast


async def refuses(store: Store, id: int) -> None:
    with pytest.raises(StoreError, match="The database cannot write"):
        await store.write(lambda db: db.conn.execute(NOTE, (id, "x" * 9000)), owner="plugin")


async def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    path = small_disk / "bot.db"
    async with Store(path, [tables]).open() as store:
        for id in range(1, 101):
            await store.write(add(id))
        ballast, started = fill(small_disk), time.time()
        for id in range(1000, 1010):
            await refuses(store, id)
        told: list[int] = []
        for number in range(3000):
            store.row(LOG, (f"{number} " + "y" * 200,))
            if number % 300 == 0:
                with pytest.raises(StoreError):
                    await store.flush()
                told.append(store.waiting)
        with pytest.raises(StoreError):
            await store.flush()
        assert store.waiting == 3000
        assert told == sorted(told)
        health = store.health()
        assert not health.up
        assert started <= health.since <= time.time()
        assert health.detail.startswith("磁盘满了，3000 条记录先记在内存里")
        assert await store.read(lambda db: db.table("notes").count) == 100, "reading goes on"
        await asyncio.sleep(2.2)
        assert not store.health().up, "a second try must not look like a recovery"
        assert store.health().since == health.since
        ballast.unlink()
        await until(lambda: store.health().up)
        assert store.waiting == store.lost == 0
        assert await store.write(add(2000)) == 2000
        assert ids(path) == [*range(1, 101), 2000]
        assert [int(text.split()[0]) for text in logged(path)] == list(range(3000))
    with sqlite3.connect(path) as other:
        assert other.execute("pragma integrity_check").fetchone() == ("ok",)
    other.close()


async def test_health_returns_by_itself_when_nobody_writes(small_disk: Path) -> None:
    async with Store(small_disk / "bot.db", [tables]).open() as store:
        ballast = fill(small_disk)
        await refuses(store, 1)
        assert not store.health().up
        await store_flush_fails(store)
        ballast.unlink()
        await until(lambda: store.health().up)
        assert ids(store.path) == []


async def store_flush_fails(store: Store) -> None:
    """An empty flush is no proof that the disk takes something."""
    with pytest.raises(StoreError):
        await store.flush()
    assert not store.health().up


async def test_rows_that_waited_come_before_newer_ones(small_disk: Path) -> None:
    async with Store(small_disk / "bot.db", [tables]).open() as store:
        ballast = fill(small_disk)
        with pytest.raises(StoreError):
            await store.write(lambda db: db.conn.execute(NOTE, (1, "x" * 200_000)))
        for number in range(200):
            store.row(LOG, (f"{number} " + "z" * 500,))
        with pytest.raises(StoreError):
            await store.flush()
        ballast.unlink()
        for number in range(200, 300):
            store.row(LOG, (f"{number} new",))
            await asyncio.sleep(0.005)
        await until(lambda: store.health().up)
        await store.flush()
        assert [int(text.split()[0]) for text in logged(store.path)] == list(range(300))


async def test_closing_on_a_full_disk_says_what_is_lost(small_disk: Path) -> None:
    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    async with Store(small_disk / "bot.db", [tables]).open() as store:
        fill(small_disk)
        for _ in range(50):
            store.row(LOG, ("w" * 9000,))
    logger.remove(sink)
    assert any(line.startswith("50 rows of the log are lost") for line in said)
    assert ids(small_disk / "bot.db") == []


async def test_too_much_to_keep_gives_up_the_oldest(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "KEPT_ROWS", 1000)
    async with Store(small_disk / "bot.db", [tables]).open() as store:
        ballast = fill(small_disk)
        for number in range(1500):
            store.row(LOG, (f"{number} " + "v" * 900,))
        with pytest.raises(StoreError):
            await store.flush()
        ballast.unlink()
        await until(lambda: store.health().up)
        assert store.lost == 500
        assert [int(text.split()[0]) for text in logged(store.path)] == list(range(500, 1500))


async def test_a_database_at_its_limit_refuses_one_and_keeps_the_rest(store: Store, path: Path) -> None:
    """The same without a disk of its own: SQLite's own limit of pages."""
    await store.write(add(1))

    def limit(db: Database) -> None:
        db.conn.execute(f"pragma max_page_count = {db.conn.execute('pragma page_count').fetchone()[0]}")

    await store.write(limit)
    await refuses(store, 2)
    for number in range(500):
        store.row(LOG, (f"{number} " + "u" * 100,))
    with pytest.raises(StoreError):
        await store.flush()
    assert not store.health().up
    assert store.waiting == 500
    store._writer._connection.execute("pragma max_page_count = 1000000")
    await until(lambda: store.health().up)
    assert ids(path) == [1]
    assert [int(text.split()[0]) for text in logged(path)] == list(range(500))


# --- locked by another program ------------------------------------------------------------

LOCK = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.readline()
other.execute("rollback")
"""


@pytest.fixture
async def locker(store: Store, path: Path) -> AsyncIterator[Callable[[], None]]:
    """Another program holds the database, until this is called."""
    other = await asyncio.to_thread(
        partial(subprocess.Popen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True),
        [sys.executable, "-c", LOCK, path],
    )
    with other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == "locked\n"
        yield partial(print, file=other.stdin, flush=True)


async def test_a_database_locked_by_another_program_loses_nothing(
    store: Store, path: Path, locker: Callable[[], None]
) -> None:
    started = time.monotonic()
    with pytest.raises(StoreError, match="locked"):
        await store.write(add(2))
    assert time.monotonic() - started > opening.BUSY_SECONDS - 0.1, "it waits for its turn first"
    for number in range(100):
        store.row(LOG, (f"{number}",))
    started = time.monotonic()
    with pytest.raises(StoreError, match="locked"):
        await store.write(add(3))
    assert time.monotonic() - started < 1, "who comes later does not wait in vain"
    assert not store.health().up
    assert "别的程序" in store.health().detail
    locker()
    await until(lambda: store.health().up)
    assert await store.write(add(4)) == 4
    assert ids(path) == [4]
    assert logged(path) == [str(number) for number in range(100)]


# --- opening and closing ------------------------------------------------------------------


async def test_closing_writes_what_waits(path: Path) -> None:
    async with Store(path, [tables]).open() as store:
        for number in range(100):
            store.row(LOG, (f"{number}",))
        late = [asyncio.ensure_future(store.write(add(id))) for id in range(20)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*late) == list(range(20))
    assert len(logged(path)) == 100
    assert ids(path) == list(range(20))
    assert not path.with_name("bot.db-wal").exists(), "the last to close leaves one file"


async def test_after_the_end_nobody_waits_for_ever(path: Path) -> None:
    async with Store(path, [tables]).open() as store:
        pass
    store.row(LOG, ("late",))
    for attempt in (store.write(add(1)), store.read(lambda db: 1), store.flush()):
        with pytest.raises(StoreError, match="closed"):
            await asyncio.wait_for(attempt, 2)
    assert logged(path) == []


async def test_a_change_that_never_returns_is_told_and_does_not_hold_up_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "JOIN_SECONDS", 0.5)
    endless = threading.Event()
    async with Store(path, [tables]).open() as store:
        stuck = asyncio.ensure_future(store.write(lambda db: endless.wait(30), owner="sleepy", limit=0.1))
        await asyncio.sleep(0.4)
        assert store.health().up is False
        assert "sleepy" in store.health().detail
    endless.set()
    assert await stuck is True


@pytest.mark.parametrize(
    "content", [b"not a database, but a text of some length" * 100, b"SQLite format 3\0" + b"\7" * 5000]
)
async def test_a_file_that_is_no_database_is_the_operators_to_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bot.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as told:
        async with Store(path, [tables]).open():
            pass
    assert told.value.setting == "XIAOPENG_STORE__PATH"
    assert path.read_bytes() == content, "what is there is left alone"


async def test_a_folder_in_the_place_of_the_file_is_the_operators_to_mend(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "file" / "bot.db"):
        (tmp_path / "file").write_text("in the way", encoding="utf-8")
        with pytest.raises(ConfigError):
            async with Store(path, [tables]).open():
                pass


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has a folder where nobody may write")
async def test_a_folder_that_nobody_may_write_is_the_operators_to_mend() -> None:
    with pytest.raises(ConfigError) as told:
        async with Store(Path("/proc/bot/bot.db"), [tables]).open():
            pass
    assert told.value.setting == "XIAOPENG_STORE__PATH"


# --- tables -------------------------------------------------------------------------------


async def test_migrations_are_applied_once_each_and_new_ones_later(path: Path) -> None:
    ran: list[str] = []

    def version(*names: str) -> Migrations:
        made = Migrations("plugin")
        for name in names:

            def step(db: Database, name: str = name) -> None:
                ran.append(name)
                db.table(name).create({"id": int})

            made(name=name)(step)
        return made

    for names in (("one",), ("one",), ("one", "two"), ("one", "two")):
        async with Store(path, [tables, version(*names)]).open() as store:
            await store.write(add(len(await store.read(lambda db: list(db.query("select id from notes"))))))
    assert ran == ["one", "two"]
    assert ids(path) == [0, 1, 2, 3], "what was written stays"


async def test_a_migration_that_fails_leaves_nothing_half_made(path: Path) -> None:
    broken = Migrations("broken")
    fails = True

    @broken()
    def create(db: Database) -> None:
        db.table("first").create({"id": int})
        if fails:
            db.conn.execute("create table first (again)")

    with pytest.raises(ConfigError, match="already exists"):
        async with Store(path, [tables, broken]).open():
            pass
    fails = False
    async with Store(path, [tables, broken]).open() as store:
        assert await store.read(lambda db: db.table("first").exists())


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    newer = Migrations("test")
    newer(name="create_tables")(create_tables)

    @newer()
    def add_column(db: Database) -> None:
        db.table("log").add_column("mood", str, not_null_default="calm")

    async with Store(path, [newer]).open() as store:
        await store.write(add(1))
    with pytest.raises(ConfigError, match=r"newer version.*tables of test.*add_column"):
        async with Store(path, [tables]).open():
            pass
    async with Store(path, [newer]).open() as store:
        assert await store.read(lambda db: db.table("notes").count) == 1


async def test_tables_of_a_plugin_that_is_gone_stay_and_disturb_nobody(path: Path) -> None:
    gone = Migrations("gone")

    @gone()
    def create(db: Database) -> None:
        db.table("treasure").insert({"id": 1})

    async with Store(path, [tables, gone]).open():
        pass
    async with Store(path, [tables]).open() as store:
        assert await store.read(lambda db: db.table("treasure").count) == 1


async def test_trouble_is_told_to_whoever_asked_for_it(path: Path) -> None:
    heard: list[str] = []
    async with Store(path, [tables], on_trouble=heard.append).open() as store:
        await store.write(lambda db: db.conn.execute("pragma max_page_count = 1").fetchall())
        for _ in range(3):
            store.row(LOG, ("t" * 9000,))
            await refuses(store, 1)
        await until(lambda: bool(heard))
        assert len(heard) == 1, "once, not for every try"
        store._writer._connection.execute("pragma max_page_count = 1000000")
        await until(lambda: store.health().up)


async def test_what_waits_for_the_next_commit_is_read_and_is_there_at_the_end(path: Path) -> None:
    async with Store(path, [tables]).open() as store:
        first = asyncio.create_task(store.commit(LOG, ("a",)))
        await asyncio.sleep(0)
        second = asyncio.create_task(store.commit(LOG, ("b",)))
        await asyncio.sleep(0)
        assert await store.read(lambda db: db.table("log").count) == 2
        await asyncio.gather(first, second)
        late = [asyncio.create_task(store.commit(LOG, (f"{number}",))) for number in range(3)]
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await asyncio.gather(*late)
    assert len(logged(path)) == 5
