"""A shelf in a file of its own, as the bot keeps it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from plugins.knowledge import shelf


@contextmanager
def new_shelf() -> Iterator[Database]:
    """An empty shelf, which is thrown away."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        db = Database(Path(scratch) / "shelf.db")
        db.conn.isolation_level = None
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        shelf.tables.apply(db)
        try:
            yield db
        finally:
            db.close()
