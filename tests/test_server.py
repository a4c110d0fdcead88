"""The web server: what it refuses, how one logs in, what it says when it cannot start."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.config import Config
from bot.errors import ConfigError
from bot.login import LASTS, Login
from bot.server import Server, check_exposure

PASSWORD = "对的密码 right"


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


async def fail(request: web.Request) -> web.Response:
    raise RuntimeError("the secret is 42")


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("open")
    await socket.close()
    return socket


ROUTES = (
    web.get("/", hello),
    web.post("/write", hello),
    web.get("/fail", fail),
    web.get("/channel", echo),
    web.get("/onebot/v11/ws", echo),
)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[Server, aiohttp.ClientSession]]:
    config = Config(_env_file=None, **{"server": {"port": 0}, **settings})
    async with Server(config, ROUTES, lambda: {"ok": True, "models": 1}) as server:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(server.url, cookie_jar=jar) as client:
            yield server, client


def config(**settings: Any) -> Config:
    return Config(_env_file=None, **settings)


async def test_answers_with_security_headers() -> None:
    async with serving() as (server, client):
        assert server.url.startswith("http://127.0.0.1:")
        for path, status in (("/", 200), ("/nowhere", 404), ("/healthz", 200)):
            async with client.get(path) as answer:
                assert answer.status == status
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'self'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert "aiohttp" not in answer.headers["Server"]


async def test_health_is_json_and_says_when_it_is_bad() -> None:
    async with serving() as (_, client), client.get("/healthz") as answer:
        assert await answer.json() == {"ok": True, "models": 1}
    async with (
        Server(config(server={"port": 0}), (), lambda: {"ok": False}) as server,
        aiohttp.ClientSession(server.url) as client,
        client.get("/healthz") as answer,
    ):
        assert answer.status == 503


async def test_a_failing_handler_tells_nothing() -> None:
    async with serving() as (_, client), client.get("/fail") as answer:
        assert answer.status == 500
        text = await answer.text()
        assert "42" not in text
        assert "Traceback" not in text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("bot.example.org", 200),
        ("bot.example.org:443", 200),
        ("evil.example.org", 403),
        ("bot.example.org.evil.net", 403),
        ("evil@localhost", 403),
        ("localhost:80:80", 403),
        ("", 403),
    ],
)
async def test_only_its_own_hosts(host: str, status: int) -> None:
    async with serving(server={"port": 0, "hosts": ["bot.example.org"]}) as (_, client):
        async with client.get("/", headers={"Host": host}) as answer:
            assert answer.status == status
        async with client.get("/healthz", headers={"Host": host}) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8080", 200),
        ("https://localhost:8080", 200),
        ("http://localhost", 403),
        ("http://localhost:8081", 403),
        ("http://evil.example.org", 403),
        ("http://localhost:8080.evil.org", 403),
        ("file://localhost:8080", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_pages_of_other_origins_may_not_write_or_connect(origin: str, status: int) -> None:
    async with serving() as (_, client):
        headers = {"Host": "localhost:8080", "Origin": origin}
        async with client.post("/write", headers=headers) as answer:
            assert answer.status == status
        async with client.get("/", headers=headers) as answer:
            assert answer.status == 200
        if status == 200:
            async with client.ws_connect("/channel", headers=headers) as channel:
                assert await channel.receive_str() == "open"
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await client.ws_connect("/channel", headers=headers)


async def test_without_an_origin_programs_may_connect() -> None:
    async with serving() as (_, client), client.ws_connect("/channel") as channel:
        assert await channel.receive_str() == "open"


async def test_onebot_takes_any_host_and_no_browser() -> None:
    async with serving(web={"password": PASSWORD}) as (server, client):
        async with client.ws_connect("/onebot/v11/ws", headers={"Host": "bot"}) as channel:
            assert await channel.receive_str() == "open"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect("/onebot/v11/ws", headers={"Origin": server.url})
        for path in ("/onebot/../", "/onebot/%2e%2e/", "/onebot//ws"):
            async with client.get(path, headers={"Host": "evil.org"}, allow_redirects=False) as answer:
                assert answer.status == 403


# --- the login ----------------------------------------------------------------------------


async def test_nothing_is_shown_before_the_login() -> None:
    async with serving(web={"password": PASSWORD}) as (_, client):
        async with client.get("/", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login")
        async with client.get("/nowhere?a=1", allow_redirects=False) as answer:
            where = URL(answer.headers["Location"])
            assert (where.path, where.query["next"]) == ("/login", "/nowhere?a=1")
        async with client.post("/write") as answer:
            assert answer.status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await client.ws_connect("/channel")
        async with client.get("/healthz") as answer:
            assert answer.status == 200
        for path, kind in (("/login", "text/html"), ("/login/style.css", "text/css")):
            async with client.get(path) as answer:
                assert (answer.status, answer.content_type) == (200, kind)


async def test_the_password_opens() -> None:
    async with serving(web={"password": PASSWORD}) as (_, client):
        async with client.post("/login?next=/fail", data={"password": PASSWORD}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/fail")
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
        async with client.get("/") as answer:
            assert await answer.text() == "hello"
        async with client.ws_connect("/channel") as channel:
            assert await channel.receive_str() == "open"


@pytest.mark.parametrize("address", ["//evil.org", "https://evil.org", "/\\evil.org", "/\nX: y", "/login", "evil"])
async def test_the_login_leads_nowhere_else(address: str) -> None:
    async with serving(web={"password": PASSWORD}) as (_, client):
        where = {"next": address}
        data = {"password": PASSWORD}
        async with client.post("/login", params=where, data=data, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/"


async def test_wrong_passwords_run_out() -> None:
    async with serving(web={"password": PASSWORD}) as (_, client):
        for _ in range(5):
            async with client.post("/login", data={"password": "wrong"}) as answer:
                assert answer.status == 401
                assert "密码不对" in await answer.text()
        async with client.post("/login", data={"password": PASSWORD}) as answer:
            assert answer.status == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            assert "试错太多次" in await answer.text()


async def test_patience_comes_back_and_sessions_end() -> None:
    now = [1_000_000.0]
    login = Login(PASSWORD, clock=lambda: now[0])

    async def inside(request: web.Request) -> web.Response:
        return web.Response(text=str(login.knows(request)))

    async with AsyncExitStack() as stack:
        routes = [*login.routes(), web.get("/inside", inside)]
        server = await stack.enter_async_context(Server(config(server={"port": 0}), routes, dict))
        jar = aiohttp.CookieJar(unsafe=True)
        client = await stack.enter_async_context(aiohttp.ClientSession(server.url, cookie_jar=jar))

        async def told() -> str:
            async with client.get("/inside") as answer:
                return await answer.text()

        async def enter(password: str) -> int:
            async with client.post("/login", data={"password": password}, allow_redirects=False) as answer:
                return answer.status

        assert [await enter("wrong") for _ in range(6)] == [401] * 5 + [429]
        now[0] += 61
        assert await enter(PASSWORD) == 303
        assert await told() == "True"
        now[0] += LASTS
        assert await told() == "False"


@pytest.mark.parametrize("cookie", ["x", "9999999999.abc.00", "é.é", "..", "9999999999."])
async def test_forged_sessions_are_strangers(cookie: str) -> None:
    async with serving(web={"password": PASSWORD}) as (_, client):
        headers = {"Cookie": f"xiaopeng_session={cookie}"}
        async with client.get("/", headers=headers, allow_redirects=False) as answer:
            assert answer.status == 303


# --- starting -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({}, "XIAOPENG_WEB__PASSWORD"),
        ({"web": {"password": "short"}}, "XIAOPENG_WEB__PASSWORD"),
        ({"web": {"password": "long enough"}}, "XIAOPENG_ONEBOT__TOKEN"),
        ({"web": {"enabled": False}}, "XIAOPENG_ONEBOT__TOKEN"),
    ],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_refuses_to_stand_open(settings: dict[str, Any], setting: str, host: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_exposure(config(server={"host": host}, **settings))
    assert refused.value.setting == setting
    assert setting in refused.value.remedy or "characters" in refused.value.remedy
    assert "short" not in str(refused.value).replace("too short", "")


def test_may_stand_open_with_both_or_with_neither_in_use() -> None:
    everywhere = {"host": "0.0.0.0"}
    check_exposure(config(server=everywhere, web={"password": "long enough"}, onebot={"token": "t"}))
    check_exposure(config(server=everywhere, web={"enabled": False}, onebot={"enabled": False}))
    check_exposure(config(web={"password": "short"}))


async def test_says_what_to_do_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"XIAOPENG_SERVER__PORT: Port {port} is already in use") as refused:
            async with Server(config(server={"port": port}), (), dict):
                pass
        assert "free port" in refused.value.remedy


async def test_says_what_to_do_when_the_address_is_not_ours() -> None:
    open_settings: dict[str, Any] = {"web": {"enabled": False}, "onebot": {"enabled": False}}
    with pytest.raises(ConfigError, match="XIAOPENG_SERVER__HOST"):
        async with Server(config(server={"host": "192.0.2.1", "port": 0}, **open_settings), (), dict):
            pass


async def test_everywhere_is_shown_as_here() -> None:
    open_settings: dict[str, Any] = {"web": {"enabled": False}, "onebot": {"enabled": False}}
    async with Server(config(server={"host": "0.0.0.0", "port": 0}, **open_settings), (), dict) as server:
        assert server.url.startswith("http://127.0.0.1:")
