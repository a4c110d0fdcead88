"""What leaves the house names nobody: no id, no name, and no text unless it is asked for."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from bot.errors import ConfigError
from bot.store.export import Form, export
from bot.testing import Room, Scripted
from bot.types import Card, File, Forward, Image, MemberLeft, Mention, Role, Text
from plugins.ask import Ask
from plugins.welcome import Welcome

PEOPLE = ["安可可", "博文文", "陈=SUM(1)", "丁管理"]
SECRETS = ["room:1", "room:2", "room:bot", "测试群", "另一个群", "m-1001", "m-1002", "m-1003", "77553311"]
WORDS = ["今天天气怎么样", "请你看看这个", "转发的话", "密信", "答复正文"]


async def lived(path: Path) -> None:
    """A database out of a bot that lived a little, with an id or a name wherever one can be."""
    models = {"main": Scripted("答复正文在这里")}
    async with Room(Ask, Welcome, models=models, store={"path": path}) as room:
        await room.say("/问 今天天气怎么样", by=PEOPLE[0], message_id="m-1001")
        parts = (
            Text("请你看看这个 @博文文 "),
            Mention(f"room:{PEOPLE[1]}", PEOPLE[1]),
            Image(url="https://q1.example.org/g?nk=77553311", name="77553311.png"),
            Card("名片 陈=SUM(1)", "https://c.example.org/u/77553311"),
            File("安可可的简历.pdf", "https://f.example.org/77553311"),
            Forward("m-1001", ((Text("转发的话"), Mention(f"room:{PEOPLE[2]}", PEOPLE[2])),)),
        )
        room.platform.receive(room.message("", by=PEOPLE[2], parts=parts, quote="m-1001", message_id="m-1002"))
        room.platform.receive(room.message("=密信(1)", by=PEOPLE[1], group=room.other, message_id="m-1003"))
        await room.join(PEOPLE[1])
        await room.react("m-1001", "👍", by=PEOPLE[1])
        await room.recall("m-1002", by=PEOPLE[2])
        leaver, remover = room.message("", by=PEOPLE[2]).member, room.message("", by=PEOPLE[3]).member
        room.platform.receive(MemberLeft(**room._at(None), member=leaver, operator=remover))
        await room.say("/关闭 欢迎", by=PEOPLE[3], role=Role.ADMIN)
        await room.settle()
        await room.app.store.flush()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("life") / "house.db"
    asyncio.run(lived(path))
    return path


@pytest.fixture
def path(life: Path, tmp_path: Path) -> Path:
    path = tmp_path / "house.db"
    shutil.copy(life, path)
    with sqlite3.connect(path) as connection:
        act = {
            "reason": "room:安可可 刷屏",
            "done": ["recall"],
            "failed": ["mute: room:安可可"],
            "message": "m-1002",
            "text": "密信",
        }
        connection.execute(
            "insert into audit (time, group_id, member_id, member_name, act, plugin, subject, after)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [time.time(), "room:1", "room:陈=SUM(1)", "陈=SUM(1)", "moderate", "spam", "m-1002", json.dumps(act)],
        )
        connection.execute("insert into settings values ('room:1', 'control', 'admins', ?)", ['["room:安可可"]'])
        connection.execute("create table duels (winner_id text, name text, note text, points int, odd int, photo blob)")
        connection.execute("insert into duels values ('room:安可可', '安可可', '密信', 3, '博文文', x'00')")
        connection.execute("create virtual table found using fts5 (body)")
        connection.execute("insert into found values ('密信')")
    connection.close()
    return path


def written(folder: Path) -> str:
    return "\n".join(file.read_text("utf-8") for file in folder.iterdir())


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{table}.jsonl").read_text("utf-8").splitlines()]


def ids(path: Path) -> Iterator[str]:
    """Every id that the database holds in a column of ids."""
    db = Database(sqlite3.connect(path))
    for table in ("messages", "events", "commands", "said", "answers", "audit", "groups", "switches"):
        columns = [(column.name, column.type) for column in db.table(table).columns]
        for row in db.table(table).rows:
            for name, kind in columns:
                if (name.endswith("_id") or name in {"quote", "in_reply_to"} or (name, kind) == ("id", "TEXT")) and row[
                    name
                ]:
                    yield row[name]
    db.close()


def test_the_database_is_worth_a_scan(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    for word in (*PEOPLE, *SECRETS, *WORDS):
        assert word in dump, word


@pytest.mark.parametrize("form", ["jsonl", "csv"])
@pytest.mark.parametrize("bodies", [False, True])
def test_no_id_and_no_name_leaves(path: Path, tmp_path: Path, form: Form, bodies: bool) -> None:
    done = export(path, tmp_path / "out", form=form, bodies=bodies)
    assert {table.table for table in done} >= {
        "messages",
        "events",
        "answers",
        "commands",
        "said",
        "audit",
        "groups",
        "duels",
    }
    text = written(tmp_path / "out")
    raw = {*SECRETS, *ids(path)}
    if not bodies:
        raw |= {*PEOPLE, *WORDS, "room:", "recall:", "找不到"}
    # A short id (b1) is no leak where it stands inside a hash.
    found = {secret for secret in raw if re.search(rf"(?<![0-9a-f]){re.escape(secret)}(?![0-9a-f])", text)}
    assert found == set(), found
    if bodies:
        said, heard = ((tmp_path / f"out/{table}.{form}").read_text("utf-8") for table in ("said", "messages"))
        assert all(word in text for word in ("今天天气怎么样", "转发的话", "密信", "答复正文"))
        assert "@博文文" not in text
        assert not any(name in table for table in (said, heard) for name in ("博文文", "测试群"))
        assert "member_name" not in text


def test_one_id_has_one_hash_everywhere(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(path, out)
    heard = {row["text_chars"]: row for row in rows(out, "messages")}
    asked = heard[len("/问 今天天气怎么样")]
    assert re.fullmatch("[0-9a-f]{16}", asked["member_id"])
    assert rows(out, "answers")[0]["member_id"] == asked["member_id"]
    assert rows(out, "said")[0]["in_reply_to"] == asked["message_id"]
    assert rows(out, "said")[0]["answer_id"] == rows(out, "answers")[0]["id"]
    assert rows(out, "duels")[0]["winner_id"] == asked["member_id"]
    quoting = next(row for row in rows(out, "messages") if row["quote"])
    assert quoting["quote"] == asked["message_id"]
    mention = next(part for part in quoting["parts"] if "mention" in part)
    assert mention == {"mention": next(r for r in rows(out, "events") if r["kind"] == "MemberJoined")["member_id"]}
    forward = next(part for part in quoting["parts"] if "forward" in part)
    assert forward["forward"] == asked["message_id"]
    assert forward["messages"][0][1]["mention"] == quoting["member_id"]
    image = next(part for part in quoting["parts"] if "image" in part)
    assert image == {"image": None, "url": "https://q1.example.org", "bytes": None}
    left = next(row for row in rows(out, "events") if row["kind"] == "MemberLeft")
    assert re.fullmatch("[0-9a-f]{16}", left["detail"]["operator"])
    act = next(row for row in rows(out, "audit") if row["act"] == "moderate")
    assert act["after"] == {
        "reason": None, "done": ["recall"], "failed": [None], "message": quoting["message_id"], "text": None
    }  # fmt: skip
    assert act["subject"] == quoting["message_id"]
    assert rows(out, "settings")[0]["value"] == [asked["member_id"]]
    assert rows(out, "switches")[0]["group_id"] == asked["group_id"]
    assert rows(out, "duels") == [
        {"winner_id": asked["member_id"], "note_chars": 2, "points": 3, "odd": None, "photo_chars": None}
    ]


def test_hashes_change_with_each_export_but_for_a_key(path: Path, tmp_path: Path) -> None:
    keys = [None, None, b"k" * 16, b"k" * 16]
    firsts = []
    for number, key in enumerate(keys):
        export(path, tmp_path / str(number), tables=["groups"], key=key)
        firsts.append(rows(tmp_path / str(number), "groups")[0]["id"])
    assert len(set(firsts)) == 3
    assert firsts[2] == firsts[3]


def test_a_spreadsheet_runs_nothing(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for text in ("+1", "-1", "@SUM(1)", "\t=1", "=cmd|' /C calc'!A0", "plain, with comma\nand line"):
            connection.execute("insert into messages (group_id, text, received) values ('room:1', ?, -5)", [text])
    connection.close()
    export(path, tmp_path / "out", tables=["messages"], form="csv", bodies=True)
    cells = [row["text"] for row in csv.DictReader(io.StringIO((tmp_path / "out/messages.csv").read_text("utf-8-sig")))]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in cells)
    assert {"'+1", "'-1", "'\t=1", "'=cmd|' /C calc'!A0", "'=密信(1)", "plain, with comma\nand line"} <= set(cells)


def test_files_are_the_operators_alone_and_stay(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(path, out, tables=["groups"])
    assert [file.name for file in out.iterdir()] == ["groups.jsonl"]
    assert stat.S_IMODE((out / "groups.jsonl").stat().st_mode) == 0o600
    before = (out / "groups.jsonl").read_bytes()
    with pytest.raises(ConfigError, match="--force"):
        export(path, out)
    assert (out / "groups.jsonl").read_bytes() == before
    assert len(list(out.iterdir())) == 1
    export(path, out, force=True)
    assert (out / "groups.jsonl").read_bytes() != before


def test_a_failed_export_leaves_nothing(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "messages.jsonl").mkdir(parents=True)
    with pytest.raises(ConfigError, match="--out"):
        export(path, out, tables=["messages"], force=True)
    assert [file.name for file in out.iterdir()] == ["messages.jsonl"]


@pytest.mark.parametrize("table", ["mesages", "sqlite_master", "found", "found_data", "_sqlite_migrations", 'x"; drop'])
def test_an_unknown_table(path: Path, tmp_path: Path, table: str) -> None:
    with pytest.raises(ConfigError, match="No table") as caught:
        export(path, tmp_path / "out", tables=[table])
    assert "messages" in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_no_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="XIAOPENG_STORE__PATH"):
        export(tmp_path / "none.db", tmp_path / "out")
    (tmp_path / "text.db").write_text("no database" * 100, encoding="utf-8")
    with pytest.raises(ConfigError, match="XIAOPENG_STORE__PATH"):
        export(tmp_path / "text.db", tmp_path / "out")


def test_since_takes_the_young(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("insert into messages (message_id, received) values ('old', ?)", [time.time() - 3 * 86_400])
    connection.close()
    (everything,) = export(path, tmp_path / "a", tables=["messages"])
    (young,) = export(path, tmp_path / "b", tables=["messages"], since_days=2)
    assert young.rows == everything.rows - 1


def test_hostile_json_stays_json(path: Path, tmp_path: Path) -> None:
    deep = "[" * 900 + '"room:安可可"' + "]" * 900
    with sqlite3.connect(path) as connection:
        for parts in (deep, "{broken", '{"安可可": {"nickname": "安可可", "to_id": 77553311}}'):
            connection.execute("insert into messages (parts, received) values (?, 0)", [parts])
    connection.close()
    export(path, tmp_path / "out", tables=["messages"], bodies=True)
    assert "安可可" not in json.dumps(
        [row["parts"] for row in rows(tmp_path / "out", "messages")[-3:]], ensure_ascii=False
    )
    assert "77553311" not in written(tmp_path / "out")


def test_works_while_the_bot_writes(path: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    counted = [0]

    def write() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        while not stop.is_set():
            connection.execute("insert into messages (group_id, received) values ('room:1', 1)")
            counted[0] += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            at_least = counted[0]
            (done,) = export(path, tmp_path / str(number), tables=["messages"])
            assert done.rows >= at_least
            deadline = time.monotonic() + 10
            while counted[0] == at_least and time.monotonic() < deadline:
                time.sleep(0.001)
            assert counted[0] > at_least, "the writer went on"
    finally:
        stop.set()
        writer.join()
