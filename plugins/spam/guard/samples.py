"""The texts that admins put right: what a group learns from, and what it lets through at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import blake2b

from sqlite_utils import Database

from plugins.spam.guard.decisions import LONGEST, Label, storable
from plugins.spam.guard.tables import EVERYWHERE


def key(text: str) -> bytes | None:
    """What two texts have in common that differ in white space and case only; None where there are no words."""
    words = "".join(storable(text)[:LONGEST].split()).casefold()
    return blake2b(words.encode(), digest_size=12).digest() if words else None


def put(db: Database, group_id: str, label: Label, text: str, by: str, decision_id: int | None = None) -> int | None:
    """Keep a text with what an admin called it; a later word about the same text takes the place of an earlier one.

    Returns its number; None where there are no words.
    """
    text = storable(text)[:LONGEST]
    if not text.strip():
        return None
    if decision_id:
        withdraw(db, group_id, decision_id)
    db.execute("update spam_samples set active = 0 where group_id = ? and text = ?", [group_id, text])
    made = db.execute(
        "insert into spam_samples (group_id, label, text, time, by, decision_id) values (?, ?, ?, ?, ?, ?)",
        [group_id, label, text, time.time(), by, decision_id or None],
    ).lastrowid
    assert made is not None
    return made


def bring(db: Database, group_id: str, texts: Sequence[str]) -> None:
    """Keep ads that an operator brought along; none of them is there yet."""
    now = time.time()
    rows = [(group_id, "spam", storable(text)[:LONGEST], now, "") for text in texts]
    db.conn.executemany("insert into spam_samples (group_id, label, text, time, by) values (?, ?, ?, ?, ?)", rows)


def withdraw(db: Database, group_id: str, decision_id: int) -> None:
    """Let go of what a decision taught here."""
    db.execute("update spam_samples set active = 0 where group_id = ? and decision_id = ?", [group_id, decision_id])


def active(db: Database, group_id: str, *, shared: bool = False) -> list[tuple[int, Label, str]]:
    """The number, the label and the text of what holds in a group, oldest first; `shared`: also what holds in all."""
    query = "select id, label, text from spam_samples where active and text != '' and group_id in (?, ?) order by id"
    return [tuple(row) for row in db.execute(query, [group_id, EVERYWHERE if shared else group_id]).fetchall()]


def allowed(db: Database, group_id: str) -> set[bytes]:
    """The keys of what an admin of the group said is no ad."""
    found = {key(text) for _, label, text in active(db, group_id) if label == "ham"}
    return {one for one in found if one is not None}
