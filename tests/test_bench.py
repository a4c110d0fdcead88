"""The benches run, and say what they measured. Nothing here is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.figures import Figure, median, ratio, table
from bench.packages import COUNT, MEGABYTES, weigh
from bench.process import PROC, ROOT, NotReady, Process, free_port, healthy
from bench.start import IDLE_MB, RATIO, idle, starts

proc = pytest.mark.skipif(not PROC.exists(), reason="the system does not tell what a process uses")


@pytest.mark.slow
def test_starts_each_kind_as_often_as_asked() -> None:
    figures = {figure.name: figure for figure in starts(rounds=1)}
    assert list(figures) == [
        "start bare",
        "start bot, fresh database",
        "fresh, of the bare bot's",
        "start bot, existing database",
        "existing, of the bare bot's",
        *(f"start {kind}, CPU" for kind in ("bare", "bot, fresh database", "bot, existing database") if PROC.exists()),
    ]
    assert all(len(figure.samples) == 1 and figure.value > 0 for figure in figures.values())
    bare, fresh = figures["start bare"], figures["start bot, fresh database"]
    ratio = figures["fresh, of the bare bot's"]
    assert ratio.value == pytest.approx(fresh.value / bare.value)
    assert (ratio.unit, ratio.target) == ("x", RATIO)


@proc
def test_reads_what_both_bots_hold() -> None:
    figures = idle(seconds=0)
    assert [figure.name for figure in figures] == [
        "memory bare RSS",
        "memory bot RSS",
        "memory bare PSS",
        "memory bot PSS",
    ]
    assert [figure.target for figure in figures] == [None, IDLE_MB, None, IDLE_MB]
    rss, pss = figures[:2], figures[2:]
    for whole, shared in zip(rss, pss, strict=True):
        assert 0 < shared.value <= whole.value


def test_a_process_that_ends_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(NotReady, match=r"(?s)python -m bench\.bare x ended with code 1\..*ValueError"),
        Process(["bench.bare", "x"], free_port(), tmp_path),
    ):
        pass


def test_a_process_is_gone_afterwards(tmp_path: Path) -> None:
    port = free_port()
    assert not healthy(port)
    with Process(["bench.bare", str(port)], port, tmp_path):
        assert healthy(port)
    assert not healthy(port)


def test_settings_of_the_caller_do_not_reach_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOPENG_STORE__PATH", str(tmp_path / "mine.db"))
    with Process(["bot", "run"], free_port(), tmp_path):
        assert (tmp_path / "data" / "xiaopeng.db").exists()
    assert not (tmp_path / "mine.db").exists()


def test_weighs_packages_without_the_tools(tmp_path: Path) -> None:
    for name, size in {
        "one/__init__.py": 700_000,
        "one/__pycache__/__init__.cpython-311.pyc": 900_000,
        "one-1.0.dist-info/METADATA": 300_000,
        "two.py": 500_000,
        "two-2.0.dist-info/METADATA": 0,
        "pip/__init__.py": 4_000_000,
        "pip-25.0.dist-info/METADATA": 4_000_000,
        "setuptools-80.0.dist-info/METADATA": 4_000_000,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    count, size_ = weigh(tmp_path)
    assert (count.value, count.target) == (2, COUNT)
    assert (size_.value, size_.unit, size_.target) == (1.5, "MB", MEGABYTES)


def test_the_table_says_what_was_missed() -> None:
    figures = [
        median("quick", [1, 2, 9], "ms", 2),
        Figure("wide", 3.14159, "x", 3),
        ratio("often", [30, 40, 20], [2, 3, 2], 12, least=True),
        ratio("seldom", [30, 40, 20], [2, 3, 2], 16, least=True),
        Figure("plain", 7, "MB"),
        Figure("slow", 120.4, "ms"),
    ]
    head, *lines = table(figures).splitlines()
    assert head.split() == ["median", "quartiles", "(extremes)", "target"]
    assert [line.split() for line in lines] == [
        ["quick", "2.0", "ms", "1.5..5.5", "(1.0..9.0)", "<=", "2", "ms", "met"],
        ["wide", "3.14", "x", "<=", "3", "x", "MISSED"],
        ["often", "15.00", "x", "11.67..14.17", "(10.00..15.00)", ">=", "12", "x", "met"],
        ["seldom", "15.00", "x", "11.67..14.17", "(10.00..15.00)", ">=", "16", "x", "MISSED"],
        ["plain", "7.0", "MB"],
        ["slow", "120", "ms"],
    ]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)


@proc
def test_runs_what_is_named_and_keeps_it(tmp_path: Path) -> None:
    ran = bench("idle", "--idle-seconds", "0", "--results", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    [kept] = tmp_path.iterdir()
    found = json.loads(kept.read_text("utf-8"))
    options = found["options"]
    assert (options["names"], options["rounds"], options["idle_seconds"]) == (["idle"], 15, 0)
    assert found["machine"]["python"] == sys.version.split()[0]
    names = [figure["name"] for figure in found["figures"]]
    assert "memory bot RSS" in names
    assert all(name in ran.stdout for name in names)


def test_a_bench_that_is_not_there_is_named() -> None:
    ran = bench("speed")
    assert ran.returncode == 2
    assert "there is no bench speed; there are start, idle, packages, generator, closed" in ran.stderr
