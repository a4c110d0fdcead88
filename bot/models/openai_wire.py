"""The wire under `bot.models.openai`: one SDK client, and what its failures mean.

Importing this costs about a second, because the SDK does; `OpenAIChat` imports it in a
thread when it is first used.
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
import httpx2
import openai
import orjson

from bot.errors import ModelAuth, ModelBadInput, ModelFiltered, ModelQuota, ModelUnavailable
from bot.models.faults import Fault, sort
from bot.models.presets import Preset

CONNECT_SECONDS: Final = 5.0
HEAD_BYTES: Final = 256 * 1024
"""How much of an answer is remembered until its first event has come."""
FAILURE_BYTES: Final = 64 * 1024
FINAL = (ModelAuth, ModelQuota, ModelFiltered, ModelBadInput)
"""Failures that stay the same however often one asks."""

FAILURES: Final = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.StreamError,
    aiohttp.ClientError,  # what the SDK's transport does not translate: a server that speaks no HTTP
    OSError,
    ValueError,  # no JSON, no UTF-8
    RecursionError,  # JSON nested without end
)
"""All that a far end can make a request raise."""


class Unreadable(ValueError):
    """A server sent, with a good status, what is neither events nor a JSON object."""

    def __init__(self, status: int, kind: str, head: str) -> None:
        super().__init__(f"HTTP {status} {kind}: {head}")


class Tap(httpx2.AsyncByteStream):
    """A body on its way to the SDK: remembers its head, ends it at `limit` bytes.

    The SDK drops all that is no event, and with it the reason why a stream is empty.
    """

    def __init__(self, body: AsyncIterator[bytes] | httpx2.AsyncByteStream, limit: int) -> None:
        self._body = body
        self._left = limit
        self.head = bytearray()
        self.listening = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            if self.listening and len(self.head) < HEAD_BYTES:
                self.head += part
            yield part
            self._left -= len(part)
            if self._left <= 0:
                return

    async def aclose(self) -> None:
        if isinstance(self._body, httpx2.AsyncByteStream):
            await self._body.aclose()


class Wire:
    """One vendor endpoint and its connections; make it in a thread, use it in the event loop.

    An answer of more than `limit` bytes ends there.
    """

    failures: Final = FAILURES

    def __init__(self, preset: Preset, base_url: str, key: str, *, timeout: float, retries: int, limit: int) -> None:
        self._preset = preset
        self._timeout = timeout
        self._limit = limit
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            max_retries=retries,
            timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
            # An answer is read as it comes: compressed, a proxy may hold it back.
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultAioHttpClient(
                trust_env=not _is_here(base_url), event_hooks={"response": [self._inspect]}
            ),
        )
        # The bot's settings are the only source: nothing of the environment goes to a vendor.
        self._client.organization = self._client.project = None

    async def chunks(self, body: Mapping[str, object]) -> AsyncGenerator[Mapping[str, object], None]:
        """Yield the JSON objects of a streamed answer, or the one object that came instead of a stream.

        Raises one of `failures`.
        """
        stream = await self._client.post(
            "/chat/completions",
            cast_to=object,
            body=dict(body),
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        tap = stream.response.stream
        assert isinstance(tap, Tap)
        came = False
        try:
            events = stream.__aiter__()
            async for event in events:
                came = True
                tap.listening = False
                if isinstance(event, Mapping):
                    yield event
        finally:
            await stream.close()
        if not came and (instead := _instead(stream.response, bytes(tap.head))):
            yield instead

    async def post(self, path: str, body: Mapping[str, object]) -> object:
        """The JSON of an answer that comes at once, or its text where it is none. Raises one of `failures`."""
        answer = await self._client.post(path, cast_to=httpx2.Response, body=dict(body))
        content = await answer.aread()
        try:
            return orjson.loads(content)  # ten vectors take the SDK's parser 9 ms, and this one 1 ms
        except ValueError:
            return content.decode(errors="replace")

    def explain(self, failure: Exception) -> Fault:
        """Sort what `chunks` or `post` raised."""
        if isinstance(failure, openai.APIStatusError):
            return sort(self._preset, failure.status_code, _body(failure.response.content))
        if isinstance(failure, openai.APIConnectionError):
            # The transport calls a lost connection a time-out; what lies under it tells the truth.
            cause: BaseException = failure
            while cause.__cause__:
                cause = cause.__cause__
            return Fault(ModelUnavailable, f"{type(cause).__name__}: {cause}")
        if isinstance(failure, openai.APIError):
            body = failure.body
            return sort(self._preset, None, body if isinstance(body, Mapping) else {"error": body or failure.message})
        if isinstance(failure, Unreadable):
            return Fault(ModelUnavailable, str(failure))
        return Fault(ModelUnavailable, f"{type(failure).__name__}: {failure}")

    async def close(self) -> None:
        await self._client.close()

    async def _inspect(self, response: httpx2.Response) -> None:
        """Tap every answer; tell the SDK not to repeat what cannot become better."""
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            response.stream = Tap(response.stream, self._limit)
            return
        response.stream = Tap(response.stream, FAILURE_BYTES)
        content = await response.aread()
        kind = sort(self._preset, response.status_code, _body(content)).kind
        if issubclass(kind, FINAL) or _wait(response.headers) > self._timeout:
            response.headers["x-should-retry"] = "false"


def _body(content: bytes) -> object:
    """The JSON of a failed answer, or its text."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")


def _instead(response: httpx2.Response, head: bytes) -> Mapping[str, object] | None:
    """The JSON object that a server sent where events were asked for; None where it sent nothing."""
    if not head.strip():
        return None
    body = _body(head)
    if isinstance(body, Mapping):
        return body
    if _is_events(head):
        return None
    raise Unreadable(response.status_code, response.headers.get("content-type", ""), head.decode(errors="replace"))


def _is_events(head: bytes) -> bool:
    """Whether a body without events is at least written as a stream of them: comments, or only [DONE]."""
    lines = head.replace(b"\r", b"\n").split(b"\n")
    return all(line.startswith((b":", b"data", b"event", b"id", b"retry")) for line in lines if line.strip())


def _wait(headers: httpx2.Headers) -> float:
    """The seconds that a server asks to wait; 0 where it does not say so in seconds."""
    try:
        seconds = float(headers.get("retry-after", "0"))
    except ValueError:
        return 0
    return seconds if math.isfinite(seconds) else 0


def _is_here(base_url: str) -> bool:
    """Whether an address is this machine's own, which no proxy can reach."""
    host = httpx2.URL(base_url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
