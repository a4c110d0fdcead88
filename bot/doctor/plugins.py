"""The plugins and the prompts: each on its own, so that a broken one hides no other."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from bot import loader
from bot.config import variable
from bot.control import Control
from bot.doctor.finding import Finding, fail, failed, ok, warn
from bot.errors import ConfigError
from bot.help import Help
from bot.loader import Kind
from bot.models.prompts import Prompts
from bot.privacy import Privacy

PLUGINS = variable("plugins")


def modules(folder: Path | None) -> tuple[list[ModuleType], list[Finding]]:
    """The plugin modules that load, and what is wrong with the others."""
    loaded: list[ModuleType] = []
    found: list[Finding] = []
    if folder is not None and not folder.is_dir():
        found.append(fail(PLUGINS, f"{folder} is no folder. Make it, or leave the setting out."))
        folder = None
    for name, load in _candidates(folder):
        try:
            loaded.append(load())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            words = " ".join(str(error).split())
            found.append(
                fail(PLUGINS, f"{name} fails to load ({type(error).__name__}: {words}). Mend it or take it out.")
            )
    return loaded, found


def kinds(loaded: Sequence[ModuleType], reserved: frozenset[str]) -> tuple[list[Kind], list[Finding]]:
    """The plugins that go together, and every clash; `reserved` are commands of the shell."""
    good: list[Kind] = [Help, Control, Privacy]
    found: list[Finding] = []
    for kind in loader.plugins_of(loaded):
        try:
            loader.catalog([*good, kind])
        except ConfigError as error:
            found.append(failed(error))
        else:
            good.append(kind)
    seen: dict[str, str] = {}
    for module in loaded:
        for name in loader.apps([module]):
            if name in reserved or name in seen:
                other = seen.get(name, "the bot itself")
                found.append(warn(PLUGINS, f"`xiaopeng {name}` of {module.__name__} is {other}'s. Rename the module."))
            seen.setdefault(name, module.__name__)
    if not found:
        found.append(ok("plugins", ", ".join(kind.plugin_name for kind in good)))
    return good, found


def prompts(folders: Sequence[Path]) -> Iterator[Finding]:
    """Every prompt file that does not parse."""
    count = 0
    broken = False
    for folder in folders:
        if not folder.is_dir():
            broken = True
            yield fail(variable("prompts"), f"{folder} is no folder. Make it, or leave the setting out.")
            continue
        for path in sorted(folder.glob("[!.]*.md")):
            count += 1
            # Read alone, in a folder of its own: among others, the first broken one would hide the rest.
            with tempfile.TemporaryDirectory() as alone:
                try:
                    shutil.copyfile(path, Path(alone) / path.name)
                    Prompts([Path(alone)])
                except ConfigError as error:
                    broken = True
                    yield fail(str(path), f"{error.problem} {error.remedy}")
                except OSError as error:
                    broken = True
                    yield fail(str(path), f"It cannot be read ({error.strerror}). Let the bot's user read it.")
    if not broken:
        yield ok("prompts", f"{count} files are well-formed")


def _candidates(folder: Path | None) -> Iterator[tuple[str, Callable[[], ModuleType]]]:
    """What the loader would load, one at a time: its name, and how."""
    home = importlib.import_module(loader.SHIPPED)
    for shipped in pkgutil.iter_modules(home.__path__):
        name = f"{loader.SHIPPED}.{shipped.name}"
        yield name, partial(importlib.import_module, name)
    for entry in sorted(folder.iterdir()) if folder else ():
        path = entry / "__init__.py" if entry.is_dir() else entry
        if path.suffix == ".py" and path.is_file() and not entry.name.startswith(("_", ".", "test_")):
            yield str(path), partial(_from_file, path, entry.stem)
    for point in entry_points(group=loader.GROUP):
        yield point.module, partial(importlib.import_module, point.module)


def _from_file(path: Path, stem: str) -> ModuleType:
    name = f"xiaopeng_plugin_{stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("no Python can load it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
