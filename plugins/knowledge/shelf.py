"""Where knowledge stands: collections of documents, cut into chunks, indexed by their terms."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlite_utils import Database, Migrations

from plugins.knowledge.chunks import Chunk
from plugins.knowledge.terms import FORM, fold, is_odd, singles, terms

tables = Migrations("knowledge")
SHARED = "shared"
"""The collection that every group searches."""
SHIPPED = "xiaopeng"
"""The collection that comes with the bot: what is to be known about itself."""
BATCH = 1_000
"""So many chunks are written at once: the memory that indexing takes."""
COMMON = 50
"""A term of so many chunks has its number noted; how many a rarer one has is seen when it is looked up."""
GONE = 0
"""The document of chunks that were dropped and are still to be taken out of the index."""
SHELF = 40
"""A chunk's number says in which collection it is: the bits from here on are the collection's number."""


@tables()
def create_shelf(db: Database) -> None:
    db.execute("create table knowledge_collections (id integer primary key, name text not null unique)")
    db.execute(
        "create table knowledge_documents (id integer primary key autoincrement, collection integer not null,"
        " source text not null, title text not null, digest text not null, chunks integer not null,"
        " characters integer not null, added_by text, time real not null, unique (collection, source))"
    )
    db.execute(
        "create table knowledge_chunks (id integer primary key, document integer not null, title text not null,"
        " text text not null, also text not null, odd integer not null)"
    )
    db.execute("create index knowledge_chunks_document on knowledge_chunks (document)")
    db.execute("create table knowledge_common (term text primary key, chunks integer not null) without rowid")
    db.execute("create table knowledge_facts (name text primary key, value integer not null) without rowid")
    # No positions and no sizes: what the index finds is weighed in search.py, where the text itself is at hand.
    # Its own tokenizer only splits at spaces, since beyond ASCII everything counts as a letter.
    db.execute(
        "create virtual table knowledge_index using fts5(terms, content='', detail='none', columnsize=0,"
        " tokenize=\"ascii tokenchars '.+#'\")"
    )


@tables()
def set_up_index(db: Database) -> None:
    """The index keeps so many bytes of a transaction before it writes them, and merges so many pieces at once."""
    db.execute("insert into knowledge_index (knowledge_index, rank) values ('hashsize', 16777216)")
    db.execute("insert into knowledge_index (knowledge_index, rank) values ('automerge', 8)")
    db.execute("insert into knowledge_facts values ('form', ?)", [FORM])


@dataclass(frozen=True, slots=True)
class Entry:
    """A document that stands on the shelf. `time` is in Unix seconds."""

    id: int
    collection: str
    source: str
    title: str
    digest: str
    chunks: int
    characters: int
    added_by: str | None
    time: float


def collection(db: Database, name: str) -> int:
    """The number of a collection, which is made where it is not there."""
    db.execute("insert into knowledge_collections (name) values (?) on conflict (name) do nothing", [name])
    return _number(db, name) or 0


def _number(db: Database, name: str) -> int | None:
    row = db.execute("select id from knowledge_collections where name = ?", [name]).fetchone()
    return int(row[0]) if row else None


def put(
    db: Database,
    name: str,
    *,
    source: str,
    title: str,
    digest: str,
    chunks: Iterable[Chunk],
    added_by: str | None = None,
) -> Entry:
    """Put a document into a collection, in the place of an earlier one of that source. One transaction's work."""
    number = collection(db, name)
    drop(db, name, [source])
    now = time.time()
    document = db.execute(
        "insert into knowledge_documents (collection, source, title, digest, added_by, time, chunks, characters)"
        " values (?, ?, ?, ?, ?, ?, 0, 0)",
        [number, source, title, digest, added_by, now],
    ).lastrowid
    assert document is not None
    count = characters = 0
    for batch in _batches(chunks):
        _insert(db, number, document, batch)
        _grow(db, len(batch))
        count += len(batch)
        characters += sum(len(chunk.text) for chunk in batch)
    change = "update knowledge_documents set chunks = ?, characters = ? where id = ?"
    db.execute(change, [count, characters, document])
    return Entry(document, name, source, title, digest, count, characters, added_by, now)


