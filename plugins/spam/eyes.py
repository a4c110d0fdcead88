"""Looks at pictures beside everything else: a few at once, each within a hard time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from plugins.spam import images
from plugins.spam.images import Seen

T = TypeVar("T")

AT_ONCE: Final = 1
"""A large picture takes 200 MB while it is decoded."""
WAITING: Final = 50
SECONDS: Final = 6.0
"""Nobody waits longer for one picture, whatever its decoder does."""


class Eyes:
    """An async context manager. A picture that takes too long is given up, and its thread is let finish."""

    def __init__(
        self, look: Callable[[bytes], Seen] = images.look, *, at_once: int = AT_ONCE, seconds: float = SECONDS
    ) -> None:
        self._look = look
        self._at_once = at_once
        self._seconds = seconds
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = 0

    async def __aenter__(self) -> Eyes:
        self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="eyes")
        return self

    async def __aexit__(self, *_: object) -> None:
        # A thread cannot be ended from outside; it ends soon, as each of its steps is bounded.
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait until it is one's turn, before any bytes are fetched. False: too many wait already."""
        if self._waiting >= WAITING:
            yield False
            return
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield True
        finally:
            self._turns.release()

    async def look(self, data: bytes) -> Seen:
        """Look at one picture, within one's turn; `late` where it takes too long, or waits for one that does."""
        return await self._run(self._look, data) or Seen(reason=images.LATE)

    async def copy(self, data: bytes) -> bytes | None:
        """A small copy of a picture, within one's turn; None where none can be made in time."""
        return await self._run(images.copy, data)

    async def _run(self, work: Callable[[bytes], T], data: bytes) -> T | None:
        running = asyncio.get_running_loop().run_in_executor(self._threads, work, data)
        try:
            async with asyncio.timeout(self._seconds):
                return await running
        except TimeoutError:
            return None
