"""Calls that wait for their answers, with one timer for all: nearly every call is answered long before its time."""

from __future__ import annotations

import asyncio
import itertools
import secrets

from bot.adapters.onebot_frames import Answer, Body, answer
from bot.errors import AdapterError


class Calls:
    """The calls under way on one connection, by their echo."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, tuple[asyncio.Future[Answer], float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        # The random part keeps late answers to an earlier connection apart.
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def echo(self) -> str:
        """A name that no other call has."""
        return f"{self._prefix}-{next(self._numbers)}"

    def begin(self, echo: str, within: float) -> asyncio.Future[Answer]:
        """What the answer to a call comes to; it raises TimeoutError after `within` seconds. `end` it."""
        answered: asyncio.Future[Answer] = self._loop.create_future()
        deadline = self._loop.time() + within
        self._waiting[echo] = answered, deadline
        if self._timer is None or deadline < self._due:
            self._set(deadline)
        return answered

    def end(self, echo: str) -> None:
        """Nobody waits for it any more."""
        found = self._waiting.pop(echo, None)
        if found is None:
            return
        waiting = found[0]
        if not waiting.done():
            waiting.cancel()
        elif not waiting.cancelled():
            waiting.exception()  # it is told by whatever else went wrong

    def answered(self, body: Body) -> bool:
        """Hand an answer to its call; False where no call waits for it."""
        echo = body.get("echo")
        found = self._waiting.pop(str(echo), None) if isinstance(echo, (str, int)) else None
        if found is None or found[0].done():
            return False
        found[0].set_result(answer(body))
        return True

    def break_off(self, reason: str) -> None:
        """Whoever waits learns that no answer will come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for waiting, _ in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(AdapterError(reason, ambiguous=True))

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        left = []
        for waiting, deadline in self._waiting.values():
            if waiting.done():
                continue
            if deadline <= now:
                waiting.set_exception(TimeoutError())
            else:
                left.append(deadline)
        if left:
            self._set(min(left))
