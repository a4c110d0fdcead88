"""The commands: what they answer, and what they say when they are fed nonsense."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from plugins.spam.cli import app

AD = "长期招聘兼职，在家就能做，日结三百到五百，有意加微信：xiaoming8866 咨询"
SCORE = [sys.executable, "-c", "from plugins.spam.cli import app; app()", "score", "--weights"]


def run(*words: str, fed: str | bytes = "") -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*words], input=fed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def answers(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_lines_are_answered_in_order(small_weights: Path) -> None:
    fed = "".join(
        json.dumps({"id": n, "text": text, "lang": "zh"}) + "\n" for n, text in enumerate([AD, "你好", "", AD * 200])
    )
    code, out, _ = run("score", "--weights", str(small_weights), fed=fed)
    found = answers(out)
    assert code == 0
    assert [answer["id"] for answer in found] == [0, 1, 2, 3]
    assert found[0]["verdict"] == "spam"
    assert found[1]["verdict"] == "ham"
    assert {answer["verdict"] for answer in found} <= {"spam", "review", "ham"}
    assert all(isinstance(answer["score"], float) for answer in found)


def test_bad_lines_are_named_and_the_others_are_answered(small_weights: Path) -> None:
    lines = [
        b"{", b"[]", b"null", b'{"id": 1}', b'{"text": "a"}', b'{"id": 1, "text": 5}', b"\xff\xfe", b"[" * 100_000, b"",
        json.dumps({"id": "\ud800", "text": "\ud800 加我"}).encode(),
        json.dumps({"id": "last", "text": "字" * 20_000}).encode(),
    ]  # fmt: skip
    code, out, complaints = run("score", "--weights", str(small_weights), fed=b"\n".join(lines))
    assert code == 0
    assert [answer["id"] for answer in answers(out)] == ["\ud800", "last"]
    assert [int(line.split()[1].rstrip(":")) for line in complaints.splitlines()] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_every_answer_is_given_at_once_and_who_leaves_is_left(small_weights: Path) -> None:
    with subprocess.Popen(
        [*SCORE, str(small_weights)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as scoring:
        assert scoring.stdin is not None
        assert scoring.stdout is not None
        assert scoring.stderr is not None
        line = json.dumps({"id": 1, "text": "你好"}).encode() + b"\n"
        scoring.stdin.write(line)
        scoring.stdin.flush()
        assert json.loads(scoring.stdout.readline())["id"] == 1
        scoring.stdout.close()
        scoring.stdin.write(line)
        scoring.stdin.close()
        assert scoring.stderr.read() == b""
        assert scoring.wait(60) == 0


def test_one_message_is_explained(small_weights: Path) -> None:
    code, out, _ = run("check", AD, "--weights", str(small_weights))
    assert code == 0
    assert out.startswith("广告（")
    assert "微信号" in out
    code, out, _ = run("check", "你好", "--weights", str(small_weights))
    assert out.startswith("放行（")
    code, out, _ = run("check", "你好", "--name", AD, "--weights", str(small_weights))
    assert "名字像广告" in out


@pytest.mark.parametrize("command", [["score"], ["check", "你好"]])
def test_weights_that_cannot_be_read_are_refused_in_a_sentence(tmp_path: Path, command: list[str]) -> None:
    code, out, complaints = run(*command, "--weights", str(tmp_path))
    assert code == 1
    assert out == ""
    assert str(tmp_path) in complaints
    assert "Traceback" not in complaints


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"text": "a", "label": "spam"}\n{"text": "b"}\n', "bad.jsonl:2:"),
        (b'{"text": "a", "label": "maybe"}\n', "bad.jsonl:1:"),
        (b"\n\xff\xfe\n", "bad.jsonl:2:"),
        (None, "bad.jsonl"),
    ],
)
def test_bad_data_is_refused_with_its_line(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    data = tmp_path / "bad.jsonl"
    if content is not None:
        data.write_bytes(content)
    code, _, complaints = run("train", "--data", str(data), "--out", str(tmp_path / "out"))
    assert code == 1
    assert complaint in complaints.replace("\n", "")
    assert not (tmp_path / "out").exists()


def test_a_source_that_no_row_has_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "a.jsonl"
    data.write_text('{"text": "a", "label": "spam", "source": "x"}\n')
    code, _, complaints = run("train", "--data", str(data), "--out", str(tmp_path / "out"), "--sources", "x,nobody")
    assert code == 1
    assert "no rows of nobody" in complaints


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    data = tmp_path / "a.jsonl"
    data.write_text('{"text": "a", "label": "spam", "source": "x"}\n')
    code, _, complaints = run("train", "--data", str(data), "--out", str(data / "out"))
    assert code == 1
    assert "a.jsonl" in complaints
