"""The import contracts hold as the tree stands, and each of them can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BREACHES = [
    ("layers", "bot/errors.py", "import bot.pipeline"),
    ("layers", "bot/store/__init__.py", "import bot.models"),
    ("layers", "bot/roomless.py", "import bot.errors"),
    ("adapters", "bot/adapters/stray.py", "import bot.store"),
    ("adapters", "bot/adapters/stray.py", "import bot.pipeline"),
    ("adapters-apart", "bot/adapters/stray.py", "import bot.adapters.other"),
    ("adapters-apart", "bot/adapters/stray_wire.py", "from bot.adapters import other"),
    ("plugins", "plugins/stray.py", "import bot.config"),
    ("plugins", "plugins/stray/deep.py", "from bot.types import Message"),
    ("plugins-apart", "plugins/stray.py", "import plugins.other"),
    ("core", "bot/config.py", "import plugins.other"),
    ("spam", "plugins/spam/stray.py", "import bot.errors"),
    ("spam", "plugins/spam/stray.py", "import bot.api"),
]
"""A contract, a file of the tree, and the line in it that the contract must refuse."""


def lint(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [tool, "--no-cache", *options], cwd=tree, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code, with room for what a breach needs: a second adapter and a second plugin."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/families.py", tmp_path / "tests")
    for package in ("bot", "plugins"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bot/adapters/other.py").touch()
    (tmp_path / "plugins/other.py").touch()
    for package in ("plugins/stray", "plugins/spam"):
        (tmp_path / package).mkdir(exist_ok=True)
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "bot/api.py").touch()
    return tmp_path


def test_hold(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES)
def test_fail_when_broken(tree: Path, contract: str, file: str, line: str) -> None:
    path = tree / file
    if path.name == "stray.py" and path.with_suffix("").exists():
        shutil.rmtree(path.with_suffix(""))
    with path.open("a", encoding="utf-8") as code:
        code.write(f"\n{line}\n")
    done = lint(tree, "--contract", contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 kept, 1 broken" in done.stdout


@pytest.mark.parametrize(
    ("contract", "file", "line"),
    [
        ("adapters", "bot/adapters/stray.py", "from bot import config, errors, types"),
        ("adapters-apart", "bot/adapters/other_wire.py", "import bot.adapters.other"),
        ("plugins", "plugins/stray/deep.py", "import bot.api"),
    ],
)
def test_leave_the_door_open(tree: Path, contract: str, file: str, line: str) -> None:
    (tree / file).write_text(line + "\n", encoding="utf-8")
    done = lint(tree, "--contract", contract)
    assert done.returncode == 0, done.stdout + done.stderr
