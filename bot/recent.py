"""Which messages came lately, so that what comes twice is handled once."""

from __future__ import annotations

import time
from collections.abc import Callable


class Recent:
    """Remembers the messages of the last `seconds`, at least the last `least` where there are more, and no more
    than twice as long or as many, in some 60 bytes each.
    """

    def __init__(self, least: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._least = least
        self._seconds = seconds
        self._clock = clock
        self._since = clock()
        # Only their hashes: of 2 ** 64, two that meet are less likely than a message lost on the line.
        self._now: set[int] = set()
        self._before: set[int] = set()

    def add(self, group_id: str, message_id: str) -> bool:
        """Remember a message. False: it is remembered already."""
        now = self._clock()
        if len(self._now) >= self._least or now - self._since > self._seconds:
            # An implementation may begin its ids anew: after twice the time they are new again.
            stale = now - self._since > 2 * self._seconds
            self._before, self._now, self._since = set() if stale else self._now, set(), now
        key = hash((group_id, message_id))
        if key in self._now or key in self._before:
            return False
        self._now.add(key)
        return True
