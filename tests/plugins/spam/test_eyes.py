"""How many pictures are looked at together, and for how long."""

from __future__ import annotations

import asyncio
import threading

from plugins.spam import images
from plugins.spam.eyes import WAITING, Eyes
from plugins.spam.images import Seen
from tests.plugins.spam.painted import GROUP, code, saved


async def test_eyes_see() -> None:
    async with Eyes() as eyes, eyes.turn() as mine:
        assert mine
        assert [found.text for found in (await eyes.look(saved(code()))).codes] == [GROUP]
        assert (await eyes.copy(saved(code())) or b"").startswith(b"\xff\xd8")
        assert await eyes.copy(b"none") is None


async def test_a_picture_that_takes_too_long_is_given_up() -> None:
    stuck = threading.Event()

    def look(_: bytes) -> Seen:
        stuck.wait(10)
        return Seen()

    async with Eyes(look, seconds=0.05) as eyes:
        async with eyes.turn():
            assert (await eyes.look(b"")).reason == images.LATE
        async with eyes.turn():  # the one thread is busy still
            assert (await eyes.look(b"")).reason == images.LATE
        stuck.set()


async def test_few_are_looked_at_at_once() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def look(_: bytes) -> Seen:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return Seen()

    async with Eyes(look, at_once=2) as eyes:
        inside = 0
        peak = 0

        async def one() -> None:
            nonlocal inside, peak
            async with eyes.turn():
                inside += 1
                peak = max(peak, inside)
                await eyes.look(b"")
                inside -= 1

        await asyncio.gather(*(one() for _ in range(30)))
    assert peak == 2
    assert 1 <= most <= 2


async def test_who_would_wait_behind_too_many_is_sent_away() -> None:
    async with Eyes() as eyes:
        free, refused = asyncio.Event(), asyncio.Event()
        turns: list[bool] = []

        async def one() -> None:
            async with eyes.turn() as mine:
                turns.append(mine)
                await (free.wait() if mine else asyncio.sleep(0))
                if turns.count(False) == 2:
                    refused.set()

        waiting = [asyncio.create_task(one()) for _ in range(WAITING + 3)]
        await asyncio.wait_for(refused.wait(), 5)
        free.set()
        await asyncio.gather(*waiting)
        assert (turns.count(True), turns.count(False)) == (WAITING + 1, 2)
