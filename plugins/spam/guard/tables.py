"""What the guard remembers: modes, decisions, members, counts, and what admins taught it."""

from __future__ import annotations

import time
from hashlib import blake2b

from sqlite_utils import Database, Migrations

tables = Migrations("spam")
EVERYWHERE = "*"
"""The group of what holds in all groups of the operator."""
DAY = 86_400.0
TEXT_DAYS = 90
"""So long the words of a decision are kept; what was decided stays longer, since the figures are made of it."""
KEPT_DAYS = 400


@tables()
def create_guard(db: Database) -> None:
    db.execute(
        "create table spam_groups (group_id text primary key, mode text not null, since real not null,"
        " by text not null, admin_group text) without rowid"
    )
    db.execute(
        "create table spam_decisions (id integer primary key autoincrement, group_id text not null,"
        " group_name text not null, member_id text not null, member_name text not null, message_id text not null,"
        " text text not null, lost text not null, time real not null, score real not null, verdict text not null,"
        " rule text not null, reasons text not null, mode text not null, origin text not null, step text not null,"
        " outcome text not null, label text, label_by text, label_time real, chance real, version text not null)"
    )
    # One message, one decision, however often and by whomever it is brought up.
    db.execute(
        "create unique index spam_decisions_message on spam_decisions (group_id, message_id) where message_id != ''"
    )
    db.execute("create index spam_decisions_time on spam_decisions (group_id, time)")
    db.execute("create index spam_decisions_member on spam_decisions (member_id)")
    db.execute(
        "create table spam_members (group_id text not null, member_id text not null, real integer not null,"
        " trusted_by text not null, strikes integer not null, last_strike real not null,"
        " false_reports integer not null, good_reports integer not null, primary key (group_id, member_id))"
        " without rowid"
    )
    db.execute("create index spam_members_member on spam_members (member_id)")
    db.execute(
        "create table spam_days (group_id text not null, day text not null, seen integer not null default 0,"
        " acted integer not null default 0, would integer not null default 0, reviewed integer not null default 0,"
        " passed integer not null default 0, duplicates integer not null default 0, failed integer not null default 0,"
        " primary key (group_id, day)) without rowid"
    )
    db.execute(
        "create table spam_reports (group_id text not null, message_id text not null, reporter_id text not null,"
        " decision_id integer, time real not null, primary key (group_id, message_id, reporter_id)) without rowid"
    )
    db.execute("create index spam_reports_reporter on spam_reports (reporter_id, time)")
    db.execute(
        "create table spam_lists (group_id text not null, kind text not null, form text not null,"
        " value text not null, by text not null, time real not null, primary key (group_id, kind, form, value))"
        " without rowid"
    )
    db.execute(
        "create table spam_samples (id integer primary key autoincrement, group_id text not null,"
        " label text not null, text text not null, time real not null, by text not null, decision_id integer,"
        " active integer not null default 1)"
    )
    db.execute("create index spam_samples_group on spam_samples (group_id, active)")
    db.execute("create index spam_samples_decision on spam_samples (decision_id)")
    db.execute(
        "create table spam_versions (group_id text not null, version integer not null, time real not null,"
        " why text not null, delta blob not null, check_before text not null, check_after text not null,"
        " active integer not null, primary key (group_id, version))"
    )
    db.execute(
        "create table spam_appeals (decision_id integer not null, member_id text not null, words text not null,"
        " time real not null, answered real, primary key (decision_id, member_id)) without rowid"
    )
    db.execute(
        "create table spam_facts (group_id text not null, name text not null, value text not null,"
        " primary key (group_id, name)) without rowid"
    )
    db.execute("create table spam_forgotten (mark blob primary key) without rowid")


def mark(member_id: str) -> bytes:
    """What stands for a member who is to be forgotten, until those who still remember them have read it."""
    return blake2b(member_id.encode("utf-8", "replace"), digest_size=16).digest()


def forget(db: Database, member_id: str) -> None:
    """Unlink a member: the figures stay, their names, ids and words go."""
    db.execute("insert or ignore into spam_forgotten values (?)", [mark(member_id)])
    theirs = "select id from spam_decisions where member_id = ?"
    db.execute(f"update spam_samples set text = '', active = 0 where decision_id in ({theirs})", [member_id])  # noqa: S608 - a constant
    db.execute(
        "delete from spam_reports where reporter_id = ? or (group_id, message_id) in"
        " (select group_id, message_id from spam_decisions where member_id = ?)",
        [member_id, member_id],
    )
    db.execute(
        "update spam_decisions set member_id = '', member_name = '', message_id = '', text = '' where member_id = ?",
        [member_id],
    )
    db.execute("update spam_decisions set label_by = '' where label_by = ?", [member_id])
    db.execute("update spam_groups set by = '' where by = ?", [member_id])
    db.execute("delete from spam_lists where form = 'member' and value = ?", [member_id])
    db.execute("update spam_lists set by = '' where by = ?", [member_id])
    db.execute("update spam_samples set by = '' where by = ?", [member_id])
    db.execute("delete from spam_passed where member_id = ?", [member_id])
    db.execute("update spam_members set trusted_by = '*' where trusted_by = ?", [member_id])
    db.execute("delete from spam_members where member_id = ?", [member_id])
    db.execute("delete from spam_appeals where member_id = ?", [member_id])


def purge(db: Database, group_id: str) -> None:
    """Blank and drop what is past its time in a group."""
    now = time.time()
    db.execute(
        "update spam_decisions set text = '', member_name = ''"
        " where group_id = ? and time < ? and (text != '' or member_name != '')",
        [group_id, now - TEXT_DAYS * DAY],
    )
    db.execute("delete from spam_decisions where group_id = ? and time < ?", [group_id, now - KEPT_DAYS * DAY])
    db.execute("delete from spam_reports where group_id = ? and time < ?", [group_id, now - TEXT_DAYS * DAY])
    db.execute(
        "delete from spam_appeals where decision_id not in (select id from spam_decisions) and time < ?",
        [now - TEXT_DAYS * DAY],
    )
    db.execute("delete from spam_passed where group_id = ? and time < ?", [group_id, now - TEXT_DAYS * DAY])
