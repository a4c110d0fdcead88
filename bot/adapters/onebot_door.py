"""The door by which implementations of OneBot v11 come in: who may connect, and what the others are told."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Final, Literal

import orjson
from aiohttp import WSCloseCode, hdrs, web

from bot.adapters.onebot_frames import PREFIX
from bot.adapters.onebot_link import LARGEST_MESSAGE, PING, Link, Way
from bot.adapters.onebot_reader import Reader
from bot.adapters.onebot_report import Kind
from bot.config import LOOPBACK, variable

SELF_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
TOKEN: Final = variable("onebot", "token")
WAYS: Final[dict[str, Way]] = {"universal": "universal", "api": "api", "event": "event"}


class Door:
    """Lets connections at `path` in, for `reader` to read; `report` is told to whoever has the token."""

    def __init__(self, path: str, token: str, reader: Reader, report: Callable[[], dict[str, object]]) -> None:
        self._path = path
        self._token = token.encode()
        self._reader = reader
        self._report = report

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection from its handshake to its end."""
        if refusal := self._refusal(request):
            return refusal
        # Implementations give the handshake two seconds: nothing that waits comes before it.
        # Text stays bytes, because a broken character would otherwise close the link.
        socket: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
            timeout=2, heartbeat=PING, compress=False, max_msg_size=LARGEST_MESSAGE, decode_text=False
        )
        await socket.prepare(request)
        if not self._reader.listening:
            await socket.close(code=WSCloseCode.GOING_AWAY)
            return socket
        transport = request.transport

        def stands() -> bool:
            return transport is not None and not transport.is_closing()

        account = request.headers.get("X-Self-ID", "")
        link = Link(socket, stands, request.remote or "", WAYS[_way(request)])
        await self._reader.serve(link, PREFIX + account if account else None)
        return socket

    async def astray(self, request: web.Request) -> web.Response:
        """Answer at a path that somebody guessed."""
        if _upgrades(request) or request.method == hdrs.METH_POST:
            where = f"{_whence(request)}连到了 {request.path}，应该是 {self._path}"
            self._reader.troubles.note("wrong_path", where)
        return web.Response(
            status=404, text=f"404: OneBot connects by WebSocket to {self._path}, without a final slash"
        )

    async def tell(self, request: web.Request) -> web.Response:
        """Tell the report, as JSON."""
        if refusal := self._stranger(request, note=False):
            return refusal
        if not self._token and request.url.host not in LOOPBACK:
            # Without a token the name is all that keeps a page with a rebound name from reading on.
            return web.Response(status=403, text="without a token the report is told to 127.0.0.1 only")
        return web.Response(body=orjson.dumps(self._report()), content_type="application/json")

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Say why a connection may not come in."""
        if refusal := self._stranger(request, note=True):
            return refusal
        if not _upgrades(request):
            detail = f"{_whence(request)}发来的是普通 HTTP 请求，这里要反向 WebSocket（WebSocket 客户端）"
            return self._refuse("not_websocket", 426, "reverse WebSocket is spoken here, not HTTP", detail)
        given = request.headers.get("X-Self-ID", "")
        if given and not SELF_ID.fullmatch(given):
            detail = f"{_whence(request)}的 X-Self-ID 不是 QQ 号"
            return self._refuse("no_self_id", 400, "X-Self-ID is no account", detail)
        if _way(request) not in WAYS:
            detail = f"{_whence(request)}的 X-Client-Role 只能是 Universal、API 或 Event"
            return self._refuse("wrong_role", 400, "X-Client-Role is Universal, API or Event", detail)
        return None if self._reader.listening else web.Response(status=503, text="not listening")

    def _stranger(self, request: web.Request, *, note: bool) -> web.Response | None:
        """Refuse who has no business here or does not know the token."""
        if hdrs.ORIGIN in request.headers:
            return web.Response(status=403, text="browsers have no business here")
        if not self._token:
            return None
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").strip().partition(" ")
        given = given.strip() if scheme.lower() in {"bearer", "token"} else ""
        given = given or request.query.get("access_token", "")
        if hmac.compare_digest(given.encode("utf-8", "replace"), self._token):
            return None
        kind: Kind = "token_wrong" if given else "token_missing"
        status, text = (403, "access token wrong") if given else (401, "access token missing")
        if not note:
            return web.Response(status=status, text=text)
        what = f"令牌（access token）不对，应和 {TOKEN} 一样" if given else "没有带令牌（access token）"
        return self._refuse(kind, status, text, f"{_whence(request)}{what}")

    def _refuse(self, kind: Kind, status: int, text: str, detail: str) -> web.Response:
        self._reader.troubles.note(kind, detail)
        return web.Response(status=status, text=text)


def _way(request: web.Request) -> str:
    return request.headers.get("X-Client-Role", "universal").lower()


def _upgrades(request: web.Request) -> bool:
    return request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"


def _whence(request: web.Request) -> str:
    """Who is at the door, as far as it may be repeated."""
    account = request.headers.get("X-Self-ID", "")
    who = f"（账号 {account}）" if SELF_ID.fullmatch(account) else ""
    return f"来自 {request.remote or '?'} 的连接{who}"
