"""Which messages came lately, so that what comes twice is handled once."""

from __future__ import annotations


class Recent:
    """Remembers at least the last `least` messages and at most twice as many, in some 60 bytes each."""

    def __init__(self, least: int) -> None:
        self._least = least
        # Only their hashes: of 2 ** 64, two that meet are less likely than a message lost on the line.
        self._now: set[int] = set()
        self._before: set[int] = set()

    def add(self, group_id: str, message_id: str) -> bool:
        """Remember a message. False: it is remembered already."""
        key = hash((group_id, message_id))
        if key in self._now or key in self._before:
            return False
        self._now.add(key)
        if len(self._now) >= self._least:
            self._before, self._now = self._now, set()
        return True
