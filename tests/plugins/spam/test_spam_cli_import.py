"""An admin's own list of ads, given on the command line: what is taken, what is named, and a bot that runs."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import chdir, closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.errors import ConfigError
from bot.testing import Room
from plugins.spam import Spam
from plugins.spam.guard import adlist, state
from plugins.spam.guard.cli import app
from tests.plugins.spam.guard_room import ADMIN

ADS = (
    "本店长期供应各类账号，量大从优，需要的私聊客服详谈价格",
    "工作室诚招打字员，日结三百，在家就能做，想来的加我细说",
    "名表箱包一比一，支持验货，看中的滴滴我发图册和报价",
)


class Desk:
    """A folder to type in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "data/xiaopeng.db"

    def __call__(self, *words: str) -> Result:
        with chdir(self.folder):
            done = CliRunner().invoke(app, list(words), prog_name="xiaopeng spam")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def samples(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute("select group_id, text from spam_samples where active order by id").fetchall()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in os.environ:
        if name.startswith("XIAOPENG_"):
            monkeypatch.delenv(name)
    return Desk(tmp_path)


def test_a_text_file_is_one_ad_a_line(desk: Desk) -> None:
    done = desk("import", desk.file("ads.txt", "\n\n".join(ADS)))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "3 ads for all groups; 0 lines left out\n", "")
    assert desk.samples() == [("*", ad) for ad in ADS]


def test_one_group_may_have_its_own(desk: Desk) -> None:
    done = desk("import", desk.file("ads.txt", ADS[0]), "--group", "qq:7")
    assert done.stdout == "1 ads for qq:7; 0 lines left out\n"
    assert desk.samples() == [("qq:7", ADS[0])]
    assert desk("import", "ads.txt", "--group", "qq:7", "--all").exit_code == 2
    assert desk("import", "ads.txt", "--group", "qq").exit_code == 2


def test_what_teaches_nothing_is_named(desk: Desk) -> None:
    ad, other = f"{ADS[0]}，电话 13800138000", f"{ADS[0]}，电话 13911139111"
    lines = ["收到", ad, "请问这个报错怎么解决啊有没有人遇到过", ad, other, "12345678901234567890"]
    done = desk("import", desk.file("ads.txt", "\n".join(lines)))
    assert done.stdout == "1 ads for all groups; 5 lines left out\n"
    assert done.stderr.splitlines() == [
        "  line 1: too short to be known by: 收到",
        "  line 3: it reads like ordinary talk: 请问这个报错怎么解决啊有没有人遇到过",
        f"  line 4: the same as line 2: {ad[:40]}…",
        f"  line 5: the same as line 2: {other[:40]}…",
        "  line 6: too short to be known by: 12345678901234567890",
    ]
    assert desk.samples() == [("*", ad)]


def test_the_same_list_twice_is_the_same(desk: Desk) -> None:
    desk.file("ads.txt", "\n".join(ADS))
    desk("import", "ads.txt")
    again = desk("import", "ads.txt")
    assert (again.exit_code, again.stdout) == (0, "0 ads for all groups; 3 lines left out\n")
    assert "  line 1: there already: " in again.stderr
    assert len(desk.samples()) == 3


def test_an_admins_word_stands(desk: Desk) -> None:
    desk("import", desk.file("first.txt", ADS[1]), "--group", "qq:7")
    with closing(sqlite3.connect(desk.path)) as db, db:
        db.execute("update spam_samples set label = 'ham', text = ?", [ADS[0]])
    done = desk("import", desk.file("ads.txt", ADS[0]), "--group", "qq:7")
    assert done.exit_code == 1
    assert "line 1: an admin said that it is no ad" in done.stderr
    assert desk("import", "ads.txt", "--group", "qq:8").exit_code == 0


def test_a_table_has_a_column_text(desk: Desk) -> None:
    table = f'id,Text,label\n1,"{ADS[0]}",spam\n2,{ADS[1]},ham\n3\n4,"{ADS[2]}",\n'
    done = desk("import", desk.file("ads.csv", table.encode("gb18030")))
    assert desk.samples() == [("*", ADS[0]), ("*", ADS[2])]
    assert done.stderr.splitlines() == ["  line 3: not labelled spam", "  line 4: no text"]
    done = desk("import", desk.file("bad.csv", "a,b\n1,2\n"))
    assert (done.exit_code, done.stderr) == (1, "bad[.]csv: its first line names no column text\n")


