"""The local web chat: two groups and a direct chat in the browser, to try the bot without any platform.

The page is `static/webchat.html`. It speaks over one WebSocket, in the frames of `webchat_wire`;
`webchat_talk` obeys them, `webchat_rooms` remembers, `webchat_acts` is what the bot does beyond speaking, and
`webchat_files` takes and gives the files that members share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import WSMessage, WSMsgType, web
from loguru import logger

from bot.adapters.webchat_acts import Acts
from bot.adapters.webchat_files import Files, sorry
from bot.adapters.webchat_rooms import UPLOADS, Record, Room, Rooms
from bot.adapters.webchat_tab import Tab
from bot.adapters.webchat_talk import Commands, Talk
from bot.adapters.webchat_wire import IMAGE_LIMIT, SENTENCES, Frame, Refused, Say, decode, shown
from bot.config import Config
from bot.errors import AdapterError
from bot.types import Account, Event, File, Group, Health, Image, Outgoing, Part, Role

STATIC = Path(__file__).parent / "static"
DEMO = Group("web:demo", "示例群")
TEST = Group("web:test", "测试群")
TABS = 300
SOCKET_LIMIT = 4 * 1024 * 1024
"""Characters after which the connection is given up; what is merely too long gets a sentence before."""


def _no_commands(group: Group) -> list[tuple[str, str]]:
    return []


class WebChat(Acts):
    """The adapter of the platform "web". `commands` tells what the page may suggest in a group."""

    name = "webchat"
    platform = "web"
    streams = True
    forwards = False

    def __init__(self, config: Config, commands: Commands = _no_commands) -> None:
        self.account = Account("web:bot", (config.name, *config.aliases))
        self._rooms = Rooms((DEMO, TEST))
        self._files = Files(self._rooms)
        self._talk = Talk(self._rooms, self.account, DEMO, commands)
        self._tabs: set[Tab] = set()
        self._receive: Callable[[Event], None] | None = None
        self._since = time.time()

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [
            web.get("/", self._page),
            web.static("/static", STATIC),
            web.get("/chat/ws", self._socket),
            web.post("/chat/image", self._upload),
            web.get("/chat/image/{id}", self._picture),
            *self._files.routes(),
        ]

    @asynccontextmanager
    async def listen(self, receive: Callable[[Event], None]) -> AsyncIterator[None]:
        self._receive = receive
        self._since = time.time()
        try:
            yield
        finally:
            self._receive = None
            await asyncio.gather(*(tab.close() for tab in list(self._tabs)))

    # --- what the pipeline asks for -------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> str:
        """Show a message, or write it while it comes; a stream's own error passes through after what came is shown."""
        room = self._room(outgoing.group)
        if outgoing.to is not None and outgoing.to not in room.visitors:
            raise AdapterError("群里没有这个人")
        parts = [self._drawn(part) for part in outgoing.parts]
        record = Record(self._bot, parts, outgoing.quote, outgoing.to, streaming=outgoing.stream is not None)
        if outgoing.stream is not None:
            record.parts.append({"text": ""})
        room.add(record)
        room.publish({"is": "message", "message": record.shown()}, record.to)
        if outgoing.stream is not None:
            await self._write(room, record, outgoing.stream)
        return record.id

    async def role(self, group: Group, member_id: str) -> Role:
        room = self._rooms.rooms.get(group.id)
        if room is None:
            return Role.UNKNOWN
        if member_id == self.account.id:
            return Role.ADMIN
        visitor = room.visitors.get(member_id)
        return visitor.role if visitor else Role.UNKNOWN

    async def size(self, group: Group) -> int | None:
        """How many people are in the group with a page open."""
        room = self._rooms.rooms.get(group.id)
        return sum(bool(visitor.tabs) for visitor in room.visitors.values()) if room else None

    async def fetch(self, group: Group, file: File, limit: int) -> bytes:
        """A file that somebody sent, as long as it is kept: neither taken back nor pushed out by newer ones."""
        return self._files.held(file, limit)

    def health(self) -> list[Health]:
        return [Health("网页聊天", self._receive is not None, self._since)]

    def _drawn(self, part: Part) -> Frame:
        if not isinstance(part, Image) or part.data is None:
            return shown(part)
        try:
            return shown(part, self._rooms.gallery.add(part.data))
        except Refused as refused:
            raise AdapterError("浏览器显示不了这种图片") from refused

    async def _write(self, room: Room, record: Record, stream: AsyncIterator[str]) -> None:
        whole = False
        try:
            async for chunk in stream:
                if not record.removed:
                    record.parts[-1]["text"] += chunk
                    room.publish({"is": "chunk", "id": record.id, "text": chunk}, record.to)
                await asyncio.sleep(0)  # a stream that never waits must not starve the pages
            whole = True
        finally:
            record.streaming, record.broken = False, not whole
            if not whole and not record.removed and record.parts == [{"text": ""}]:
                room.records.pop(record.id, None)
                room.publish({"is": "dropped", "id": record.id}, record.to)
            else:
                room.publish({"is": "end", "id": record.id, "whole": whole}, record.to)

    # --- what the page asks for -----------------------------------------------------------

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "webchat.html")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        if self._receive is None or len(self._tabs) >= TABS:
            raise web.HTTPServiceUnavailable(text=SENTENCES["full"])
        socket = web.WebSocketResponse(heartbeat=30, timeout=1, max_msg_size=SOCKET_LIMIT, compress=False)
        await socket.prepare(request)
        tab = Tab(socket, request.transport)
        self._tabs.add(tab)
        writing = asyncio.create_task(tab.write(), name="webchat page")
        try:
            async for message in socket:
                self._heard(tab, message)
        finally:
            self._tabs.discard(tab)
            self._talk.closed(tab)
            writing.cancel()
            await asyncio.wait([writing])
        return socket

    def _heard(self, tab: Tab, message: WSMessage) -> None:
        """Obey one frame; whatever is wrong with it becomes a sentence for this page, and nothing more."""
        if not tab.allowed():
            if tab.warn():
                tab.put(Refused("too_fast").frame())
            return
        if message.type is not WSMsgType.TEXT:
            tab.put(Refused("not_json").frame())
            return
        key = ""
        try:
            request = decode(message.data)
            key = request.key if isinstance(request, Say) else ""
            events = self._talk.obey(tab, request)
        except Refused as refused:
            tab.put(refused.frame(key))
            return
        except Exception:  # noqa: BLE001 - one page's frame must not end its connection; it is logged whole
            logger.exception("a frame of the web chat failed")
            tab.put(Refused("internal").frame(key))
            return
        for event in events:
            if self._receive is not None:
                self._receive(event)

    async def _upload(self, request: web.Request) -> web.Response:
        visitor = self._rooms.known(request.headers.get("X-Chat-Token", ""))
        if visitor is None:
            return sorry("hello_first", 401)
        if visitor.uploading >= UPLOADS:
            return sorry("too_fast", 429)
        visitor.uploading += 1
        try:
            data = bytearray()
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > IMAGE_LIMIT:
                    return sorry("image_large", 413)
            key = self._rooms.gallery.add(bytes(data))
        except Refused as refused:
            return sorry(refused.code, 415)
        finally:
            visitor.uploading -= 1
        visitor.uploads[key] = None
        while len(visitor.uploads) > UPLOADS:
            oldest, _ = visitor.uploads.popitem(last=False)
            self._rooms.gallery.drop(oldest)
        return web.json_response({"id": key})

    async def _picture(self, request: web.Request) -> web.Response:
        picture = self._rooms.gallery.get(request.match_info["id"])
        if picture is None:
            raise web.HTTPNotFound
        mime, data = picture
        headers = {"Cache-Control": "private, max-age=86400, immutable", "Content-Security-Policy": "sandbox"}
        return web.Response(body=data, content_type=mime, headers=headers)
