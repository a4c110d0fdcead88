"""Copies tables into files that name nobody: ids become keyed hashes, names and texts stay behind.

What is not known to be harmless does not leave: a column that nobody wrote down here, which a
plugin may bring, goes out only as a number, a hash or the length of its text.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal

import orjson
from sqlite_utils import Database, Migrations

from bot.config import variable
from bot.errors import ConfigError
from bot.store.mask import Mask, Rule, rules

Form = Literal["jsonl", "csv"]
Row = dict[str, object]

DAY = 86_400.0
PATH = variable("store", "path")
AGES = ("received", "time")
"""The columns by which a row has an age, the better one first."""
UNASKED = frozenset({"answered", "purged"})
"""Housekeeping: exported where it is named."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet runs when a cell begins with it."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One table's file, and how many rows are in it."""

    table: str
    file: Path
    rows: int


def export(
    path: Path,
    out: Path,
    *,
    tables: Sequence[str] = (),
    form: Form = "jsonl",
    since_days: float | None = None,
    bodies: bool = False,
    force: bool = False,
    key: bytes | None = None,
) -> list[Exported]:
    """Write each table of the database at `path` (all, where none is named) into a file in `out`.

    The files show one moment of the database, which the bot may go on writing; they appear
    together, at the end. `key` is of the hashes (None: a new one). Raises ConfigError.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(closing(opened(path)))
        try:
            connection.execute("begin")
            db = Database(connection)
            chosen = _chosen(db, tables)
            files = {table: out / f"{table}.{form}" for table in chosen}
            _refuse(files.values(), force)
            mask = Mask(
                key or secrets.token_bytes(32),
                platforms=_platforms(db),
                bodies=bodies,
                names=_names(db) if bodies else {},
            )
            cutoff = time.time() - since_days * DAY if since_days is not None else None
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
            done, ready = [], {}
            for table, file in files.items():
                part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
                stack.callback(part.unlink, missing_ok=True)
                with _created(part) as stream:
                    count = WRITERS[form](*_read(db, table, mask, cutoff), stream)
                ready[part] = file
                done.append(Exported(table, file, count))
            for part, file in ready.items():
                part.replace(file)
        except sqlite3.Error as error:
            raise ConfigError(PATH, f"{path} cannot be read ({error}).", "Run `xiaopeng check`.") from error
        except OSError as error:
            remedy = "Name a folder with room that you may write to."
            raise ConfigError("--out", f"{out} cannot be written to ({error.strerror}).", remedy) from error
    return done


def opened(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises ConfigError where there is no database."""
    if not path.is_file():
        raise ConfigError(PATH, f"There is no database at {path}.", "Start the bot once, or name another file.")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5)
        connection.execute("select 1 from sqlite_master limit 1")
    except sqlite3.Error as error:
        raise ConfigError(PATH, f"{path} cannot be opened ({error}).", "Run `xiaopeng check`.") from error
    return connection


def _chosen(db: Database, named: Sequence[str]) -> list[str]:
    """The tables to export; none of SQLite's own, and none of an index."""
    listed = db.execute("pragma table_list").fetchall()
    there = sorted(
        name
        for schema, name, kind, *_ in listed
        if (schema, kind) == ("main", "table") and not name.startswith(("sqlite_", Migrations.migrations_table))
    )
    if unknown := [name for name in named if name not in there]:
        raise ConfigError("TABLE", f"No table is called {', '.join(unknown)}.", f"Use some of {', '.join(there)}.")
    return list(dict.fromkeys(named)) or [name for name in there if name not in UNASKED]


def _refuse(files: Iterable[Path], force: bool) -> None:
    if not force and (there := [str(file) for file in files if file.exists()]):
        raise ConfigError("--out", f"There is {', '.join(there)} already.", "Name another folder, or add --force.")


def _platforms(db: Database) -> frozenset[str]:
    """The words before the colon in the ids of this database."""
    if not db.table("groups").exists():
        return frozenset()
    query = "select distinct substr(id, 1, instr(id, ':') - 1) from groups where instr(id, ':') > 1"
    return frozenset(row[0] for row in db.execute(query))


def _names(db: Database) -> Mapping[str, set[str]]:
    """What the members and groups of this database were called, by id."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for table, columns in (("messages", "member_id, member_name"), ("groups", "id, name")):
        if db.table(table).exists():
            for id, name in db.execute(f"select distinct {columns} from {table}"):  # noqa: S608 - the words above
                if name:
                    found[id].add(name)
    return dict(found)


def _read(db: Database, table: str, mask: Mask, cutoff: float | None) -> tuple[list[str], Iterator[Row]]:
    """The titles of a table's columns, and its rows as they may leave, one at a time."""
    columns = {column.name: column.type for column in db.table(table).columns}
    given = rules(table, columns)
    query, values = f'select * from "{table.replace(chr(34), chr(34) * 2)}"', []  # noqa: S608 - a name out of the schema
    age = next((name for name in AGES if name in columns), None)
    if cutoff is not None and age is not None:
        query, values = f'{query} where "{age}" >= ?', [cutoff]
    return list(_titles(given, mask.bodies)), (_masked(row, given, mask) for row in db.query(query, values))


def _titles(given: Mapping[str, Rule], bodies: bool) -> Iterator[str]:
    for name, rule in given.items():
        if rule is Rule.BODY and not bodies:
            yield f"{name}_chars"
        elif rule is not Rule.NAME:
            yield name


def _masked(row: Mapping[str, Any], given: Mapping[str, Rule], mask: Mask) -> Row:
    """The row under the titles of `_titles`, in their order."""
    masked: Row = {}
    for name, rule in given.items():
        value = row[name]
        if rule is Rule.NAME:
            continue
        if rule is Rule.BODY and not mask.bodies:
            masked[f"{name}_chars"] = len(value) if isinstance(value, str) else None
        else:
            masked[name] = mask.cell(value, rule, row)
    return masked


# --- files --------------------------------------------------------------------------------


def _created(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=1 << 18)


def _write_jsonl(titles: Sequence[str], rows: Iterator[Row], stream: IO[bytes]) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the count is returned
        stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return count


def _write_csv(titles: Sequence[str], rows: Iterator[Row], stream: IO[bytes]) -> int:
    count = 0
    # The mark at the beginning makes spreadsheets read the Chinese as it is.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(titles)
    for count, row in enumerate(rows, 1):  # noqa: B007 - the count is returned
        writer.writerow(map(_cell, row.values()))
    text.flush()
    text.detach()
    return count


def _cell(value: object) -> object:
    """A value as a spreadsheet takes it: text that would be run as a formula is quoted."""
    if isinstance(value, dict | list):
        value = orjson.dumps(value).decode()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


WRITERS: Mapping[Form, Callable[[Sequence[str], Iterator[Row], IO[bytes]], int]] = MappingProxyType(
    {"jsonl": _write_jsonl, "csv": _write_csv}
)
"""How a table's titles and rows go into a file; returns how many rows there were."""
