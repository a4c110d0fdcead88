"""The least that a bot on aiohttp and pydantic can be: the yardstick that our start is held against.

`python -m bench.bare 8080` serves until SIGTERM. It prints nothing.
"""

from __future__ import annotations

import sys

from aiohttp import web
from pydantic import BaseModel, Field


class Message(BaseModel):
    group: str = Field(min_length=1)
    member: str = Field(min_length=1)
    text: str = Field(max_length=5000)


async def healthz(request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Echo what is said, as a bot with one command would."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for frame in socket:
        message = Message.model_validate_json(frame.data)
        await socket.send_str(message.model_dump_json())
    return socket


def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/ws", talk)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
