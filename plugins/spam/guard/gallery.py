"""Pictures that admins called ads: what is kept of them, and how they are known again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from sqlite_utils import Database

from plugins.spam import targets
from plugins.spam.codes import Code
from plugins.spam.guard.tables import EVERYWHERE, tables
from plugins.spam.images import Seen
from plugins.spam.phash import Hashes

MOST: Final = 10_000
"""Known pictures of a group, the newest."""
SAME_CODE: Final = "图里的码和管理员确认过的广告一样"
SAME_PICTURE: Final = "和管理员确认过的广告图一样"


@tables()
def create_pictures(db: Database) -> None:
    db.execute(
        "create table spam_pictures (id integer primary key autoincrement, group_id text not null,"
        " hash text not null, codes text not null, time real not null, decision_id integer)"
    )
    db.execute("create index spam_pictures_group on spam_pictures (group_id)")
    db.execute("create index spam_pictures_decision on spam_pictures (decision_id)")


@dataclass(frozen=True, slots=True)
class Print:
    """What a picture is known by: its hash, and marks of its codes. Neither brings the picture or the codes back."""

    hash: int | None
    codes: frozenset[str]

    @property
    def empty(self) -> bool:
        return self.hash is None and not self.codes


def print_of(seen: Seen) -> Print:
    """The print of a picture; codes that hold secrets, or lead where everybody goes, tell nothing."""
    return Print(seen.hash, frozenset(_mark(code) for code in seen.codes if _tells(code)))


def _tells(code: Code) -> bool:
    target = targets.kind(code.text)
    return not target.secret and target.kind != "harmless"


def _mark(code: Code) -> str:
    return blake2b(code.text.strip().encode("utf-8", "replace"), digest_size=12).hexdigest()


class Shelf:
    """The known pictures of one group."""

    def __init__(self, prints: Iterable[tuple[int, Print]] = ()) -> None:
        self._prints: dict[int, Print] = {}
        self._codes: dict[str, int] = {}
        self._hashes = Hashes()
        for number, known in prints:
            self._prints[number] = known
            self._codes.update(dict.fromkeys(known.codes, number))
            if known.hash is not None:
                self._hashes.add(str(number), known.hash)

    def __len__(self) -> int:
        return len(self._prints)

    def known(self, found: Print) -> tuple[int, str] | None:
        """The number of the known picture that this one is, and why it counts as that, in words for an admin.

        The cards by which people are added look alike but for their codes: where both have codes, these decide.
        """
        for mark in found.codes:
            if mark in self._codes:
                return self._codes[mark], SAME_CODE
        for near in self._hashes.near(found.hash) if found.hash is not None else ():
            codes = self._prints[int(near.key)].codes
            if not (codes and found.codes):
                return int(near.key), SAME_PICTURE
        return None


def load(db: Database, group_id: str, *, share: bool) -> Shelf:
    """What is known in a group, read from the table; with `share` also what other groups confirmed for it."""
    query = "select id, hash, codes from spam_pictures where group_id in (?, ?) order by id desc limit ?"
    rows = db.execute(query, [group_id, EVERYWHERE if share else group_id, MOST]).fetchall()
    return Shelf((int(number), _read(hash, codes)) for number, hash, codes in rows)


def add(db: Database, group_ids: Sequence[str], prints: Iterable[Print], decision_id: int | None) -> int:
    """Know these pictures from now on; returns how many of them can be known again."""
    kept = [found for found in dict.fromkeys(prints) if not found.empty]
    rows = [
        (group_id, "" if found.hash is None else f"{found.hash:016x}", json.dumps(sorted(found.codes)))
        for found in kept
        for group_id in group_ids
    ]
    insert = "insert into spam_pictures (group_id, hash, codes, time, decision_id) values (?, ?, ?, ?, ?)"
    db.conn.executemany(insert, [(*row, time.time(), decision_id) for row in rows])
    return len(kept)


def drop(db: Database, group_id: str, prints: Iterable[Print], decision_id: int | None, *, share: bool) -> None:
    """Know these pictures no longer, nor what a decision taught.

    With `share` in all groups that share, since what is no ad here is none there.
    """
    db.execute("delete from spam_pictures where decision_id = ? and group_id in (?, ?)",
               [decision_id, group_id, EVERYWHERE])  # fmt: skip
    for found in prints:
        while hit := load(db, group_id, share=share).known(found):
            db.execute("delete from spam_pictures where id = ?", [hit[0]])


def _read(hash: str, codes: str) -> Print:
    return Print(int(hash, 16) if hash else None, frozenset(json.loads(codes)))
