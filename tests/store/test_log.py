"""The log keeps what was said, whatever it is made of, and finds it again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlite_utils import Database

from bot.errors import StoreError
from bot.store import schema
from bot.store.database import Store
from bot.store.log import Log, Utterance
from bot.types import (
    Account,
    Card,
    Face,
    File,
    Forward,
    Group,
    Image,
    JoinRequest,
    Member,
    MemberLeft,
    Mention,
    Message,
    Other,
    Part,
    Reaction,
    Recalled,
    Text,
)

GROUP, ACCOUNT, ANN = Group("t:1", "一群"), Account("t:bot"), Member("t:ann", "安")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "bot.db", [schema.tables]).open() as store:
        yield store


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)


def message(*parts: Part, id: str = "m1", group: Group = GROUP, quote: str | None = None) -> Message:
    return Message(group=group, account=ACCOUNT, time=1.5, id=id, member=ANN, parts=parts, quote=quote)


def at() -> dict[str, Any]:
    return {"group": GROUP, "account": ACCOUNT, "time": 1.5}


async def rows(store: Store, query: str) -> list[dict[str, Any]]:
    await store.flush()
    return await store.read(lambda db: list(db.query(query)))


def said(log: Log, message_id: str | None, text: str, **more: Any) -> None:
    fields: dict[str, Any] = {
        "group_id": GROUP.id, "account_id": ACCOUNT.id, "message_id": message_id, "in_reply_to": None,
        "member_id": ANN.id, "plugin": "ask", "text": text, "ref": None, "answer_id": None,
    }  # fmt: skip
    log.said(**fields | more)


async def test_every_kind_of_part_is_remembered_without_its_bytes(store: Store, log: Log) -> None:
    log.heard(message(Text("只是字"), id="plain"))
    log.heard(
        message(
            Text("看"), Mention("t:bo", "博"), Image(b"12345", "https://x.test/a.png", "a.png"), Face("76"),
            Card("卡片", "https://x.test"), Forward("f", ((Text("里"), Face("1")),)), File("a.zip", "u", 7),
            Other("猜拳"),
            quote="m0",
        ),
        screened=False,
    )  # fmt: skip
    plain, rich = await rows(store, "select * from messages order by id")
    assert plain["text"] == "只是字"
    assert plain["parts"] is None
    assert plain["screened"] == 1
    assert (rich["text"], rich["quote"], rich["screened"], rich["time"]) == ("看", "m0", 0, 1.5)
    assert abs(rich["received"] - time.time()) < 5
    assert orjson.loads(rich["parts"]) == [
        {"text": "看"}, {"mention": "t:bo", "name": "博"},
        {"image": "a.png", "url": "https://x.test/a.png", "bytes": 5}, {"face": "76"},
        {"card": "卡片", "url": "https://x.test"}, {"forward": "f", "messages": [[{"text": "里"}, {"face": "1"}]]},
        {"file": "a.zip", "url": "u", "bytes": 7}, {"other": "猜拳"},
    ]  # fmt: skip


async def test_files_are_found_again_with_what_gets_them(log: Log) -> None:
    files = (File("说明.md", "https://x.test/a", 7, "f:1"), File("b\ud83d.txt"))
    log.heard(message(Text('看 "file"'), files[0], Image(b"1"), files[1], id="rich"))
    log.heard(message(Text('{"file": "x"}'), id="plain"))
    log.heard(message(Text('"file"'), Mention("t:bo", "file"), id="none"))
    found = {id: await log.find(GROUP.id, id) for id in ("rich", "plain", "none")}
    assert {id: utterance.files for id, utterance in found.items() if utterance} == {
        "rich": files, "plain": (), "none": (),
    }  # fmt: skip


async def test_half_a_character_hides_nothing(store: Store, log: Log) -> None:
    half = "买\ud83d药"
    log.heard(message(Text(half), id="plain"))
    log.heard(message(Text(half), Mention("t:bo", half), Card(half, half), id="rich"))
    log.happened(JoinRequest(**at(), member=ANN, comment=half, flag="f"))
    log.happened(MemberLeft(**at(), member=Member("t:x", half)))
    log.heard(message(Text("后"), id="after"))
    found = await rows(store, "select message_id, text from messages order by id")
    assert found == [
        {"message_id": "plain", "text": "买?药"}, {"message_id": "rich", "text": "买?药"},
        {"message_id": "after", "text": "后"},
    ]  # fmt: skip
    assert len(await rows(store, "select * from events")) == 2
    assert store.lost == 0


async def test_events_say_what_happened_and_not_more(store: Store, log: Log) -> None:
    log.happened(Recalled(**at(), message_id="m9", member=ANN, operator=Member("t:admin", "管")))
    log.happened(Reaction(**at(), message_id="m9", member=ANN, emoji="👍", added=False))
    log.happened(JoinRequest(**at(), member=ANN, comment="放我进来", flag="secret-handle"))
    found = await rows(store, "select kind, member_id, detail from events order by id")
    assert [row["kind"] for row in found] == ["Recalled", "Reaction", "JoinRequest"]
    assert {row["member_id"] for row in found} == {ANN.id}
    details = [orjson.loads(row["detail"]) for row in found]
    assert details[0] == {"message_id": "m9", "operator": "t:admin"}
    assert details[1]["added"] is False
    assert "secret-handle" not in str(found), "a platform's handle is a power"


async def test_what_was_heard_lately_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with Store(path, [schema.tables]).open() as store:
        for number in range(5):
            Log(store).heard(message(Text("/问"), id=f"m{number}"))
    async with Store(path, [schema.tables]).open() as store:
        assert await Log(store).recent(60, 3) == [(GROUP.id, f"m{number}") for number in (2, 3, 4)]
        await store.write(lambda db: db.conn.execute("update messages set received = received - 120 where id < 5"))
        assert await Log(store).recent(60, 3) == [(GROUP.id, "m4")]
        await Log(store).take(message(Text("/问"), id="m0"))
        assert await Log(store).answered(60, 3) == {(GROUP.id, "m0")}


async def test_groups_are_known_by_their_newest_name(store: Store, log: Log) -> None:
    for name in ("旧名", "", "新名", ""):
        log.heard(message(Text("x"), group=Group("t:1", name)))
    log.heard(message(Text("x"), group=Group("t:2")))
    found = await rows(store, "select id, name from groups order by id")
    assert found == [{"id": "t:1", "name": "新名"}, {"id": "t:2", "name": ""}]


async def test_finds_the_newest_of_ours_before_a_members(log: Log) -> None:
    log.heard(message(Text("问题")))
    assert await log.find(GROUP.id, "m1") == Utterance("问题", "安")
    said(log, "b1", "答", ref="arena:1", answer_id="a1")
    said(log, "b1", "后来的", ref="arena:2")
    assert await log.find(GROUP.id, "b1") == Utterance("后来的", "", True, "arena:2", None)
    assert await log.find("t:2", "b1") is None
    assert await log.find(GROUP.id, "没有") is None


async def test_what_is_committed_is_found_while_nothing_can_be_written(store: Store, log: Log) -> None:
    said(log, "b1", "答", ref="arena:1")
    await store.flush()

    def limit(db: Database) -> None:
        db.conn.execute(f"pragma max_page_count = {db.conn.execute('pragma page_count').fetchone()[0]}")

    await store.write(limit)
    for number in range(300):
        log.heard(message(Text("满" * 100), id=f"x{number}"))
    with pytest.raises(StoreError):
        await store.flush()
    found = await log.find(GROUP.id, "b1")
    assert found is not None
    assert found.ref == "arena:1"
    store._writer._connection.execute("pragma max_page_count = 1000000")


async def test_a_failed_reply_and_a_label_are_remembered(store: Store, log: Log) -> None:
    said(log, None, "没出去", failed="被禁言")
    log.labelled("a1", "deepseek", GROUP.id, "ab" * 32)
    log.obeyed(message(Text("/问")), "t:ann", "ask", "ask", "ModelBusy", 12.5)
    assert (await rows(store, "select failed, message_id from said")) == [{"failed": "被禁言", "message_id": None}]
    assert (await rows(store, "select answer_id, sha256 from labels")) == [{"answer_id": "a1", "sha256": "ab" * 32}]
    assert (await rows(store, "select outcome, ms from commands")) == [{"outcome": "ModelBusy", "ms": 12.5}]
