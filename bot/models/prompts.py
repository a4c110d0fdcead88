"""Prompts as files that operators edit: front matter, and a template per role.

A file is TOML between two lines of `+++`, then sections under the exact lines `# system` and
`# user`. It is split into sections before anything is filled in, and what is filled in is data
to the template, so nothing that a member types can open a section or run as one.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from bot.errors import ConfigError
from bot.models.base import Turn
from bot.types import Image

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Section = Literal["system", "user"]
Stamp = tuple[int, int, int]

FRONT: Final = "+++"
HEADINGS: Final[Mapping[str, Section]] = MappingProxyType({"# system": "system", "# user": "user"})
_NEARLY: Final = re.compile(r"\s*#+\s*(system|user)\s*:?\s*", re.IGNORECASE)
_KEYS: Final[Mapping[str, type]] = MappingProxyType({"purpose": str, "title": str, "model": str, "options": dict})


@dataclass(frozen=True, slots=True)
class Prompt:
    """What goes to a model: the turns, the model that the file prefers, and its options."""

    turns: tuple[Turn, ...]
    model: str | None
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _File:
    """One prompt file, read and compiled."""

    path: Path
    front: Mapping[str, object]
    sections: Mapping[Section, Template]


class Prompts:
    """All prompts of some folders, by file name; a later folder's file replaces an earlier one's.

    Raises ConfigError, naming file and line, where a file is broken at the start. A file that
    breaks later leaves what was there before in force, and shows up in `problems`.
    `every` so many seconds at most the folders are looked through for a question.
    """

    def __init__(self, folders: Sequence[Path], every: float = 1.0) -> None:
        self._folders = tuple(folders)
        self._every = every
        self._looked = -math.inf
        self._stamps: dict[Path, Stamp] = {}
        self._files: dict[Path, _File] = {}
        self._problems: dict[Path, ConfigError] = {}
        self._sandbox = _sandbox()
        self._look()
        for problem in self._problems.values():
            raise problem

    def names(self) -> Sequence[str]:
        """The names of all prompts, sorted."""
        self._look()
        return sorted({path.stem for path in self._files})

    def problems(self) -> Sequence[ConfigError]:
        """What is wrong with files that were edited since the start."""
        self._look()
        return tuple(self._problems.values())

    def render(
        self, name: str, /, history: Sequence[Turn] = (), images: Sequence[Image] = (), **data: object
    ) -> Prompt:
        """Fill in a prompt; `history` comes between its system and its user turn, which the `images` go with.

        Raises ConfigError where there is no such prompt, or where its template fails.
        """
        if time.monotonic() - self._looked >= self._every:
            self._look()
        file = self._find(name)
        filled = {section: _fill(file.path, template, data) for section, template in file.sections.items()}
        system = filled.get("system", "")
        first = (Turn("system", system),) if system and not system.isspace() else ()
        front = file.front
        model, options = front.get("model"), front.get("options", {})
        assert isinstance(options, dict)
        last = Turn("user", filled["user"], tuple(images))
        return Prompt((*first, *history, last), str(model) if model else None, dict(options))

    def _find(self, name: str) -> _File:
        for folder in reversed(self._folders):
            if file := self._files.get(folder / f"{name}.md"):
                return file
        places = ", ".join(map(str, self._folders)) or "no folder"
        raise ConfigError(f"{name}.md", f"no such prompt in {places}.", "Restore the file, or add one of that name.")

    def _look(self) -> None:
        """Read what is new or has changed since the last look; costs one `stat` per file."""
        self._looked = time.monotonic()
        seen: dict[Path, Stamp] = {}
        for folder in self._folders:
            try:
                seen.update(_scan(folder))
                self._problems.pop(folder, None)
            except ConfigError as problem:
                self._problems[folder] = problem
                seen.update({path: stamp for path, stamp in self._stamps.items() if path.parent == folder})
        if seen == self._stamps:
            return
        for path in self._stamps.keys() - seen.keys():
            self._files.pop(path, None)
            self._problems.pop(path, None)
        for path, stamp in seen.items():
            if self._stamps.get(path) == stamp:
                continue
            try:
                self._files[path] = _read(path, self._sandbox)
                self._problems.pop(path, None)
            except ConfigError as problem:
                self._problems[path] = problem
        self._stamps = seen


def fence(text: object) -> str:
    """`text` between two lines of ~ that are longer than any run of ~ in it, so that it cannot end early."""
    inner = str(text)
    line = "~" * max(3, 1 + max(map(len, re.findall("~+", inner)), default=0))
    return f"{line}\n{inner}\n{line}"


def _sandbox() -> ImmutableSandboxedEnvironment:
    """Where templates run; jinja2 is imported here, since it costs more than all else of this module."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # A chat model reads plain text: escaping for HTML would change what members wrote.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.filters["fence"] = fence
    return environment


