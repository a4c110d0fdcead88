"""The real bot behind a real OneBot socket: odd frames, welcomes, questions, control."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.test_onebot_recorded import OWN, RECORDED, recorded, wire
from tests.e2e.running import PLENTY, Running, running_bot
from tests.peers.onebot import OneBotPeer
from tests.peers.openai_server import OpenAIServer

GROUP, MEMBER, ADMIN = 20001, 30003, 30002


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    async with OpenAIServer() as model:
        model.answer = "先看文档。"
        settings = {
            "XIAOPENG_MODELS__LOCAL__MODEL": "far-end",
            "XIAOPENG_MODELS__LOCAL__BASE_URL": model.base_url,
            "XIAOPENG_MODELS__LOCAL__API_KEY": "sk-test",
            "XIAOPENG_ONEBOT__TOKEN": "a-token",
        }
        async with running_bot(tmp_path, settings | PLENTY) as running:
            yield running


def words(peer: OneBotPeer) -> list[str]:
    """What the bot said, text and mentions."""
    return [
        "".join(str(part["data"].get("text", "")) for part in segments if part["type"] == "text")
        for spoken in peer.sent.values()
        for segments in spoken
    ]


async def hears(peer: OneBotPeer, text: str) -> None:
    await peer.until(lambda: any(text in said for said in words(peer)), 20)


@pytest.mark.parametrize("frames", [OWN, RECORDED], ids=["own", "recorded"])
async def test_odd_frames_close_no_link_and_lose_no_message(bot: Running, frames: Path) -> None:
    played = recorded(frames)
    async with OneBotPeer(bot.onebot, token="a-token") as peer:
        for frame in played:
            await peer.raw(wire(frame))
        await peer.say(GROUP, MEMBER, "/问 怎么装")
        await hears(peer, "先看文档。\n——内容由 AI 生成（local）")
        await peer.join(GROUP, 39001)
        await hears(peer, "我是群里的机器人欧小鹏")
    await asyncio.sleep(0.5)
    logged = set()
    with sqlite3.connect(bot.database) as database:
        logged = {row[0] for row in database.execute("select message_id from messages")}
    sent = {
        str(event["message_id"])
        for event in (frame.get("frame", frame.get("event", {})) for frame in played)
        if event.get("post_type") == "message"
        and event.get("message_type") == "group"
        and isinstance(event.get("message_id"), int | str)
        and isinstance(event.get("group_id"), int)
        and event.get("group_id")
        and event.get("user_id") not in (10001000, None)
    }
    assert sent
    assert sent - logged == set()


async def test_a_day_in_a_group(bot: Running) -> None:
    async with OneBotPeer(bot.onebot, token="a-token") as peer:
        await peer.say(GROUP, MEMBER, "/帮助", role="member")
        await hears(peer, "我是欧小鹏")
        await peer.say(GROUP, MEMBER, "/关闭 问答", role="member")
        await hears(peer, "只有管理员可以这样做。")
        await peer.say(GROUP, ADMIN, "/关闭 问答", role="admin")
        await hears(peer, "问答 已关闭。")
        await peer.say(GROUP, ADMIN, "/回退", role="admin")
        await hears(peer, "问答 现在开启。")
        asked = [{"type": "at", "data": {"qq": "10001000"}}, {"type": "text", "data": {"text": " 在吗"}}]
        await peer.say(GROUP, MEMBER, asked)
        await hears(peer, "先看文档。")
        everyone = [{"type": "at", "data": {"qq": "all"}}, {"type": "text", "data": {"text": " 开会"}}]
        before = len(words(peer))
        await peer.say(GROUP, ADMIN, everyone)
        await peer.say(GROUP, MEMBER, "/状态")
        await hears(peer, "数据库：正常")
        assert len(words(peer)) == before + 1


async def test_a_wrong_token_is_refused_and_the_right_one_welcome(bot: Running) -> None:
    with pytest.raises(Exception, match="403"):
        async with OneBotPeer(bot.onebot, token="wrong"):
            pass
    async with OneBotPeer(bot.onebot, token="a-token") as peer:
        await peer.say(GROUP, MEMBER, "/状态")
        await hears(peer, "● QQ 10001000：正常")


async def test_a_message_that_comes_twice_is_answered_once_across_connections(bot: Running) -> None:
    last: list[str] = []
    for life in range(2):
        async with OneBotPeer(bot.onebot, token="a-token") as peer:
            await peer.say(GROUP, MEMBER, "/权限", message_id="777")
            await peer.say(GROUP, MEMBER, "/状态", message_id=f"life-{life}")
            await hears(peer, "数据库：正常")
            last = words(peer)
    assert not any("你在这里是" in said for said in last)
