"""Finds the plugins, and refuses what would clash."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bot.errors import ConfigError
from bot.plugin import Plugin

if TYPE_CHECKING:
    import typer

Kind = type[Plugin]
SHIPPED = "plugins"
"""The package of the plugins that come along; the loader knows none of them by name."""
OWN = "xiaopeng_plugin_"
"""What the module names of the operator's plugins begin with, so that they hide no installed module."""
GROUP = "xiaopeng.plugins"
"""The entry point group in which installed packages offer plugins."""


def modules(folder: Path | None = None) -> list[ModuleType]:
    """The shipped plugin modules, those in the operator's folder, and installed ones."""
    home = importlib.import_module(SHIPPED)
    shipped = [importlib.import_module(f"{SHIPPED}.{found.name}") for found in pkgutil.iter_modules(home.__path__)]
    return [*shipped, *_own(folder), *(importlib.import_module(point.module) for point in entry_points(group=GROUP))]


def _own(folder: Path | None) -> Iterable[ModuleType]:
    if folder is None:
        return
    if not folder.is_dir():
        raise ConfigError("XIAOPENG_PLUGINS", f"{folder} is no folder.", "Make it, or leave the setting out.")
    for found in sorted(folder.iterdir()):
        path = found / "__init__.py" if found.is_dir() else found
        if path.suffix != ".py" or not path.is_file() or found.name.startswith(("_", ".", "test_")):
            continue
        name = f"{OWN}{found.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigError("XIAOPENG_PLUGINS", f"{path} cannot be loaded.", "Take it out of the folder.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise ConfigError(
                "XIAOPENG_PLUGINS",
                f"{path} fails to load ({type(error).__name__}: {error}).",
                "Mend it or take it out.",
            ) from error
        yield module


def plugins_of(found: Iterable[ModuleType]) -> list[Kind]:
    """The plugin classes that the modules themselves define, a package also in what it imports of its own."""
    return [
        value
        for module in found
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Plugin)
        and value is not Plugin
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
    ]


def catalog(kinds: Sequence[Kind]) -> list[Kind]:
    """The plugins, checked against each other. Raises ConfigError that names both sides of a clash."""
    names: dict[str, Kind] = {}
    commands: dict[str, Kind] = {}
    for kind in kinds:
        if kind.plugin_fixed and not kind.__module__.startswith("bot."):
            raise ConfigError(
                "XIAOPENG_PLUGINS", f"{_where(kind)} claims that it cannot be switched off.", "Take out its fixed=True."
            )
        for name in {kind.plugin_title.casefold(), kind.plugin_name.casefold()}:
            _claim(names, name, kind, "the plugin name")
        for item in kind.plugin_commands:
            for name in item.names:
                _claim(commands, name.casefold(), kind, "the command")
    return list(kinds)


def _claim(taken: dict[str, Kind], name: str, kind: Kind, what: str) -> None:
    if name in taken:
        both = f"{_where(taken[name])} and {_where(kind)}"
        raise ConfigError("XIAOPENG_PLUGINS", f"{both} both claim {what} {name}.", "Rename or remove one of them.")
    taken[name] = kind


def _where(kind: Kind) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def apps(found: Iterable[ModuleType]) -> dict[str, typer.Typer]:
    """The command-line apps that plugin modules export as `app`, by the module's last name."""
    return {
        module.__name__.rpartition(".")[2].removeprefix(OWN): module.app for module in found if hasattr(module, "app")
    }
