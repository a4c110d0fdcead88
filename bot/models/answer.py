"""An answer: a stream that remembers what it said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import NoReturn

from bot.errors import ModelError


class Answer:
    """What a model says, in pieces and as a whole. Several may read it; the model is asked once.

    It cannot be turned into a string by accident: send it as it is, or await `text()`.
    """

    def __init__(self, id: str, source: Callable[[Answer], AsyncGenerator[str, None]]) -> None:
        self.id = id
        self.model = ""
        """The registered name of the model that answered; known with the first piece."""
        self.generated = True
        self._source = source(self)
        self._pieces: list[str] = []
        self._ended = False
        self._error: ModelError | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Wait for the first piece. Raises ModelError when there is none."""
        await self._more(0)

    async def __aiter__(self) -> AsyncIterator[str]:
        position = 0
        while await self._more(position):
            yield self._pieces[position]
            position += 1

    async def text(self) -> str:
        """The whole text. Raises ModelError."""
        async for _ in self:
            pass
        return "".join(self._pieces)

    async def aclose(self) -> None:
        """End the request where nobody reads on; what was read stays."""
        async with self._turn:
            if not self._ended:
                self._ended = True
                await self._source.aclose()

    async def _more(self, position: int) -> bool:
        """Whether there is a piece at `position`; asks the model for it where nobody has."""
        async with self._turn:
            while position >= len(self._pieces) and not self._ended:
                try:
                    self._pieces.append(await anext(self._source))
                except StopAsyncIteration:
                    self._ended = True
                except ModelError as error:
                    self._ended, self._error = True, error
        if position < len(self._pieces):
            return True
        if self._error is not None:
            raise self._error
        return False

    def __str__(self) -> NoReturn:
        raise TypeError("an Answer is no text: return it as the reply, or use `await answer.text()`")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("an Answer is no text: return it as the reply, or use `await answer.text()`")
