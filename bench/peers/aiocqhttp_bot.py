"""A bot on aiocqhttp, as its guide writes one, served by uvicorn on uvloop.

`python -m bench.peers.aiocqhttp_bot 8080` keeps its log in the working folder, and serves until SIGTERM.
"""

# Only the environment that runs this file has these packages; ours checks the rest of it.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import sys

import uvicorn
from aiocqhttp import CQHttp, Event

from bench.peers.rows import DATABASE, Rows, plain


def build(rows: Rows) -> CQHttp:
    bot = CQHttp("bench", access_token="bench")

    async def heard(event: Event) -> None:
        sender = event.sender
        text = plain(event.message)
        name = sender["card"] or sender["nickname"]
        rows.add((str(event.group_id), str(event.message_id), str(event.user_id), name, event.time, text))
        if text.startswith("/ping "):
            await bot.send_group_msg(group_id=event.group_id, message=f"pong {text[6:]}")

    async def healthz() -> dict[str, bool]:
        return {"ok": True}

    bot.subscribe("message.group", heard)
    bot.server_app.add_url_rule("/healthz", view_func=healthz)
    return bot


def main() -> None:
    with Rows(DATABASE) as rows:
        uvicorn.run(
            build(rows).asgi,
            host="127.0.0.1",
            port=int(sys.argv[1]),
            loop="uvloop",
            ws_per_message_deflate=False,
            log_level="warning",
            access_log=False,
        )


if __name__ == "__main__":
    main()
