"""The far end itself: what other tests lean on."""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from PIL import Image

from tests.peers.openai_oddities import failure
from tests.peers.openai_server import OpenAIServer, overlap, vector


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def web(server: OpenAIServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(server.base_url + "/") as web:
        yield web


async def test_lists_its_models(web: ClientSession) -> None:
    async with web.get("models") as response:
        assert [row["id"] for row in (await response.json())["data"]] == ["test-model"]


async def test_answers_at_once_where_no_stream_is_asked_for(server: OpenAIServer, web: ClientSession) -> None:
    server.answer = lambda request: request.question[::-1]
    asked = {"model": "m", "messages": [{"role": "user", "content": "一二三"}]}
    async with web.post("chat/completions", json=asked) as response:
        assert (await response.json())["choices"][0]["message"]["content"] == "三二一"


async def test_draws(web: ClientSession) -> None:
    pictures = []
    for prompt in ("猫", "猫", "狗"):
        async with web.post("images/generations", json={"prompt": prompt, "size": "32x16", "n": 1}) as response:
            (row,) = (await response.json())["data"]
        pictures.append(base64.b64decode(row["b64_json"]))
    with Image.open(io.BytesIO(pictures[0])) as image:
        image.load()
        assert image.size == (32, 16)
    assert pictures[0] == pictures[1] != pictures[2]


async def test_links_of_images_lead_to_it(server: OpenAIServer, web: ClientSession) -> None:
    server.behave("image_url")
    async with web.post("images/generations", json={"prompt": "猫"}) as response:
        (row,) = (await response.json())["data"]
    async with web.get(row["url"]) as response:
        assert (await response.read()).startswith(b"\x89PNG")


async def test_embeds(web: ClientSession) -> None:
    async with web.post("embeddings", json={"model": "m", "input": ["怎么安装", "如何安装", "今天天气"]}) as response:
        one, two, three = (row["embedding"] for row in (await response.json())["data"])
    assert one == vector("怎么安装")
    near, far = (sum(a * b for a, b in zip(one, other, strict=True)) for other in (two, three))
    assert near > far


async def test_ranks_the_best_first(web: ClientSession) -> None:
    asked = {"model": "m", "query": "怎么安装", "documents": ["今天天气", "安装", "怎么安装它"]}
    async with web.post("rerank", json=asked) as response:
        rows = (await response.json())["results"]
    assert [row["index"] for row in rows] == [2, 1, 0]
    assert rows[0]["relevance_score"] == overlap("怎么安装", "怎么安装它") > rows[1]["relevance_score"]
    async with web.post("rerank", json=asked | {"top_n": 1}) as response:
        assert [row["document"]["text"] for row in (await response.json())["results"]] == ["怎么安装它"]


async def test_misbehaves_in_turn(server: OpenAIServer, web: ClientSession) -> None:
    server.behave("no_money", times=1)
    server.behave(failure(418, {}), times=2)
    server.behave("ok", times=1)
    statuses = []
    for _ in range(5):
        async with web.post("embeddings", json={"model": "m", "input": "x"}) as response:
            statuses.append(response.status)
    assert statuses == [429, 418, 418, 200, 200]
    assert len(server.requests) == 5


async def test_runs_by_itself() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.peers.openai_server", "--answer", "在", stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout
    try:
        address = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        asked = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
        async with ClientSession() as web, web.post(f"{address}/chat/completions", json=asked) as response:
            assert (await response.json())["choices"][0]["message"]["content"] == "在"
    finally:
        process.terminate()
        await process.wait()
