"""`xiaopeng check`: everything that is wrong with an installation, at once, each with its remedy.

What the bot would refuse at its start is found by the code that would refuse it; the doctor only
goes on where the bot stops. Nothing is changed, and no secret is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import prompts as shipped
from bot.doctor import database, door, machine, models, plugins, settings
from bot.doctor.finding import Finding, warn
from bot.store import schema

__all__ = ["Finding", "examine"]


def examine(env_file: Path | None, *, online: bool, reserved: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Every finding, in the order in which an operator would mend them; `reserved` are the tools' own commands."""
    failed: set[str] = set()
    for finding in _all(env_file, online, reserved):
        if finding.level == "fail":
            failed.add(finding.subject)
        elif finding.subject in failed:
            continue  # a default stands in for what is wrong, and nothing is to be said of that
        yield finding


def _all(env_file: Path | None, online: bool, reserved: frozenset[str]) -> Iterator[Finding]:
    yield from machine.look()
    config, found = settings.read(env_file)
    yield from found
    sound = not any(finding.level == "fail" for finding in found)
    yield from door.look(config)
    loaded, found = plugins.modules(config.plugins)
    yield from found
    kinds, found = plugins.kinds(loaded, reserved)
    yield from found
    tables = [kind.plugin_tables for kind in kinds if kind.plugin_tables is not None]
    yield from database.look(config.store.path, [schema.tables, *tables])
    yield from plugins.prompts([*map(Path, list(shipped.__path__)[:1]), *([config.prompts] if config.prompts else [])])
    found = list(models.look(config, online=online))
    yield from found
    if not online:
        return
    if sound and not any(finding.level == "fail" for finding in found):
        yield from models.ask(config)
    else:
        yield warn("models", "They are not asked before their settings are right.")
