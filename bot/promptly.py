"""Runs what is nearly always done at once, with a time limit that costs nothing then."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def promptly(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """What `work` returns. Raises TimeoutError where it is not done `seconds` after it first had to wait."""
    try:
        awaited = work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    async with asyncio.timeout(seconds):
        rest: T = await _Rest(work, awaited)
        return rest


class _Rest:
    """What is left of a coroutine that waits for `awaited`."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._work = work
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        while True:
            try:
                try:
                    sent = yield awaited
                except GeneratorExit:
                    self._work.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is thrown where the work waits
                    awaited = self._work.throw(error)
                else:
                    awaited = self._work.send(sent)
            except StopIteration as done:
                return done.value
