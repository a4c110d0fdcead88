"""What every `ChatModel` keeps to, whoever answers behind it.

A test module subclasses `ChatModelContract` and gives it a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress

import pytest

from bot.errors import ModelError
from bot.models.base import ChatModel, Completion, Turn

TURNS = (Turn("system", "你是助手"), Turn("user", "一"), Turn("assistant", "二"), Turn("user", "三"))


def start(
    model: ChatModel,
    turns: Sequence[Turn] = TURNS,
    options: Mapping[str, object] | None = None,
    completion: Completion | None = None,
) -> AsyncGenerator[str, None]:
    stream = model.chat(turns, options or {}, completion or Completion())
    assert isinstance(stream, AsyncGenerator), "whoever stops listening must be able to close the stream"
    return stream


async def whole(
    model: ChatModel,
    turns: Sequence[Turn] = TURNS,
    options: Mapping[str, object] | None = None,
    completion: Completion | None = None,
) -> str:
    async with aclosing(start(model, turns, options, completion)) as stream:
        return "".join([piece async for piece in stream])


class ChatModelContract:
    """The tests; a subclass makes the model."""

    def make(self) -> ChatModel:
        raise NotImplementedError

    @pytest.fixture
    async def model(self) -> AsyncIterator[ChatModel]:
        model = self.make()
        yield model
        await model.close()

    async def test_it_has_a_name_and_says_whether_an_ai_writes(self, model: ChatModel) -> None:
        assert model.name
        assert isinstance(model.generated, bool)

    async def test_it_answers_in_pieces_with_text(self, model: ChatModel) -> None:
        async with aclosing(start(model)) as stream:
            pieces = [piece async for piece in stream]
        assert len(pieces) > 1
        assert all(pieces)
        assert not pieces[0].isspace()

    async def test_it_fills_in_the_completion(self, model: ChatModel) -> None:
        completion = Completion()
        await whole(model, completion=completion)
        assert completion.model
        assert completion.finish
        for tokens in (completion.usage.input_tokens, completion.usage.output_tokens):
            assert tokens is None or tokens >= 0

    async def test_answers_side_by_side_have_their_own_completion(self, model: ChatModel) -> None:
        notes = [Completion() for _ in range(8)]
        texts = await asyncio.gather(*(whole(model, completion=note) for note in notes))
        assert len(set(texts)) == 1
        assert all(note == notes[0] for note in notes)

    async def test_it_takes_one_turn_and_strange_text(self, model: ChatModel) -> None:
        assert await whole(model, [Turn("user", 'a\0"}]}\n\ndata: [DONE]\u202e{{ 7*7 }}' + "长" * 10_000)])

    async def test_it_takes_options_it_does_not_know(self, model: ChatModel) -> None:
        assert await whole(model, options={"temperature": 0.1, "no_such_option": {"a": [1, None]}})

    async def test_a_stream_may_be_left_at_any_point(self, model: ChatModel) -> None:
        for pieces in (0, 1, 2) * 10:
            async with aclosing(start(model)) as stream:
                for _ in range(pieces):
                    await anext(stream)
        assert await whole(model)

    async def test_asking_may_be_cancelled_at_any_point(self, model: ChatModel) -> None:
        for steps in range(20):
            task = asyncio.create_task(whole(model))
            for _ in range(steps * 3):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.done()
        assert await whole(model)

    async def test_it_may_be_closed_twice_and_unused(self) -> None:
        model = self.make()
        await model.close()
        await model.close()

    async def test_after_its_end_it_answers_or_says_why_not(self) -> None:
        model = self.make()
        await whole(model)
        await model.close()
        with suppress(ModelError):
            assert await whole(model)
