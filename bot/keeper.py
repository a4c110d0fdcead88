"""Keeps what plugins made with `ctx.keep`, and closes it when its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from loguru import logger

Key = tuple[object, ...]


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
            for key in reversed(list(self._kept)):
                await self._close(key)

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
            await kept.manager.__aexit__(None, None, None)
        except Exception:  # a plugin's failure while closing must not keep the others open
            logger.exception("{} did not close", key)