def test_json_lines_are_as_for_training(desk: Desk) -> None:
    rows = [{"text": ADS[0], "label": "spam", "source": "own"}, {"text": ADS[1], "label": "ham"}, {"text": 3}, [ADS[2]]]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    done = desk("import", desk.file("ads.jsonl", "\n".join([*lines, "{", "[" * 100_000])))
    assert desk.samples() == [("*", ADS[0])]
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        "not labelled spam", "no text", "no text", "no JSON", "no JSON",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("ads.txt", b"\x00\x01\x02", "it is no text"),
        ("ads.txt", b"\xff\xfe\x00\xd8" * 9, "it is no text"),
        ("ads.txt", b"a" * (adlist.BYTES + 1), "it is longer than 10 MB"),
        ("ads.txt", b"a\n" * (adlist.LINES + 1), "it has more than 100000 lines"),
        ("ads.csv", b'text\n"' + b"a" * 200_000, "line 2 is no table: field larger than field limit (131072)"),
        ("ads.exe", b"a", "the name has to end in .txt, .csv, .jsonl"),
    ],
    ids=["binary", "half", "long", "lines", "field", "kind"],
)
def test_what_is_no_list_is_refused(desk: Desk, name: str, content: bytes, why: str) -> None:
    done = desk("import", desk.file(name, content))
    assert done.exit_code == 1
    assert done.stderr.endswith(f": {why}\n")
    assert desk.samples() == []


def test_what_is_no_file_is_refused(desk: Desk) -> None:
    assert "there is no such file" in desk("import", "none.txt").stderr
    (desk.folder / "folder.txt").mkdir()
    assert "there is no such file" in desk("import", "folder.txt").stderr
    os.mkfifo(desk.folder / "pipe.txt")
    assert "there is no such file" in desk("import", "pipe.txt").stderr


def test_what_a_line_says_reaches_no_terminal(desk: Desk) -> None:
    done = desk("import", desk.file("ads.txt", "\x1b[31m红\n"))
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    done = desk("import", desk.file("two.txt", "短 a.cn\u202e\n"))
    assert ": 短 a[.]cn\n" in done.stderr


def test_there_is_a_bound(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adlist, "MOST", 2)
    done = desk("import", desk.file("ads.txt", "\n".join([*ADS, *ADS])))
    assert "line 3: more than 2 ads in one file" in done.stderr
    assert len(desk.samples()) == 2


def test_many_lines_are_not_named_one_by_one(desk: Desk) -> None:
    done = desk("import", desk.file("ads.txt", "好\n" * 50))
    assert len(done.stderr.splitlines()) == 21
    assert done.stderr.endswith("  and 30 more\n")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that writes and looks twenty times a second."""
    monkeypatch.setattr(state, "FLUSH_SECONDS", 0.05)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("where", [["--group", "room:1"], ["--all"]])
async def test_a_running_bot_takes_them_up(desk: Desk, monkeypatch: pytest.MonkeyPatch, where: list[str]) -> None:
    ad = "阳光幼儿园隔壁老王家的手工豆腐脑今天出摊，数量有限先到先得哦"
    async with Room(Spam) as room:
        await room.set(Spam, audits=0)
        await room.say("/防广告 开启", by="博", role=ADMIN)
        assert await room.say(ad, by="甲") == []
        monkeypatch.setenv("XIAOPENG_STORE__PATH", str(room.app.store.path))
        path = desk.file("ads.txt", ad)
        done = await asyncio.to_thread(desk, "import", path, *where)
        assert done.stdout.startswith("1 ads"), done.output
        room.platform.roles[room.group.id, "room:bot"] = ADMIN
        async with asyncio.timeout(20):
            while not room.platform.recalled:
                await room.say(f"{ad}，电话 13{len(room.platform.sent)}", by=f"乙{room._count}")
        [row] = await room.rows("select rule from spam_decisions order by id desc limit 1")
        assert row == {"rule": "known"}


def test_a_report_without_a_database_says_what_to_do(desk: Desk) -> None:
    with pytest.raises(ConfigError):
        desk("report")
