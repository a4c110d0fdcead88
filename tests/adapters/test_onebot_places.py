"""What the adapter knows of its accounts: where they may speak, and whether they can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.errors import AdapterError
from bot.types import Group, Message, Muted, Text
from tests.adapters.onebot_bot import Bot, running, until
from tests.peers.onebot import FLAVOURS, Flavour, OneBotPeer, Person

OTHER = Group("qq:20002")


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running() as bot:
        yield bot


@asynccontextmanager
async def joined(bot: Bot, role: str = "member", muted_until: float = 0) -> AsyncIterator[OneBotPeer]:
    """Our account in the group 20001."""
    peer = OneBotPeer(bot.url)
    peer.world["20001"] = {"10001000": Person("小鹏", role=role, muted_until=muted_until), "30003": Person("林")}
    peer.world["20002"] = {"10001000": Person("小鹏")}
    async with peer:
        await until(lambda: [group["role"] for group in bot.account()["groups"]] == [role, "member"])
        yield peer


async def refused(bot: Bot, peer: OneBotPeer) -> bool:
    """Whether a message is held back before it is sent."""
    before = len(peer.called("send_group_msg"))
    with pytest.raises(AdapterError, match="被禁言"):
        await bot.send(Text("好"))
    return len(peer.called("send_group_msg")) == before


@pytest.mark.parametrize("seconds", [-1, 0x7FFFFFFF])
async def test_a_whole_mute_silences_members_until_it_is_lifted(bot: Bot, seconds: int) -> None:
    async with joined(bot) as peer:
        await peer.ban(20001, 0, seconds)
        await until(lambda: isinstance(bot.heard[-1], Muted))
        assert await refused(bot, peer)
        assert await bot.send(Text("好"), group=OTHER)
        await peer.ban(20001, 0, 0)
        await until(lambda: not bot.account()["groups"][0]["muted"])
        assert await bot.send(Text("好"))


async def test_a_whole_mute_does_not_silence_admins(bot: Bot) -> None:
    async with joined(bot, "admin") as peer:
        await peer.ban(20001, 0, -1)
        await until(lambda: isinstance(bot.heard[-1], Muted))
        assert await bot.send(Text("好"))
        peer.world["20001"]["10001000"].role = "member"
        await peer.notice("group_admin", sub_type="unset", group_id=20001, user_id=10001000)
        await until(lambda: bot.account()["groups"][0]["role"] == "member")
        assert await refused(bot, peer)
        await peer.notice("group_admin", sub_type="set", group_id=20001, user_id=10001000)
        await until(lambda: bot.account()["groups"][0]["role"] == "admin")
        peer.world["20001"]["10001000"].role = "admin"
        assert await bot.send(Text("好"))


async def test_mutes_from_before_the_connection_are_known(bot: Bot) -> None:
    async with joined(bot, muted_until=time.time() + 600) as peer:
        await until(lambda: bot.account()["groups"][0]["muted"])
        assert await refused(bot, peer)


async def test_a_whole_mute_from_before_the_connection_is_known(bot: Bot) -> None:
    peer = OneBotPeer(bot.url)
    peer.world["20001"] = {"10001000": Person("小鹏"), "30003": Person("林")}
    peer.world.at(20001).silent = True
    async with peer:
        await until(lambda: bool(bot.account()["groups"]) and bot.account()["groups"][0]["muted"])
        assert await refused(bot, peer)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.app)
async def test_a_mute_that_ended_while_we_were_away_ends_here_too(bot: Bot, flavour: Flavour) -> None:
    peer = OneBotPeer(bot.url, flavour=flavour)
    for group in (20001, 20002):
        peer.found(group, "member", members=[30003])
    async with peer:
        await until(lambda: [group["role"] for group in bot.account()["groups"]] == ["member", "member"])
        await peer.ban(20001, 0, -1)
        await peer.ban(20002, 10001000, 86400)
        await until(lambda: [group["muted"] for group in bot.account()["groups"]] == [True, True])
        await peer.vanish()
        await peer.ban(20001, 0, 0)
        await peer.ban(20002, 10001000, 0)
        await peer.connect()
        await until(lambda: [group["muted"] for group in bot.account()["groups"]] == [False, False])
        assert await bot.send(Text("好"))
        assert await bot.send(Text("好"), group=OTHER)


async def test_a_mute_that_lasts_is_known_again_after_a_new_connection(bot: Bot) -> None:
    async with joined(bot) as peer:
        await peer.ban(20001, 0, -1)
        await until(lambda: bot.account()["groups"][0]["muted"])
        asked = len(peer.called("get_group_member_info"))
        await peer.vanish()
        await peer.connect()
        await until(lambda: len(peer.called("get_group_member_info")) == asked + 2)
        assert await refused(bot, peer)


async def test_a_mute_is_not_ended_by_an_answer_that_is_older(bot: Bot) -> None:
    peer, told = OneBotPeer(bot.url), asyncio.Event()
    peer.found(20001, "member", members=[30003])

    async def late(call: dict[str, Any]) -> dict[str, Any]:
        answer = await peer.actions.answer(call["action"], call["params"])
        await told.wait()
        return answer

    peer.scripts["get_group_member_info"] = late
    async with peer:
        await peer.wait_call("get_group_member_info")
        await peer.ban(20001, 10001000, 600)
        await until(lambda: isinstance(bot.heard[-1], Muted))
        told.set()
        await until(lambda: bot.account()["groups"][0]["role"] == "member")
        assert await refused(bot, peer)


async def test_a_group_that_we_left_is_forgotten(bot: Bot) -> None:
    async with joined(bot, muted_until=time.time() + 600) as peer:
        await peer.leave(20001, 10001000, 30003, "kick_me")
        await until(lambda: [group["id"] for group in bot.account()["groups"]] == ["20002"])


async def test_two_half_connections_make_an_account(bot: Bot) -> None:
    headers = {"X-Self-ID": "10001000", "X-Client-Role": "Event"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(bot.url, headers=headers) as events,
    ):
        beat = {"meta_event_type": "heartbeat", "interval": 30000, "status": {"online": True}}
        await events.send_json({"post_type": "meta_event", "self_id": 10001000} | beat)
        await bot.health(lambda health: "一半" in health.detail and not health.up)
        assert bot.changes() == []
        async with OneBotPeer(bot.url, headers={"X-Client-Role": "API"}) as calls:
            await bot.health(lambda health: health.up)
            assert bot.changes() == [(True, "")]
            words = {"message_type": "group", "message_id": 1, "group_id": 20001, "user_id": 30003, "message": "早"}
            await events.send_json({"post_type": "message", "self_id": 10001000} | words)
            await bot.hears("早")
            assert await bot.send(Text("好"))
            assert await calls.wait_sent(1)
            async with OneBotPeer(bot.url, headers={"X-Client-Role": "API"}) as newer:
                await until(calls.closed.is_set)
                assert await bot.send(Text("好"))
                assert await newer.wait_sent(1)
                assert not events.closed
        await bot.health(lambda health: not health.up)
        with pytest.raises(AdapterError, match="没有连接"):
            await bot.send(Text("好"))


async def test_doubt_after_doubt_in_several_groups_looks_like_a_restriction(bot: Bot) -> None:
    async with OneBotPeer(bot.url) as peer:
        await bot.health(lambda health: health.up)
        peer.doubt("send_group_msg")
        for number in (20001, 20001, 20001):
            with pytest.raises(AdapterError):
                await bot.send(Text("好"), group=Group(f"qq:{number}"))
        assert bot.adapter.health()[0].up
        with pytest.raises(AdapterError):
            await bot.send(Text("好"), group=OTHER)
        health = bot.adapter.health()[0]
        assert (health.up, health.detail[:5]) == (False, "可能被风控")
        assert bot.changes() == [(True, "")]
        peer.obey("send_group_msg")
        assert await bot.send(Text("好"))
        assert bot.adapter.health()[0].up


async def test_one_sure_message_ends_a_row_of_doubts(bot: Bot) -> None:
    async with OneBotPeer(bot.url) as peer:
        await bot.health(lambda health: health.up)
        for number in (20001, 20002, 20003, 20004):
            peer.doubt("send_group_msg")
            with pytest.raises(AdapterError):
                await bot.send(Text("好"), group=Group(f"qq:{number}"))
            peer.obey("send_group_msg")
            await bot.send(Text("好"))
        assert bot.adapter.health()[0].up


async def test_an_account_that_lost_the_network_is_told_until_something_comes_in(bot: Bot) -> None:
    async with OneBotPeer(bot.url) as peer:
        await bot.health(lambda health: health.up)
        peer.refuse("send_group_msg", 1200, 'EventRet:\n{"result": 1006514, "errMsg": ""}')
        with pytest.raises(AdapterError, match="掉线"):
            await bot.send(Text("好"))
        assert bot.adapter.health()[0].detail.startswith("QQ 网络异常")
        await peer.say(20001, 30003, "早")
        await bot.hears("早")
        assert bot.adapter.health()[0].up


async def test_an_act_hears_of_its_effect_before_anybody_else(bot: Bot) -> None:
    async with OneBotPeer(bot.url) as peer:
        await peer.say(20001, 30003, "早")
        await bot.hears("早")
        seat = bot.adapter._seats["qq:10001000"]
        with seat.expect(lambda event: isinstance(event, Message) and event.text == "二") as seen:
            await peer.say(20001, 30003, "一")
            await peer.say(20001, 30003, "二")
            async with asyncio.timeout(2):
                event = await seen
            assert isinstance(event, Message)
            assert event.text == "二"
        assert seat.expected == []
        with seat.expect(lambda event: True) as never:
            pass
        assert never.cancelled()
