"""Chat models behind an OpenAI-compatible address: most vendors, and most local servers."""

from __future__ import annotations

import asyncio
import base64
import html
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from bot.config import Model, variable
from bot.errors import ConfigError, ModelBusy, ModelError, ModelTruncated, ModelUnavailable
from bot.models.base import Completion, Turn
from bot.models.faults import Fault, tidy
from bot.models.presets import Preset, find
from bot.models.reading import Reading

if TYPE_CHECKING:
    from bot.models.openai_wire import Wire

GRACE_SECONDS: Final = 5.0
"""How long to wait for the token counts that follow a finished answer."""
SECRET: Final = 4
"""Keys shorter than this are the dummies that local servers are given."""


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
        self._base_url = _address(name, config, self._preset)
        self._key = _key(name, config, self._preset)
        self._secrets = tuple(_forms(self._key))
        self._slots = asyncio.Semaphore(config.concurrency)
        self._opening = asyncio.Lock()
        self._wire: Wire | None = None
        self._closed = False

    async def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces; `options` go into the request as they are."""
        completion.model = self._config.model
        reading = Reading(self._preset, completion)
        spoke = False
        async with self._slots:
            wire = await self._open()
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
        await self._open()

    async def close(self) -> None:
        """Close the connections; whatever is asked afterwards fails as unavailable."""
        async with self._opening:
            self._closed = True
            wire, self._wire = self._wire, None
        if wire:
            await wire.close()

    async def _open(self) -> Wire:
        """The wire, made on first use: in a thread, since that takes a second."""
        async with self._opening:
            if self._closed:
                raise ModelUnavailable("The model was closed.", model=self.name)
            if self._wire is None:
                self._wire = await asyncio.to_thread(self._connect)
            return self._wire

    def _connect(self) -> Wire:
        from bot.models.openai_wire import Wire

        config = self._config
        return Wire(self._preset, self._base_url, self._key, timeout=config.timeout, retries=config.retries)

    def _request(self, turns: Sequence[Turn], options: Mapping[str, object]) -> Mapping[str, object]:
        """The body of a request; nothing in `options` replaces what the house decides."""
        renames = {} if self._config.base_url else self._preset.renames
        body: dict[str, object] = {renames.get(key, key): value for key, value in options.items()}
        body["model"] = self._config.model
        body["messages"] = [{"role": turn.role, "content": turn.text} for turn in turns]
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
        kind = ModelTruncated if spoke and fault.kind in (ModelUnavailable, ModelBusy) else fault.kind
        return kind(tidy(fault.text, self._secrets), model=self.name)


def _address(name: str, config: Model, preset: Preset) -> str:
    setting = variable("models", name, "base_url")
    address = (config.base_url or preset.base_url or "").strip()
    if not address:
        raise ConfigError(setting, f'the preset "{preset.name}" has no address of its own.', "Set http://host:port/v1.")
    try:
        parts = urlsplit(address)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(setting, "this is no web address.", "Write it like https://host/v1.")
    return address


def _key(name: str, config: Model, preset: Preset) -> str:
    setting = variable("models", name, "api_key")
    key = config.api_key.get_secret_value().strip() if config.api_key else ""
    if not key and preset.key and not config.base_url:
        raise ConfigError(setting, f'the preset "{preset.name}" needs a key.', "Set the key that the vendor gave you.")
    if not all("!" <= char <= "~" for char in key):
        raise ConfigError(
            setting, "it has characters that no key has.", "Copy the key again, without spaces or quotes."
        )
    return key


def _forms(key: str) -> Iterator[str]:
    """A key as a server may echo it."""
    if len(key) < SECRET:
        return
    yield key
    for form in (
        quote(key, safe=""),
        html.escape(key),
        key.replace("/", "\\/"),
        base64.b64encode(key.encode()).decode(),
    ):
        if form != key:
            yield form
