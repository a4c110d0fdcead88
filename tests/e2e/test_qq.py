"""The real bot behind a real OneBot socket, in both directions: odd frames, welcomes, questions, control."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.test_onebot_recorded import OWN, RECORDED, recorded, wire
from tests.e2e.qq import ANSWER, DIRECTIONS, TOKEN, Direction, hears, logged, model_and_bot, one_account, words
from tests.e2e.running import Running
from tests.peers.onebot import OneBotPeer

GROUP, MEMBER, ADMIN = 20001, 30003, 30002


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    async with model_and_bot(tmp_path) as running:
        yield running


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("frames", [OWN, RECORDED], ids=["own", "recorded"])
async def test_odd_frames_close_no_link_and_lose_no_message(tmp_path: Path, direction: Direction, frames: Path) -> None:
    played = recorded(frames)
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
    async with one_account(tmp_path, direction) as (bot, peer):
        for frame in played:
            await peer.raw(wire(frame))
        await peer.say(GROUP, MEMBER, "/问 怎么装")
        await hears(peer, f"{ANSWER}\n——内容由 AI 生成（local）")
        await peer.join(GROUP, 39001)
        await hears(peer, "我是群里的机器人欧小鹏")
        assert len(peer.lines) == 1
        async with asyncio.timeout(5):
            while sent - logged(bot):  # noqa: ASYNC110 - the log is another process's
                await asyncio.sleep(0.05)


async def test_a_day_in_a_group(bot: Running) -> None:
    async with OneBotPeer(bot.onebot, token=TOKEN) as peer:
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
        await hears(peer, ANSWER)
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
    async with OneBotPeer(bot.onebot, token=TOKEN) as peer:
        await peer.say(GROUP, MEMBER, "/状态")
        await hears(peer, "● QQ 10001000：正常")


async def test_a_message_that_comes_twice_is_answered_once_across_connections(bot: Running) -> None:
    last: list[str] = []
    for life in range(2):
        async with OneBotPeer(bot.onebot, token=TOKEN) as peer:
            await peer.say(GROUP, MEMBER, "/权限", message_id="777")
            await peer.say(GROUP, MEMBER, "/状态", message_id=f"life-{life}")
            await hears(peer, "数据库：正常")
            last = words(peer)
    assert not any("你在这里是" in said for said in last)
