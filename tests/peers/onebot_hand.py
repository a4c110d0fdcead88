"""A member by hand: what is typed is said in the group, and what the bot sends is printed."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.peers import onebot
from tests.peers.onebot import OneBotPeer
from tests.peers.onebot_flavours import FLAVOURS
from tests.peers.onebot_segments import plain


async def drive(
    url: str, listen: int | None, flavour: str, self_id: int, token: str | None, group: int | None, user: int
) -> None:
    """Say each line of the input, and print what the bot sends."""
    loop = asyncio.get_running_loop()
    chosen = next(known for known in FLAVOURS if known.app.lower().startswith(flavour))
    peer = OneBotPeer(url, self_id, token, chosen, heartbeats=chosen.beat)
    await (peer.serve(listen) if listen is not None else peer.connect())

    async def show() -> None:
        while True:
            await peer.until(lambda: bool(peer.said), 1e9)
            where, message = peer.said.pop(0)
            sys.stdout.write(f"[{where}] {plain(message)}\n")

    shown = asyncio.create_task(show())
    try:
        if listen is not None:
            sys.stdout.write(f"{peer.address}\n")
            await peer.wait_linked(1e9)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await peer.say(group, user, line.rstrip("\n"), name="手动")
        await asyncio.sleep(1)
    finally:
        shown.cancel()
        await peer.close()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    options = argparse.ArgumentParser(description=onebot.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url", nargs="?", default="", help="ws://127.0.0.1:8080/onebot/v11/ws")
    options.add_argument("--listen", type=int, help="a port where the bot is to dial, instead of the url")
    options.add_argument("--flavour", default="napcat", choices=[known.app.lower().split(".")[0] for known in FLAVOURS])
    options.add_argument("--self", dest="self_id", type=int, default=10001000)
    options.add_argument("--token")
    options.add_argument("--group", type=int, help="without it the member writes privately")
    options.add_argument("--user", type=int, default=30003)
    given = options.parse_args()
    if bool(given.url) == (given.listen is not None):
        options.error("give a url to dial, or --listen")
    return given


def main() -> None:
    asyncio.run(drive(**vars(parse())))
