"""Keeps what plugins made with `ctx.keep`, and closes it when its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from loguru import logger

Key = tuple[object, ...]
CLOSE_SECONDS = 10.0
"""What does not close in this time is left, so that it cannot hold up the end of the bot."""


@dataclass(slots=True)
class _Kept:
    manager: AbstractAsyncContextManager[Any]
    value: Any
    depends: tuple[object, ...]


class Keeper:
    """Holds one entered context manager per key."""

    def __init__(self) -> None:
        self._kept: dict[Key, _Kept] = {}
        self._locks: dict[Key, asyncio.Lock] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Keeper]:
        try:
            yield self
        finally:
            async with AsyncExitStack() as stack:  # also where closing is cancelled, the others are closed
                for key in self._kept:
                    stack.push_async_callback(self._close, key)

    async def keep(self, key: Key, make: Any, depends: tuple[object, ...]) -> Any:
        """The value of `key`: made by `make()` on first use, made anew when `depends` differs."""
        kept = self._kept.get(key)
        if kept is not None and kept.depends == depends:
            return kept.value
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is not None:
                if kept.depends == depends:
                    return kept.value
                await self._close(key)
            manager = make()
            value = await manager.__aenter__()
            self._kept[key] = _Kept(manager, value, depends)
            return value

    async def _close(self, key: Key) -> None:
        kept = self._kept.pop(key)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await kept.manager.__aexit__(None, None, None)
        except Exception:  # noqa: BLE001 - a plugin's failure while closing must not keep the others open
            logger.exception("{} did not close", key)
