"""An OpenAI-compatible server on this machine that misbehaves when it is told to.

By hand, for looking at the bot in a browser: `python -m tests.peers.openai_server --port 9000`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import math
import struct
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.peers.openai_oddities import ODDITIES, Odd

DIMENSIONS = 64


@dataclass(frozen=True)
class Request:
    """What came: the JSON body, the headers, and the port of the client's connection."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    port: int

    @property
    def question(self) -> str:
        """The text of the last message, or the prompt of an image."""
        messages = self.body.get("messages")
        return str(messages[-1]["content"] if messages else self.body.get("prompt", ""))


class OpenAIServer:
    """Live while entered, on a free port of 127.0.0.1 (or `port`).

    answer       what it says: a text, or a function of the request
    echo         the model name that it answers with; None: the one asked for
    delay        seconds before an answer begins
    chunk_delay  seconds before every chunk of a stream
    requests     all that was asked
    peak         how many requests ran at once at most
    """

    def __init__(self, port: int = 0) -> None:
        self.answer: str | Callable[[Request], str] = "你好，我在。"
        self.echo: str | None = None
        self.delay = 0.0
        self.chunk_delay = 0.0
        self.models = ["test-model"]
        self.requests: list[Request] = []
        self.peak = 0
        self._port = port
        self._running = 0
        self._always: Odd | None = None
        self._next: deque[Odd | None] = deque()
        self._came = asyncio.Semaphore(0)
        self._lost = asyncio.Semaphore(0)
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def behave(self, how: str | Odd, times: int | None = None) -> None:
        """From now on answer like `how` ("ok": correctly again); with `times`, so often and then as before.

        Calls with `times` queue up.
        """
        odd = ODDITIES[how] if isinstance(how, str) else how
        self._next.extend([odd] * (times or 0))
        if times is None:
            self._always = odd
            self._next.clear()

    async def asked(self, within: float = 5) -> None:
        """Wait until one more request has come. Raises TimeoutError."""
        await asyncio.wait_for(self._came.acquire(), within)

    async def disconnected(self, within: float = 5) -> None:
        """Wait until one more client has gone before its answer was complete. Raises TimeoutError."""
        await asyncio.wait_for(self._lost.acquire(), within)

    async def __aenter__(self) -> OpenAIServer:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                web.get("/v1/models", self._list),
                web.get("/files/{name}", self._file),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/images/generations", self._images),
                web.post("/v1/embeddings", self._embeddings),
                web.post("/v1/rerank", self._rerank),
                web.post("/v1/reranks", self._rerank),
            ]
        )
        # A handler learns at once that its client is gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner
        await self._runner.cleanup()

    # --- the endpoints ----------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self._say)

    async def _images(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self._draw)

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self._embed)

    async def _rerank(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self._rank)

    async def _list(self, request: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.models]
        return web.json_response({"object": "list", "data": models})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=picture(request.match_info["name"], 64, 64), content_type="image/png")

    async def _serve(self, request: web.Request, answer: Callable[[web.Request, Request], Any]) -> web.StreamResponse:
        assert request.transport
        peer = request.transport.get_extra_info("peername")
        came = Request(request.path, dict(request.headers), await request.json(), peer[1])
        self.requests.append(came)
        self._came.release()
        self._running += 1
        self.peak = max(self.peak, self._running)
        try:
            await asyncio.sleep(self.delay)
            odd = self._next.popleft() if self._next else self._always
            response: web.StreamResponse = await (odd.play(request) if odd else answer(request, came))
        except (asyncio.CancelledError, ConnectionResetError):
            self._lost.release()
            raise
        finally:
            self._running -= 1
        return response

    async def _say(self, request: web.Request, came: Request) -> web.StreamResponse:
        text = self.answer if isinstance(self.answer, str) else self.answer(came)
        model = self.echo or str(came.body["model"])
        asked = sum(len(str(message["content"])) for message in came.body["messages"])
        usage = {"prompt_tokens": asked, "completion_tokens": len(text), "total_tokens": asked + len(text)}
        frame: dict[str, object] = {"id": f"chatcmpl-{len(self.requests)}", "created": int(time.time()), "model": model}
        if not came.body.get("stream"):
            message = {"role": "assistant", "content": text}
            whole = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response({**frame, "object": "chat.completion", "choices": [whole], "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": text[at : at + 4]} for at in range(0, len(text), 4)]
        for delta, finish in [*((delta, None) for delta in deltas), ({}, "stop")]:
            await asyncio.sleep(self.chunk_delay)
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            await _event(response, {**frame, "object": "chat.completion.chunk", "choices": [choice]})
        if (came.body.get("stream_options") or {}).get("include_usage"):
            await _event(response, {**frame, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _draw(self, request: web.Request, came: Request) -> web.StreamResponse:
        size = str(came.body.get("size") or "64x64")
        width, _, height = size.replace("*", "x").partition("x")
        count = int(came.body.get("n") or 1)
        images = [picture(f"{came.question} {number}", int(width), int(height)) for number in range(count)]
        data = [{"b64_json": base64.b64encode(image).decode()} for image in images]
        return web.json_response({"created": int(time.time()), "data": data})

    async def _embed(self, request: web.Request, came: Request) -> web.StreamResponse:
        asked = came.body["input"]
        texts = [asked] if isinstance(asked, str) else asked
        data = [{"object": "embedding", "index": at, "embedding": vector(text)} for at, text in enumerate(texts)]
        usage = {"prompt_tokens": sum(map(len, texts)), "total_tokens": sum(map(len, texts))}
        return web.json_response({"object": "list", "data": data, "model": came.body["model"], "usage": usage})

    async def _rank(self, request: web.Request, came: Request) -> web.StreamResponse:
        """The best first, as all of them do; without `top_n`, all."""
        query, documents = came.body["query"], came.body["documents"]
        scored: list[dict[str, Any]] = [
            {"index": at, "relevance_score": overlap(query, text), "document": {"text": text}}
            for at, text in enumerate(documents)
        ]
        scored.sort(key=lambda row: -row["relevance_score"])
        usage = {"total_tokens": sum(map(len, documents))}
        results = scored[: came.body.get("top_n")]
        return web.json_response({"id": "rerank-1", "model": came.body["model"], "results": results, "usage": usage})


async def _event(response: web.StreamResponse, event: Mapping[str, Any]) -> None:
    await response.write(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")


def picture(name: str, width: int, height: int) -> bytes:
    """A PNG of one colour, which `name` decides."""
    row = b"\0" + hashlib.sha256(name.encode()).digest()[:3] * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(row * height)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def vector(text: str) -> list[float]:
    """A unit vector of `DIMENSIONS` numbers; texts that share pairs of characters are near each other."""
    counts = [0.0] * DIMENSIONS
    for pair in zip(f" {text}", f"{text} ", strict=True):
        counts[zlib.crc32("".join(pair).encode()) % DIMENSIONS] += 1
    length = math.sqrt(sum(count * count for count in counts))
    return [count / length for count in counts]


def overlap(query: str, text: str) -> float:
    """The share of the pairs of characters of `query` that `text` has, 0 to 1."""
    asked, there = ({*pairwise(words)} for words in (f" {query} ", f" {text} "))
    return len(asked & there) / len(asked)


async def _stay(options: argparse.Namespace) -> None:
    async with OpenAIServer(options.port) as server:
        server.answer = options.answer or (lambda request: f"你说：{request.question}")
        server.delay, server.chunk_delay = options.delay, options.chunk_delay
        server.behave(options.behave)
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server for trying things out")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--answer", help="what it says; without it, it repeats the question")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before an answer begins")
    parser.add_argument("--chunk-delay", type=float, default=0.05, help="seconds before every chunk")
    parser.add_argument("--behave", default="ok", choices=sorted(ODDITIES), help="how to misbehave")
    with suppress(KeyboardInterrupt):
        asyncio.run(_stay(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
