"""Adding while others use the database, after a kill, and from folders as they are."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlite_utils import Database

from plugins.knowledge import shelf
from plugins.knowledge.search import search
from tests.plugins.knowledge.shell import Shell, prose

WRITER = """
import contextlib, pathlib, sqlite3, sys, time
from bot.store.claim import claim
claimed = contextlib.ExitStack()
claimed.enter_context(claim(pathlib.Path(sys.argv[1])))
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=3)
db.execute("create table if not exists other (at real)")
print("ready", flush=True)
longest = count = 0
while not sys.stdin.readable() or not __import__("select").select([sys.stdin], [], [], 0.02)[0]:
    began = time.monotonic()
    db.execute("begin immediate")
    db.execute("insert into other values (?)", [began])
    db.execute("commit")
    longest, count = max(longest, time.monotonic() - began), count + 1
print(longest, count, flush=True)
"""
"""Claims the database and writes all the time, as a bot does and as patient; tells how long it waited at most."""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def until(true: Callable[[], bool], seconds: float = 50) -> None:
    """Look again and again what another process has done: it tells nobody."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def written(shell: Shell) -> int:
    """How many chunks are there by now."""
    if not shell.path.exists():
        return 0
    with shell.database() as db:
        try:
            return int(db.execute("select count(*) from knowledge_chunks").fetchone()[0])
        except sqlite3.OperationalError:  # no tables yet
            return 0


def _reached(shell: Shell, chunks: int) -> bool:
    return written(shell) >= chunks


def sound(shell: Shell, *, whole: bool = True) -> None:
    """No chunk without a document, and the index names what there is and nothing else."""
    with shell.database() as db:
        assert db.execute("pragma quick_check").fetchall() == [("ok",)]
        orphans = "select count(*) from knowledge_chunks where document not in (select id from knowledge_documents)"
        assert db.execute(orphans).fetchone() == (0,)
        db.execute("create virtual table temp.entries using fts5vocab(main, knowledge_index, instance)")
        indexed = db.execute("select distinct doc from temp.entries order by doc").fetchall()
        assert indexed == db.execute("select id from knowledge_chunks order by id").fetchall()
        if whole:
            assert shelf.held(db) == len(indexed)


# --- others -------------------------------------------------------------------------------


@pytest.mark.slow
def test_nobody_waits_long_while_a_large_document_is_added(shell: Shell) -> None:
    shell.write({"docs/large.md": prose(16_000_000, 1), **{f"docs/{n}.md": prose(20_000, n) for n in range(2, 60)}})
    shell("add", "docs/2.md")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, shell.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        done = shell("add", "docs")
        longest, count = map(float, writer.communicate("stop\n")[0].split())
    assert (done.returncode, done.stderr.count("could not")) == (0, 0)
    assert done.stdout.startswith("added 59,")
    assert shell.sources()["docs/large.md"] > 10 * shelf.BATCH
    assert longest < 3  # the patience of the bot
    assert count > 20
    sound(shell)


@pytest.fixture
def running(shell: Shell) -> Iterator[None]:
    """A bot that runs there."""
    line = [sys.executable, "-m", "bot", "run"]
    with subprocess.Popen(line, cwd=shell.folder, env=shell.env, stderr=subprocess.PIPE, text=True) as bot:
        assert bot.stderr is not None
        assert any("is ready: " in line for line in bot.stderr), "the bot did not start"
        yield
        bot.terminate()
        rest = bot.stderr.read()
        assert (bot.wait(20), "ERROR" in rest) == (0, False), rest


@pytest.mark.slow
def test_adds_beside_a_running_bot(shell: Shell, running: None) -> None:
    shell.write({"docs/a.md": "# 安装\n\n先装驱动。"})
    assert shell("add", "docs").stdout.startswith("added 1,")
    assert "先装驱动" in shell("ask", "怎么安装驱动").stdout


