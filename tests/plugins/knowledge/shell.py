"""A folder to type `xiaopeng knowledge …` in, with an environment of its own."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager
from pathlib import Path

from sqlite_utils import Database
from typer.testing import CliRunner

from bot.tools import app

ROOT = Path(__file__).parents[3]
WORDS = (
    "安装",
    "配置",
    "训练",
    "显存",
    "报错",
    "版本",
    "模型",
    "数据集",
    "量化",
    "部署",
    "推理",
    "编译",
    "驱动",
    "依赖",
)


class Shell:
    """Runs real processes in a folder; its database is the default one there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "data/xiaopeng.db"
        own = ("XIAOPENG_", "PYTHON")  # PYTHONUNBUFFERED would hide what is not flushed
        clean = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self.env = {**clean, "PYTHONPATH": str(ROOT), "XIAOPENG_SERVER__PORT": "0", "NO_COLOR": "1"}

    def __call__(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.line(*words), cwd=self.folder, env=self.env, input=given,
            capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.line(*words), cwd=self.folder, env=self.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def line(self, *words: str) -> list[str]:
        """A command line."""
        return [sys.executable, "-m", "bot", "knowledge", *words]

    def write(self, files: dict[str, str]) -> None:
        """Write files below the folder, by their names."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database, as another program sees it."""
        with closing(sqlite3.connect(self.path, isolation_level=None, timeout=5)) as connection:
            yield Database(connection)

    def sources(self) -> dict[str, int]:
        """What stands on the shelf, by source: the number of its chunks, counted."""
        query = (
            "select source, count(k.id) from knowledge_documents d left join knowledge_chunks k on k.document = d.id"
            " group by d.id"
        )
        with self.database() as db:
            return dict(db.execute(query).fetchall())


class Here(Shell):
    """The same without processes, which take a second each to start: for what only the database and files show."""

    def __call__(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        with chdir(self.folder):
            done = CliRunner().invoke(app, ["knowledge", *words], input=given, prog_name="xiaopeng")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def prose(size: int, seed: int) -> str:
    """Markdown of about `size` bytes of UTF-8, another one for each seed."""
    chance = random.Random(seed)
    pieces: list[str] = []
    length = 0
    while length < size:
        heading = f"## {chance.choice(WORDS)}{chance.choice(WORDS)} {seed}-{len(pieces)}\n\n"
        body = "".join(f"{''.join(chance.choices(WORDS, k=6))} v{chance.randrange(1000)}。" for _ in range(12))
        pieces.append(f"{heading}{body}\n\n")
        length += len(pieces[-1].encode())
    return "".join(pieces)
