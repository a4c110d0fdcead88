"""The command line as an operator types it: real processes, a real bot, one line where something is wrong."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.config import PREFIX
from bot.store import schema

ROOT = Path(__file__).parent.parent
SECRET = "sk-this-must-not-be-seen"
PLUGIN = '''
import typer

app = typer.Typer()


@app.command()
def count(words: str) -> None:
    """Count letters."""
    typer.echo(len(words))


@app.command()
def fail() -> None:
    """Fail as plugins do."""
    from bot.errors import ConfigError

    raise ConfigError("XIAOPENG_LETTERS", "There are none.", "Write some.")
'''


class Shell:
    """A folder to type commands in, with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self.env = {**clean, "PYTHONPATH": str(ROOT), "XIAOPENG_SERVER__PORT": "0", "NO_COLOR": "1"}

    def __call__(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot", *words], cwd=self.folder, env=self.env | env,
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *words], cwd=self.folder, env=self.env, stderr=subprocess.PIPE, text=True
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def database(shell: Shell) -> Path:
    path = shell.folder / "data/xiaopeng.db"
    path.parent.mkdir()
    db = Database(sqlite3.connect(path))
    schema.tables.apply(db)
    db.table("messages").insert(
        {"group_id": "qq:1", "member_id": "qq:77553311", "text": "你好", "received": time.time()}
    )
    db.close()
    return path


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr that says `words`, and nothing else."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


# --- env, check ---------------------------------------------------------------------------


def test_env_prints_the_example(shell: Shell) -> None:
    done = shell("env")
    assert (done.returncode, done.stdout) == (0, (ROOT / ".env.example").read_text("utf-8"))


