"""Forward WebSocket: implementations that listen, and the bot dials."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from loguru import logger

from bot.errors import AdapterError
from bot.types import Outgoing, Text
from tests.adapters.onebot_bot import Bot, running, until
from tests.peers.onebot import GO_CQHTTP, LAGRANGE, LLBOT, NAPCAT, ONEBOTS, SNOWLUMA, Flavour, OneBotPeer

QUICK = (0.02, 0.1)
EVERY = [NAPCAT, LLBOT, LAGRANGE, SNOWLUMA, GO_CQHTTP, ONEBOTS]


def name(flavour: Flavour) -> str:
    return flavour.app


def knocked(peer: OneBotPeer, times: int) -> bool:
    return len(peer.attempts) >= times


async def nothing(request: web.Request) -> web.Response:
    return web.Response()


async def forever(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """Something that listens, which may be no implementation at all."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def logged() -> AsyncIterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{level} {message}")
    try:
        yield lines
    finally:
        logger.remove(sink)


@pytest.mark.parametrize("flavour", EVERY, ids=name)
async def test_a_conversation_with_every_implementation(flavour: Flavour) -> None:
    async with OneBotPeer(token="密x", flavour=flavour) as peer, running("密x", peer.address, retry=QUICK) as bot:
        await peer.wait_linked()
        await peer.say(20001, 30003, "在吗")
        heard = await bot.hears("在吗")
        # One writes another number into its events than that of the account.
        assert heard.account.id == "qq:10001000"
        await bot.adapter.send(Outgoing(heard.group, heard.account, (Text("在"),)))
        assert await peer.wait_sent(1) == [[{"type": "text", "data": {"text": "在"}}]]
        assert (await bot.health(lambda health: health.up)).name == "QQ 10001000"
        assert bot.account()["direction"] == "forward"
        assert len(peer.attempts) == 1


async def test_says_who_it_is_before_anything_happens() -> None:
    peer = OneBotPeer()
    await peer.serve(lifecycle=False)
    async with running(None, peer.address, retry=QUICK) as bot:
        await bot.health(lambda health: health.up and health.name == "QQ 10001000")
        assert bot.changes() == [(True, "")]
    await peer.close()


async def test_who_does_not_answer_is_known_by_its_events() -> None:
    async with OneBotPeer() as peer, running(None, peer.address, retry=QUICK, introduction=0.2) as bot:
        peer.silence("get_login_info")
        await peer.wait_linked()
        await peer.say(20001, 30003, "早")
        await peer.say(20001, 30003, "晚")
        await bot.hears("晚")
        assert [message.text for message in bot.messages()] == ["早", "晚"]
        assert bot.account()["account"] == "10001000"


@pytest.mark.parametrize("flavour", EVERY, ids=name)
@pytest.mark.parametrize("token", ["y", None])
async def test_a_wrong_token_is_told_and_never_tried_again(flavour: Flavour, token: str | None) -> None:
    async with (
        logged() as lines,
        OneBotPeer(token="x", flavour=flavour) as peer,
        running(token, peer.address, retry=(0.01, 0.02)) as bot,
    ):
        health = await bot.health(lambda health: "令牌" in health.detail)
        assert not health.up
        await asyncio.sleep(0.2)
        assert len(peer.attempts) == 1
        assert bot.troubles()["refused_by_peer"]["count"] == 1
        assert [line for line in lines if line.startswith("ERROR") and "XIAOPENG_ONEBOT__TOKEN" in line]
        assert bot.heard == []


async def test_comes_back_when_the_other_starts_again() -> None:
    async with OneBotPeer() as peer, running(None, peer.address, retry=QUICK) as bot:
        await bot.health(lambda health: health.up)
        await peer.close()
        await bot.health(lambda health: not health.up)
        await until(lambda: "unreachable" in bot.troubles())
        assert "连接不上" in (await bot.health(lambda health: "连接不上" in health.detail)).detail
        with pytest.raises(AdapterError, match="没有连接"):
            await bot.send(Text("好"))
        await peer.serve(peer._listener.port)
        await bot.health(lambda health: health.up)
        assert await bot.send(Text("好"))
        assert [online for online, _ in bot.changes()] == [True, False, True]


async def test_nobody_there_yet() -> None:
    async with serving(nothing) as address:
        pass
    async with running(None, address + "?access_token=geheim", retry=QUICK) as bot:
        health = await bot.health(lambda health: bool(health.detail))
        assert (health.up, health.name) == (False, f"QQ {address}")
        await until(lambda: bot.troubles().get("unreachable", {"count": 0})["count"] >= 3)
        assert "geheim" not in str(bot.adapter.report())
        assert "geheim" not in str(bot.adapter.health())


@pytest.mark.parametrize("status", [200, 404, 302, 426])
async def test_something_else_listens_there(status: int) -> None:
    knocks = itertools.count()

    async def page(request: web.Request) -> web.Response:
        next(knocks)
        headers = {"Location": "/webui"} if status == 302 and request.path == "/" else {}
        return web.Response(status=status if headers or status != 302 else 200, text="<html>", headers=headers)

    async with serving(page) as address, running(None, address, retry=(0.01, 5.0)) as bot:
        health = await bot.health(lambda health: "WebUI" in health.detail)
        assert not health.up
        await asyncio.sleep(0.2)
        assert next(knocks) <= 2
        assert bot.troubles()["not_onebot"]["count"] == 1


