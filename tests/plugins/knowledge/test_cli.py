"""Adding, listing and removing as an operator types it, with a real database and a real web server."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from plugins.knowledge.reading import LIMIT
from plugins.knowledge.shelf import put
from tests.plugins.knowledge.shell import Here, Shell

PAGE = "<html><head><title>安装指南</title></head><body><h1>安装</h1><p>先装驱动，再装依赖。</p></body></html>"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    for name in os.environ:
        if name.startswith("XIAOPENG_"):
            monkeypatch.delenv(name)
    return Here(tmp_path)


def counts(done: subprocess.CompletedProcess[str]) -> str:
    """What the summary says of documents."""
    return done.stdout.partition(";")[0]


# --- folders ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_is_brought_up_to_date(shell: Shell) -> None:
    shell.write({"docs/a.md": "# 安装\n\n先装驱动。", "docs/guide/b.md": "# 训练\n\n显存要够。", "docs/c.txt": "完"})
    done = shell("add", "docs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("added 3, changed 0, unchanged 0, removed 0; 3 chunks, ")
    assert shell.sources() == {"docs/a.md": 1, "docs/c.txt": 1, "docs/guide/b.md": 1}
    assert counts(shell("add", "docs")) == "added 0, changed 0, unchanged 3, removed 0"
    shell.write({"docs/a.md": "# 安装\n\n先装依赖。", "docs/d.md": "# 新\n\n新的。"})
    (shell.folder / "docs/c.txt").unlink()
    (shell.folder / "docs/guide/b.md").unlink()
    assert counts(shell("add", "docs", "--keep")) == "added 1, changed 1, unchanged 0, removed 0"
    assert counts(shell("add", str(shell.folder / "docs"))) == "added 0, changed 0, unchanged 2, removed 2"
    assert shell.sources() == {"docs/a.md": 1, "docs/d.md": 1}
    assert "先装依赖" in shell("ask", "怎么安装依赖").stdout
    assert "先装驱动" not in shell("ask", "怎么安装驱动").stdout


def test_only_what_lies_below_the_folder_is_removed(here: Here) -> None:
    here.write({"docs/a.md": "甲", "docs-old/b.md": "乙", "docs.md": "丙"})
    assert counts(here("add", "docs", "docs-old", "docs.md")) == "added 3, changed 0, unchanged 0, removed 0"
    assert here("add", "--group", "qq:1", "docs").returncode == 0
    with here.database() as db:
        put(db, "qq:1", source="docs/from-a-member.md", title="", digest="", chunks=(), added_by="qq:7")
    (here.folder / "docs/a.md").unlink()
    assert counts(here("add", "docs")) == "added 0, changed 0, unchanged 0, removed 1"
    listed = here("list", "--all").stdout
    assert [line.split("\t")[:2] for line in listed.splitlines()] == [
        ["shared", "docs-old/b.md"],
        ["shared", "docs.md"],
        ["qq:1", "docs/a.md"],
        ["qq:1", "docs/from-a-member.md"],
    ]
    assert counts(here("add", "--group", "qq:1", "docs")) == "added 0, changed 0, unchanged 0, removed 1"
    assert "from-a-member" in here("list", "--group", "qq:1").stdout


def test_what_cannot_be_read_is_named_and_what_stood_there_stays(here: Here) -> None:
    here.write({"docs/a.md": "# 安装\n\n先装驱动。", "docs/b.ipynb": '{"cells": [', "docs/c.pdf": "%PDF-1.4\n"})
    done = here("add", "docs")
    assert (done.returncode, counts(done)) == (0, "added 1, changed 0, unchanged 0, removed 0")
    first, *named = done.stderr.splitlines()
    assert first == "2 could not be read:"
    assert [line.split(":")[0] for line in named] == ["  docs/b.ipynb", "  docs/c.pdf"]
    (here.folder / "docs/a.md").write_bytes(b"\x00\x01\x02" * 100)
    done = here("add", "docs")
    assert (done.returncode, counts(done)) == (1, "added 0, changed 0, unchanged 0, removed 0")
    assert "3 could not be read" in done.stderr
    assert here.sources() == {"docs/a.md": 1}


def test_a_folder_may_have_another_name(here: Here) -> None:
    here.write({"one/docs/a.md": "甲", "two/docs/a.md": "乙", "empty/x.png": ""})
    twice = here("add", "one/docs", "two/docs")
    assert (twice.returncode, twice.stdout) == (2, "")
    assert "--as" in twice.stderr
    for name in ("one", "two"):
        assert here("add", f"{name}/docs", "--as", f"{name}-docs/").returncode == 0
    assert here.sources() == {"one-docs/a.md": 1, "two-docs/a.md": 1}
    nothing = here("add", "empty")
    assert (nothing.returncode, counts(nothing)) == (0, "added 0, changed 0, unchanged 0, removed 0")


def test_hostile_names_are_harmless_on_a_terminal(here: Here) -> None:
    here.write({"docs/\x1b[31m\n[red].md": "甲", "docs/\x1b]0;x\x07.ipynb": "{"})
    done = here("add", "docs")
    assert done.returncode == 0
    assert "[31m\ufffd[red].md" in here("list").stdout
    assert "\x1b" not in done.stderr + here("list").stdout


@pytest.mark.slow
def test_a_terminal_sees_a_bar(shell: Shell) -> None:
    shell.write({f"docs/{number}.md": f"第 {number} 篇" for number in range(20)})
    ours, theirs = pty.openpty()
    environment = shell.env | {"TERM": "xterm", "COLUMNS": "100"}
    run = subprocess.Popen(
        shell.line("add", "docs"), cwd=shell.folder, env=environment, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # how a terminal ends whose other side is closed
        pass
    os.close(ours)
    assert run.stdout is not None
    assert run.stdout.read().startswith(b"added 20,")
    run.stdout.close()
    assert run.wait(10) == 0
    assert "20/20" in seen.decode() or "19/20" in seen.decode()
    assert "━" in seen.decode()


# --- addresses ----------------------------------------------------------------------------


class Pages(BaseHTTPRequestHandler):
    """A small site."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/moved":
            return self._answer(302, "", b"", location="/guide.html")
        if path == "/round":
            return self._answer(302, "", b"", location="/round")
        kinds = {
            "/guide.html": ("text/html; charset=utf-8", PAGE.encode()),
            "/raw/notes.md": ("text/plain; charset=utf-8", "# 训练\n\n显存要够。".encode()),
            "/picture": ("image/png", b"\x89PNG"),
            "/large.txt": ("text/plain", b"x" * (LIMIT + 1)),
        }
        if path not in kinds:
            return self._answer(404, "text/html", b"<p>no</p>")
        return self._answer(200, *kinds[path])

    def _answer(self, status: int, kind: str, data: bytes, location: str = "") -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Location", location), ("Content-Length", str(len(data)))):
            if value:
                self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # the other side has seen enough

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_addresses_are_fetched(here: Here) -> None:
    with served() as host:
        good = [f"http://me:sesame@{host}/guide.html?v=1#top", f"http://{host}/moved", f"http://{host}/raw/notes.md"]
        bad = [f"http://{host}/{path}" for path in ("nothing", "picture", "large.txt", "round")]
        done = here("add", *good, *bad, "http://127.0.0.1:1/refused", "http://")
        assert (done.returncode, counts(done)) == (0, "added 3, changed 0, unchanged 0, removed 0")
        named = [line.split(": ")[0].strip() for line in done.stderr.splitlines()[1:]]
        assert named == [*bad, "http://127.0.0.1:1/refused", "http://"]
        assert list(here.sources()) == [f"http://{host}/guide.html?v=1", good[1], good[2]]
        assert "sesame" not in done.stderr + here("list").stdout
        assert here("ask", "安装依赖").stdout.count("先装驱动，再装依赖") == 2
        assert counts(here("add", *good)) == "added 0, changed 0, unchanged 3, removed 0"
        assert here("add", bad[0]).returncode == 1
    assert here("remove", good[1]).stdout == "removed 1\n"


