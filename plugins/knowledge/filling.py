"""Puts an operator's documents on the shelf in short transactions, and only those that are new or have changed.

A running bot writes to the same database: whoever holds the lock long makes it wait. So documents are read and cut
before a transaction begins, and between two there is room for the bot.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from pathlib import Path

from sqlite_utils import Database

from plugins.knowledge import shelf
from plugins.knowledge.chunks import Chunk, chunks
from plugins.knowledge.documents import Unreadable
from plugins.knowledge.reading import read

CHUNKS = shelf.BATCH
"""A transaction writes about so many chunks, which takes a quarter of a second."""
SECONDS = 0.5
"""What was read waits no longer for more to come."""
ROOM = 0.15
"""Seconds between two transactions: whoever waits for SQLite's lock looks for it every 0.1."""
PARTIAL = ""
"""The digest of a document that is not yet there as a whole."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be added: `load` gives a name that tells the format, and the bytes, or raises Unreadable."""

    source: str
    load: Callable[[], tuple[str, bytes]]


@dataclass(slots=True)
class Tally:
    """What became of the documents; `broken` are the sources that could not be read, with the reasons."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    chunks: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def worked(self) -> int:
        """Documents with which all went well."""
        return self.added + self.changed + self.unchanged + self.removed


@dataclass(frozen=True, slots=True)
class Ready:
    """A document that was read and cut."""

    source: str
    title: str
    digest: str
    chunks: Sequence[Chunk]


def digest(data: bytes) -> str:
    """What tells whether a document must be read again: its bytes, and how this version reads."""
    return f"{hashlib.sha256(data).hexdigest()}-{version()}"


@cache
def version() -> str:
    """The version of all that makes chunks of bytes. It is told by the code: nobody forgets to count it up."""
    home = Path(__file__).parent
    files = [home / "documents.py", home / "chunks.py", home / "terms.py", *sorted((home / "reading").glob("*.py"))]
    code = hashlib.sha256()
    for file in files:
        code.update(file.read_bytes())
    return code.hexdigest()[:8]


class Filling:
    """Fills one collection of a database that is in no transaction. `flush` at the end.

    `shared` says whether a bot uses the database too, and has to be left room.
    """

    def __init__(self, db: Database, collection: str, shared: Callable[[], bool] = lambda: True) -> None:
        self.tally = Tally()
        self._db = db
        self._collection = collection
        self._known = {entry.source: entry for entry in shelf.entries(db, collection)}
        self._waiting: list[Ready] = []
        self._count = 0
        self._since = 0.0
        self._free = 0.0
        self._shared = shared

    @property
    def kept(self) -> list[str]:
        """The sources that stand there by now, but for those that a member added."""
        return [source for source, entry in self._known.items() if entry.added_by is None]

    def add(self, item: Item) -> None:
        """Add an item, unless it stands there already; one that cannot be read is noted, and what was there stays."""
        try:
            name, data = item.load()
            mark = digest(data)
            known = self._known.get(item.source)
            if known is not None and known.digest == mark:
                self.tally.unchanged += 1
                return
            document = read(name, data)
            pieces = chunks(document)
            first = list(islice(pieces, CHUNKS))
            ready = Ready(item.source, document.title, mark, first)
            if len(first) == CHUNKS:
                self._put_long(ready, pieces)
            else:
                self._later(ready)
        except Unreadable as error:
            self.tally.broken.append((item.source, str(error)))

    def flush(self) -> None:
        """Write what was read so far."""
        if not self._waiting:
            return
        with self._transaction():
            written = [self._put(ready, ready.digest, ready.chunks) for ready in self._waiting]
        self._waiting.clear()
        self._count = 0
        for entry in written:
            self._count_in(entry)
        self._sweep()

    def remove(self, sources: Iterable[str]) -> None:
        """Take documents out of the collection."""
        known = [self._known[source] for source in sources if source in self._known]
        for batch in _batches(known):
            with self._transaction():
                self.tally.removed += shelf.drop(self._db, self._collection, [entry.source for entry in batch])
            self._sweep()

    def renew(self) -> None:
        """Index the whole shelf anew, where an earlier version of the bot has indexed it by other terms."""
        if shelf.is_outdated(self._db):
            with self._transaction():
                shelf.reindex(self._db)

    def recount(self) -> None:
        """Note how much there is and which terms are common, where something has changed since that was last done."""
        facts = "select value from knowledge_facts where name in ('chunks', 'counted')"
        (there,) = self._db.execute("select count(*) from knowledge_chunks").fetchone()
        tally = self.tally
        if tally.added or tally.changed or tally.removed or self._db.execute(facts).fetchall() != [(there,)] * 2:
            with self._transaction():
                # The shelf adds up whole documents: one that was interrupted is not in its sum.
                note = "insert or replace into knowledge_facts select 'chunks', count(*) from knowledge_chunks"
                self._db.execute(note)
                shelf.recount(self._db)

    def _sweep(self) -> None:
        """Take what was dropped out of the index; also what an interrupted run left there."""
        left = 1
        while left:
            with self._transaction():
                left = shelf.sweep(self._db)

    def _later(self, ready: Ready) -> None:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(ready)
        self._count += len(ready.chunks)
        if self._count >= CHUNKS or time.monotonic() - self._since >= SECONDS:
            self.flush()

    def _put(self, ready: Ready, mark: str, pieces: Iterable[Chunk]) -> shelf.Entry:
        return shelf.put(self._db, self._collection, source=ready.source, title=ready.title, digest=mark, chunks=pieces)

    def _put_long(self, ready: Ready, rest: Iterator[Chunk]) -> None:
        """Put a document that takes many transactions. Until the last, its digest says that it is not whole."""
        self.flush()
        with self._transaction():
            entry = self._put(ready, PARTIAL, self._in_turns(ready.source, chain(ready.chunks, rest)))
            self._db.execute("update knowledge_documents set digest = ? where id = ?", [ready.digest, entry.id])
        self._count_in(entry)
        self._sweep()

    def _in_turns(self, source: str, pieces: Iterator[Chunk]) -> Iterator[Chunk]:
        """The chunks; before each new batch of them, what was written of those before is committed."""
        query = (
            "select d.id, d.time from knowledge_documents d join knowledge_collections c on c.id = d.collection"
            " where c.name = ? and source = ?"
        )
        for number, piece in enumerate(pieces):
            if number and number % CHUNKS == 0:
                written = self._db.execute(query, [self._collection, source]).fetchone()
                self._end("commit")
                self._begin()
                if self._db.execute(query, [self._collection, source]).fetchone() != written:
                    raise Unreadable("somebody else removed or added it meanwhile")
            yield piece

    def _count_in(self, entry: shelf.Entry) -> None:
        if entry.source in self._known:
            self.tally.changed += 1
        else:
            self.tally.added += 1
        self.tally.chunks += entry.chunks
        self._known[entry.source] = entry

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._begin()
        try:
            yield
        except BaseException:
            self._end("rollback")
            raise
        self._end("commit")

    def _begin(self) -> None:
        if self._shared():
            time.sleep(max(0.0, self._free + ROOM - time.monotonic()))
        self._db.conn.execute("begin immediate")

    def _end(self, how: str) -> None:
        if self._db.conn.in_transaction:
            self._db.conn.execute(how)
        self._free = time.monotonic()


def _batches(entries: Iterable[shelf.Entry]) -> Iterator[list[shelf.Entry]]:
    """Documents together, so many as one transaction takes."""
    batch: list[shelf.Entry] = []
    count = 0
    for entry in entries:
        batch.append(entry)
        count += entry.chunks
        if count >= CHUNKS:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
