"""The operator's settings as environment variables: all that there are, and `.env.example` made of them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.config import Config, variable
from bot.models.presets import PRESETS

ANY_NAME = "<NAME>"
"""Stands in a variable for a name of the operator's choice."""

HEADING = """\
# The settings of the bot. Copy this file to .env, take the # off the lines that you change, and run
# `xiaopeng check`, which names everything that is wrong. What stays commented out has the value shown.
#
# Nothing needs to be set to try the bot on this machine. For a group, set XIAOPENG_OPERATORS and one
# model; to be reached from other machines, set XIAOPENG_SERVER__HOST, a password and a token.
#
# Lists are JSON. Keep .env to yourself (chmod 600 .env): it holds keys and passwords. Variables of the
# environment go before those of the file.
"""
MODELS = f"""\
# {ANY_NAME} is a name of your choice, which members see: XIAOPENG_MODELS__MAIN__MODEL and so on.
{textwrap.fill(", ".join(PRESETS), 100, initial_indent="# Presets: ", subsequent_indent="#   ")}
# Without a preset of its own, any OpenAI-compatible server works through its BASE_URL.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `path` leads to it from `Config`, `title` is of its section."""

    title: str
    path: tuple[str, ...]
    field: FieldInfo

    @property
    def variable(self) -> str:
        return variable(*self.path)


def settings(kind: type[BaseModel] = Config, path: tuple[str, ...] = (), title: str = "The bot") -> Iterator[Setting]:
    """Every setting, sections in their order after what stands in none."""
    later: list[tuple[type[BaseModel], tuple[str, ...]]] = []
    for name, field in kind.model_fields.items():
        inner = _section(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            later.append((inner, (*path, name)))
        elif get_origin(inner) is dict and (value := get_args(inner)[1]) and issubclass(value, BaseModel):
            later.append((value, (*path, name, ANY_NAME)))
        else:
            yield Setting(title, (*path, name), field)
    for section, where in later:
        yield from settings(section, where, (section.__doc__ or "").partition("\n")[0].rstrip("."))


def _section(annotation: Any) -> Any:
    """The section itself where it may be left out."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), annotation)


def variables(*names: str) -> Mapping[str, Setting | None]:
    """Every variable that means something, for models of these names; None: a whole section as JSON."""
    found: dict[str, Setting | None] = {}
    for setting in settings():
        for name in names if ANY_NAME in setting.path else ("",):
            path = tuple(name if step == ANY_NAME else step for step in setting.path)
            found.update({variable(*path[:length]): None for length in range(1, len(path))})
            found[variable(*path)] = setting
    return found


def example() -> str:
    """The text of `.env.example`."""
    lines = [HEADING]
    title = ""
    for setting in settings():
        if setting.title != title:
            title = setting.title
            lines.append(f"\n# --- {title} {'-' * (94 - len(title))}\n")
            if ANY_NAME in setting.path:
                lines.append(MODELS)
        lines.append(f"# {_words(setting.field)}\n# {setting.variable}={_written(setting.field)}\n")
    return "\n".join(lines)


def _words(field: FieldInfo) -> str:
    words = field.description or ""
    if get_origin(field.annotation) is Literal:
        words += f": {', '.join(map(str, get_args(field.annotation)))}"
    return f"{words} (required)" if field.is_required() else words


def _written(field: FieldInfo) -> str:
    """The default as it would stand in the file; empty where there is none."""
    default: Any = None if field.is_required() else field.get_default(call_default_factory=True)
    match default:
        case None | SecretStr():
            return ""
        case bool():
            return str(default).lower()
        case str() | int() | float():
            return str(default)
        case Path():
            return default.as_posix()
        case tuple() | frozenset() | list():
            return json.dumps(list(default), ensure_ascii=False)
        case _:
            raise TypeError(f"no form in an .env file for {type(default).__name__}")
