"""Every recorded frame goes through a real socket, and none of them closes the link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.adapters.onebot import OneBot
from bot.config import OneBot as Settings
from bot.types import Event, Message
from tests.peers.onebot import OneBotPeer

OWN = Path(__file__).parent / "onebot_frames.jsonl"
RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "onebot-events.jsonl"


@asynccontextmanager
async def playing(heard: asyncio.Queue[Event]) -> AsyncIterator[tuple[OneBot, OneBotPeer]]:
    adapter = OneBot(Settings())
    app = web.Application()
    app.add_routes(adapter.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/onebot/v11/ws"
        async with adapter.listen(heard.put_nowait), OneBotPeer(url) as peer:
            yield adapter, peer
    finally:
        await runner.cleanup()


def recorded(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return [json.loads(line) for line in path.read_text().splitlines()]


def wire(case: dict[str, Any]) -> str:
    body = case.get("frame", case.get("event"))
    return str(case["raw"]) if "raw" in case else json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("path", [OWN, RECORDED], ids=["own", "recorded"])
async def test_no_frame_closes_the_link(path: Path) -> None:
    cases = recorded(path)
    heard: asyncio.Queue[Event] = asyncio.Queue()
    async with playing(heard) as (adapter, peer):
        for n, case in enumerate(cases):
            mark = f"mark-{n}"
            await peer.raw(wire(case))
            await peer.say(20001, 30003, "之后", message_id=mark)
            events: list[Event] = []
            async with asyncio.timeout(2):
                while not events or getattr(events[-1], "id", None) != mark:
                    events.append(await heard.get())
            assert not peer.closed.is_set(), case["name"]
            check(case, [event for event in events[:-1] if isinstance(event, Message)])
        assert "broken" not in adapter.skipped
        login = await adapter.call("qq:10001000", "get_login_info", {})
        assert login["user_id"] == 10001000


def check(case: dict[str, Any], messages: list[Message]) -> None:
    """A readable message arrives with its text; nothing else arrives as one."""
    if "raw" in case:
        assert bool(messages) == (case.get("becomes") == "Message"), case["name"]
        return
    body = case["frame"] if "frame" in case else case["event"]
    if body.get("post_type") != "message":
        assert not messages, case["name"]
    elif case.get("kind", case.get("becomes")) in {"valid", "odd", "Message"} and body.get("user_id") != 10001000:
        (message,) = messages
        assert message.account.id == "qq:10001000"
        assert message.id == str(body["message_id"])
        assert message.group.direct == (body["message_type"] == "private")
        if isinstance(body.get("message"), list) and all(isinstance(part, dict) for part in body["message"]):
            texts = [part["data"]["text"] for part in body["message"] if part.get("type") == "text" and part["data"]]
            assert message.text == "".join(texts), case["name"]
