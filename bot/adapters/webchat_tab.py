"""One open page of the web chat: what it is still to be told, and how fast it may speak."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from bot.adapters.webchat_wire import Frame

if TYPE_CHECKING:
    from bot.adapters.webchat_rooms import Visitor

WAITING = 256
RATE = 20.0
BURST = 40.0


class Tab:
    """A page's socket with a bounded outbox: `put` never waits, and a page that does not read is cut off.

    It then connects again and is shown the rooms as they are.
    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.visitor: Visitor | None = None
        self._socket = socket
        self._transport = transport
        self._waiting: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._tokens = BURST
        self._filled = time.monotonic()
        self._warned = 0.0

    def put(self, frame: Frame) -> None:
        last = self._waiting[-1] if self._waiting else None
        if last and frame["is"] == "chunk" == last["is"] and frame["id"] == last["id"]:
            self._waiting[-1] = {**last, "text": last["text"] + frame["text"]}
        elif len(self._waiting) < WAITING:
            self._waiting.append(frame)
        elif self._transport is not None:
            self._transport.abort()
        self._wake.set()

    async def write(self) -> None:
        """Send what waits, until the page is gone."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._socket.send_str(orjson.dumps(self._waiting.popleft()).decode())
        except ConnectionError:
            return  # the reading side sees the same end and cleans up

    def allowed(self) -> bool:
        """Whether the page may send another frame: RATE a second, BURST at once."""
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def warn(self) -> bool:
        """Whether to tell the page that it is too fast: once a second, lest the answers are a flood themselves."""
        now = time.monotonic()
        if now - self._warned < 1:
            return False
        self._warned = now
        return True

    async def close(self) -> None:
        await self._socket.close(code=1001, message=b"closing")
