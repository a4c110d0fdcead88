"""Work that is done at once has no timer; work that waits has one, and goes on as it would anywhere."""

from __future__ import annotations

import asyncio

import pytest

from bot.promptly import promptly


async def test_what_is_done_at_once_is_returned() -> None:
    async def work() -> str:
        return "好"

    assert await promptly(work(), 0) == "好"


async def test_what_waits_goes_on_to_its_end() -> None:
    async def work() -> list[str]:
        heard = [await asyncio.to_thread(str, 1)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            heard.append(await asyncio.sleep(0.001, "2"))
        return heard

    assert await promptly(work(), 5) == ["1", "2"]


async def test_what_waits_too_long_is_ended_where_it_waits() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError):
        await promptly(work(), 0.01)
    assert ended == [True]


async def test_a_failure_passes_through_before_and_after_waiting() -> None:
    async def work(waits: bool) -> None:
        if waits:
            await asyncio.sleep(0)
        raise ValueError(waits)

    for waits in (False, True):
        with pytest.raises(ValueError, match=str(waits)):
            await promptly(work(waits), 1)


async def test_work_may_catch_the_cancellation_of_what_it_waits_for() -> None:
    future = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except asyncio.CancelledError:
            return "算了"
        return "好"

    asyncio.get_running_loop().call_soon(future.cancel)
    assert await promptly(work(), 1) == "算了"