# --- list, remove, mistakes ---------------------------------------------------------------


def test_removes_documents_and_folders(here: Here) -> None:
    here.write({"docs/a.md": "甲甲", "docs/in/b.md": "乙乙", "docs/in/c.md": "丙丙", "docs/inner.md": "丁丁"})
    here("add", "docs")
    done = here("remove", "docs/in/", "docs/a.md", "docs/in/b.md", "docs/in")
    assert (done.returncode, done.stdout) == (1, "removed 3\n")
    assert done.stderr == "docs/in: there is no such document in shared.\n"
    assert here.sources() == {"docs/inner.md": 1}
    assert here("ask", "乙乙").stdout == "Nothing was found.\n"
    listed = here("list")
    assert (listed.stdout, listed.stderr) == ("shared\tdocs/inner.md\t1\tinner\n", "1 documents, 1 chunks\n")


@pytest.mark.parametrize(
    "words",
    [
        ("add",),
        ("add", "nowhere"),
        ("add", "ftp://example.org/x"),
        ("add", ".", "--group", "1"),
        ("add", ".", "--group", "qq:1", "--collection", "x"),
        ("add", ".", "--collection", "qq:1"),
        ("add", ".", "--collection", "xiaopeng"),
        ("add", ".", ".", "--as", "/"),
        ("list", "--all", "--group", "qq:1"),
        ("list",),
        ("remove", "x"),
        ("ask", "x"),
        ("score", "nowhere.jsonl"),
        ("score",),
    ],
)
def test_wrong_use_changes_nothing(here: Here, words: tuple[str, ...]) -> None:
    done = here(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert not here.path.exists()


@pytest.mark.parametrize("command", ["add", "list", "remove", "ask", "score"])
def test_help(here: Here, command: str) -> None:
    done = here(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: xiaopeng knowledge {command}")