def _batches(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    waiting = iter(chunks)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def indexed(chunk: Chunk) -> set[str]:
    """The terms that a chunk is found by."""
    head = fold(f"{chunk.title}\n{chunk.also}")
    return singles(head).union(terms(head), terms(fold(chunk.text)))


def _insert(db: Database, number: int, document: int, batch: Sequence[Chunk]) -> None:
    # Never given again: what is remembered of a chunk is not to be taken for another one.
    fact = f"chunks of {number}"
    db.execute("insert or ignore into knowledge_facts values (?, ?)", [fact, span(number)[0]])
    first = db.execute("select value from knowledge_facts where name = ?", [fact]).fetchone()[0]
    db.execute("update knowledge_facts set value = value + ? where name = ?", [len(batch), fact])
    rows = [
        (at, document, chunk.title, chunk.text, chunk.also, is_odd(f"{chunk.title}{chunk.also}{chunk.text}"))
        for at, chunk in enumerate(batch, first)
    ]
    insert = "insert into knowledge_chunks (id, document, title, text, also, odd) values (?, ?, ?, ?, ?, ?)"
    db.conn.executemany(insert, rows)
    entries = ((at, _entry(chunk)) for at, chunk in enumerate(batch, first))
    db.conn.executemany("insert into knowledge_index (rowid, terms) values (?, ?)", entries)


def span(number: int) -> tuple[int, int]:
    """The first and the last number that a chunk of a collection may have."""
    return number << SHELF, (number + 1 << SHELF) - 1


def _entry(chunk: Chunk) -> str:
    return " ".join(indexed(chunk))


def drop(db: Database, name: str, sources: Sequence[str], most: int = BATCH) -> int:
    """Take documents out of a collection, by their sources. Returns how many there were.

    They are found no more; what they leave in the index beyond `most` chunks, `sweep` takes away by and by.
    """
    number = _number(db, name)
    dropped = 0
    for source in sources if number is not None else ():
        query = "select id, chunks from knowledge_documents where collection = ? and source = ?"
        for document, chunks in db.execute(query, [number, source]).fetchall():
            db.execute("update knowledge_chunks set document = ? where document = ?", [GONE, document])
            db.execute("delete from knowledge_documents where id = ?", [document])
            _grow(db, -chunks)
            dropped += 1
    if dropped:
        sweep(db, most)
    return dropped


def sweep(db: Database, most: int = BATCH) -> int:
    """Take up to `most` chunks of dropped documents out of the index. Returns how many; 0: there are none left."""
    query = "select id, title, text, also from knowledge_chunks where document = ? limit ?"
    found = db.execute(query, [GONE, most]).fetchall()
    # What has no content of its own is told what to forget.
    forget = "insert into knowledge_index (knowledge_index, rowid, terms) values ('delete', ?, ?)"
    db.conn.executemany(forget, ((id, _entry(Chunk(title, text, also))) for id, title, text, also in found))
    db.conn.executemany("delete from knowledge_chunks where id = ?", [row[:1] for row in found])
    return len(found)


def is_littered(db: Database) -> bool:
    """Whether something is left of dropped documents."""
    return db.execute("select 1 from knowledge_chunks where document = ? limit 1", [GONE]).fetchone() is not None


def entries(db: Database, name: str) -> list[Entry]:
    """What stands in a collection, in the order in which it came."""
    query = (
        "select d.id, c.name as collection, source, title, digest, chunks, characters, added_by, time"
        " from knowledge_documents d join knowledge_collections c on c.id = d.collection where c.name = ? order by d.id"
    )
    return [Entry(**row) for row in db.query(query, [name])]


def held(db: Database) -> int:
    """How many chunks stand on the whole shelf."""
    return state(db)[0]


def state(db: Database) -> tuple[int, int]:
    """How many chunks stand on the whole shelf, and a number that grows with every change."""
    query = "select name, value from knowledge_facts where name in ('chunks', 'changes')"
    facts = dict(db.conn.execute(query).fetchall())
    return facts.get("chunks", 0), facts.get("changes", 0)


def changed(db: Database) -> None:
    """Note that something else about a document has changed, so that nobody goes on with what they remember."""
    _grow(db, 0)


def _grow(db: Database, chunks: int) -> None:
    change = "insert into knowledge_facts values (?, ?) on conflict (name) do update set value = value + excluded.value"
    db.conn.executemany(change, [("chunks", chunks), ("changes", 1)])


def recount(db: Database) -> None:
    """Note which terms are common, and how much there is: the search leaves common terms for the end.

    Nothing breaks where the notes are old. It reads the whole index.
    """
    db.execute(
        "create virtual table if not exists temp.knowledge_vocabulary using fts5vocab(main, knowledge_index, row)"
    )
    db.execute("delete from knowledge_common")
    db.execute(
        "insert into knowledge_common select term, doc from temp.knowledge_vocabulary where doc >= ?",
        [COMMON],
    )
    db.execute("insert or replace into knowledge_facts values ('counted', ?)", [held(db)])
    changed(db)


def is_outdated(db: Database) -> bool:
    """Whether what stands there was indexed by terms that are no longer made."""
    return db.execute("select 1 from knowledge_facts where name = 'form' and value = ?", [FORM]).fetchone() is None


def reindex(db: Database) -> None:
    """Index everything anew, by the terms of now. One transaction's work, as long as the shelf is large."""
    db.execute("insert into knowledge_index (knowledge_index) values ('delete-all')")
    db.execute("delete from knowledge_chunks where document = ?", [GONE])
    found = db.execute("select id, title, text, also from knowledge_chunks")
    rows = ((id, _entry(Chunk(title, text, also))) for id, title, text, also in found)
    db.conn.executemany("insert into knowledge_index (rowid, terms) values (?, ?)", rows)
    db.execute("insert or replace into knowledge_facts values ('form', ?)", [FORM])
    recount(db)
