"""What is past its time goes, what is evidence stays longer, and a forgotten member leaves no trace."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from bot import config
from bot.store import audit, retention, schema
from bot.store.audit import Entry
from bot.store.database import Store
from bot.store.log import Log
from bot.types import Account, Group, Member, MemberJoined, Message, Text

KEEPING = config.Store(bodies_days=30, evidence_days=180)
GROUP, ACCOUNT = Group("t:1", "一群"), Account("t:bot")
DAY = 86_400.0
ANSWER = (
    "insert into answers (id, group_id, member_id, plugin, question, text, input_tokens, time)"
    " values (?, 't:1', ?, 'ask', ?, ?, 5, ?)"
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "bot.db", [schema.tables]).open() as store:
        yield store


async def live(store: Store, id: str, name: str) -> None:
    """Leave a trace in every table."""
    log, member = Log(store), Member(id, name)
    message = Message(
        group=GROUP, account=ACCOUNT, time=1, id=f"m-{id}", member=member, parts=(Text(f"秘密 {name}"), Text("!"))
    )
    log.heard(message)
    log.happened(MemberJoined(group=GROUP, account=ACCOUNT, time=1, member=member))
    await log.take(message)
    log.obeyed(message, message.member.id, "ask", "ask", "ok", 1)
    log.said(
        group_id=GROUP.id, account_id=ACCOUNT.id, message_id=f"b-{id}", in_reply_to=message.id, member_id=id,
        plugin="ask", text=f"{name} 的秘密", ref=None, answer_id=f"a-{id}",
    )  # fmt: skip
    log.labelled(f"a-{id}", "model", GROUP.id, "00")
    store.row(ANSWER, (f"a-{id}", id, f"秘密 {name}", f"{name} 的秘密", time.time()))
    entry = Entry(GROUP.id, id, name, "moderate", "spam", after=f'{{"text": "秘密 {name}"}}')
    await audit.note(store, entry)
    await audit.note(store, replace(entry, act="set", after="1"))
    await store.flush()


async def count(store: Store, table: str, where: str = "1") -> int:
    return await store.read(lambda db: db.table(table).count_where(where))


async def purge(store: Store, days: float) -> int:
    total = 0
    while touched := await store.write(lambda db: retention.purge(db, KEEPING, time.time() + days * DAY)):
        total += touched
    return total


async def test_nothing_goes_before_its_time(store: Store) -> None:
    await live(store, "t:ann", "安")
    assert await purge(store, 0.9) == 0
    assert await purge(store, 29.9) == 1, "only the note that a message was answered, which serves for a day"
    assert await count(store, "messages", "text is not null") == 1


async def test_bodies_go_first_and_counts_stay(store: Store) -> None:
    await live(store, "t:ann", "安")
    await purge(store, 30.1)
    for table, fields in {
        "messages": ("text", "parts", "member_name"), "said": ("text",), "answers": ("question", "text"),
        "events": ("detail",),
    }.items():  # fmt: skip
        assert await count(store, table) == 1, table
        for field in fields:
            assert await count(store, table, f"{field} is not null") == 0, f"{table}.{field}"
    assert await count(store, "labels") == 1
    assert await count(store, "audit") == 2
    assert await purge(store, 30.1) == 0, "there is an end of it"


async def test_evidence_goes_when_its_time_has_come(store: Store) -> None:
    await live(store, "t:ann", "安")
    await purge(store, 180.1)
    assert await count(store, "labels") == 0
    assert await count(store, "audit", "act = 'moderate'") == 0
    assert await count(store, "audit", "act = 'set'") == 1, "who changed what can still be undone"


async def test_a_piece_is_small_and_pieces_come_to_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 10)
    log = Log(store)
    for number in range(95):
        member = Member(f"t:{number}", "某")
        log.heard(
            Message(group=GROUP, account=ACCOUNT, time=1, id=f"m{number}", member=member, parts=(Text(f"{number}"),))
        )
    await store.flush()
    touched = []
    while piece := await store.write(lambda db: retention.purge(db, KEEPING, time.time() + 31 * DAY)):
        touched.append(piece)
    assert touched == [10] * 9 + [5]


async def test_a_clock_that_was_set_back_delays_and_loses_nothing(store: Store) -> None:
    for id in ("t:ann", "t:bo", "t:cy"):
        await live(store, id, "某")
    await store.write(lambda db: db.conn.execute("update messages set received = received + 864000 where id = 2"))
    await purge(store, 30.1)
    assert await count(store, "messages", "text is null") == 1
    await purge(store, 40.1)
    assert await count(store, "messages", "text is null") == 3


async def test_a_forgotten_member_is_nowhere_and_the_others_are_untouched(store: Store) -> None:
    await live(store, "t:ann", "安")
    await live(store, "t:cy", "博")

    def dump(db: Database) -> list[dict[str, Any]]:
        tables = [name for name in db.table_names() if not name.startswith("_")]
        return [{"table": name, **row} for name in tables for row in db.table(name).rows]

    before = await store.read(dump)
    await store.write(lambda db: retention.forget(db, "t:ann", "deleted-1"))
    after = await store.read(dump)
    assert len(after) == len(before)
    theirs: Any = lambda rows: [row for row in rows if "t:cy" in str(row)]  # noqa: E731
    assert theirs(after) == theirs(before)
    mine = [row for row in after if row["table"] != "audit" and "安" in str(row)]
    assert mine == []
    ids = [row for row in after if "t:ann" in map(str, row.values())]
    assert {row["table"] for row in ids} == {"audit"}, "moderation is evidence until its time"
    assert await count(store, "audit", "member_id = 't:ann' and member_name is not null") == 0
    assert await count(store, "messages", "member_id = 'deleted-1'") == 1


async def test_who_said_it_goes_with_what_was_said(store: Store) -> None:
    await live(store, "t:ann", "安")
    await purge(store, 30.1)
    for table in ("messages", "events", "commands", "said", "answers"):
        assert await count(store, table) == 1
        assert await count(store, table, "member_id is not null") == 0
    assert await count(store, "audit", "member_name = '安'") == 2
    await purge(store, 180.1)
    [left] = await store.read(lambda db: list(db.query("select act, member_id, member_name, after from audit")))
    assert left == {"act": "set", "member_id": "", "member_name": None, "after": "1"}
