"""A bot on NoneBot2 with its OneBot adapter and the FastAPI driver, as its guide writes one.

`python -m bench.peers.nonebot2_bot 8080` keeps its log in the working folder, and serves until SIGTERM.
"""

# Only the environment that runs this file has these packages; ours checks the rest of it.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import sys

import nonebot
from nonebot import on_command
from nonebot.adapters.onebot.v11 import Adapter, Bot, GroupMessageEvent, Message
from nonebot.message import event_preprocessor
from nonebot.params import CommandArg

from bench.peers.rows import DATABASE, Rows


def build(rows: Rows) -> None:
    async def log(event: GroupMessageEvent) -> None:
        # Before any matcher, which is the cheapest place that sees every message.
        sender = event.sender
        name = sender.card or sender.nickname or ""
        text = event.get_plaintext()
        rows.add((str(event.group_id), str(event.message_id), str(event.user_id), name, event.time, text))

    async def pong(bot: Bot, event: GroupMessageEvent, number: Message = CommandArg()) -> None:  # noqa: B008 - its way of asking
        await bot.send_group_msg(group_id=event.group_id, message=f"pong {number.extract_plain_text()}")

    event_preprocessor(log)
    on_command("ping", block=True).handle()(pong)


async def healthz() -> dict[str, bool]:
    return {"ok": True}


def main() -> None:
    nonebot.init(
        driver="~fastapi",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="WARNING",
        onebot_access_token="bench",
    )
    driver = nonebot.get_driver()
    driver.register_adapter(Adapter)
    nonebot.get_app().add_api_route("/healthz", healthz)
    with Rows(DATABASE) as rows:
        build(rows)
        nonebot.run(loop="uvloop", ws_per_message_deflate=False, access_log=False)


if __name__ == "__main__":
    main()
