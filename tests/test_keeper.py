"""What plugins keep: made once, closed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from bot import keeper as module
from bot.keeper import Keeper


class Life:
    """Makes things and remembers what became of them."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def make(self, name: str, *, fail: str = "") -> Callable[[], AbstractAsyncContextManager[str]]:
        @asynccontextmanager
        async def thing() -> AsyncIterator[str]:
            await asyncio.sleep(0.01)
            if fail == "open":
                raise ValueError(name)
            self.told.append(f"+{name}")
            yield name
            if fail == "hang":
                await asyncio.Event().wait()
            if fail == "close":
                raise ValueError(name)
            self.told.append(f"-{name}")

        return thing


@pytest.fixture
def life() -> Life:
    return Life()


async def test_made_once_even_when_many_want_it_at_once(life: Life) -> None:
    async with Keeper().open() as keeper:
        got = await asyncio.gather(*(keeper.keep(("k",), life.make("a"), ()) for _ in range(50)))
        assert got == ["a"] * 50
        assert await keeper.keep(("other",), life.make("b"), ()) == "b"
        assert life.told == ["+a", "+b"]
    assert life.told == ["+a", "+b", "-b", "-a"], "closed in reverse"


async def test_made_anew_when_what_it_depends_on_changes(life: Life) -> None:
    async with Keeper().open() as keeper:
        await keeper.keep(("k",), life.make("old"), (1,))
        assert await keeper.keep(("k",), life.make("never"), (1,)) == "old"
        assert await keeper.keep(("k",), life.make("new"), (2,)) == "new"
        assert life.told == ["+old", "-old", "+new"]


async def test_what_could_not_be_made_is_tried_again(life: Life) -> None:
    async with Keeper().open() as keeper:
        with pytest.raises(ValueError, match="broken"):
            await keeper.keep(("k",), life.make("broken", fail="open"), ())
        assert await keeper.keep(("k",), life.make("whole"), ()) == "whole"
    assert life.told == ["+whole", "-whole"]


async def test_a_maker_that_is_cancelled_does_not_block_the_next(life: Life) -> None:
    async with Keeper().open() as keeper:
        first = asyncio.ensure_future(keeper.keep(("k",), life.make("first"), ()))
        second = asyncio.ensure_future(keeper.keep(("k",), life.make("second"), ()))
        await asyncio.sleep(0.001)
        first.cancel()
        assert await asyncio.wait_for(second, 2) == "second"


async def test_one_that_does_not_close_keeps_none_open(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    async with asyncio.timeout(5), Keeper().open() as keeper:
        await keeper.keep((1,), life.make("first"), ())
        await keeper.keep((2,), life.make("hangs", fail="hang"), ())
        await keeper.keep((3,), life.make("fails", fail="close"), ())
        await keeper.keep((4,), life.make("last"), ())
        assert await keeper.keep((3,), life.make("next"), (1,)) == "next", "its successor is made all the same"
    assert life.told[-3:] == ["-next", "-last", "-first"]


async def test_closing_that_is_cancelled_still_closes_the_others(life: Life) -> None:
    async def hold() -> None:
        async with Keeper().open() as keeper:
            await keeper.keep((1,), life.make("first"), ())
            await keeper.keep((2,), life.make("hangs", fail="hang"), ())

    task = asyncio.ensure_future(hold())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "-first" in life.told
