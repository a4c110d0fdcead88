"""Order within a lane, none between lanes, and no lane that stops."""

from __future__ import annotations

import asyncio

import pytest

from bot.lanes import Lanes


async def dry(lanes: Lanes[str, int]) -> None:
    async with asyncio.timeout(5):
        while lanes.busy:  # noqa: ASYNC110 - the lanes have no event to wait for
            await asyncio.sleep(0)


async def test_one_lane_keeps_its_order_and_runs_one_at_a_time() -> None:
    done: list[int] = []
    inside = 0

    async def handle(item: int) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        await asyncio.sleep(0.001 if item % 3 else 0)
        done.append(item)
        inside -= 1

    lanes: Lanes[str, int] = Lanes(handle, 1000)
    for item in range(200):
        assert lanes.put("a", item)
    await dry(lanes)
    assert done == list(range(200))


async def test_a_stuck_lane_does_not_hold_up_another() -> None:
    gate, done = asyncio.Event(), []

    async def handle(item: int) -> None:
        if item == 0:
            await gate.wait()
        done.append(item)

    lanes: Lanes[str, int] = Lanes(handle, 10)
    lanes.put("stuck", 0)
    lanes.put("stuck", 1)
    lanes.put("free", 2)
    await asyncio.sleep(0.01)
    assert done == [2]
    gate.set()
    await dry(lanes)
    assert done == [2, 0, 1]


async def test_a_full_lane_says_so_and_takes_again_when_there_is_room() -> None:
    gate, done = asyncio.Event(), []

    async def handle(item: int) -> None:
        await gate.wait()
        done.append(item)

    lanes: Lanes[str, int] = Lanes(handle, 3)
    assert [lanes.put("a", item) for item in range(5)] == [True, True, True, False, False]
    assert lanes.waiting("a") == 3
    assert lanes.waiting("b") == 0
    gate.set()
    await dry(lanes)
    assert lanes.put("a", 9)
    await dry(lanes)
    assert done == [0, 1, 2, 9]


async def cancelled() -> None:
    """Wait for something that somebody else gives up."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    await future


@pytest.mark.parametrize("how", ["error", "cancelled"])
async def test_a_failing_item_takes_none_with_it(how: str) -> None:
    done: list[int] = []

    async def handle(item: int) -> None:
        if item % 2 and how == "error":
            raise ValueError(item)
        if item % 2:
            await cancelled()
        done.append(item)

    lanes: Lanes[str, int] = Lanes(handle, 100)
    for item in range(20):
        lanes.put("a", item)
    await dry(lanes)
    assert done == list(range(0, 20, 2))


async def test_closing_lets_the_lanes_run_dry() -> None:
    done: list[int] = []

    async def handle(item: int) -> None:
        await asyncio.sleep(0.005)
        done.append(item)

    lanes: Lanes[str, int] = Lanes(handle, 100)
    for item in range(20):
        lanes.put("a", item)
    await lanes.close(5)
    assert done == list(range(20))
    assert not lanes.busy
    assert not lanes.put("a", 20), "nobody would handle it"


async def test_closing_does_not_wait_for_ever() -> None:
    ended: list[str] = []

    async def handle(item: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(f"{item}")

    lanes: Lanes[str, int] = Lanes(handle, 100)
    for key in "ab":
        lanes.put(key, 1)
        lanes.put(key, 2)
    await asyncio.wait_for(lanes.close(0.05), 2)
    assert ended == ["1", "1"], "what had not begun is not begun now"
    assert not lanes.busy


async def test_lanes_leave_nothing_behind() -> None:
    async def handle(item: int) -> None:
        await asyncio.sleep(0)

    lanes: Lanes[int, int] = Lanes(handle, 100)
    for key in range(500):
        lanes.put(key, 1)
    await lanes.close(5)
    assert not lanes._waiting
    assert not lanes._workers
