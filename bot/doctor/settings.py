"""The settings: what does not parse, and what nobody reads."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings as AnySettings
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, PydanticBaseSettingsSource

from bot.config import PREFIX, Config, variable
from bot.doctor.finding import Finding, fail, ok, warn
from bot.envfile import ANY_NAME, variables

NEAR = 0.8
"""How alike a typo and the setting that was meant are, out of 1."""
MISSPELT_PREFIX = 0.92
LISTS = frozenset({"tuple_type", "frozen_set_type", "set_type", "list_type"})


class _Env(EnvSettingsSource):
    """The environment; what is no JSON where JSON is due stays text, so that validation names it with the rest."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _DotEnv(DotEnvSettingsSource):
    """The same for the file."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _Given(Config):
    """The settings out of what is given, and nothing else."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[AnySettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def read(env_file: Path | None) -> tuple[Config, list[Finding]]:
    """The settings as far as they are right (defaults for the rest), and all that is wrong with them."""
    found = list(_file(env_file)) if env_file else []
    values: dict[str, Any] = {}
    if any(finding.level == "fail" for finding in found):
        env_file = None
    if env_file:
        values = _DotEnv(Config, env_file=env_file)()
    values = _merged(values, _Env(Config)())
    models = values.get("models")
    wrong: dict[str, Finding] = {}
    if isinstance(models, dict) and models.pop(ANY_NAME.lower(), None) is not None:
        named = variable("models", ANY_NAME)
        wrong[named] = fail(named, f"Write a name of your choice for {ANY_NAME}, such as MAIN.")
    known = variables(*models) if isinstance(models, dict) else variables()
    config: Config | None = None
    while config is None:
        try:
            config = _Given(_env_file=None, **values)
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False, include_context=False)
            for detail in details:
                finding = _explained(detail, known)
                wrong.setdefault(finding.subject, finding)
            values = _without(values, details)
    for finding in _unread(known, _names(env_file)):
        wrong.setdefault(finding.subject, finding)
    found += wrong.values()
    if not any(finding.level == "fail" for finding in found):
        count = sum(1 for name in os.environ if name.upper().startswith(PREFIX))
        are = f"{count} variable of the environment is" if count == 1 else f"{count} variables of the environment are"
        file = f"{env_file} and " if env_file and env_file.is_file() else ""
        found.append(ok("settings", f"{file}{are} understood"))
    return config, found


def _file(path: Path) -> Iterator[Finding]:
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8") as lines:
            broken = [binding.original.line for binding in parse_stream(lines) if binding.error]
    except (OSError, UnicodeDecodeError) as error:
        yield fail(
            str(path), f"It cannot be read ({type(error).__name__}). Save it as UTF-8 text that the bot may read."
        )
        return
    for line in broken:
        yield warn(str(path), f"Line {line} is not understood and is left out. Write NAME=value.")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        yield warn(str(path), f"Others on this machine may read its keys. Run: chmod 600 {path}")


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for name, value in above.items():
        under = both.get(name)
        both[name] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return both


def _explained(error: ErrorDetails, known: Mapping[str, object]) -> Finding:
    path = [str(step) for step in error["loc"]]
    while path and path[-1].isdecimal():
        path.pop()
    if error["type"] == "extra_forbidden":
        name = path[0].upper() if len(path) == 1 else variable(*path)
        return _unknown(name, known)
    name = variable(*path)
    setting = variables(*(path[1:2] if path[0] == "models" else ())).get(name)
    words = (setting.field.description or "").rstrip(".") if setting else ""
    remedy = f" {words}." if words else " See .env.example for its form."
    if path[0] == "models" and len(path) == 2:
        return fail(name, f"A model has a name. Write {variable('models', 'main', path[1])} or another name for main.")
    if error["type"] in LISTS:
        return fail(name, f'This is no JSON list. Write it like ["one", "two"].{remedy}')
    if error["type"] == "string_pattern_mismatch":
        return fail(name, f"An id is a platform, a colon and an account, like qq:12345.{remedy}")
    if error["type"] == "missing":
        return fail(name, f"It is not set, and the model needs it.{remedy}")
    problem = error["msg"].partition(", unable to ")[0].rstrip(".")
    return fail(name, f"{problem}.{remedy}")


def _names(env_file: Path | None) -> set[str]:
    """The variables that the environment and the file hold."""
    held = dotenv_values(env_file) if env_file and env_file.is_file() else {}
    return {name.upper() for name in (*os.environ, *held)}


def _unread(known: Mapping[str, object], names: set[str]) -> Iterator[Finding]:
    """The variables that look like ours and are silently left out."""
    sections = tuple(f"{name}__" for name, setting in known.items() if setting is None)
    for name in sorted(names):
        if name.startswith(PREFIX):
            # What stands in a section has been validated with it.
            if name not in known and not name.startswith((*sections, variable("models", ""))):
                yield _unknown(name, known)
        elif meant := difflib.get_close_matches(name, known, 1, MISSPELT_PREFIX):
            yield warn(name, f"No such setting; {meant[0]} is one.")


def _unknown(name: str, known: Mapping[str, object]) -> Finding:
    single = [name for name, setting in known.items() if setting is not None]
    if meant := difflib.get_close_matches(name, single, 1, NEAR):
        return fail(name, f"There is no such setting. {meant[0]} is meant, perhaps; rename it.")
    return warn(name, "There is no such setting, and it has no effect. Take it out, or see `xiaopeng env`.")


def _without(values: dict[str, Any], errors: list[ErrorDetails]) -> dict[str, Any]:
    """The values without those that are wrong; what is missing gets a stand-in, so that the rest is looked at."""
    copy = deepcopy(values)
    for error in errors:
        if not error["loc"]:
            return {}
        place: Any = copy
        *way, last = error["loc"]
        if error["type"] == "missing" and way and Config.model_fields[str(way[0])].default is None:
            copy.pop(str(way[0]), None)  # the bot does without that section
            continue
        for step in way:
            if not isinstance(place.get(step), dict):
                last = step
                break
            place = place[step]
        if error["type"] == "missing" and last == error["loc"][-1]:
            place[last] = "missing"
        else:
            place.pop(last, None)
    return copy
