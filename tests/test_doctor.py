"""The doctor names everything that is wrong at once, and finds nothing wrong where all is well."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.config import PREFIX
from bot.doctor import Finding, examine
from bot.store import schema
from bot.store.claim import claim, claimed
from tests.peers.openai_server import OpenAIServer

BROKEN = {
    "XIAOPENG_ALIASES": "abc",
    "XIAOPENG_BOTS": '["QQ:1"]',
    "XIAOPENG_LOG_LEVEL": "loud",
    "XIAOPENG_SERVER__HOST": "0.0.0.0",
    "XIAOPENG_SERVER__PORT": "99999",
    "XIAOPENG_SERVER__PROT": "1",
    "XIAOPENG_SERVER_PORT": "9",
    "XIAOPENG_PACE": '{"group": -1}',
    "XIAOPENG_LANES": "7",
    "XIAOPENG_DEFAULT_MODEL": "zzz",
    "XIAOPENG_MODELS__MODEL": "m",
    "XIAOPENG_MODELS__<NAME>": '{"model": "m"}',
    "XIAOPENG_MODELS__ONE__RETRIES": "many",
    "XIAOPENG_MODELS__ONE__KEY": "sk-secret-1",
    "XIAOPENG_MODELS__TWO__MODEL": "m",
    "XIAOPENG_MODELS__TWO__PRESET": "deepsek",
    "XIAOPENG_MODELS__TWO__BASE_URL": "foo",
    "XIAOPENG_MODELS__THREE__MODEL": "m",
    "XIAOPENG_MODELS__THREE__PRESET": "deepseek",
    "XIAOPENG_MODELS__FOUR__MODEL": "m",
    "XIAOPENG_MODELS__FOUR__API_KEY": "sk-secret-sü",
}
WRONG = {name for name in BROKEN if name not in {"XIAOPENG_SERVER__HOST", "XIAOPENG_PACE"}} - {
    "XIAOPENG_MODELS__TWO__MODEL",
    "XIAOPENG_MODELS__THREE__MODEL",
    "XIAOPENG_MODELS__THREE__PRESET",
    "XIAOPENG_MODELS__FOUR__MODEL",
} | {
    "XIAOPENG_PACE__GROUP",
    "XIAOPENG_MODELS__ONE__MODEL",
    "XIAOPENG_MODELS__ONE__API_KEY",
    "XIAOPENG_MODELS__THREE__API_KEY",
    "XIAOPENG_WEB__PASSWORD",
    "XIAOPENG_ONEBOT__TOKEN",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, with an environment of its own and a free port."""
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XIAOPENG_SERVER__PORT", "0")
    return tmp_path


def examined(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str], *, online: bool = False) -> list[Finding]:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return list(examine(Path(".env"), online=online))


def failures(found: list[Finding]) -> dict[str, str]:
    return {finding.subject: finding.text for finding in found if finding.level == "fail"}


def of(found: list[Finding], subject: str, level: str) -> str:
    (text,) = [finding.text for finding in found if (finding.subject, finding.level) == (subject, level)]
    return text


