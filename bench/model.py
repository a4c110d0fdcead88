"""A model of a fixed speed behind an OpenAI-compatible address: `python -m bench.model 8080`.

`/<seconds>/v1` answers after so many seconds, whatever is asked and however many ask. What was asked last
is at `/last`, so that another client can ask for the same.
"""

from __future__ import annotations

import asyncio
import re
import sys

import orjson
import uvloop
from aiohttp import web

from bench.load.asked import ANSWER, WORDS

QUESTION = re.compile(re.escape(WORDS.removeprefix("/问 ")).replace(r"\{\}", r"(\d+)"))
PIECES = (
    "答 {}：",
    "先说结论，",
    "调用任务的 cancel，",
    "再等它真正结束。",
    "被取消的协程会在下一个 await 处收到 CancelledError，",
    "清理写在 finally 里，",
    "不要把这个异常吞掉。",
    "多个任务放进 TaskGroup，一起取消最省事。",
)


class Model:
    def __init__(self) -> None:
        self._last = b"{}"

    async def last(self, request: web.Request) -> web.Response:
        return web.Response(body=self._last, content_type="application/json")

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def answer(self, request: web.Request) -> web.Response:
        self._last = await request.read()
        body = orjson.loads(self._last)
        await asyncio.sleep(float(request.match_info["seconds"]))
        found = QUESTION.search(body["messages"][-1]["content"])
        if found is None:
            return web.json_response({"error": {"message": "this is not the question"}}, status=400)
        return web.Response(body=stream(body["model"], found[1]), content_type="text/event-stream")


def stream(model: str, number: str) -> bytes:
    """The events of one answer."""
    pieces = [piece.format(number) for piece in PIECES]
    assert ANSWER.match(pieces[0])
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": model}
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": piece}, None) for piece in pieces]
    deltas.append(({}, "stop"))
    chunks: list[dict[str, object]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} for delta, finish in deltas
    ]
    usage = {"prompt_tokens": 300, "completion_tokens": 80, "total_tokens": 380}
    chunks.append({**head, "choices": [], "usage": usage})
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


async def application() -> web.Application:
    model = Model()
    app = web.Application()
    app.add_routes([web.get("/healthz", model.healthz), web.get("/last", model.last)])
    app.router.add_post("/{seconds}/v1/chat/completions", model.answer)
    return app


if __name__ == "__main__":
    loop = uvloop.new_event_loop()
    web.run_app(
        application(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, loop=loop, backlog=1024
    )