def test_check_of_a_fresh_folder(shell: Shell) -> None:
    done = shell("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 to mend" in done.stdout
    assert done.stderr == ""


def test_check_names_everything_and_no_secret(shell: Shell) -> None:
    (shell.folder / "own").mkdir()
    (shell.folder / "own/bad.py").write_text("1 / 0\n", encoding="utf-8")
    lines = [
        "XIAOPENG_SERVER__PORT=high",
        "XIAOPENG_SERVER__HOST=0.0.0.0",
        "XIAOPENG_PLUGINS=own",
        "XIAOPENG_WEB__PASWORD=" + SECRET,
        "XIAOPENG_MODELS__MAIN__API_KEY=" + SECRET,
        "XIAOPENG_MODELS__MAIN__PRESET=" + SECRET,
        "XIAOPENG_OPERATORS=" + SECRET,
        "XIAOPENG_DEFAULT_MODEL=" + SECRET,
        "XIAOPENG_MODELS__LOCAL__MODEL=m",
        f"XIAOPENG_MODELS__LOCAL__BASE_URL=http://me:{SECRET}@host/v1?key={SECRET}",
    ]
    (shell.folder / ".env").write_text("\n".join(lines), encoding="utf-8")
    del shell.env["XIAOPENG_SERVER__PORT"]
    done = shell("check")
    assert done.returncode == 1
    failed = {line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("fail")}
    assert failed >= {
        "XIAOPENG_SERVER__PORT", "XIAOPENG_WEB__PASWORD", "XIAOPENG_WEB__PASSWORD", "XIAOPENG_ONEBOT__TOKEN",
        "XIAOPENG_PLUGINS", "XIAOPENG_MODELS__MAIN__MODEL", "XIAOPENG_MODELS__MAIN__PRESET", "XIAOPENG_OPERATORS",
    }  # fmt: skip
    assert "bad.py" in done.stdout
    assert "ZeroDivisionError" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# --- plugins ------------------------------------------------------------------------------


def test_a_plugin_brings_its_commands(shell: Shell) -> None:
    (shell.folder / "own").mkdir()
    (shell.folder / "own/letters.py").write_text(PLUGIN, encoding="utf-8")
    own = {"XIAOPENG_PLUGINS": "own"}
    assert shell("letters", "count", "four", **own).stdout == "4\n"
    assert "letters" in shell("--help", **own).stdout
    refused(shell("letters", "fail", **own), "XIAOPENG_LETTERS", "Write some.")


def test_a_broken_plugin_stops_no_command(shell: Shell) -> None:
    (shell.folder / "own").mkdir()
    (shell.folder / "own/letters.py").write_text(PLUGIN, encoding="utf-8")
    (shell.folder / "own/broken.py").write_text("import nowhere\n", encoding="utf-8")
    own = {"XIAOPENG_PLUGINS": "own"}
    done = shell("letters", "count", "four", **own)
    assert done.stdout == "4\n"
    assert "broken.py" in done.stderr
    assert "check" in shell("--help", **own).stdout
    assert shell("env", **own).returncode == 0


# --- export, backup -----------------------------------------------------------------------


def test_export(shell: Shell, database: Path) -> None:
    done = shell("export", "messages", "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("messages: 1 rows, 0.2 KB, out")
    row = json.loads((shell.folder / "out/messages.jsonl").read_text("utf-8"))
    assert row["text_chars"] == 2
    assert len(row["member_id"]) == 16
    refused(shell("export", "messages", "--out", "out"), "--out", "--force")
    assert shell("export", "messages", "--out", "out", "--force", "--format", "csv").returncode == 0


def test_export_warns_of_texts_and_finds_its_folder(shell: Shell, database: Path) -> None:
    done = shell("export", "--bodies", "--since", "1")
    assert done.returncode == 0
    assert "personal data" in done.stderr
    (folder,) = (shell.folder / "data/exports").iterdir()
    assert "你好" in (folder / "messages.jsonl").read_text("utf-8")


def test_an_export_key_keeps_the_hashes(shell: Shell, database: Path) -> None:
    key = {"XIAOPENG_STORE__EXPORT_KEY": SECRET}
    for folder in "ab":
        assert shell("export", "messages", "--out", folder, **key).returncode == 0
    first, second = ((shell.folder / folder / "messages.jsonl").read_bytes() for folder in "ab")
    assert first == second


def test_mistakes_are_one_line(shell: Shell) -> None:
    refused(shell("export"), "XIAOPENG_STORE__PATH", "no database")
    refused(shell("backup"), "XIAOPENG_STORE__PATH", "no database")
    refused(shell("backup", "x.db", "--keep", "3"), "--keep")
    refused(shell("export", XIAOPENG_SERVER__PORT="high"), "XIAOPENG_SERVER__PORT")
    refused(shell("run", XIAOPENG_SERVER__PORT="high"), "XIAOPENG_SERVER__PORT")


def test_backup_keeps_the_newest(shell: Shell, database: Path) -> None:
    folder = shell.folder / "data/backups"
    folder.mkdir()
    for name in ("xiaopeng-20260101-000000.db", "xiaopeng-20260102-000000.db", "mine.db"):
        (folder / name).touch()
    done = shell("backup", "--keep", "2")
    assert done.returncode == 0, done.stderr
    assert "sound" in done.stdout
    assert "messages 1" in done.stdout
    assert "removed" in done.stdout
    names = sorted(file.name for file in folder.iterdir())
    assert names[:2] == ["mine.db", "xiaopeng-20260102-000000.db"]
    assert len(names) == 3


@pytest.mark.parametrize("command", ["check", "export", "backup", "env", "run", "chat"])
def test_help(shell: Shell, command: str) -> None:
    done = shell(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: xiaopeng {command}")
    if command == "backup":
        assert "restore" in done.stdout


# --- beside a running bot -----------------------------------------------------------------


@pytest.fixture
def running(shell: Shell) -> Iterator[str]:
    """A bot that runs; its address."""
    bot = shell.start("run")
    assert bot.stderr is not None
    address = ""
    for line in bot.stderr:
        if "is ready: " in line:
            address = line.rpartition("is ready: ")[2].strip()
            break
    assert address, "the bot did not start"
    yield address
    bot.terminate()
    bot.stderr.read()
    bot.stderr.close()
    assert bot.wait(20) == 0


def test_all_of_it_beside_a_running_bot(shell: Shell, running: str) -> None:
    port = running.rpartition(":")[2]
    check = shell("check", XIAOPENG_SERVER__PORT=port)
    assert check.returncode == 0, check.stdout
    assert f"the bot is running on {port}" in check.stdout
    assert "sound and writable" in check.stdout
    assert "in use by a running bot" in check.stdout
    second = shell("run")
    assert second.returncode == 2
    last = "XIAOPENG_STORE__PATH: data/xiaopeng.db is in use by another bot. Stop the other one, or name another file."
    assert second.stderr.splitlines()[-1] == last
    chat = shell("chat")
    assert chat.returncode == 0, chat.stderr
    assert (shell.folder / "data/chat.db").exists()
    named = shell("chat", XIAOPENG_STORE__PATH="data/xiaopeng.db")
    assert (named.returncode, named.stderr.splitlines()[-1]) == (2, last)
    assert shell("export", "--out", "out").returncode == 0
    assert (shell.folder / "out/messages.jsonl").exists()
    assert shell("backup", "copy.db").returncode == 0
    with closing(sqlite3.connect(shell.folder / "copy.db")) as copy:
        assert copy.execute("select count(*) from messages").fetchone() == (0,)


def test_restores_as_its_help_says(shell: Shell, database: Path) -> None:
    assert shell("backup", "copy.db").returncode == 0
    database.write_bytes(b"lost")
    assert shell("check").returncode == 1
    database.write_bytes((shell.folder / "copy.db").read_bytes())
    for end in ("-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)
    assert shell("check").returncode == 0
