"""The papers do not rot: what they show runs, and what they name is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_origin

import pytest
import typer
from pydantic import BaseModel

from bot import config as settings
from bot import loader, tools
from bot.control import Control
from bot.help import Help
from bot.models.presets import PRESETS
from bot.plugin import Plugin
from bot.privacy import Privacy
from bot.testing import BOT, Room
from bot.types import Group, Mention, Part, Role, Text

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
PAPERS = (*READMES, "docs/operators.md", "docs/plugins.md", "docs/admins.zh-CN.md")
GUIDE = "docs/plugins.md"
ROLES = {"成员": Role.MEMBER, "管理员": Role.ADMIN, "群主": Role.OWNER, "运营者": Role.OPERATOR}
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
SPOKEN = re.compile(r"^(\S+?)（(成员|管理员|群主|运营者)）：(.*)$")
MOMENT = re.compile(r"(?:\d{4}-)?\d\d-\d\d(?: \d\d:\d\d)?")


def read(paper: str) -> str:
    return (ROOT / paper).read_text("utf-8")


def prose(paper: str) -> str:
    """The paper without its fenced blocks."""
    return FENCE.sub("", read(paper))


# --- blocks -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the file that it is (a piece of), its text, and its line."""

    language: str
    file: str
    text: str
    line: int


def blocks(paper: str) -> list[Block]:
    text = read(paper)
    found = []
    for fenced in FENCE.finditer(text):
        language, _, rest = fenced[1].partition(" ")
        named = re.fullmatch(r"file=(\S+)", rest.strip())
        found.append(Block(language, named[1] if named else "", fenced[2], text[: fenced.start()].count("\n") + 1))
    return found


def written(folder: Path) -> Path:
    """Write the files of the plugin guide; pieces of one file are joined with an empty line."""
    files: dict[str, list[str]] = {}
    for block in blocks(GUIDE):
        if block.file:
            files.setdefault(block.file, []).append(block.text)
    for name, pieces in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(pieces), "utf-8")
    return folder


def run(*words: str | Path, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(settings.PREFIX)}
    environment = {**inherited, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), path)))}
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_every_python_block_belongs_to_a_file_that_runs() -> None:
    for paper in PAPERS:
        for block in blocks(paper):
            if block.language in {"python", "py"}:
                assert paper == GUIDE, f"{paper}:{block.line}: no test runs this block"
                assert block.file, f"{paper}:{block.line}: name its file, so that it runs"


