"""The usual mistakes of plugin authors are errors of the type checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
from bot.api import (
    Context, Findings, MemberJoined, MemberLeft, Message, Plugin, Verdict, command, every, on, screen, source,
)


class Example(Plugin, title="例"):
"""
RIGHT = '''
    @command("例", "example")
    async def example(self, ctx: Context, count: int = 1, *, rest: str = "") -> str | None:
        """例：/例"""
        return "好" * count + rest

    @on(MemberJoined)
    async def hello(self, ctx: Context, event: MemberJoined) -> str:
        return event.member.name

    @screen
    async def look(self, ctx: Context, message: Message) -> Verdict | None:
        return None

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        found = await ctx.consult(question)
        return found or Findings()

    @every(hours=1)
    async def often(self, ctx: Context) -> None:
        return None
'''
WRONG = {
    "a wrong event type": """
    @on(MemberJoined)
    async def hello(self, ctx: Context, event: MemberLeft) -> None:
        return None
""",
    "a missing ctx": '''
    @command("例")
    async def example(self) -> str:
        """例：/例"""
        return ""
''',
    "a sync handler": '''
    @command("例")
    def example(self, ctx: Context) -> str:
        """例：/例"""
        return ""
''',
    "an int reply": '''
    @command("例")
    async def example(self, ctx: Context) -> int:
        """例：/例"""
        return 1
''',
    "a job with extra arguments": """
    @every(hours=1)
    async def often(self, ctx: Context, count: int) -> None:
        return None
""",
    "a source that replies": """
    @source
    async def find(self, ctx: Context, question: str) -> str:
        return question
""",
    "a source without a question": """
    @source
    async def find(self, ctx: Context) -> Findings | None:
        return None
""",
    "a screen that replies": """
    @screen
    async def look(self, ctx: Context, message: Message) -> str:
        return ""
""",
}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_usual_mistakes_are_type_errors(tmp_path: Path) -> None:
    """One run of mypy over one file per mistake, and one without any."""
    (tmp_path / "right.py").write_text(HEAD + RIGHT)
    names = {}
    for number, (mistake, body) in enumerate(WRONG.items()):
        names[mistake] = f"wrong_{number}.py"
        (tmp_path / names[mistake]).write_text(HEAD + body)
    root = Path(__file__).parent.parent
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(root / "pyproject.toml"), str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    output = found.stdout + found.stderr
    missed = [mistake for mistake, name in names.items() if f"{name}:" not in output]
    assert not missed, output
    assert "right.py" not in output, output