def test_finds_nothing_wrong_with_a_fresh_start(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    found = examined(monkeypatch, {"XIAOPENG_OPERATORS": '["qq:12345"]'})
    assert failures(found) == {}
    assert {finding.subject for finding in found if finding.level == "ok"} >= {
        "python", "sqlite", "settings", "exposure", "XIAOPENG_SERVER__PORT", "XIAOPENG_OPERATORS", "plugins",
        "XIAOPENG_STORE__PATH", "prompts", "disk",
    }  # fmt: skip
    assert list(home.iterdir()) == []


def test_names_all_that_is_wrong_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(monkeypatch, BROKEN)
    assert failures(found).keys() == WRONG
    for finding in found:
        assert finding.text
        assert "secret" not in finding.text
    assert "XIAOPENG_SERVER__PORT" in of(found, "XIAOPENG_SERVER_PORT", "fail")
    assert "XIAOPENG_SERVER__PORT" in of(found, "XIAOPENG_SERVER__PROT", "fail")
    assert "XIAOPENG_MODELS__MAIN__MODEL" in of(found, "XIAOPENG_MODELS__MODEL", "fail")


def test_says_what_is_wrong_in_one_clause(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1 variable of the environment is" in of(examined(monkeypatch, {}), "settings", "ok")
    two = examined(monkeypatch, {"XIAOPENG_NAME": "鹏"})
    assert "2 variables of the environment are" in of(two, "settings", "ok")
    found = failures(examined(monkeypatch, {"XIAOPENG_SERVER__PORT": "high", "XIAOPENG_LOG_LEVEL": "loud"}))
    assert found["XIAOPENG_SERVER__PORT"].startswith("Input should be a valid integer. ")
    assert "'WARNING' or 'ERROR'" in found["XIAOPENG_LOG_LEVEL"]


@pytest.mark.parametrize("name", sorted(BROKEN.keys() & WRONG))
def test_one_thing_wrong_is_named_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = failures(examined(monkeypatch, {name: BROKEN[name]}))
    assert name in found
    assert {subject for subject in found if not subject.startswith(name.rpartition("__")[0])} == set()


def test_names_what_the_file_holds(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    lines = ["TZ=Asia/Shanghai", "XIAOPENG_SERVR__PORT=1", "XIAOPENG_STORE__BODIES_DAYS=-3", "what is this"]
    (home / ".env").write_text("\n".join(lines), encoding="utf-8")
    (home / ".env").chmod(0o644)
    found = examined(monkeypatch, {"XIAOPENG_FOO__BAR": "1", "XAIOPENG_WEB__PASSWORD": "sesame"})
    assert failures(found).keys() == {"XIAOPENG_SERVR__PORT", "XIAOPENG_STORE__BODIES_DAYS"}
    warned = {finding.subject for finding in found if finding.level == "warn"}
    assert {"XIAOPENG_FOO__BAR", "XAIOPENG_WEB__PASSWORD", ".env"} <= warned
    texts = " ".join(finding.text for finding in found)
    assert "Line 4" in texts
    assert "chmod 600" in texts
    assert "sesame" not in texts


def test_a_file_that_is_no_text(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / ".env").write_bytes(b"XIAOPENG_NAME=\xff\xfe")
    assert "UTF-8" in failures(examined(monkeypatch, {}))[".env"]


# --- plugins and prompts ------------------------------------------------------------------

CLASH = '''
from bot.api import Context, Plugin, command


class Clash(Plugin, title="撞"):
    """撞上别人的命令"""

    @command("问")
    async def collide(self, ctx: Context) -> str:
        """撞：/问"""
        return "撞"
'''


def test_a_broken_plugin_hides_no_other(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    folder = home / "own"
    folder.mkdir()
    (folder / "broken.py").write_text("raise RuntimeError('boom')\n", encoding="utf-8")
    (folder / "quits.py").write_text("raise SystemExit\n", encoding="utf-8")
    (folder / "clash.py").write_text(CLASH, encoding="utf-8")
    found = examined(monkeypatch, {"XIAOPENG_PLUGINS": str(folder)})
    texts = [finding.text for finding in found if finding.subject == "XIAOPENG_PLUGINS"]
    assert len(texts) == 3
    for text, words in zip(texts, (["broken.py", "boom"], ["quits.py"], ["Ask", "Clash", "问"]), strict=True):
        assert all(word in text for word in words), text


def test_every_broken_prompt_is_named(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    folder = home / "own"
    folder.mkdir()
    (folder / "a.md").write_text("no front", encoding="utf-8")
    (folder / "b.md").write_text("+++\n+++\n# user\n{{ open", encoding="utf-8")
    (folder / "c.md").write_text("+++\n+++\n# user\n{{ question }}", encoding="utf-8")
    found = failures(examined(monkeypatch, {"XIAOPENG_PROMPTS": str(folder)}))
    assert found.keys() == {str(folder / "a.md"), str(folder / "b.md")}
    assert "line 4" in found[str(folder / "b.md")]


@pytest.mark.parametrize("name", ["XIAOPENG_PROMPTS", "XIAOPENG_PLUGINS"])
def test_a_missing_folder(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert "no folder" in failures(examined(monkeypatch, {name: "nowhere"}))[name]


# --- the door -----------------------------------------------------------------------------


def test_a_port_of_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = examined(monkeypatch, {"XIAOPENG_SERVER__PORT": str(other.getsockname()[1])})
    assert "in use" in failures(found)["XIAOPENG_SERVER__PORT"]


@pytest.mark.parametrize(
    ("address", "level", "word"),
    [
        ("ws://127.0.0.1:3001", "ok", "3001"),
        ("ws://napcat:3001/?access_token=secret", "ok", "napcat"),
        ("ws://napcat:3001", "warn", "XIAOPENG_ONEBOT__TOKEN"),
        ("ws://localhost:18080", "warn", "own port"),
    ],
)
def test_what_is_to_be_dialled(monkeypatch: pytest.MonkeyPatch, address: str, level: str, word: str) -> None:
    setting = "XIAOPENG_ONEBOT__CONNECT"
    found = examined(monkeypatch, {setting: f'["{address}"]', "XIAOPENG_SERVER__PORT": "18080"})
    assert word in of(found, setting, level)
    assert not any("secret" in finding.text for finding in found)


def test_unknown_platforms_and_no_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody" in of(examined(monkeypatch, {}), "XIAOPENG_OPERATORS", "warn")
    assert "pq" in of(examined(monkeypatch, {"XIAOPENG_OPERATORS": '["pq:1"]'}), "XIAOPENG_OPERATORS", "warn")


# --- the database -------------------------------------------------------------------------


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    path = home / "x.db"
    monkeypatch.setenv("XIAOPENG_STORE__PATH", str(path))
    return path


def made(path: Path) -> Database:
    db = Database(sqlite3.connect(path))
    schema.tables.apply(db)
    return db


def test_a_sound_database(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    made(path).close()
    before = path.read_bytes()
    found = examined(monkeypatch, {})
    assert failures(found) == {}
    assert any("brought up to date" in finding.text for finding in found), "the plugins' tables are not made yet"
    assert path.read_bytes() == before


def test_a_damaged_database(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    made(path).close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096 * 4))
    assert "backup" in failures(examined(monkeypatch, {}))["XIAOPENG_STORE__PATH"]


def test_no_database_at_all(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    path.write_text("a letter" * 1000, encoding="utf-8")
    assert "not a database" in failures(examined(monkeypatch, {}))["XIAOPENG_STORE__PATH"]


def test_a_folder_that_is_a_file(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / "file").touch()
    assert "no folder" in failures(examined(monkeypatch, {"XIAOPENG_STORE__PATH": "file/x.db"}))["XIAOPENG_STORE__PATH"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has a folder where nobody may write")
@pytest.mark.parametrize("name", ["/proc/x.db", "/proc/none/x.db"])
def test_a_folder_that_takes_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = failures(examined(monkeypatch, {"XIAOPENG_STORE__PATH": name}))
    assert "/proc cannot be written to" in found["XIAOPENG_STORE__PATH"]


def test_a_database_of_a_running_bot(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    made(path).close()
    with claim(path):
        found = examined(monkeypatch, {})
        assert failures(found) == {}
        assert any("in use by a running bot" in finding.text for finding in found)
        assert claimed(path)
    assert not any("in use" in finding.text for finding in examined(monkeypatch, {}))


def test_a_lock_that_cannot_be_taken(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    path.with_name("x.db.lock").mkdir()
    assert "x.db.lock" in failures(examined(monkeypatch, {}))["XIAOPENG_STORE__PATH"]


def test_tables_in_the_way_of_a_migration(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    db = made(path)
    db.execute("create table welcomes (other text)")
    db.close()
    assert "welcome" in failures(examined(monkeypatch, {}))["XIAOPENG_STORE__PATH"]


def test_a_database_of_a_newer_version(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    db = made(path)
    db.table("_sqlite_migrations").insert({"migration_set": "core", "name": "create_future", "applied_at": "later"})
    db.close()
    assert "create_future" in failures(examined(monkeypatch, {}))["XIAOPENG_STORE__PATH"]


def test_a_log_ahead_of_the_clock(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    db = made(path)
    db.table("messages").insert({"received": time.time() + 86_400 * 3})
    db.close()
    assert "3.0 days ahead" in of(examined(monkeypatch, {}), "clock", "warn")


def test_search_tables_are_no_trouble(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    with closing(made(path)) as db:
        db.execute("create virtual table words using fts5 (text)")
        db.execute("insert into words values ('one')")
    assert failures(examined(monkeypatch, {})) == {}


# --- models -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        (None, None, "answers"),
        ("bad_key", "ModelAuth", "XIAOPENG_MODELS__MAIN__API_KEY"),
        ("no_model", "ModelBadInput", "XIAOPENG_MODELS__MAIN__MODEL"),
        ("payment", "ModelQuota", "money"),
        ("only_done", "ModelEmpty", "nothing"),
    ],
)
async def test_asks_the_models(
    monkeypatch: pytest.MonkeyPatch, behaviour: str | None, kind: str | None, words: str
) -> None:
    async with OpenAIServer() as server:
        if behaviour:
            server.behave(behaviour)
        given = {
            "XIAOPENG_MODELS__MAIN__MODEL": "m",
            "XIAOPENG_MODELS__MAIN__BASE_URL": server.base_url,
            "XIAOPENG_MODELS__MAIN__API_KEY": "sk-very-secret",
        }
        found = await asyncio.to_thread(examined, monkeypatch, given, online=True)
        assert server.requests
        assert len(server.requests[0].question) < 20
    said = [finding for finding in found if finding.subject == "model main"][-1]
    assert words in said.text
    assert said.level == ("fail" if kind else "ok")
    assert kind is None or said.text.startswith(kind)
    assert all("very-secret" not in finding.text for finding in found)


def test_a_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        given = {
            "XIAOPENG_MODELS__MAIN__MODEL": "m",
            "XIAOPENG_MODELS__MAIN__BASE_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}/v1",
        }
        found = examined(monkeypatch, given, online=True)
    assert failures(found)["model main"].startswith("ModelUnavailable")


def test_says_that_a_model_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"XIAOPENG_MODELS__MAIN__MODEL": "m", "XIAOPENG_MODELS__MAIN__PRESET": "ollama"}
    assert of(examined(monkeypatch, given), "model main", "ok").endswith("(not asked; --online asks)")


def test_asks_nobody_before_the_settings_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(monkeypatch, {"XIAOPENG_MODELS__MAIN__PRESET": "ollama"}, online=True)
    assert "not asked" in of(found, "models", "warn")


# --- the reranker -------------------------------------------------------------------------


def reranker(address: str, kind: str = "rerank") -> dict[str, str]:
    """The settings of a reranker there."""
    values = {"BASE_URL": address, "MODEL": "m", "API_KEY": "sk-very-secret", "KIND": kind, "TIMEOUT": "1"}
    return {f"XIAOPENG_RERANK__{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("kind", "behaviour", "level", "words"),
    [
        ("rerank", "ok", "ok", ("ranks; two texts took",)),
        ("embeddings", "ok", "ok", ("ranks by vectors of 64 numbers; two texts took",)),
        ("embeddings", "vectors_shuffled", "warn", ("2 numbers", "the wrong one", "XIAOPENG_RERANK__MODEL")),
        ("rerank", "bad_key", "fail", ("ModelAuth", "XIAOPENG_RERANK__API_KEY")),
        ("rerank", "no_model", "fail", ("ModelBadInput", "XIAOPENG_RERANK__KIND", "XIAOPENG_RERANK__MODEL")),
        ("rerank", "html_200", "fail", ("ModelUnavailable", "XIAOPENG_RERANK__BASE_URL", "502 Bad Gateway")),
        ("embeddings", "vectors_ragged", "fail", ("ModelUnavailable", "XIAOPENG_RERANK__KIND", "unequal length")),
        ("rerank", "hang", "fail", ("ModelUnavailable", "XIAOPENG_RERANK__TIMEOUT", "no answer within 1 s")),
        ("rerank", "payment", "fail", ("ModelQuota", "money")),
    ],
)
async def test_tries_the_reranker(
    monkeypatch: pytest.MonkeyPatch, kind: str, behaviour: str, level: str, words: tuple[str, ...]
) -> None:
    async with OpenAIServer() as server:
        server.behave(behaviour)
        found = await asyncio.to_thread(examined, monkeypatch, reranker(server.base_url, kind), online=True)
        assert len(server.requests) == 1
    said = [finding for finding in found if finding.subject == "reranker"][-1]
    assert said.level == level
    assert [word for word in words if word not in said.text] == []
    assert all("very-secret" not in finding.text for finding in found)


def test_says_that_the_reranker_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined(monkeypatch, reranker("http://user:very-secret@127.0.0.1:1/v1"))
    assert of(found, "reranker", "ok") == "m at http://127.0.0.1:1/v1 (not asked; --online asks)"


def test_names_all_that_is_wrong_with_the_reranker(monkeypatch: pytest.MonkeyPatch) -> None:
    given = reranker("foo") | {"XIAOPENG_RERANK__API_KEY": "sk-very-secret-ü"}
    found = failures(examined(monkeypatch, given, online=True))
    assert found.keys() == {"XIAOPENG_RERANK__BASE_URL", "XIAOPENG_RERANK__API_KEY"}
    assert "secret" not in str(found)


def test_half_a_reranker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"XIAOPENG_RERANK__API_KEY": "sk-very-secret", "XIAOPENG_RERANK__TIMOUT": "4"}
    found = failures(examined(monkeypatch, given))
    assert found.keys() == {f"XIAOPENG_RERANK__{name}" for name in ("BASE_URL", "MODEL", "TIMOUT")}
    assert "XIAOPENG_RERANK__TIMEOUT" in found["XIAOPENG_RERANK__TIMOUT"]
    assert "secret" not in str(found)
