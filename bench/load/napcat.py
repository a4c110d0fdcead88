"""One implementation that dialled the bot: sends events, answers every call at once, enters the replies."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import orjson

from bench.load.crowd import MEMBERS, SELF, meta
from bench.load.ledger import Ledger
from bench.load.wire import Wire, dial, frame

TOKEN = "bench"
PONG = re.compile(r"pong (\d+)")
SENDS = frozenset({"send_group_msg", "send_msg"})


class NapCat:
    """Tells `enter` (number, group, time) of each reply; `reply` finds the number in a text that the bot sends."""

    def __init__(self, reply: re.Pattern[str] = PONG) -> None:
        self.ledger = Ledger()
        self.enter: Callable[[int, int, float], None] = self.ledger.replied
        self.calls = 0
        self.strange: dict[str, int] = {}
        """Sent texts that name no number, by text."""
        self._moved = asyncio.Event()
        self._reply = reply
        self._ids = itertools.count(2_000_000_000)
        self.wire: Wire

    @asynccontextmanager
    async def connected(self, port: int, path: str) -> AsyncIterator[NapCat]:
        """Live while entered. Raises Refused, OSError."""
        headers = {
            "X-Self-ID": str(SELF),
            "X-Client-Role": "Universal",
            "Authorization": f"Bearer {TOKEN}",
            "User-Agent": "OneBot/11",
        }
        self.wire = await dial(port, path, headers, self._heard)
        beating = asyncio.create_task(self._beat())
        try:
            yield self
        finally:
            beating.cancel()
            self.wire.close()
            await self.wire.closed

    async def until(self, true: Callable[[], bool], seconds: float) -> None:
        """Wait until something is true that replies bring about, so many seconds at most."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    async def _beat(self) -> None:
        self.wire.write(meta("lifecycle", sub_type="connect"))
        while True:
            self.wire.write(meta("heartbeat", status={"online": True, "good": True}, interval=30000))
            await asyncio.sleep(30)

    def _heard(self, payload: bytes) -> None:
        call = orjson.loads(payload)
        self.calls += 1
        answer = {"status": "ok", "retcode": 0, "data": self._do(call), "message": "", "wording": ""}
        self.wire.write(frame(orjson.dumps(answer | {"echo": call.get("echo")})))

    def _do(self, call: dict[str, Any]) -> object:
        action, params = call["action"], call.get("params") or {}
        if action in SENDS:
            self._said(int(params["group_id"]), params["message"])
            return {"message_id": next(self._ids)}
        group = params.get("group_id", 0)
        match action:
            case "get_login_info":
                return {"user_id": SELF, "nickname": "欧小鹏"}
            case "get_version_info":
                return {"app_name": "NapCat.Onebot", "app_version": "4.18.9", "protocol_version": "v11"}
            case "get_status":
                return {"online": True, "good": True}
            case "get_group_member_info":
                member = params.get("user_id", 0)
                person = {"nickname": f"成员 {member}", "card": "", "role": "member", "level": "1", "title": ""}
                return {"group_id": group, "user_id": member, **person}
            case "get_group_info":
                return {"group_id": group, "group_name": f"群 {group}", "member_count": MEMBERS, "group_all_shut": 0}
            case "get_group_msg_history":
                return {"messages": []}
            case "get_group_list" | "get_group_member_list" | "get_group_shut_list" | "get_friend_list":
                return []
            case _:
                return None

    def _said(self, group: int, message: Any) -> None:
        text = message if isinstance(message, str) else "".join(map(words, message))
        found = self._reply.search(text)
        if found is None:
            self.strange[text] = self.strange.get(text, 0) + 1
            return
        self.enter(int(found[1]), group, perf_counter())
        self._moved.set()


def words(segment: dict[str, Any]) -> str:
    """The text of a segment; empty where it is none."""
    return str(segment["data"]["text"]) if segment["type"] == "text" else ""
