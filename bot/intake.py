"""From the platforms into each group's lane: what comes twice is dropped, what finds no room is logged and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from bot.accounts import Accounts
from bot.config import Lanes as Limits
from bot.lanes import Lanes
from bot.recent import Recent
from bot.recovery import Keeps, Recovery
from bot.store.log import Log
from bot.types import AccountChanged, Event, Message

RECENT_SECONDS: Final = 900
RECENT: Final = 20_000
"""How many messages at least are remembered to drop what comes twice, if there are so many in that time."""


class Intake:
    """What the adapters call, by `receive`.

    lanes     take what comes
    running   how many commands of a group run
    full      is told of a message for which there was no room
    """

    def __init__(
        self,
        limits: Limits,
        adapters: Mapping[str, Keeps],
        log: Log,
        forgotten: Mapping[str, float],
        *,
        lanes: Lanes[str, Event],
        running: Callable[[str], int],
        full: Callable[[Message], None],
    ) -> None:
        self.accounts = Accounts()
        self.recovery = Recovery(adapters, log, self.accounts, self.receive, forgotten)
        self.duplicates = 0
        self.unscreened: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.answered: frozenset[tuple[str, str]] = frozenset()
        """What was answered shortly before this process began; the log may have lost the last of it."""
        self._limits = limits
        self._log = log
        self._lanes = lanes
        self._running = running
        self._full = full
        self._recent = Recent(RECENT, RECENT_SECONDS)
        self._overloaded: set[str] = set()
        self._closed = False

    async def load(self) -> None:
        """Remember what was heard shortly before a restart: platforms deliver it again."""
        for group_id, message_id in await self._log.recent(RECENT_SECONDS, RECENT):
            self._recent.add(group_id, message_id)
        self.answered = await self._log.answered(RECENT_SECONDS, RECENT)
        await self._log.load()

    async def close(self) -> None:
        """From here on everything is logged and nothing handled."""
        self._closed = True
        await self.recovery.close()

    def receive(self, event: Event) -> None:
        """Put an event into its group's lane. Returns at once and never raises."""
        group_id = event.group.id
        if isinstance(event, AccountChanged):
            self.accounts.changed(event)
            if group_id.endswith(":*"):
                self.recovery.changed(event)
        elif not self.accounts.hears(event):
            return
        if isinstance(event, Message) and not self._recent.add(group_id, event.id):
            self.duplicates += 1
            return
        if self._closed or not self._lanes.put(group_id, event):
            self._overflow(event)
        elif group_id in self._overloaded and self._calm(group_id):
            self._overloaded.discard(group_id)

    def overloaded(self, group_id: str) -> bool:
        """Note that a group has more than it can take. True: it was so already."""
        known = group_id in self._overloaded
        self._overloaded.add(group_id)
        return known

    def _calm(self, group_id: str) -> bool:
        """Whether a group that was overloaded has half its room again."""
        few = self._running(group_id) <= self._limits.tasks // 2
        return few and self._lanes.waiting(group_id) < self._limits.events // 2

    def _overflow(self, event: Event) -> None:
        group_id = event.group.id
        if not isinstance(event, Message):
            self._log.happened(event)
            self.dropped[group_id] += 1
            return
        self._log.heard(event, screened=False)
        self.unscreened[group_id] += 1
        if not self._closed:
            self._full(event)
