"""Which of our accounts hears and speaks for a group."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bot.types import Account, AccountChanged, Event, Group

OWNER_SECONDS = 120.0
"""After so long a silence another of our accounts may speak for a group."""


class Accounts:
    """Of several accounts in one group, one hears for all; a direct chat belongs to its account."""

    def __init__(self) -> None:
        self.own: set[str] = set()
        """Every account of ours that has been heard of."""
        self._owners: dict[str, tuple[str, float]] = {}
        self._times: dict[str, float] = {}
        """When the newest thing heard of a group happened, by the platform's clock."""
        self._off: set[str] = set()

    def hears(self, event: Event) -> bool:
        """Whether this event is for us to handle, and not another account's copy of it."""
        account, now = event.account.id, time.monotonic()
        self.own.add(account)
        if event.group.direct:
            return True
        owner = self._owners.get(event.group.id)
        if owner is not None and owner[0] != account and owner[0] not in self._off and now - owner[1] < OWNER_SECONDS:
            return False
        group_id = event.group.id
        self._owners[group_id] = (account, now)
        if event.time > self._times.get(group_id, 0):
            self._times[group_id] = event.time
        return True

    def heard(self, account_id: str) -> Iterator[tuple[str, float]]:
        """The groups that this account heard last, and when that happened (Unix seconds)."""
        for group_id, (owner, _) in self._owners.items():
            if owner == account_id:
                yield group_id, self._times[group_id]

    def changed(self, event: AccountChanged) -> None:
        """An account came or went: another may take its groups."""
        account = event.account.id
        if event.group.id.endswith(":*"):
            (self._off.discard if event.online else self._off.add)(account)
        elif not event.online and self._owners.get(event.group.id, ("", 0))[0] == account:
            del self._owners[event.group.id]

    def speaker(self, group: Group) -> Account | None:
        """The account that speaks for a group; None where nothing was heard of it since the start."""
        owner = self._owners.get(group.id)
        return Account(owner[0]) if owner else None
