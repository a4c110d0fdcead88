"""How files come into the web chat and go out of it: posted by a page with its token, given as downloads only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import quote, unquote

from aiohttp import web

from bot.adapters.webchat_rooms import Rooms
from bot.adapters.webchat_shelf import LARGEST
from bot.adapters.webchat_wire import FILES_LIMIT, Refused
from bot.errors import AdapterError
from bot.types import File

AT_ONCE = 4
"""How many files may be on their way in: each is held in memory."""
SECONDS = 120.0
"""For one file to come in."""
LONGEST_NAME = 4096


class Files:
    """Takes and gives the files of the rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._coming = 0

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.post("/chat/file", self._take), web.get("/chat/file/{id}", self._give)]

    def held(self, file: File, limit: int) -> bytes:
        """What a shared file holds. Raises AdapterError."""
        held = self._rooms.shelf.get(file.id)
        if held is None:
            raise AdapterError("文件已经不在了")
        if len(held.data) > limit:
            raise AdapterError(f"太大了，最多 {limit / 1e6:g} MB")
        return held.data

    async def _take(self, request: web.Request) -> web.Response:
        # The token stands in a header of its own: no other site's form can send one.
        visitor = self._rooms.known(request.headers.get("X-Chat-Token", ""))
        if visitor is None:
            return sorry("hello_first", 401)
        if visitor.attaching or self._coming >= AT_ONCE:
            return sorry("file_busy", 429)
        if (request.content_length or 0) > LARGEST:
            return sorry("file_large", 413)
        visitor.attaching = True
        self._coming += 1
        try:
            async with asyncio.timeout(SECONDS):
                data = bytearray()
                async for chunk in request.content.iter_any():
                    data += chunk
                    if len(data) > LARGEST:
                        return sorry("file_large", 413)
        except TimeoutError:
            return sorry("file_lost", 408)
        finally:
            visitor.attaching = False
            self._coming -= 1
        if not data:
            return sorry("file_empty", 415)
        name = unquote(request.headers.get("X-File-Name", "")[:LONGEST_NAME], errors="replace")
        key = self._rooms.shelf.add(name, bytes(data))
        visitor.attached[key] = None
        while len(visitor.attached) > FILES_LIMIT:
            oldest, _ = visitor.attached.popitem(last=False)
            self._rooms.shelf.drop(oldest)
        return web.json_response({"id": key})

    async def _give(self, request: web.Request) -> web.Response:
        """A file as a download: it is a stranger's, and must never be shown as a page of ours."""
        held = self._rooms.shelf.get(request.match_info["id"])
        if held is None:
            raise web.HTTPNotFound
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(held.name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return web.Response(body=held.data, content_type="application/octet-stream", headers=headers)


def sorry(code: str, status: int) -> web.Response:
    """Tell a page why nothing was taken in."""
    return web.json_response(Refused(code).frame(), status=status)