def _scan(folder: Path) -> Mapping[Path, Stamp]:
    """Every prompt file of a folder, with what changes when it is edited. Raises ConfigError."""
    stamps: dict[Path, Stamp] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".md") and not entry.name.startswith(".") and entry.is_file():
                    status = entry.stat()
                    stamps[folder / entry.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
    except OSError as failed:
        raise ConfigError(str(folder), f"{failed.strerror}.", "Name a folder that can be read.") from failed
    return stamps


def _read(path: Path, sandbox: ImmutableSandboxedEnvironment) -> _File:
    """Read, split and compile one file. Raises ConfigError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as failed:
        raise _problem(path, 1, f"it cannot be read ({failed}).", "Save it as UTF-8 text.") from failed
    front, start = _front(path, lines)
    bodies = _split(path, lines, start)
    if "user" not in bodies:
        raise _problem(path, len(lines), "there is no section # user.", "Add a line that says exactly: # user")
    return _File(path, front, {section: _compile(path, *body, sandbox) for section, body in bodies.items()})


def _front(path: Path, lines: Sequence[str]) -> tuple[Mapping[str, object], int]:
    """The front matter, and the number of the first line after it (from 0)."""
    remedy = f"Begin the file with TOML between two lines of {FRONT}."
    if not lines or lines[0].rstrip() != FRONT:
        raise _problem(path, 1, "there is no front matter.", remedy)
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FRONT), None)
    if end is None:
        raise _problem(path, 1, "the front matter does not end.", remedy)
    try:
        # An empty line in place of the first +++ makes TOML's line numbers those of the file.
        front = tomllib.loads("\n".join(["", *lines[1:end], ""]))
    except tomllib.TOMLDecodeError as failed:
        raise _problem(
            path, None, f"the front matter is no TOML: {failed}.", 'Write it like: model = "main"'
        ) from failed
    for key, value in front.items():
        if key not in _KEYS:
            raise _problem(path, None, f'the front matter knows no "{key}".', f"Use {', '.join(_KEYS)}.")
        if not isinstance(value, _KEYS[key]):
            raise _problem(path, None, f'"{key}" must be a {_KEYS[key].__name__}.', "See the shipped prompts.")
    try:
        json.dumps(front.get("options", {}), allow_nan=False)
    except (TypeError, ValueError) as failed:
        raise _problem(path, None, f'"options" cannot be sent: {failed}.', "Use texts, numbers and lists.") from failed
    return front, end + 1


def _split(path: Path, lines: Sequence[str], start: int) -> Mapping[Section, tuple[int, Sequence[str]]]:
    """The number of the first line and the lines of each section."""
    bodies: dict[Section, tuple[int, list[str]]] = {}
    body: list[str] | None = None
    for number, line in enumerate(lines[start:], start):
        if section := HEADINGS.get(line.rstrip()):
            if section in bodies:
                raise _problem(path, number + 1, f"there are two sections {line.rstrip()}.", "Join them.")
            body = []
            bodies[section] = (number + 1, body)
        elif _NEARLY.fullmatch(line):
            raise _problem(path, number + 1, f'"{line.strip()}" is nearly a section.', "Write # system or # user.")
        elif body is not None:
            body.append(line)
        elif line.strip():
            raise _problem(path, number + 1, "there is text before the first section.", "Put # system above it.")
    return bodies


def _compile(path: Path, first: int, lines: Sequence[str], sandbox: ImmutableSandboxedEnvironment) -> Template:
    from jinja2 import TemplateSyntaxError

    text = "\n".join(lines)
    blank = len(text) - len(text.lstrip())
    first += text[:blank].count("\n")
    # A comment of as many lines as come before makes jinja2's line numbers those of the file.
    source = "{#" + "\n" * first + "#}" + text.strip()
    try:
        code = sandbox.compile(source, path.stem, str(path))
    except TemplateSyntaxError as failed:
        raise _problem(path, failed.lineno, f"{failed.message}.", "Mend the template.") from failed
    return sandbox.template_class.from_code(sandbox, code, sandbox.make_globals(None))


def _fill(path: Path, template: Template, data: Mapping[str, object]) -> str:
    try:
        return template.render(data)
    except Exception as failed:
        # A template is the operator's code and may raise anything.
        trace, line = failed.__traceback__, None
        while trace:
            if trace.tb_frame.f_code.co_filename == str(path):
                line = trace.tb_lineno
            trace = trace.tb_next
        raise _problem(path, line, f"{type(failed).__name__}: {failed}.", "Mend the template.") from failed


def _problem(path: Path, line: int | None, problem: str, remedy: str) -> ConfigError:
    return ConfigError(str(path), f"line {line}: {problem}" if line else problem, remedy)
