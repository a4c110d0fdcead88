"""One OpenAI-compatible address with its key, and the wire to it, which opens on first use."""

from __future__ import annotations

import asyncio
import base64
import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from bot.errors import ConfigError, ModelError, ModelUnavailable
from bot.models.faults import Fault, tidy
from bot.models.presets import Kind, Preset

if TYPE_CHECKING:
    from bot.models.openai_wire import Wire

SECRET: Final = 4
"""Keys shorter than this are the dummies that local servers are given."""
ANSWER_BYTES: Final = 64 * 1024 * 1024


class Endpoint:
    """Where the model `name` is asked; `limit` is the most bytes that an answer may have.

    It connects on first use; end it with `close`.
    """

    def __init__(
        self,
        name: str,
        preset: Preset,
        base_url: str,
        key: str,
        *,
        timeout: float,
        retries: int,
        limit: int = ANSWER_BYTES,
    ) -> None:
        self.name = name
        self.preset = preset
        self._base_url = base_url
        self._key = key
        self._secrets = tuple(_forms(key))
        self._timeout = timeout
        self._retries = retries
        self._limit = limit
        self._opening = asyncio.Lock()
        self._wire: Wire | None = None
        self._closed = False

    async def open(self) -> Wire:
        """The wire, made on first use: in a thread, since loading the SDK takes a second. Raises ModelUnavailable."""
        async with self._opening:
            if self._closed:
                raise ModelUnavailable("The model was closed.", model=self.name)
            if self._wire is None:
                self._wire = await asyncio.to_thread(self._connect)
            return self._wire

    async def close(self) -> None:
        """Close the connections; whatever is asked afterwards fails as unavailable."""
        async with self._opening:
            self._closed = True
            wire, self._wire = self._wire, None
        if wire:
            await wire.close()

    def error(self, fault: Fault, kind: Kind | None = None) -> ModelError:
        """The error to raise for a fault, without any secret; `kind` replaces the fault's own."""
        return (kind or fault.kind)(tidy(fault.text, self._secrets), model=self.name)

    def _connect(self) -> Wire:
        from bot.models.openai_wire import Wire

        return Wire(
            self.preset, self._base_url, self._key, timeout=self._timeout, retries=self._retries, limit=self._limit
        )


def address(setting: str, text: str) -> str:
    """The address that stands in `setting`. Raises ConfigError where nothing could be asked there."""
    place = text.strip()
    try:
        parts = urlsplit(place)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(setting, "this is no web address.", "Write it like https://host/v1.")
    return place


def key(setting: str, secret: SecretStr | None) -> str:
    """The key that stands in `setting`; empty where there is none. Raises ConfigError where no header can carry it."""
    text = secret.get_secret_value().strip() if secret else ""
    if not all("!" <= char <= "~" for char in text):
        raise ConfigError(
            setting, "it has characters that no key has.", "Copy the key again, without spaces or quotes."
        )
    return text


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
