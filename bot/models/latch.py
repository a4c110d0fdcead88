"""How far an endpoint is trusted just now: after failures in a row it rests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.errors import ModelAuth, ModelBusy, ModelError, ModelQuota, ModelUnavailable

FAILURES = 3
"""So many failures in a row close it; a wrong key or an empty account does so at once."""
CLOSED_SECONDS: Mapping[type[ModelError], float] = MappingProxyType(
    {
        ModelUnavailable: 60.0,
        ModelBusy: 20.0,
        ModelAuth: 300.0,
        ModelQuota: 300.0,
    }
)


@dataclass(slots=True, kw_only=True)
class Latch:
    """Closed until the monotonic time `closed_until`; `trouble` is what members are told of it, since `since`.

    `pauses` says how many seconds each kind of failure closes it, the first kind that fits; one
    without seconds does not count.
    """

    pauses: Mapping[type[ModelError], float] = field(default_factory=lambda: CLOSED_SECONDS)
    failures: int = 0
    closed_until: float = 0.0
    since: float = field(default_factory=time.time)
    trouble: str = ""

    @property
    def is_open(self) -> bool:
        return time.monotonic() >= self.closed_until

    def worked(self) -> None:
        if self.trouble:
            self.since = time.time()
        self.failures, self.closed_until, self.trouble = 0, 0.0, ""

    def failed(self, error: ModelError) -> None:
        pause = next((seconds for kind, seconds in self.pauses.items() if isinstance(error, kind)), 0.0)
        if not pause:
            return
        if not self.trouble:
            self.since = time.time()
        self.trouble = error.said
        self.failures += 1
        if self.failures >= FAILURES or isinstance(error, ModelAuth | ModelQuota):
            self.closed_until = time.monotonic() + pause
