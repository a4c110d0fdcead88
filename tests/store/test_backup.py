"""A backup is one moment of the database, whole and tried, or it is not there."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.errors import ConfigError
from bot.store import backup, schema
from bot.store.database import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "house.db"
    db = Database(sqlite3.connect(path))
    db.execute("pragma journal_mode = wal")
    schema.tables.apply(db)
    db.table("messages").insert_all({"message_id": f"m{number}", "text": "话" * 50} for number in range(5000))
    db.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[list[int]]:
    """Writes pairs of rows, each pair in one transaction; holds how many pairs there were, and the longest wait."""
    stop = threading.Event()
    pairs = [0, 0]

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
            while not stop.is_set():
                started = time.monotonic()
                connection.execute("begin immediate")
                connection.execute("insert into switches values ('g', ?, 1)", [pairs[0]])
                connection.execute("insert into groups values (?, 'n', 1)", [pairs[0]])
                connection.execute("commit")
                pairs[1] = max(pairs[1], int((time.monotonic() - started) * 1000))
                pairs[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    yield pairs
    stop.set()
    thread.join()


def test_one_moment_while_the_bot_writes(path: Path, tmp_path: Path, writer: list[int]) -> None:
    for number in range(8):
        at_least = writer[0]
        made = backup.backup(path, tmp_path / f"{number}.db")
        assert made.rows["messages"] == 5000
        assert made.rows["switches"] == made.rows["groups"] >= at_least
        with closing(sqlite3.connect(made.file)) as copy:
            assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
            assert copy.execute("select count(*) from switches").fetchone()[0] == made.rows["switches"]
    assert writer[0] > 8, "the writer went on"


def test_is_one_file_of_the_operators_alone(path: Path, tmp_path: Path) -> None:
    made = backup.backup(path, tmp_path / "new/folder/copy.db")
    assert [file.name for file in made.file.parent.iterdir()] == ["copy.db"]
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.file.parent.stat().st_mode) == 0o700
    assert made.size == made.file.stat().st_size > 500_000


async def test_the_bot_starts_from_it(path: Path, tmp_path: Path) -> None:
    made = backup.backup(path, tmp_path / "copy.db")
    async with Store(made.file, [schema.tables]).open() as store:
        assert await store.read(lambda db: db.table("messages").count) == 5000
        await store.write(lambda db: db.conn.execute("insert into groups values ('g', 'n', 1)").rowcount)


def test_has_what_is_in_the_log_alone(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("insert into groups values ('late', 'n', 1)")
        assert path.with_name("house.db-wal").stat().st_size > 0
        assert backup.backup(path, tmp_path / "copy.db").rows["groups"] == 1


def test_never_replaces(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine", encoding="utf-8")
    for file in (tmp_path / "copy.db", path):
        before = file.read_bytes()
        with pytest.raises(ConfigError, match="already"):
            backup.backup(path, file)
        assert file.read_bytes() == before


def test_a_damaged_database_makes_no_backup(path: Path, tmp_path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(4096 * 20))
    with pytest.raises(ConfigError, match="could not be made") as caught:
        backup.backup(path, tmp_path / "out/copy.db")
    assert "xiaopeng check" in caught.value.remedy
    assert list((tmp_path / "out").iterdir()) == []


def test_no_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no database"):
        backup.backup(tmp_path / "none.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="could not be made"):
        backup.backup(path, tmp_path / "file/copy.db")


def test_prune_keeps_the_newest_of_ours(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    names = [backup.default(folder, 1_800_000_000 + 100_000 * number).name for number in range(4)]
    folder.mkdir()
    for name in (*names, "mine.db", "xiaopeng-20260101.db"):
        (folder / name).touch()
    assert [file.name for file in backup.prune(folder, 2)] == names[:2]
    assert {file.name for file in folder.iterdir()} == {*names[2:], "mine.db", "xiaopeng-20260101.db"}
    assert backup.prune(folder, 2) == []
