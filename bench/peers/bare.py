"""aiohttp and orjson, and nothing else: what the transport itself can take.

`python -m bench.peers.bare 8080` keeps its log in the working folder, and serves until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import orjson
import uvloop
from aiohttp import WSMsgType, web

from bench.peers.rows import DATABASE, Rows, plain


class Bot:
    """One connection at a time."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._calls = 0

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, decode_text=False)
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                event = orjson.loads(frame.data)
                if event.get("post_type") == "message":
                    await self._heard(socket, event)
        return socket

    async def _heard(self, socket: web.WebSocketResponse, event: dict[str, Any]) -> None:
        sender, group = event["sender"], event["group_id"]
        text = plain(event["message"])
        name = sender["card"] or sender["nickname"]
        self._rows.add((str(group), str(event["message_id"]), str(event["user_id"]), name, event["time"], text))
        if text.startswith("/ping "):
            self._calls += 1
            message = [{"type": "text", "data": {"text": f"pong {text[6:]}"}}]
            params = {"group_id": group, "message": message}
            call = {"action": "send_group_msg", "params": params, "echo": str(self._calls)}
            await socket.send_frame(orjson.dumps(call), WSMsgType.TEXT)


async def serve(port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Rows(DATABASE) as rows:
        bot = Bot(rows)
        app = web.Application()
        app.add_routes([web.get("/healthz", bot.healthz), web.get("/onebot/v11/ws", bot.serve)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await stop.wait()
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
