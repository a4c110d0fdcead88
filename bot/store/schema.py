"""The core's tables. Plugins bring their own by `tables=`."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

tables = Migrations("core")


@tables()
def create_log(db: Database) -> None:
    db.table("groups").create({"id": str, "name": str, "first_seen": float}, pk="id")
    db.table("messages").create(
        {
            "id": int,
            "group_id": str,
            "account_id": str,
            "message_id": str,
            "member_id": str,
            "member_name": str,
            "time": float,
            "received": float,
            "text": str,
            "parts": str,
            "quote": str,
            "screened": int,
        },
        pk="id",
    )
    db.table("messages").create_index(["group_id", "message_id"])
    _current(db, "messages", "received")
    db.table("events").create(
        {"id": int, "kind": str, "group_id": str, "member_id": str, "time": float, "received": float, "detail": str},
        pk="id",
    )
    _current(db, "events", "received")
    db.table("taken").create({"group_id": str, "message_id": str, "received": float}, pk=("group_id", "message_id"))
    db.table("commands").create(
        {
            "id": int,
            "group_id": str,
            "member_id": str,
            "message_id": str,
            "plugin": str,
            "command": str,
            "outcome": str,
            "ms": float,
            "time": float,
        },
        pk="id",
    )
    _current(db, "commands", "time")
    db.table("said").create(
        {
            "id": int,
            "group_id": str,
            "account_id": str,
            "message_id": str,
            "in_reply_to": str,
            "member_id": str,
            "plugin": str,
            "text": str,
            "ref": str,
            "answer_id": str,
            "failed": str,
            "time": float,
        },
        pk="id",
    )
    db.table("said").create_index(["group_id", "message_id"])
    _current(db, "said", "time")


@tables()
def create_models(db: Database) -> None:
    db.table("answers").create(
        {
            "id": str,
            "group_id": str,
            "member_id": str,
            "plugin": str,
            "purpose": str,
            "model": str,
            "served_by": str,
            "question": str,
            "text": str,
            "input_tokens": int,
            "output_tokens": int,
            "ms": float,
            "cost": float,
            "finish": str,
            "error": str,
            "time": float,
        },
        pk="id",
    )
    _current(db, "answers", "time")
    db.table("labels").create(
        {"id": int, "answer_id": str, "model": str, "group_id": str, "sha256": str, "time": float}, pk="id"
    )
    db.table("labels").create_index(["time"])


@tables()
def create_control(db: Database) -> None:
    db.table("switches").create({"group_id": str, "plugin": str, "enabled": int}, pk=("group_id", "plugin"))
    db.table("settings").create(
        {"group_id": str, "plugin": str, "field": str, "value": str}, pk=("group_id", "plugin", "field")
    )
    db.table("audit").create(
        {
            "id": int,
            "time": float,
            "group_id": str,
            "member_id": str,
            "member_name": str,
            "act": str,
            "plugin": str,
            "subject": str,
            "before": str,
            "after": str,
            "undoes": int,
        },
        pk="id",
    )
    db.table("audit").create_index(["group_id", "id"])
    db.table("audit").create_index(["time"])


@tables()
def lighten_log(db: Database) -> None:
    """What is written with every event has no index by time: it stands in the order of its time."""
    for table in ("messages", "events", "commands", "said"):
        db.conn.execute(f"drop index idx_{table}_current")
    db.conn.execute("drop table taken")
    db.table("answered").create({"id": int, "group_id": str, "message_id": str, "received": float}, pk="id")
    db.table("purged").create({"name": str, "id": int}, pk="name")
    db.table("answers").create_index(["group_id", "member_id", "time"])


def _current(db: Database, table: str, column: str) -> None:
    """Index the rows that still name a member: the purge blanks that with the body, and finds only the rest."""
    db.conn.execute(f"create index idx_{table}_current on {table} ({column}) where member_id is not null")