async def test_what_speaks_no_http_listens_there() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with running(None, f"ws://127.0.0.1:{port}", retry=QUICK) as bot:
            await until(lambda: "not_onebot" in bot.troubles())


async def test_a_websocket_that_says_nothing_is_no_onebot() -> None:
    knocks = itertools.count()

    async def mute(request: web.Request) -> web.WebSocketResponse:
        next(knocks)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async with serving(mute) as address, running(None, address, retry=(0.01, 0.4), introduction=0.2) as bot:
        await until(lambda: "not_onebot" in bot.troubles())
        assert not bot.adapter.health()[0].up
        await asyncio.sleep(0.1)
        assert bot.troubles()["not_onebot"]["count"] == 1
        await until(lambda: bot.troubles()["not_onebot"]["count"] == 3)
        assert list(bot.troubles()) == ["not_onebot"]
        assert next(knocks) >= 3


async def test_a_door_that_shuts_at_once_is_not_knocked_at_hotly() -> None:
    knocks: list[float] = []

    async def shut(request: web.Request) -> web.WebSocketResponse:
        knocks.append(asyncio.get_running_loop().time())
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"post_type": "meta_event", "meta_event_type": "lifecycle", "self_id": 5}))
        await socket.close()
        return socket

    async with serving(shut) as address, running(None, address, retry=(0.05, 0.4)):
        await until(lambda: len(knocks) >= 4)
        pauses = [later - earlier for earlier, later in itertools.pairwise(knocks)]
        assert pauses[0] >= 0.03
        assert pauses[2] >= 0.14


async def test_a_link_that_lived_is_dialled_again_soon() -> None:
    async with OneBotPeer() as peer, running(None, peer.address, retry=(0.05, 60.0)) as bot:
        for n in range(1, 10):
            await bot.health(lambda health: health.up)
            await asyncio.sleep(0.26)
            await peer.vanish()
            await until(partial(knocked, peer, n + 1))


async def test_a_half_open_line_is_given_up_and_dialled_anew() -> None:
    async with (
        OneBotPeer(heartbeats=0.1) as peer,
        running(None, peer.address, retry=QUICK, patience=0.3) as bot,
    ):
        await bot.health(lambda health: health.up)
        await peer.until(lambda: len(peer.called("get_login_info")) >= 1)
        await asyncio.sleep(0.2)
        peer.freeze()
        await until(lambda: (False, "心跳中断") in bot.changes())
        await until(lambda: len(peer.attempts) == 2)
        await bot.health(lambda health: health.up)
        assert "silent" in bot.troubles()


async def test_the_path_stays_as_it_was_typed() -> None:
    paths: list[str] = []

    async def lost(request: web.Request) -> web.Response:
        paths.append(request.path_qs)
        return web.Response(status=404)

    async with serving(lost) as address, running(None, f"{address}qq/?a=1", retry=QUICK):
        await until(lambda: bool(paths))
    assert paths[0] == "/qq/?a=1"


async def test_two_ways_to_one_account_do_not_push_each_other_out() -> None:
    async with OneBotPeer() as peer, running(None, peer.address, retry=(0.02, 0.05)) as bot:
        await bot.health(lambda health: health.up)
        async with OneBotPeer(bot.url) as reverse:
            await until(lambda: bot.account()["direction"] == "reverse")
            await asyncio.sleep(0.3)
            assert len(peer.attempts) == 1
            assert not reverse.closed.is_set()
        await until(lambda: len(peer.attempts) == 2)
        await bot.health(lambda health: health.up)
        assert bot.account()["direction"] == "forward"


async def test_stopping_says_goodbye_and_is_quick() -> None:
    peer = OneBotPeer()
    await peer.serve()
    async with (
        serving(forever) as slow,
        running(None, peer.address, slow, retry=QUICK) as bot,
    ):
        await until(lambda: any(health.up for health in bot.adapter.health()))
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    async with asyncio.timeout(2):
        await peer.closed.wait()
    await peer.close()


@pytest.mark.slow
async def test_a_thousand_reconnects_leave_nothing_behind(bot_of_peer: tuple[Bot, OneBotPeer]) -> None:
    bot, peer = bot_of_peer
    before = len(asyncio.all_tasks())
    for n in range(2, 1002):
        await peer.vanish()
        await until(partial(knocked, peer, n))
        await peer.wait_linked()
    await bot.health(lambda health: health.up)
    await until(lambda: len(asyncio.all_tasks()) <= before + 2)
    reader = bot.adapter._reader
    assert len(reader._links) == len(reader.seats) == 1
    assert len(reader._tasks) <= 4


@pytest.fixture
async def bot_of_peer() -> AsyncIterator[tuple[Bot, OneBotPeer]]:
    async with OneBotPeer() as peer, running(None, peer.address, retry=(0.0, 0.0)) as bot:
        await bot.health(lambda health: health.up)
        yield bot, peer
