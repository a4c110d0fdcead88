"""What the operator is told: the report, its door, and the troubles."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.adapters.onebot_bot import Bot, running, until
from tests.peers.onebot import OneBotPeer, Person


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def knock(session: aiohttp.ClientSession, url: str, **headers: str) -> int:
    try:
        async with session.ws_connect(url, headers={"X-Self-ID": "10001000"} | headers):
            return 101
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status


async def test_tells_accounts_and_groups(session: aiohttp.ClientSession) -> None:
    async with running("x") as bot:
        peer = OneBotPeer(bot.url, token="x", nickname="小鹏")
        peer.world["20001"] = {"10001000": Person("小鹏", "鹏助理", "admin"), "30003": Person("林")}
        peer.world["20002"] = {"10001000": Person("小鹏", role="owner")}
        peer.world.at(20001).name = "一群"
        async with peer:
            await peer.notice("无人懂")
            await until(lambda: [group["role"] for group in bot.account()["groups"]] == ["admin", "owner"])
            async with session.get(bot.http + "/onebot/v11/report", params={"access_token": "x"}) as answer:
                assert answer.content_type == "application/json"
                told: dict[str, Any] = await answer.json()
            (account,) = told["accounts"]
            assert isinstance(account.pop("since"), float)
            groups = account.pop("groups")
            assert account == {
                "account": "10001000",
                "nickname": "小鹏",
                "app": "NapCat.Onebot",
                "version": "1.0",
                "direction": "reverse",
                "connected": True,
                "online": True,
                "detail": "",
                "skipped": {"notice.无人懂": 1},
            }
            assert groups[0] == {"id": "20001", "name": "一群", "members": 2, "role": "admin", "muted": False}
            assert told["troubles"] == []
            await peer.ban(20001, 10001000, 600)
            await until(lambda: bot.account()["groups"][0]["muted"])
        await until(lambda: not bot.account()["connected"])
        assert (bot.account()["online"], bot.account()["detail"]) == (False, "与 OneBot 实现的连接已断开")


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ({}, {"Authorization": "Bearer 密x"}, 200),
        ({"access_token": "密x"}, {}, 200),
        ({}, {}, 401),
        ({}, {"Authorization": "Bearer y"}, 403),
        ({"access_token": "密x"}, {"Origin": "http://127.0.0.1"}, 403),
    ],
)
async def test_the_report_needs_the_token(
    session: aiohttp.ClientSession, query: dict[str, str], headers: dict[str, str], expected: int
) -> None:
    async with running("密x") as bot:
        async with session.get(bot.http + "/onebot/v11/report", params=query, headers=headers) as answer:
            assert answer.status == expected
        assert bot.troubles() == {}


async def test_without_a_token_no_page_with_a_borrowed_name_reads_the_report(session: aiohttp.ClientSession) -> None:
    async with running() as bot:
        for host, expected in {"evil.example": 403, "127.0.0.1:8080": 200, "localhost": 200}.items():
            async with session.get(bot.http + "/onebot/v11/report", headers={"Host": host}) as answer:
                assert answer.status == expected


@pytest.mark.parametrize(
    ("path", "headers", "status", "kind"),
    [
        ("", {}, 401, "token_missing"),
        ("", {"Authorization": "Bearer "}, 401, "token_missing"),
        ("", {"Authorization": "Bearer geheim"}, 403, "token_wrong"),
        ("", {"Authorization": "Bearer x", "X-Client-Role": "Boss<b>"}, 400, "wrong_role"),
        ("", {"Authorization": "Bearer x", "X-Self-ID": "<b>"}, 400, "no_self_id"),
        ("/onebot/v11/ws/", {}, 404, "wrong_path"),
        ("/onebot/v11/", {}, 404, "wrong_path"),
        ("/onebot/v11", {}, 404, "wrong_path"),
        ("/onebot", {}, 404, "wrong_path"),
        ("/ws", {}, 404, "wrong_path"),
    ],
)
async def test_mistakes_are_told_by_kind(
    session: aiohttp.ClientSession, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    async with running("x") as bot:
        url = bot.http + path if path else bot.url
        for _ in range(3):
            assert await knock(session, url, **headers) == status
        ((told, trouble),) = bot.troubles().items()
        assert (told, trouble["count"]) == (kind, 3)
        assert "127.0.0.1" in trouble["detail"]
        assert "geheim" not in trouble["detail"]
        assert "<b>" not in trouble["detail"]
        json.dumps(bot.adapter.report())


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_plain_http_at_the_path_is_told(session: aiohttp.ClientSession, method: str) -> None:
    async with running() as bot:
        async with session.request(method, bot.http + "/onebot/v11/ws") as answer:
            assert answer.status == 426
        assert list(bot.troubles()) == ["not_websocket"]


async def test_a_page_that_is_merely_visited_is_no_trouble(session: aiohttp.ClientSession) -> None:
    async with running() as bot:
        async with session.get(bot.http + "/ws") as answer:
            assert answer.status == 404
        assert bot.troubles() == {}


async def test_the_newest_trouble_is_last(session: aiohttp.ClientSession) -> None:
    async with running("x") as bot:
        for token in ("", "Bearer y", ""):
            await knock(session, bot.url, Authorization=token)
        assert list(bot.troubles()) == ["token_wrong", "token_missing"]


async def test_who_does_not_say_who_it_is_may_let_a_frame_say_it(session: aiohttp.ClientSession) -> None:
    async with running(introduction=0.3) as bot:
        async with session.ws_connect(bot.url, headers={"X-Client-Role": "Event"}) as nameless:
            await nameless.send_str(json.dumps({"post_type": "notice", "notice_type": "x", "self_id": 10001000}))
            await until(lambda: [a["connected"] for a in bot.accounts()] == [True])
        async with session.ws_connect(bot.url) as silent, asyncio.timeout(3):
            await silent.receive()
            assert (await silent.receive()).type is aiohttp.WSMsgType.CLOSE
        assert list(bot.troubles()) == ["no_self_id"]


async def test_an_account_that_is_offline_is_told(bot: Bot) -> None:
    async with OneBotPeer(bot.url) as peer:
        for _ in range(3):
            await peer.heartbeat(False)
        await bot.health(lambda health: health.detail == "OneBot 实现报告账号不在线")
        assert bot.troubles()["account_offline"]["count"] == 1


async def test_two_clients_for_one_account_are_told(bot: Bot) -> None:
    peers = [OneBotPeer(bot.url) for _ in range(4)]
    for peer in peers:
        await peer.connect()
    await until(lambda: "replaced" in bot.troubles())
    for peer in peers:
        await peer.close()


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running() as bot:
        yield bot
