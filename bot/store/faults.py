"""Whose failure it is: the disk's, a row's or a plugin's; and how it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from bot.errors import StoreError

UNWRITABLE = (
    ValueError,
    OverflowError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
)
"""What a row raises that no second try can write."""
OUTSIDE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Failures of the disk or of other programs: no job is to blame, and later it works."""


def listed(result: Any, owner: str) -> Any:
    """The result, which must not read from the connection later, in another thread."""
    if isinstance(result, Iterator) and getattr(result, "description", ()) is not None:  # a cursor without rows is none
        raise TypeError(f"{owner} returned an iterator from the database: return list(…) of it")
    return result


def raisable(error: BaseException, owner: str, limit: float) -> Exception:
    """The failure of a function as its caller is told it; some a future cannot carry."""
    told = code(error)
    if told == sqlite3.SQLITE_INTERRUPT:
        return StoreError(f"{owner} took more than {limit:g} s in the database")
    if told == sqlite3.SQLITE_AUTH:
        return StoreError(f"{owner} tried to commit or roll back; the writer does that")
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"{owner} raised {error!r} in the database")
    wrapped.__cause__ = error
    return wrapped


def code(error: BaseException | None) -> int | None:
    """SQLite's primary result code; None where it says none."""
    extended = getattr(error, "sqlite_errorcode", None)
    return extended & 0xFF if isinstance(extended, int) else None


def unwritable(error: Exception) -> bool:
    """Whether no second try can write this row; a statement that SQLite does not understand counts too."""
    return not isinstance(error, sqlite3.OperationalError) or code(error) == sqlite3.SQLITE_ERROR


def writable(value: object) -> object:
    """A value as SQLite can take it: half a character becomes a mark, a number too large its digits."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value
