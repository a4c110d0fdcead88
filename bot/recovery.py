"""After a gap: what was said while an account was away is read from the platform's history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from loguru import logger

from bot.accounts import Accounts
from bot.errors import AdapterError, StoreError
from bot.store.log import Log
from bot.types import Account, AccountChanged, Group, Message

LONGEST_GAP: Final = 86_400.0
"""Seconds; what is older is past, and nobody waits for it."""
COUNTS: Final = (50, 500)
"""How many messages of a group are asked for: first, and where these do not reach back to the gap's beginning."""
SLACK: Final = 5.0
"""Seconds by which messages of one group may be out of order."""
GAP_SECONDS: Final = 0.05
"""Between two groups: an implementation that was just started has enough to do."""
FRESH_SECONDS: Final = 60.0
"""A recovered message is answered no later than this after it was said."""


class Keeps(Protocol):
    """A platform that may keep a history."""

    async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
        """See `bot.pipeline.Adapter`."""


class Recovery:
    """Asks for what was missed, one group after another, and hands it to `receive`.

    `forgotten` tells since when (Unix seconds) a member is to be forgotten.
    """

    def __init__(
        self,
        adapters: Mapping[str, Keeps],
        log: Log,
        accounts: Accounts,
        receive: Callable[[Message], None],
        forgotten: Mapping[str, float],
    ) -> None:
        self._adapters = adapters
        self._log = log
        self._accounts = accounts
        self._receive = receive
        self._forgotten = forgotten
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._owed: dict[str, dict[str, float]] = {}
        """By account, the groups whose gap was not read to its end, and when it began: a link may flap."""

    def changed(self, event: AccountChanged) -> None:
        """An account came or went as a whole."""
        account = event.account
        running = self._tasks.pop(account.id, None)
        if running is not None:
            running.cancel()
        if event.online:
            # What is heard from now on must not hide where the gap began.
            heard = dict(self._accounts.heard(account.id))
            self._owe(account, {group_id: last - SLACK for group_id, last in heard.items()})
            task = asyncio.get_running_loop().create_task(self._recover(account, heard))
            self._tasks[account.id] = task
            task.add_done_callback(lambda done: self._done(account.id, done))

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _done(self, account_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(account_id) is task:
            del self._tasks[account_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("What {} missed could not be recovered", account_id)

    def _owe(self, account: Account, began: Mapping[str, float]) -> None:
        """Note gaps that are to be read; one that was not read yet began earlier."""
        owed, now = self._owed.setdefault(account.id, {}), time.time()
        for group_id, moment in began.items():
            owed[group_id] = min(moment, now, owed.get(group_id, now))

    async def _recover(self, account: Account, heard: dict[str, float]) -> None:
        adapter = self._adapters[account.id.partition(":")[0]]
        # After a start nothing is remembered; the log knows until when this account heard.
        logged = await self._log.last_heard(account.id)
        # A member who was forgotten leaves a group of no platform.
        here = f"{account.id.partition(':')[0]}:"
        # What another account of ours heard bears other ids with us: where it was the last, the gap begins behind it.
        lost = {id: last - SLACK if own else last + 0.5 for id, (last, own) in logged.items() if id not in heard}
        self._owe(account, {group_id: last for group_id, last in lost.items() if group_id.startswith(here)})
        owed, total = self._owed[account.id], 0
        for group_id, began in list(owed.items()):
            earliest = max(began, time.time() - LONGEST_GAP)
            try:
                missed = await self._missed(adapter, Group(group_id), account, earliest)
            except (AdapterError, StoreError) as error:
                logger.info("What was missed in {} cannot be read: {}", group_id, error)
                if isinstance(error, AdapterError) and not error.ambiguous:
                    owed.pop(group_id, None)  # there is no history to ask for again
                continue
            for message in missed:
                self._receive(message)
            owed.pop(group_id, None)
            total += len(missed)
            await asyncio.sleep(GAP_SECONDS)
        if total:
            logger.info("{}: {} messages that were missed are recovered", account.id, total)

    async def _missed(self, adapter: Keeps, group: Group, account: Account, earliest: float) -> list[Message]:
        messages: Sequence[Message] = ()
        for count in COUNTS:
            messages = await adapter.history(group, account, count)
            # Somewhat fewer than asked for is not all there is: what we said ourselves is not among them.
            if len(messages) < count // 2 or messages[0].time < earliest:
                break
        else:
            logger.warning("More was missed in {} than the {} messages that are read of a history", group.id, count)
        late = [message for message in messages if message.time >= earliest]
        known = await self._log.known(group.id, [message.id for message in late])
        return [
            message
            for message in late
            if message.id not in known and message.time > self._forgotten.get(message.member.id, 0)
        ]