@pytest.mark.slow
def test_a_locked_database_is_waited_for(shell: Shell) -> None:
    shell.write({"docs/a.md": "甲"})
    shell("add", "docs")
    shell.write({"docs/b.md": "乙"})
    with closing(sqlite3.connect(shell.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        free = threading.Timer(5, lambda: other.execute("commit"))
        free.start()
        done = shell("add", "docs")
        assert free.finished.is_set()
        free.join()
    assert (done.returncode, done.stdout[:8]) == (0, "added 1,")


@pytest.mark.slow
def test_a_database_that_stays_locked_is_named(shell: Shell) -> None:
    shell.write({"docs/a.md": "甲"})
    shell("add", "docs")
    shell.write({"docs/b.md": "乙"})
    with closing(sqlite3.connect(shell.path, isolation_level=None)) as other:
        other.execute("begin immediate")
        done = shell("add", "docs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "data/xiaopeng.db is kept locked by another program" in done.stderr
    assert "Traceback" not in done.stderr


# --- interruption -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_goes_on_after_a_kill(shell: Shell) -> None:
    shell.write({f"docs/{number:03}.md": prose(60_000, number) for number in range(60)})
    shell.write({"docs/030.md": prose(4_000_000, 30)})
    killed = []
    for share in (1, 1_500, 3_500):  # among small documents, and inside of the large one
        run = shell.start("add", "docs")
        until(partial(_reached, shell, share))
        run.kill()
        run.communicate()
        killed.append(run.returncode)
        sound(shell, whole=False)
    assert killed == [-9, -9, -9]
    with shell.database() as db:
        half = [entry.source for entry in shelf.entries(db, "shared") if not entry.digest]
    assert half in ([], ["docs/030.md"])
    resumed = shell("add", "docs")
    assert resumed.returncode == 0
    assert " unchanged 0," not in resumed.stdout
    sound(shell)
    clean = Shell(shell.folder / "clean")
    clean.folder.mkdir()
    assert clean("add", "../docs").returncode == 0
    assert shell.sources() == clean.sources()
    with shell.database() as ours, clean.database() as theirs:
        answers = [_answers(db, "显存 报错 17-3 怎么办") for db in (ours, theirs)]
    assert answers[0] == answers[1]
    assert answers[0]


def _answers(db: Database, question: str) -> list[tuple[str, str]]:
    return sorted((hit.source, hit.text) for hit in search(db, ["shared"], question, most=1).hits)


# --- folders as they are ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_large_folder_of_every_kind_of_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    peaks = []
    for megabytes in (5, 50):
        shell = Shell(tmp_path / str(megabytes))
        shell.folder.mkdir()
        docs = shell.folder / "docs"
        broken = _mess(docs)
        for number in range(megabytes * 5):
            (docs / f"part{number % 7}").mkdir(exist_ok=True)
            (docs / f"part{number % 7}/{number}.md").write_text(prose(200_000, number), "utf-8")
        out, peak = _measured(shell, "add", "docs")
        peaks.append(peak)
        summary, named = out.split("could not be read:\n")
        assert f"added {megabytes * 5 + 1}," in summary
        assert {line.split(":")[0].strip() for line in named.splitlines()} == broken
        assert all(line.partition(": ")[2] for line in named.splitlines())
    assert peaks[1] - peaks[0] < 40 * 2**20, peaks
    assert peaks[1] < 400 * 2**20, peaks


def _mess(docs: Path) -> set[str]:
    """What stands in real folders besides documents; the sources of what is to be named as broken."""
    chance = random.Random(0)
    docs.mkdir()
    broken = {
        "junk.md": chance.randbytes(300_000),
        "zeros.txt": bytes(100_000),
        "half.md": "汉字".encode("gb18030") * 50 + b"\xff\xfe\x80" * 500,
        "cut.ipynb": b'{"cells": [{"cell_type": "markdown", "source": ["a',
        "list.ipynb": b"[1, 2]",
        "deep.ipynb": b"[" * 200_000,
        "bad.docx": b"PK\x03\x04" + chance.randbytes(5_000),
        "bad.pdf": b"%PDF-1.7\n" + chance.randbytes(5_000),
        "empty.md": b"",
        "huge.txt": b"x " * (25 * 2**19),
    }
    for name, data in broken.items():
        (docs / name).write_bytes(data)
    (docs / "old.txt").write_bytes("老文件里的汉字，是国标编码。".encode("gb18030") * 20)
    (docs / "picture.png").write_bytes(chance.randbytes(10_000))
    os.mkfifo(docs / "pipe.md")
    (docs / "lost.md").symlink_to("nowhere")
    named = {*broken, "pipe.md", "lost.md"}
    if os.geteuid() != 0:  # nothing is closed to root
        (docs / "closed.md").write_text("geheim", "utf-8")
        (docs / "closed.md").chmod(0)
        named.add("closed.md")
    return {f"docs/{name}" for name in named}


WATCHER = """
import os, pathlib, subprocess, sys
run = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(run.pid, 0)
pathlib.Path("peak").write_text(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""What a process takes is told with the size of the one that started it, so that a small one has to."""


def _measured(shell: Shell, *words: str) -> tuple[str, int]:
    """Both outputs, and the process's largest size in memory in bytes."""
    with (shell.folder / "out").open("w+", encoding="utf-8") as out:
        line = [sys.executable, "-c", WATCHER, *shell.line(*words)]
        subprocess.run(line, cwd=shell.folder, env=shell.env, stdout=out, stderr=out, check=True)
        out.seek(0)
        text = "".join(line for line in out if ", now " not in line)
    peak = int((shell.folder / "peak").read_text())
    return text, peak * (1 if sys.platform == "darwin" else 1024)
