"""The reranker behind the desk: what plugins get of it, when it rests, what admins and the log are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from loguru import logger

from bot.api import Context, Plugin, command
from bot.config import Quota
from bot.errors import ModelAuth, ModelBadInput, ModelError, ModelFiltered, ModelUnavailable
from bot.models.ranker import Ranker
from bot.testing import Room, Scripted
from tests.peers.openai_server import OpenAIServer

TEXTS = ("今天天气很好", "安装步骤：怎么下载，怎么安装")
NOW: dict[type[ModelError], float] = {ModelError: 1e-9}
"""So short a rest is over at once."""


class Order(Plugin, title="排序"):
    """排序：/排 问题"""

    @command("排")
    async def order(self, ctx: Context, *, question: str) -> str:
        """排序：/排 问题"""
        found = await ctx.models.rank(question, TEXTS)
        return "照旧" if found is None else TEXTS[found.index(max(found))]


class Ranks:
    """A reranker with a script: numbers, errors to raise, or events to wait for."""

    name = "重排"

    def __init__(self, *answers: float | ModelError | asyncio.Event) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.waiting = asyncio.Event()

    async def rank(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, ModelError):
            raise answer
        if isinstance(answer, asyncio.Event):
            self.waiting.set()
            await answer.wait()
            return [0.0]
        return [answer]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What the log says of models."""
    said: list[str] = []

    def keep(line: Any) -> None:
        if "Model " in line.record["message"]:
            said.append(f"{line.record['level'].name}: {line.record['message']}")

    sink = logger.add(keep, level="INFO")
    yield said
    logger.remove(sink)


def at(server: OpenAIServer, kind: str = "embeddings") -> dict[str, object]:
    return {"kind": kind, "base_url": server.base_url, "model": "m", "timeout": 2, "retries": 0}


@pytest.mark.parametrize("kind", ["embeddings", "rerank"])
async def test_a_plugin_may_rank(server: OpenAIServer, kind: str) -> None:
    async with Room(Order, rerank=at(server, kind)) as room:
        assert await room.say("/排 怎么安装") == [TEXTS[1]]
        assert await room.say("/排 天气好吗") == [TEXTS[0]]


async def test_none_is_needed() -> None:
    async with Room(Order) as room:
        assert await room.say("/排 怎么安装") == ["照旧"]
        assert not any("重排" in health.name for health in room.app.health())


async def test_it_is_no_answer_of_a_model(server: OpenAIServer) -> None:
    """It bears no label, spends no quota, and is not in the table of answers."""
    model = Scripted()
    async with Room(Order, models={"一号": model}, quota=Quota(member=1), rerank=at(server)) as room:
        for _ in range(3):
            assert await room.say("/排 怎么安装") == [TEXTS[1]]
        assert await room.rows("select * from answers") == []
        assert model.asked == []


async def test_a_dead_one_is_left_alone_and_said_once(server: OpenAIServer, log: list[str]) -> None:
    server.behave("html_502")
    async with Room(Order, rerank=at(server)) as room:
        before = room.app.desk.health()[-1]
        assert (before.name, before.up, before.detail) == ("模型 重排", True, "")
        for _ in range(6):
            assert await room.say("/排 怎么安装") == ["照旧"]
        assert len(server.requests) == 3
        after = room.app.desk.health()[-1]
        assert (after.name, after.up, after.detail) == ("模型 重排", False, ModelUnavailable.said)
    assert [line.partition("): ")[0] for line in log] == [
        "WARNING: Model 重排 failed (ModelUnavailable",
        "WARNING: Model 重排 failed (ModelUnavailable) (it rests for 60 s at a time",
    ]


async def test_one_that_came_back_is_used_again(log: list[str]) -> None:
    dead = [ModelUnavailable("gone")] * 4
    ranks = Ranks(*dead, 1.0, 2.0)
    ranker = Ranker(ranks, NOW)
    assert [await ranker.rank("问", ["文"]) for _ in range(6)] == [None, None, None, None, [1.0], [2.0]]
    assert ranker.health().up
    assert [line.partition(" 重排 ")[2].partition(" ")[0] for line in log] == ["failed", "failed", "works"]


async def test_failures_have_to_be_in_a_row() -> None:
    twice = ModelUnavailable(), ModelUnavailable(), 1.0
    ranks = Ranks(*twice, *twice, 1.0)
    ranker = Ranker(ranks)
    for _ in range(7):
        await ranker.rank("问", ["文"])
    assert ranks.asked == 7


async def test_a_wrong_key_is_not_tried_thrice() -> None:
    ranks = Ranks(ModelAuth())
    ranker = Ranker(ranks)
    assert [await ranker.rank("问", ["文"]) for _ in range(3)] == [None] * 3
    assert ranks.asked == 1
    assert ranker.health().detail == ModelAuth.said


async def test_a_server_that_never_understands_is_left_alone_too() -> None:
    ranks = Ranks(*[ModelBadInput()] * 3)
    ranker = Ranker(ranks)
    for _ in range(5):
        assert await ranker.rank("问", ["文"]) is None
    assert ranks.asked == 3


async def test_a_filtered_question_says_nothing_of_the_endpoint(log: list[str]) -> None:
    ranks = Ranks(*[ModelFiltered("no")] * 4, 1.0)
    ranker = Ranker(ranks)
    assert [await ranker.rank("问", ["文"]) for _ in range(5)] == [None] * 4 + [[1.0]]
    assert ranker.health().up
    assert len(log) == 4


async def test_only_one_question_waits_for_the_trial() -> None:
    came = asyncio.Event()
    ranks = Ranks(*[ModelUnavailable()] * 3, came, 1.0)
    ranker = Ranker(ranks, NOW)
    for _ in range(3):
        await ranker.rank("问", ["文"])
    trial = asyncio.get_running_loop().create_task(ranker.rank("问", ["文"]))
    await ranks.waiting.wait()
    assert await ranker.rank("问", ["文"]) is None
    came.set()
    assert await trial == [0.0]
    assert await ranker.rank("问", ["文"]) == [1.0]


async def test_a_trial_that_is_given_up_leaves_room_for_the_next() -> None:
    ranks = Ranks(*[ModelUnavailable()] * 3, asyncio.Event(), 1.0)
    ranker = Ranker(ranks, NOW)
    for _ in range(3):
        await ranker.rank("问", ["文"])
    trial = asyncio.get_running_loop().create_task(ranker.rank("问", ["文"]))
    await ranks.waiting.wait()
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert await ranker.rank("问", ["文"]) == [1.0]
