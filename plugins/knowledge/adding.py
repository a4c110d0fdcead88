"""What a group adds to its own collection: who said it, and what of the same title it takes the place of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orjson import dumps
from sqlite_utils import Database

from bot.api import Refusal
from plugins.knowledge import showing
from plugins.knowledge.paper import Paper
from plugins.knowledge.shelf import Entry, changed, drop, put, tables
from plugins.knowledge.terms import fold

DOCUMENTS = 2_000
"""So many documents one group may have of its own."""
FULL = f"本群的资料满 {DOCUMENTS} 条了，请先删掉一些：/知识 列表"


@tables()
def create_said(db: Database) -> None:
    """Who said what was added, besides who added it: both may ask to be forgotten, also when it is gone itself."""
    db.execute(
        "create table knowledge_said (document integer not null, source text not null, shown text not null,"
        " member_id text not null)"
    )
    db.execute("create index knowledge_said_member on knowledge_said (member_id)")


@dataclass(frozen=True, slots=True)
class Placed:
    """A document that was added; `renewed`: in the place of one of its title, under its number."""

    entry: Entry
    renewed: bool

    def told(self) -> str:
        """What became searchable, and how to take it back."""
        entry, verb = self.entry, "已更新" if self.renewed else "已收入"
        return f"{verb}第 {entry.id} 条《{entry.title}》，共 {entry.chunks} 段。撤销：/知识 删除 {entry.id}"


def place(db: Database, group_id: str, paper: Paper, added_by: str) -> Placed:
    """Put a paper into a group's own collection, in the place of one of its title. One transaction. Raises Refusal."""
    query = (
        "select d.id, d.source, d.title from knowledge_documents d"
        " join knowledge_collections c on c.id = d.collection where c.name = ?"
    )
    standing = db.execute(query, [group_id]).fetchall()
    title = fold(paper.title)
    same = [(id, source) for id, source, known in standing if fold(known) == title]
    if not same and len(standing) >= DOCUMENTS:
        raise Refusal(FULL)
    drop(db, group_id, [source for _, source in same])
    entry = put(
        db,
        group_id,
        source=paper.source,
        title=paper.title,
        digest=paper.digest,
        chunks=paper.chunks,
        added_by=added_by,
    )
    if same:
        # What members know by its number keeps it.
        entry = _renumbered(db, entry, same[0][0])
    if paper.said_by:
        row = [entry.id, entry.source, showing.source(entry.source, entry.title), paper.said_by]
        db.execute("insert into knowledge_said (document, source, shown, member_id) values (?, ?, ?, ?)", row)
    return Placed(entry, bool(same))


def _renumbered(db: Database, entry: Entry, number: int) -> Entry:
    db.execute("update knowledge_documents set id = ? where id = ?", [number, entry.id])
    db.execute("update knowledge_chunks set document = ? where document = ?", [number, entry.id])
    return replace(entry, id=number)


def remove(db: Database, group_id: str, number: int) -> Entry | None:
    """Take a group's own document off the shelf, by its number. None: the group has none of that number."""
    query = (
        "select d.id, c.name as collection, source, title, digest, chunks, characters, added_by, time"
        " from knowledge_documents d join knowledge_collections c on c.id = d.collection where d.id = ? and c.name = ?"
    )
    for row in db.query(query, [number, group_id]):
        entry = Entry(**row)
        drop(db, group_id, [entry.source])
        return entry
    return None


def forget(db: Database, member_id: str) -> None:
    """What a member added or said stays; that it was they goes."""
    db.execute("update knowledge_documents set added_by = null where added_by = ?", [member_id])
    query = (
        "select d.id, d.title from knowledge_said s"
        " join knowledge_documents d on d.id = s.document and d.source = s.source where s.member_id = ?"
    )
    for id, title in db.execute(query, [member_id]).fetchall():
        # A collection has one document of a title, so it has one source of this form, too.
        db.execute("update knowledge_documents set source = ? where id = ?", [showing.FRIEND + showing.tail(title), id])
    names = db.execute("select distinct shown from knowledge_said where member_id = ?", [member_id]).fetchall()
    for (shown,) in names:
        db.execute("update knowledge_spoken set source = ? where source = ?", [showing.FRIEND, shown])
        words = [f'"source":{dumps(named).decode()}' for named in (shown, showing.FRIEND)]
        change = "update knowledge_answers set passages = replace(passages, ?, ?) where instr(passages, ?)"
        db.execute(change, [*words, words[0]])
    db.execute("delete from knowledge_said where member_id = ?", [member_id])
    changed(db)
