"""How long things are kept, and how a member is forgotten."""

from __future__ import annotations

import time

from sqlite_utils import Database

from bot.config import Store as Keeping

DAY = 86_400.0
BODIES = {
    "messages": ("received", ("member_name", "text", "parts")),
    "events": ("received", ("detail",)),
    "commands": ("time", ()),
    "said": ("time", ("text",)),
    "answers": ("time", ("question", "text")),
}
"""What is blanked with the member's id when a row is past its time, by the column that tells its age."""
ORDERED = frozenset({"messages", "events", "commands", "said"})
"""What is written with every event and has no index by time; `purged` tells up to which row all are blank."""
PIECE = 5_000
"""Rows that one purge transaction touches, so that the writer is never held up for long."""


def forget(db: Database, member_id: str, stand_in: str) -> None:
    """Take a member out of the log: texts and names go, counts stay under a stand-in that names nobody."""
    words = [stand_in, member_id]
    db.conn.execute(
        "update messages set member_id = ?, member_name = null, text = null, parts = null where member_id = ?", words
    )
    db.conn.execute("update events set member_id = ?, detail = null where member_id = ?", words)
    # Who muted, recalled or was poked is named inside.
    db.conn.execute("update events set detail = null where instr(detail, ?)", [f'"{member_id}"'])
    db.conn.execute("update commands set member_id = ? where member_id = ?", words)
    db.conn.execute("update said set member_id = ?, text = null where member_id = ?", words)
    db.conn.execute("update answers set member_id = ?, question = null, text = null where member_id = ?", words)
    db.conn.execute("update audit set member_name = null where member_id = ?", [member_id])
    # A direct chat bears the member's id in its own.
    platform, _, number = member_id.partition(":")
    for table in (*BODIES, "answered", "audit", "switches", "settings"):
        change = f"update {table} set group_id = ? where group_id = ?"  # noqa: S608 - constants
        db.conn.execute(change, [stand_in, f"{platform}:dm:{number}"])


def purge(db: Database, keeping: Keeping, now: float | None = None) -> int:
    """Blank bodies and drop evidence that are past their time, a piece at most; returns the rows touched."""
    now = now or time.time()
    bodies, evidence = now - keeping.bodies_days * DAY, now - keeping.evidence_days * DAY
    touched = 0
    for table, (age, fields) in BODIES.items():
        blank = ", ".join(f"{field} = null" for field in ("member_id", *fields))
        if table in ORDERED:
            touched += _blank_next(db, table, age, blank, bodies)
            continue
        due = f"select id from {table} where {age} < ? and member_id is not null limit ?"  # noqa: S608 - constants
        change = f"update {table} set {blank} where id in ({due})"  # noqa: S608 - constants
        touched += db.conn.execute(change, [bodies, PIECE]).rowcount
    for statement, limit in (
        ("delete from answered where id in (select id from answered where received < ? limit ?)", now - DAY),
        ("delete from labels where id in (select id from labels where time < ? limit ?)", evidence),
        (
            "delete from audit where id in (select id from audit where time < ? and act = 'moderate' limit ?)",
            evidence,
        ),
        (
            "update audit set member_id = '', member_name = null where id in"
            " (select id from audit where time < ? and act != 'moderate' and member_id != '' limit ?)",
            evidence,
        ),
    ):
        touched += db.conn.execute(statement, [limit, PIECE]).rowcount
    return touched


def _blank_next(db: Database, table: str, age: str, blank: str, before: float) -> int:
    """Blank the next piece of a table whose rows stand in the order of their time; returns the rows looked at."""
    done = db.conn.execute("select id from purged where name = ?", [table]).fetchone()
    first = (done[0] if done else 0) + 1
    piece = f"select id, {age} from {table} where id >= ? order by id limit ?"  # noqa: S608 - constants
    rows = db.conn.execute(piece, [first, PIECE]).fetchall()
    # A clock that was set back leaves younger rows before older ones: those wait for the younger ones' day.
    last = next((row[0] - 1 for row in rows if row[1] >= before), rows[-1][0] if rows else 0)
    if last < first:
        return 0
    db.conn.execute(f"update {table} set {blank} where id between ? and ?", [first, last])  # noqa: S608 - constants
    db.table("purged").upsert({"name": table, "id": last}, pk="name")
    return sum(row[0] <= last for row in rows)
