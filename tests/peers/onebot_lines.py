"""The connections of an implementation: it dials the bot, or it listens and the bot dials."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from tests.peers.onebot_flavours import Body, Flavour

Serve = Callable[["Line", str], Awaitable[None]]


class Line:
    """One connection; `events` and `calls` say what goes over it."""

    def __init__(self, ws: Any, raw: socket.socket, *, events: bool = True, calls: bool = True) -> None:
        self.ws = ws
        self.events = events
        self.calls = calls
        self.frozen = False
        self.over = asyncio.Event()
        self._raw = raw
        self._reader: asyncio.Task[None] | None = None

    async def run(self, serve: Serve) -> None:
        """Read until the connection ends, or until it is frozen and let go."""
        self._reader = asyncio.create_task(self._read(serve))
        await asyncio.wait([self._reader])
        if self.frozen:
            await self.over.wait()
        self.over.set()

    async def _read(self, serve: Serve) -> None:
        async for message in self.ws:
            if message.type is WSMsgType.TEXT and self.calls:
                await serve(self, message.data)

    async def send(self, frame: str | bytes, *, text: bool = True) -> None:
        """Send a frame as it is; what goes into a connection that broke is lost, as anywhere."""
        if self.frozen:
            return
        data = frame.encode() if isinstance(frame, str) else frame
        with suppress(ConnectionError):
            await self.ws.send_frame(data, WSMsgType.TEXT if text else WSMsgType.BINARY)

    def freeze(self) -> None:
        """Hear nothing and say nothing from now on, with the connection open: no goodbye, no pong."""
        self.frozen = True
        if self._reader is not None:
            self._reader.cancel()

    def cut(self) -> None:
        """Lose the connection without a goodbye."""
        with suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        if self.frozen:
            self.cut()
            self.over.set()
        await self.ws.close()


class Dialler:
    """The reverse direction: one connection at a time to the bot's address."""

    def __init__(self, url: str, flavour: Flavour, self_id: int, token: str | None, more: dict[str, str]) -> None:
        self._sessions: list[aiohttp.ClientSession] = []
        self._url = url
        self._headers = {"x-self-id": str(self_id), "x-client-role": "Universal", "user-agent": "OneBot/11"}
        if flavour.token == "query":
            self._url += f"?access_token={token}" if token else ""
        elif token or flavour.bare:
            self._headers["Authorization"] = f"{flavour.scheme} {token or ''}"
        self._headers |= more

    async def dial(self) -> Line:
        """Connect. Raises aiohttp.ClientError where it is refused."""
        session = aiohttp.ClientSession()
        try:
            ws = await session.ws_connect(self._url, headers=self._headers, max_msg_size=0)
        except aiohttp.ClientError:
            await session.close()
            raise
        self._sessions.append(session)
        return Line(ws, ws.get_extra_info("socket"))

    async def close(self) -> None:
        while self._sessions:
            await self._sessions.pop().close()


class Listener:
    """The forward direction: a server which gives every connection that may come in to `take`.

    attempts   when (monotonic seconds) somebody knocked, let in or not
    """

    def __init__(self, flavour: Flavour, token: str | None, take: Callable[[Line], Awaitable[None]]) -> None:
        self.attempts: list[float] = []
        self.port = 0
        self._flavour = flavour
        self._token = token
        self._take = take
        self._runner: web.AppRunner | None = None

    async def open(self, port: int) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._knock)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port or self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _knock(self, request: web.Request) -> web.StreamResponse:
        self.attempts.append(time.monotonic())
        path = request.path.strip("/")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=426, text="Upgrade Required")
        if self._flavour.paths is not None and path not in self._flavour.paths:
            return web.Response(status=400)
        given = request.query.get("access_token") or request.headers.get("Authorization", "").partition(" ")[2]
        welcome = not self._token or given == self._token
        if not welcome and self._flavour.refusal in {"403", "401 or 403"}:
            return web.Response(status=403 if given or self._flavour.refusal == "403" else 401)
        ws = web.WebSocketResponse(max_msg_size=50 * 2**20, timeout=1)
        await ws.prepare(request)
        if not welcome:
            await self._refuse(ws)
            return ws
        assert request.transport is not None
        raw = request.transport.get_extra_info("socket")
        await self._take(Line(ws, raw, events=path != "api", calls=path != "event"))
        return ws

    async def _refuse(self, ws: web.WebSocketResponse[Any]) -> None:
        if self._flavour.refusal.startswith("frame"):
            words = {"message": "token验证失败", "wording": "token验证失败", "echo": None}
            body: Body = {"status": "failed", "retcode": 1403, "data": None} | words
            await ws.send_str(json.dumps(body, ensure_ascii=False))
        if self._flavour.refusal.endswith("1008"):
            await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"invalid access token")
        else:
            await ws.close()
