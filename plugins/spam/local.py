"""What one group has taught the guard, on top of what comes along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plugins.spam.nearest import Cleared, Known


@dataclass(slots=True)
class Local:
    """Weights that a group has learnt, and the messages that its admins have named ads or cleared."""

    delta: Mapping[int, float] = field(default_factory=dict)
    shift: float = 0.0
    known: Known = field(default_factory=Known)
    cleared: Cleared = field(default_factory=Cleared)
