"""The database as tools beside the bot open it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from bot.errors import ConfigError, StoreError
from bot.store.beside import database

tables = Migrations("notes")


@tables()
def create_notes(db: Database) -> None:
    db.execute("create table notes (text text)")


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XIAOPENG_STORE__PATH", "own/notes.db")
    return tmp_path / "own/notes.db"


def test_it_is_the_one_that_the_settings_name_and_made_where_it_is_not_there(path: Path) -> None:
    with pytest.raises(ConfigError, match="no database"), database():
        pass
    with database(tables) as db:
        db.execute("insert into notes values ('a')")
    assert path.exists()
    with database() as db:
        assert db.execute("select text from notes").fetchall() == [("a",)]


def test_without_tables_nothing_is_written(path: Path) -> None:
    with database(tables):
        pass
    with pytest.raises(StoreError, match="cannot be written"), database() as db:
        db.execute("insert into notes values ('a')")


def test_mistakes_in_a_statement_are_raised_as_they_are(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), database(tables) as db:
        db.execute("select * from nowhere")


def test_what_a_newer_version_wrote_is_refused(path: Path) -> None:
    newer = Migrations("notes")
    newer(name="create_notes")(lambda db: None)
    newer(name="something_else")(lambda db: None)
    with database(newer):
        pass
    with pytest.raises(ConfigError, match="newer version"), database(tables):
        pass
