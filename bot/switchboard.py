"""Which plugins are on in a group, with which settings; what each message is looked up in.

Groups that changed nothing share one `View`; a view is built when something changes, never
per message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
from loguru import logger
from pydantic import ValidationError

from bot.plugin import Command, Plugin
from bot.store import switches
from bot.store.audit import Entry
from bot.store.database import Store
from bot.store.switches import Overrides
from bot.types import Event

Kind = type[Plugin]


@dataclass(slots=True)
class View:
    """One group's plugins, ready for dispatch. Names are case-folded."""

    plugins: dict[Kind, Plugin] = field(default_factory=dict)
    commands: dict[str, tuple[Command, Plugin]] = field(default_factory=dict)
    addressed: tuple[Command, Plugin] | None = None
    screens: list[tuple[str, Plugin]] = field(default_factory=list)
    sources: list[tuple[str, Plugin]] = field(default_factory=list)
    listeners: dict[type[Event], list[tuple[str, Plugin]]] = field(default_factory=dict)
    broken: dict[tuple[Kind, str], str] = field(default_factory=dict)
    """Stored settings that no longer validate: (plugin, field) → the old value as JSON."""


class Switchboard:
    """The plugins and every group's choices. `catalog` is in dispatch order."""

    def __init__(self, store: Store, catalog: Sequence[Kind]) -> None:
        self.catalog = tuple(catalog)
        self._store = store
        self._defaults = {kind: kind() for kind in self.catalog}
        self._overrides: dict[str, Overrides] = {}
        self._views: dict[str, View] = {}
        self._shared = self._view(Overrides())

    async def load(self) -> None:
        self._overrides = await switches.load(self._store)
        self._views.clear()

    def view(self, group_id: str) -> View:
        if group_id not in self._overrides:
            return self._shared
        view = self._views.get(group_id)
        if view is None:
            view = self._views[group_id] = self._view(self._overrides[group_id])
        return view

    def find(self, name: str) -> Kind | None:
        """A plugin by its Chinese title or its English name."""
        wanted = name.casefold()
        return next(
            (kind for kind in self.catalog if wanted in (kind.plugin_title.casefold(), kind.plugin_name.casefold())),
            None,
        )

    def settings(self, group_id: str, kind: Kind) -> Plugin:
        """The group's settings of a plugin, on or off."""
        return self.view(group_id).plugins.get(kind) or self._build(self._overrides.get(group_id, Overrides()), kind)[0]

    def is_on(self, group_id: str, kind: Kind) -> bool:
        return kind in self.view(group_id).plugins

    def stored(self, group_id: str, kind: Kind, field: str) -> str | None:
        """The stored value of a setting as JSON; None where the default holds."""
        overrides = self._overrides.get(group_id)
        return overrides.settings.get(kind.plugin_name, {}).get(field) if overrides else None

    def stored_switch(self, group_id: str, kind: Kind) -> bool | None:
        overrides = self._overrides.get(group_id)
        return overrides.enabled.get(kind.plugin_name) if overrides else None

    async def switch(self, entry: Entry, enabled: bool | None) -> None:
        """Turn `entry.plugin` on or off (None: its default). Raises StoreError; nothing changes then."""
        await switches.switch(self._store, entry, enabled)
        overrides = self._overrides.setdefault(entry.group_id, Overrides())
        if enabled is None:
            overrides.enabled.pop(entry.plugin, None)
        else:
            overrides.enabled[entry.plugin] = enabled
        self._changed(entry.group_id)

    async def put(self, entry: Entry, value: str | None) -> None:
        """Store the setting `entry.subject` of `entry.plugin` as JSON (None: its default). Raises StoreError."""
        await switches.put(self._store, entry, value)
        overrides = self._overrides.setdefault(entry.group_id, Overrides())
        fields = overrides.settings.setdefault(entry.plugin, {})
        if value is None:
            fields.pop(entry.subject, None)
            if not fields:
                del overrides.settings[entry.plugin]
        else:
            fields[entry.subject] = value
        self._changed(entry.group_id)

    def _changed(self, group_id: str) -> None:
        """Forget the view; a group that took everything back shares the common one again."""
        self._views.pop(group_id, None)
        if self._overrides[group_id] == Overrides():
            del self._overrides[group_id]

    # --- building -------------------------------------------------------------------------

    def _view(self, overrides: Overrides) -> View:
        view = View()
        for kind in self.catalog:
            if not (kind.plugin_fixed or overrides.enabled.get(kind.plugin_name, kind.plugin_default)):
                continue
            plugin, broken = self._build(overrides, kind)
            view.plugins[kind] = plugin
            view.broken.update({(kind, name): value for name, value in broken.items()})
            for command in kind.plugin_commands:
                for name in command.names:
                    view.commands[name.casefold()] = (command, plugin)
                if command.addressed and view.addressed is None:
                    view.addressed = (command, plugin)
            view.screens.extend((handler, plugin) for handler in kind.plugin_screens)
            view.sources.extend((handler, plugin) for handler in kind.plugin_sources)
            for listener in kind.plugin_listeners:
                view.listeners.setdefault(listener.event, []).append((listener.handler, plugin))
        return view

    def _build(self, overrides: Overrides, kind: Kind) -> tuple[Plugin, dict[str, str]]:
        """The settings of a plugin, and the stored ones that had to be left out."""
        stored = overrides.settings.get(kind.plugin_name)
        if not stored:
            return self._defaults[kind], {}
        values, broken = {}, {}
        for name, value in stored.items():
            try:
                values[name] = orjson.loads(value)
            except orjson.JSONDecodeError:
                broken[name] = value
        plugin = _made(kind, values)
        if plugin is not None:
            return plugin, broken
        for name in list(values):
            if _made(kind, {name: values[name]}) is None:
                del values[name]
                broken[name] = stored[name]
        plugin = _made(kind, values)
        if plugin is not None:
            return plugin, broken
        # Each value is right alone and they are wrong together: none can be told to be the culprit.
        return self._defaults[kind], dict(stored)


def _made(kind: Kind, values: dict[str, object]) -> Plugin | None:
    """The settings with these values; None where the plugin does not take them."""
    try:
        return kind.model_validate(values)
    except ValidationError:
        return None
    except Exception as error:  # noqa: BLE001 - a plugin's own check may fail in any way; its group goes on
        logger.error("The settings of {} could not be checked ({!r})", kind.plugin_name, error)
        return None
