"""What the house's own plugins reach beyond a plugin's door."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.config import Store as Keeping
from bot.plugin import Context
from bot.roles import Roles
from bot.store.database import Store
from bot.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Powers:
    board: Switchboard
    roles: Roles
    store: Store
    keeping: Keeping
    forgotten: dict[str, float] = field(default_factory=dict)
    """When (Unix seconds) members were forgotten: nothing they said before comes back from a platform's history."""


def powers(ctx: Context) -> Powers:
    """The powers in a context of the house's own plugins; no other context has them."""
    found = getattr(ctx, "powers", None)
    if not isinstance(found, Powers):
        raise TypeError("only the house's own plugins have powers")
    return found
