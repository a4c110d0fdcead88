"""Chat models behind an OpenAI-compatible address: most vendors, and most local servers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from bot.config import Model, variable
from bot.errors import ConfigError, ModelBusy, ModelError, ModelTruncated, ModelUnavailable
from bot.models import endpoint
from bot.models.base import Completion, Turn
from bot.models.endpoint import Endpoint
from bot.models.faults import Fault
from bot.models.presets import Preset, find
from bot.models.reading import Reading

if TYPE_CHECKING:
    from bot.models.openai_wire import Wire

GRACE_SECONDS: Final = 5.0
"""How long to wait for the token counts that follow a finished answer."""


class OpenAIChat:
    """One registered model; `name` is what the operator calls it.

    Raises ConfigError where preset, address or key cannot be right. It connects on first use;
    end it with `close`.
    """

    generated = True

    def __init__(self, name: str, config: Model) -> None:
        self.name = name
        self._config = config
        self._preset = find(config.preset, name)
        self._endpoint = Endpoint(
            name,
            self._preset,
            _address(name, config, self._preset),
            _key(name, config, self._preset),
            timeout=config.timeout,
            retries=config.retries,
        )
        self._slots = asyncio.Semaphore(config.concurrency)

    async def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces; `options` go into the request as they are."""
        completion.model = self._config.model
        reading = Reading(self._preset, completion)
        spoke = False
        async with self._slots:
            wire = await self._endpoint.open()
            async with aclosing(wire.chunks(self._request(turns, options))) as chunks:
                while True:
                    came = await self._next(wire, chunks, patient=not completion.finish)
                    if came is None:
                        break
                    if piece := reading.take(came):
                        spoke = True
                        yield piece
                    if reading.fault:
                        break
        if rest := reading.rest():
            spoke = True
            yield rest
        if fault := reading.fault or reading.verdict(spoke):
            raise self._error(fault, spoke)

    async def prepare(self) -> None:
        """Load the SDK, which takes a second; nothing is asked yet."""
        await self._endpoint.open()

    async def close(self) -> None:
        """Close the connections; whatever is asked afterwards fails as unavailable."""
        await self._endpoint.close()

    def _request(self, turns: Sequence[Turn], options: Mapping[str, object]) -> Mapping[str, object]:
        """The body of a request; nothing in `options` replaces what the house decides."""
        renames = {} if self._config.base_url else self._preset.renames
        body: dict[str, object] = {renames.get(key, key): value for key, value in options.items()}
        body["model"] = self._config.model
        body["messages"] = [{"role": turn.role, "content": _content(turn)} for turn in turns]
        body["stream"] = True
        if self._preset.usage:
            body["stream_options"] = {"include_usage": True}
        return body

    async def _next(
        self, wire: Wire, chunks: AsyncGenerator[Mapping[str, object], None], *, patient: bool
    ) -> Mapping[str, object] | Fault | None:
        """The next chunk; what went wrong; or None at the end.

        A failure is returned, so that the error raised from it has no context: the SDK's own
        errors carry the request with its key.
        """
        try:
            async with asyncio.timeout(None if patient else GRACE_SECONDS):
                return await anext(chunks, None)
        except wire.failures as failure:
            # After the finish only the token counts are missing, and they may stay unknown.
            return wire.explain(failure) if patient else None

    def _error(self, fault: Fault, spoke: bool) -> ModelError:
        """The error to raise: whatever stops an answer that was being written has broken it off."""
        broke_off = spoke and fault.kind in (ModelUnavailable, ModelBusy)
        return self._endpoint.error(fault, ModelTruncated if broke_off else None)


def _content(turn: Turn) -> object:
    """What a turn says: a text, or a list of parts where pictures come along, each in an address of its own."""
    if not turn.images:
        return turn.text
    parts: list[dict[str, object]] = [{"type": "text", "text": turn.text}]
    for image in turn.images:
        coded = base64.b64encode(image.data or b"").decode()
        url = f"data:{image.mime or 'image/jpeg'};base64,{coded}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _address(name: str, config: Model, preset: Preset) -> str:
    setting = variable("models", name, "base_url")
    address = config.base_url or preset.base_url or ""
    if not address.strip():
        raise ConfigError(setting, f'the preset "{preset.name}" has no address of its own.', "Set http://host:port/v1.")
    return endpoint.address(setting, address)


def _key(name: str, config: Model, preset: Preset) -> str:
    setting = variable("models", name, "api_key")
    key = endpoint.key(setting, config.api_key)
    if not key and preset.key and not config.base_url:
        raise ConfigError(setting, f'the preset "{preset.name}" needs a key.', "Set the key that the vendor gave you.")
    return key
