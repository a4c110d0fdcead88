"""How OpenAI-compatible servers misbehave, as data that `OpenAIServer` plays."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

SSE = "text/event-stream"
HTML = "<html><head><title>维护</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Odd:
    """One odd answer: its bytes part by part, and how it ends.

    end   "clean": as HTTP wants it; "abort": the connection breaks; "hang": nothing more comes
    gap   seconds between two parts
    bare  the parts are all that is sent, without status and headers

    "http://HOST" in a part stands for this server's own address.
    """

    parts: tuple[bytes, ...] = ()
    status: int = 200
    content_type: str = SSE
    headers: Mapping[str, str] = field(default_factory=dict)
    end: Literal["clean", "abort", "hang"] = "clean"
    gap: float = 0.01
    bare: bool = False

    async def play(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport
        response = web.StreamResponse(status=self.status, headers={"Content-Type": self.content_type, **self.headers})
        if not self.bare:
            await response.prepare(request)
        for template in self.parts:
            part = template.replace(b"http://HOST", f"http://{request.host}".encode())
            if self.bare:
                transport.write(part)
            else:
                await response.write(part)
            await asyncio.sleep(self.gap)
        if self.end == "hang":
            await asyncio.sleep(3600)
        elif self.end == "abort":
            transport.abort()
        elif self.bare:
            transport.close()
        else:
            await response.write_eof()
        return response


def chunk(
    content: object = None, finish: str | None = None, *, model: str = "odd-model", **more: object
) -> dict[str, Any]:
    """The JSON of one event; `more` goes into its delta."""
    delta = {"content": content, **more}
    return {
        "id": "1",
        "object": "chat.completion.chunk",
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def event(data: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def failure(status: int, body: object, **headers: str) -> Odd:
    """A failed answer with a JSON body (or a text one)."""
    kind = "text/html" if isinstance(body, str) else "application/json"
    content = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Odd((content,), status=status, content_type=kind, headers=named, gap=0)


DONE = b"data: [DONE]\n\n"
HELLO = event(chunk("你好")) + event(chunk("，世界")) + event(chunk(None, "stop"))
_WHOLE = {
    "object": "chat.completion",
    "model": "odd-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "你好，世界"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}
_NO_COUNTS = {"prompt_tokens": 0, "completion_tokens": True}
_STRANGERS: tuple[object, ...] = (
    [1],
    "ping",
    {},
    {"choices": None},
    {"choices": [None]},
    {"choices": [{"delta": None}]},
)
_SPLIT = HELLO + DONE
_MIDDLE = _SPLIT.index("好".encode()) + 1
_LONG = "长" * 1_000_000


def _vectors(*vectors: object, indexes: Sequence[object] = (0, 1, 2)) -> Odd:
    """An answer of /embeddings to a question and two texts."""
    rows = [{"object": "embedding", "index": at, "embedding": row} for at, row in zip(indexes, vectors, strict=False)]
    return failure(200, {"object": "list", "model": "odd-model", "data": rows})


def _scores(*scores: object, indexes: Sequence[object] = (0, 1)) -> Odd:
    """An answer of /rerank to two texts."""
    rows = [{"index": at, "relevance_score": score} for at, score in zip(indexes, scores, strict=False)]
    return failure(200, {"id": "1", "results": rows})


def _packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


ODDITIES: Mapping[str, Odd | None] = {
    "ok": None,
    # --- odd and fine: the answer is 你好，世界
    "keep_alive": Odd((b": keep-alive\n\n", b"\n\n: keep-alive\n\n", HELLO, b": keep-alive\n\n", DONE)),
    "no_done": Odd((HELLO,)),
    "crlf": Odd(((HELLO + DONE).replace(b"\n", b"\r\n"),)),
    "no_space": Odd(((HELLO + DONE).replace(b"data: ", b"data:"),)),
    "split_utf8": Odd((_SPLIT[:_MIDDLE], _SPLIT[_MIDDLE:])),
    "byte_by_byte": Odd(tuple(bytes([byte]) for byte in HELLO + DONE), gap=0),
    "slow_drip": Odd(tuple(event(chunk(*said)) for said in (("你好",), ("，世",), ("界",), (None, "stop"))), gap=0.3),
    "plain_type": Odd((HELLO + DONE,), content_type="application/octet-stream"),
    "reasoning": Odd((event(chunk(None, reasoning_content="让我想想")), HELLO, DONE)),
    "think": Odd((event(chunk("<thi")), event(chunk("nk>让我想想</thi")), event(chunk("nk>\n\n")), HELLO, DONE)),
    "parts": Odd((event(chunk([{"type": "text", "text": "你好，世界"}], "stop")), DONE)),
    "not_a_stream": Odd((json.dumps(_WHOLE).encode(),), content_type="application/json"),
    "no_counts": Odd((event(chunk("你好，世界", "stop") | {"usage": None}), event({"usage": _NO_COUNTS}))),
    "strangers": Odd((*map(event, _STRANGERS), HELLO, DONE)),
    "hang_after_finish": Odd((HELLO,), end="hang"),
    "abort_after_finish": Odd((HELLO,), end="abort"),
    # --- odd and long
    "huge_chunk": Odd((event(chunk(_LONG, "stop")), DONE)),
    # --- broken off
    "cut_stream": Odd((event(chunk("你好")), event(chunk("，世界"))[:40])),
    "no_finish": Odd((event(chunk("你好")), DONE)),
    "drop_stream": Odd((event(chunk("你好")),), end="abort"),
    "hang_in_stream": Odd((event(chunk("你好")),), end="hang"),
    "bad_json": Odd((event(chunk("你好")), b"data: upstream died\n\n")),
    "bad_utf8": Odd((event(chunk("你好")), event(chunk("X")).replace(b"X", b"\xff\xfe"))),
    "bad_utf8_first": Odd((event(chunk("X")).replace(b"X", b"\xff\xfe"),)),
    "endless_json": Odd((b"data: " + b"[" * 200_000 + b"\n\n",)),
    # --- nothing
    "empty_stream": Odd(()),
    "only_done": Odd((b": hello\n\n", DONE)),
    "no_content": Odd((event(chunk(None, "stop")), DONE)),
    "blank_content": Odd((event(chunk(" \n", "stop")), DONE)),
    "only_thoughts": Odd((event(chunk("<think>我想", "length")), DONE)),
    # --- a failure under a good status
    "json_200": failure(200, {"error": {"message": "The model is overloaded", "code": "engine_overloaded_error"}}),
    "flat_200": failure(200, {"error_code": 110, "error_msg": "Access token invalid or no longer valid"}),
    "json_200_as_events": Odd((b'{"error":{"message":"no money","code":"insufficient_quota"}}',)),
    "html_200": failure(200, HTML),
    "error_event": Odd((event({"error": {"message": "busy", "code": "rate_limit_exceeded"}}),)),
    "error_event_late": Odd((event(chunk("你好")), event({"error": {"message": "no", "code": "content_filter"}}))),
    "error_event_flat": Odd((event({"object": "error", "message": "too long", "code": 400}),)),
    "error_event_text": Odd((event({"error": "worker died"}),)),
    "filtered": Odd((event(chunk(None, "content_filter")), DONE)),
    "sensitive": Odd((event(chunk("你好")), event(chunk("", "sensitive")), DONE)),
    "no_resource": Odd((event(chunk(None, "insufficient_system_resource")), DONE)),
    # --- no answer
    "html_502": failure(502, HTML),
    "drop": Odd(bare=True, end="abort"),
    "close": Odd(bare=True),
    "hang": Odd(bare=True, end="hang"),
    "no_http": Odd((b"SSH-2.0-OpenSSH_9.9\r\n",), bare=True),
    # --- a vendor's refusal
    "no_money": failure(429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试"}}),
    "busy": failure(429, {"error": {"message": "slow down", "type": "rate_limit_error"}}),
    "busy_wait": failure(429, {"error": {"message": "slow down"}}, Retry_After="1"),
    "busy_long": failure(429, {"error": {"message": "slow down"}}, Retry_After="90"),
    "payment": failure(402, {"error": {"message": "Insufficient Balance"}}),
    "bad_key": failure(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}),
    "forbidden": failure(403, {"error": {"message": "no access to this model"}}),
    "no_model": failure(404, {"error": {"message": "The model does not exist", "code": "model_not_found"}}),
    # --- vectors, odd and fine: the second of two texts is the nearer one
    "vectors_shuffled": _vectors([2, 0.2], [2, 0], [0, 2], indexes=(2, 0, 1)),
    "vectors_unplaced": failure(200, {"data": [{"embedding": row} for row in ([1, 0], [0, 1], [1, 0.1])]}),
    "vectors_base64": _vectors(_packed(1, 0), _packed(0, 1), _packed(1, 0.1)),
    "vectors_plain": Odd(_vectors([1, 0], [0, 1], [1, 0.1]).parts, content_type="text/plain"),
    "vectors_huge": _vectors([1e308, 0], [0, 1], [1e300, 0]),
    # --- vectors, odd and wrong
    "vectors_few": _vectors([1, 0], [0, 1]),
    "vectors_many": _vectors([1, 0], [0, 1], [0, 1], [0, 1], indexes=range(4)),
    "vectors_twice": _vectors([1, 0], [0, 1], [0, 1], indexes=(0, 1, 1)),
    "vectors_beyond": _vectors([1, 0], [0, 1], [0, 1], indexes=(0, 1, 3)),
    "vectors_before": _vectors([1, 0], [0, 1], [0, 1], indexes=(0, 1, -1)),
    "vectors_named": _vectors([1, 0], [0, 1], [0, 1], indexes=("0", "1", "2")),
    "vectors_nan": _vectors([1, 0], [0, math.nan], [0, 1]),
    "vectors_infinite": _vectors([1, 0], [0, 10**400], [0, 1]),
    "vectors_endless": _vectors([1.7e308, 1.7e308], [0, 1], [0, 1]),
    "vectors_words": _vectors([1, 0], ["0", "1"], [0, 1]),
    "vectors_ragged": _vectors([1, 0], [0, 1], [0, 1, 0]),
    "vectors_bare": _vectors([], [], []),
    "vectors_long": _vectors(*[[1] * 20_000] * 3),
    "vectors_null": _vectors(None, None, None),
    "vectors_bad_base64": _vectors("%%%", "%%%", "%%%"),
    "vectors_cut_base64": _vectors(*["AAAAAAA="] * 3),
    "vectors_nan_base64": _vectors(*[_packed(math.nan, 1)] * 3),
    "vectors_no_rows": failure(200, {"data": ["a", "b", "c"]}),
    "vectors_none": _vectors(),
    # --- scores, odd and fine
    "scores_shuffled": _scores(0.9, -3.5, indexes=(1, 0)),
    "scores_as_data": failure(200, {"data": [{"index": 1, "score": 0.9}, {"index": 0, "score": -3.5}]}),
    # --- scores, odd and wrong
    "scores_few": _scores(0.9),
    "scores_twice": _scores(0.9, 0.1, indexes=(1, 1)),
    "scores_beyond": _scores(0.9, 0.1, indexes=(0, 2)),
    "scores_nan": _scores(math.nan, 0.1),
    "scores_words": _scores("0.9", 0.1),
    "scores_null": _scores(None, None),
    "scores_none": _scores(),
    # --- either
    "json_list": failure(200, [1, 2]),
    "json_text": failure(200, "\"fine\""),
    "json_other": failure(200, {"object": "list"}),
    "json_endless": Odd((b"[" * 200_000,), content_type="application/json"),
    "json_cut": Odd((b'{"data": [{"index": 0, "embedding": [0.1,',), content_type="application/json"),
    "json_lost": Odd((b'{"data": [{"index": 0, "embedding": [0.1,',), content_type="application/json", end="abort"),
    "json_stuck": Odd((b'{"data": [{"index": 0, "embedding": [0.1,',), content_type="application/json", end="hang"),
    "json_drip": Odd((b" ",) * 200, content_type="application/json", gap=0.05),
    # --- images
    "image_url": failure(200, {"created": 0, "data": [{"url": "http://HOST/files/a.png"}]}),
    "image_images": failure(200, {"images": [{"url": "http://HOST/files/a.png"}]}),
    "image_error": failure(200, {"data": [{"error": {"code": "OutputImageSensitiveContentDetected"}}]}),
    "image_empty": failure(200, {"created": 0, "data": []}),
    "image_null": failure(200, {"created": 0, "data": None}),
    "image_bad_base64": failure(200, {"data": [{"b64_json": "%%%"}]}),
    "image_no_picture": failure(200, {"data": [{"b64_json": "PGh0bWw+PC9odG1sPg=="}]}),
    "image_refused": failure(400, {"error": {"code": "moderation_blocked", "message": "Your request was rejected"}}),
}  # fmt: skip
"""Every named misbehaviour; "ok" is none."""
