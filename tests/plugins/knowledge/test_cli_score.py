"""`xiaopeng knowledge score` and `ask`, as another program and an operator use them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from plugins.knowledge.chunks import chunks
from plugins.knowledge.documents import Document, Section
from plugins.knowledge.shelf import SHIPPED, put, tables
from tests.plugins.knowledge.shell import Here, Shell

DOCUMENTS = {
    "shared": ("install.md", "CUDA 驱动怎么安装", "用 nvidia-smi 查看驱动版本，再安装对应的 CUDA 12.4 与 cudnn。"),
    "qq:1": ("rules.md", "作业提交", "作业在每周五晚上提交到 homework 仓库。"),
    "qq:2": ("other.md", "报名", "bootcamp 报名表在群公告里。"),
    "named": ("named.md", "显存不足", "把 batch_size 改小，或者打开 gradient checkpointing。"),
    SHIPPED: ("faq", "你是谁", "我是 xiaopengbot，群里的机器人。"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    for name in os.environ:
        if name.startswith("XIAOPENG_"):
            monkeypatch.delenv(name)
    here = Here(tmp_path)
    here.path.parent.mkdir()
    with here.database() as db:
        db.conn.execute("pragma journal_mode = wal")
        tables.apply(db)
        for name, (source, title, text) in DOCUMENTS.items():
            _put(db, name, source, title, text)
        for number in range(300):  # terms are rare only among others
            _put(db, "shared", f"filler/{number}", f"第 {number} 章", f"这一章讲第 {number} 个模块的历史、设计与测试。")
    return here


def _put(db: Database, name: str, source: str, title: str, text: str) -> None:
    document = Document(title, (Section((title,), text),))
    put(db, name, source=source, title=title, digest="", chunks=chunks(document))


def scored(here: Here, *words: str, lines: list[Any], code: int = 0) -> list[dict[str, Any]]:
    given = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    done = here("score", *words, given=given)
    assert (done.returncode, done.stderr) == (code, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_line_is_answered_in_order(here: Here) -> None:
    lines = [
        {"id": "a", "question": "CUDA 驱动怎么安装？"},
        {"id": [1, {"b": None}], "text": "nvidia-smi 看到的驱动版本和 cudnn 怎么对应？"},
        {"query": "qqqq zzzz"},
        {"id": 10**30, "question": ""},
    ]
    first, second, third, fourth = scored(here, lines=lines)
    assert first.keys() == {"id", "answer", "source", "score", "speaks"}
    assert (first["id"], first["source"], first["speaks"]) == ("a", "install.md", True)
    assert first["answer"] == DOCUMENTS["shared"][2]
    assert 0 <= first["score"] <= 1
    assert (second["id"], second["source"]) == ([1, {"b": None}], "install.md")
    assert third == {"id": None, "answer": None, "source": None, "score": 0.0, "speaks": False}
    assert (fourth["id"], fourth["answer"]) == (10**30, None)


def test_what_is_said_in_passing_is_not_answered(here: Here) -> None:
    (line,) = scored(here, lines=[{"id": 1, "question": "我昨天把 CUDA 驱动装好了，大家晚安"}])
    assert line["source"] == "install.md"
    assert line["speaks"] is False


def test_a_group_has_its_own_besides_the_shared(here: Here) -> None:
    lines = [
        {"question": question}
        for question in ("homework 作业怎么提交", "CUDA 驱动怎么安装", "bootcamp 报名", "xiaopengbot")
    ]
    assert [line["source"] for line in scored(here, lines=lines)][:2] == [None, "install.md"]
    of_group = [line["source"] for line in scored(here, "--group", "qq:1", lines=lines)]
    assert of_group == ["rules.md", "install.md", None, None]
    named = [{"question": "batch_size 与 CUDA 显存不足"}, {"question": "homework"}]
    assert [line["source"] for line in scored(here, "--collection", "named", lines=named)] == ["named.md", None]


def test_a_broken_line_keeps_its_place(here: Here) -> None:
    good = {"id": 7, "question": "CUDA 驱动怎么安装？"}
    broken = [
        "no json",
        "[1]",
        '{"id": NaN, "question": "x"}',
        '{"id": 1, "question": 5}',
        "[" * 100_000,
        "x" * 1_000_100,
    ]
    lines = scored(here, lines=[good, *broken, "", "  ", good], code=1)
    assert len(lines) == 8
    assert lines[0] == lines[-1]
    assert [line["id"] for line in lines[1:-1]] == [None, None, None, 1, None, None]
    assert all(line["error"] and line.keys() == {"id", "error"} for line in lines[1:-1])


def test_bytes_that_are_no_text(here: Here) -> None:
    (here.folder / "lines").write_bytes(b'\xff\xfe\n{"id": "\\ud800", "text": "CUDA \\ud800 \\u0000 \xf0\x9f\x98\x80"}')
    done = here("score", "lines")
    broken, odd = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert "utf-8" in broken["error"]
    assert (odd["id"], odd["source"]) == ("\ud800", "install.md")


@pytest.mark.slow
def test_each_answer_comes_before_the_next_question(here: Here) -> None:
    shell = Shell(here.folder)
    with shell.start("score") as run:
        assert run.stdin is not None
        assert run.stdout is not None
        for number in range(3):
            run.stdin.write(json.dumps({"id": number, "question": f"CUDA {number}"}).encode() + b"\n")
            run.stdin.flush()
            assert json.loads(run.stdout.readline())["id"] == number
        shell.write({"news.md": "# kubeflow\n\nkubeflow 已经升级。"})
        assert shell("add", "news.md").returncode == 0
        run.stdin.write(b'{"id": "new", "question": "kubeflow"}\n')
        run.stdin.flush()
        assert json.loads(run.stdout.readline())["source"] == "news.md"
        run.stdin.close()
        assert run.wait(10) == 0


def test_ask_shows_what_a_member_would_find(here: Here) -> None:
    shown = here("ask", "CUDA 驱动怎么安装").stdout
    assert shown.startswith("answered: ")
    assert "\n1. score " in shown
    assert "install.md" in shown.splitlines()[2]
    assert "nvidia-smi" in shown
    assert DOCUMENTS[SHIPPED][2] in here("ask", "你是谁 xiaopengbot").stdout
    assert here("ask", "homework").stdout == "Nothing was found.\n"
    assert "rules.md" in here("ask", "homework", "--group", "qq:1").stdout
