"""One lane per key: what is put in comes out in order, lanes run side by side, none is endless."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from loguru import logger

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


RESTING: Final = 64
"""How many workers without a lane are kept for the next one, since to make one costs more than to wake one."""


class Lanes(Generic[K, V]):
    """Runs `handle` for each item, one at a time per key.

    `bound` items of a key may wait; `put` says False for one more, and to all after `close`.
    """

    def __init__(self, handle: Callable[[V], Awaitable[None]], bound: int) -> None:
        self._handle = handle
        self._bound = bound
        self._waiting: dict[K, deque[V]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._resting: list[asyncio.Future[K]] = []
        self._closing = False
        self._closed = False

    def put(self, key: K, item: V) -> bool:
        if self._closed:
            return False
        lane = self._waiting.get(key)
        if lane is None:
            self._waiting[key] = deque((item,))
            if self._resting:
                self._resting.pop().set_result(key)
            else:
                worker = asyncio.get_running_loop().create_task(self._work(key))
                self._workers.add(worker)
                worker.add_done_callback(self._workers.discard)
            return True
        if len(lane) >= self._bound:
            return False
        lane.append(item)
        return True

    def waiting(self, key: K) -> int:
        return len(self._waiting.get(key, ()))

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    async def close(self, grace: float = 5.0) -> None:
        """Let the lanes run dry for `grace` seconds, then end them."""
        self._closing = True
        while self._resting:
            self._resting.pop().cancel()
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace)
        self._closed = True
        left = sum(map(len, self._waiting.values()))
        if left:
            logger.error("{} events were still waiting at the end and were not handled", left)
        for worker in list(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self, key: K) -> None:
        """A worker's life: one lane after another."""
        while True:
            await self._empty(key)
            if self._closing or len(self._resting) >= RESTING:
                return
            next_key: asyncio.Future[K] = asyncio.get_running_loop().create_future()
            self._resting.append(next_key)
            try:
                key = await next_key
            except asyncio.CancelledError:
                if next_key in self._resting:
                    self._resting.remove(next_key)
                raise

    async def _empty(self, key: K) -> None:
        lane = self._waiting[key]
        try:
            while lane:
                item = lane[0]
                try:
                    await self._handle(item)
                except asyncio.CancelledError:
                    # What was cancelled inside a handler is that item's failure; only the lane's own end is meant here.
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    logger.error("An event of {} was cancelled", key)
                except Exception:  # noqa: BLE001 - one item's failure must not stop its group
                    logger.exception("An event of {} could not be handled", key)
                lane.popleft()
        finally:
            del self._waiting[key]