@pytest.mark.timeout(180)
def test_the_guides_plugins_pass_the_guides_tests(tmp_path: Path) -> None:
    folder = written(tmp_path)
    tests = sorted(path.name for path in folder.glob("test_*.py"))
    assert tests == ["test_memo.py", "test_roll.py"]
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", folder, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = "".join((folder / name).read_text("utf-8") for name in tests).count("\nasync def test_")
    passed = re.search(r"^(\d+) passed in", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= shown > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_guides_plugins_are_well_typed_and_well_formed(tmp_path: Path) -> None:
    sources = sorted(written(tmp_path).glob("*.py"))
    typed = run("-m", "mypy", "--strict", *sources, cwd=ROOT)
    assert typed.returncode == 0, typed.stdout + typed.stderr
    formed = run("-m", "ruff", "format", "--check", "--config", ROOT / "pyproject.toml", *sources, cwd=ROOT)
    assert formed.returncode == 0, formed.stdout + formed.stderr


def test_the_guides_plugins_fit_into_the_house(tmp_path: Path) -> None:
    kinds = loader.plugins_of(loader.modules(written(tmp_path)))
    titles = [kind.plugin_title for kind in loader.catalog([Help, *kinds, Control, Privacy])]
    assert {"骰子", "备忘", "问答"} <= set(titles)


@pytest.mark.timeout(180)
def test_the_guides_entry_point_is_found(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (group,) = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"].items()
    assert group[0] == loader.GROUP
    installed = folder / "memo-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: memo\nVersion: 1\n", "utf-8")
    points = "".join(f"{name} = {module}\n" for name, module in group[1].items())
    (installed / "entry_points.txt").write_text(f"[{group[0]}]\n{points}", "utf-8")
    program = "from bot import loader; print([kind.plugin_title for kind in loader.plugins_of(loader.modules())])"
    done = run("-c", program, cwd=folder, path=str(folder))
    assert done.returncode == 0, done.stderr
    assert "'备忘'" in done.stdout
    (words,) = re.findall(r"`xiaopeng (memo .+?)` prints `True`", read(GUIDE))
    mounted = run("-m", "bot", *words.split(), cwd=folder, path=str(folder))
    assert (mounted.stdout, mounted.returncode) == ("True\n", 0), mounted.stderr


# --- transcripts --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody says in a transcript, and what the bot answers."""

    name: str
    role: Role
    text: str
    replies: tuple[str, ...]


def transcript(text: str, bot: str = "欧小鹏") -> Iterator[Line]:
    """The lines of a transcript; a line of nobody goes on with the bot's last reply."""
    said: re.Match[str] | None = None
    replies: list[str] = []
    for line in text.splitlines():
        if found := SPOKEN.match(line):
            if said:
                yield Line(said[1], ROLES[said[2]], said[3], tuple(replies))
            said, replies = found, []
        elif line.startswith(f"{bot}："):
            replies.append(line.partition("：")[2])
        elif line != "（沉默）":
            replies[-1] += f"\n{line}"
    if said:
        yield Line(said[1], ROLES[said[2]], said[3], tuple(replies))


@asynccontextmanager
async def house() -> AsyncIterator[Room]:
    async with Room(*loader.plugins_of(loader.modules()), operators=["room:远"]) as room:
        room.group = Group("room:123456", "示例群")
        # As in the web chat and in the terminal; elsewhere it has to be made one.
        room.platform.roles[room.group.id, BOT.id] = Role.ADMIN
        yield room


async def said(room: Room, line: Line) -> list[str]:
    """Say a line with its mentions; what the bot answers, with every moment made equal."""
    parts: list[Part] = []
    for piece in re.split(r"(@\S+)", line.text):
        member = f"room:{piece[1:]}" if piece != "@欧小鹏" else BOT.id
        parts.append(Mention(member, piece[1:]) if piece.startswith("@") else Text(piece))
    start = len(room.platform.texts)
    room.platform.roles[room.group.id, f"room:{line.name}"] = line.role
    room.platform.receive(room.message(line.text, by=line.name, role=line.role, parts=tuple(parts)))
    await room.settle()
    return room.platform.texts[start:]


@pytest.mark.parametrize("paper", PAPERS)
async def test_transcripts_are_what_is_said(paper: str) -> None:
    talks = [block for block in blocks(paper) if block.language == "chat"]
    async with house() as room:
        for block in talks:
            for line in transcript(block.text):
                heard = [MOMENT.sub("时刻", text) for text in await said(room, line)]
                meant = [MOMENT.sub("时刻", text) for text in line.replies]
                assert heard == meant, f"{paper}:{block.line}: {line.name}: {line.text}"


def test_the_admins_guide_shows_every_control_command() -> None:
    talks = "".join(block.text for block in blocks("docs/admins.zh-CN.md") if block.language == "chat")
    for command in Control.plugin_commands:
        assert re.search(rf"：/{command.names[0]}(?!\w)", talks), f"/{command.names[0]} is not shown"


# --- what is named is there ---------------------------------------------------------------


def commands() -> set[str]:
    kinds: list[type[Plugin]] = [Help, Control, Privacy, *loader.plugins_of(loader.modules())]
    return {name for kind in kinds for command in kind.plugin_commands for name in command.names}


def variables(model: type[BaseModel] = settings.Config, *path: str) -> Iterator[str]:
    """Every variable, with <NAME> for the name of a model."""
    for name, field in model.model_fields.items():
        yield settings.variable(*path, name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                here = (*path, name, "<NAME>") if get_origin(field.annotation) is dict else (*path, name)
                yield settings.variable(*here)
                yield from variables(kind, *here)


@pytest.mark.parametrize("paper", PAPERS)
def test_links_lead_somewhere(paper: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(paper)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (ROOT / paper).parent / name if name else ROOT / paper
        assert there.exists(), f"{paper} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", there.read_text("utf-8")), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{paper} links to {target}"


@pytest.mark.parametrize("paper", PAPERS)
def test_variables_exist(paper: str) -> None:
    known = set(variables())
    for name in re.findall(r"XIAOPENG_[A-Z0-9_<>]+", read(paper)):
        general = re.sub(r"^(XIAOPENG_MODELS__)[A-Z0-9]+(?=__)", r"\1<NAME>", name.rstrip("_"))
        assert general in known, f"{paper} names {name}"


@pytest.mark.parametrize("paper", [*READMES, "docs/admins.zh-CN.md", "docs/operators.md"])
def test_commands_exist(paper: str) -> None:
    for name in re.findall(r"(?<![\w/.])/([\u4e00-\u9fff]+)", read(paper)):
        assert name in commands(), f"{paper} names /{name}"


@pytest.mark.parametrize("paper", [*PAPERS, "CONTRIBUTING.md"])
def test_make_targets_exist(paper: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for name in re.findall(r"(?:^\s*|`|; )(?:[A-Z_]+=\S+ )*make ([a-z]+)\b", read(paper), re.MULTILINE):
        assert name in targets, f"{paper} names make {name}"


def subcommands(app: typer.Typer) -> set[str]:
    return {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


def test_subcommands_exist(tmp_path: Path) -> None:
    shipped = loader.apps(loader.modules())
    examples = set(loader.apps(loader.modules(written(tmp_path)))) - set(shipped)
    named = {paper: set(re.findall(r"(?:`|^\s+|/)xiaopeng ([a-z_]+)\b", read(paper), re.MULTILINE)) for paper in PAPERS}
    assert examples <= named[GUIDE], "the guide names its app otherwise"
    known = subcommands(tools.app) | set(shipped)
    for paper, names in named.items():
        # "memo" is what the test of the entry point runs.
        assert names <= known | ({"memo", *examples} if paper == GUIDE else set()), paper


def test_subcommands_of_shipped_plugins_are_told_and_exist() -> None:
    for name, app in loader.apps(loader.modules()).items():
        told = {paper: set(re.findall(rf"\bxiaopeng {name} ([a-z_]+)\b", read(paper))) for paper in PAPERS}
        for paper, names in told.items():
            assert names <= subcommands(app), f"{paper} names what xiaopeng {name} does not have"
        assert told["docs/operators.md"] == subcommands(app), f"the operators are not told all of xiaopeng {name}"


def test_the_presets_of_the_guide_are_those_of_the_code() -> None:
    (row,) = re.findall(r"^Presets: (.+)\.$", read("docs/operators.md"), re.MULTILINE)
    assert row.replace("`", "").split(", ") == list(PRESETS)


def test_the_readmes_say_the_same() -> None:
    shapes = []
    for paper in READMES:
        other = next(name for name in READMES if name != paper)
        assert f"({other})" in read(paper)
        text = prose(paper)
        shapes.append(
            (
                [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)],
                len(re.findall(r"^- ", text, re.MULTILINE)),
                len(blocks(paper)),
                sorted(set(re.findall(r"`(make \w+|XIAOPENG_\w+)`", text))),
            )
        )
    assert shapes[0] == shapes[1]
