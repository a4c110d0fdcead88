"""What is got from the web: bounded, and never from inside the operator's own network."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.errors import FetchError
from bot.fetching import FAR, LATE, LOOP, OWN, SECRET, WRONG, Fetched, Unpacking, fetch, reachable

HERE = "127.0.0.1"


class Names(AbstractResolver):
    """A name server that says what it is told to; each name may have another answer every time it is asked."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): addresses for name, addresses in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked.append(host)
        address = self.answers[host][min(self.asked.count(host), len(self.answers[host])) - 1]
        return [
            {"hostname": host, "host": found, "port": port, "family": _family(found), "proto": 0, "flags": 0}
            for found in address.split()
        ]

    async def close(self) -> None:
        return None


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Site:
    """A web server on this machine; `seen` are the requests for "/secret", which nobody out there may make us read."""

    def __init__(self) -> None:
        self.url = ""
        self.port = 0
        self.headers: list[dict[str, str]] = []
        self.seen: list[str] = []
        self.ended = asyncio.Event()

    async def plain(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        return web.Response(
            body=b"hello",
            content_type="text/markdown",
            charset="utf-8",
            headers={"Set-Cookie": "a=b", "Content-Disposition": "attachment; filename*=UTF-8''%E8%AF%B4%E6%98%8E.md"},
        )

    async def secret(self, request: web.Request) -> web.Response:
        self.seen.append(request.host)
        return web.Response(text="root:x:0:0")

    async def onward(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async def chain(self, request: web.Request) -> web.Response:
        left = int(request.match_info["left"])
        return web.Response(status=307, headers={"Location": f"/chain/{left - 1}" if left > 1 else "/plain"})

    async def packed(self, request: web.Request) -> web.Response:
        size = int(request.query["size"])
        body = gzip.compress(b"0" * size) + gzip.compress(b"1")
        cut = int(request.query.get("cut", 0))
        return web.Response(body=body[: len(body) - cut], headers={"Content-Encoding": "gzip"})

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        finally:
            self.ended.set()

    async def drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.05)
        finally:
            self.ended.set()

    async def long(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10000000"})
        await response.prepare(request)
        return response

    async def status(self, request: web.Request) -> web.Response:
        return web.Response(status=int(request.match_info["code"]), text="secret words of the server")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site, app = Site(), web.Application()
    app.add_routes(
        [
            web.get("/plain", site.plain),
            web.get("/secret", site.secret),
            web.get("/onward", site.onward),
            web.get("/chain/{left}", site.chain),
            web.get("/packed", site.packed),
            web.get("/endless", site.endless),
            web.get("/drip", site.drip),
            web.get("/long", site.long),
            web.get("/status/{code}", site.status),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, HERE, 0).start()
        site.port = runner.addresses[0][1]
        site.url = f"http://{HERE}:{site.port}"
        yield site
    finally:
        await runner.cleanup()


async def refused(url: str, **options: Any) -> str:
    with pytest.raises(FetchError) as error:
        await fetch(url, **options)
    return str(error.value)


async def test_it_gets_a_file_with_its_name_and_kind(site: Site) -> None:
    assert await fetch(f"{site.url}/plain", public=False) == Fetched(b"hello", "说明.md", "text/markdown")
    assert (await fetch(f"{site.url}/secret", public=False)).name == "secret"


async def test_it_says_little_of_itself_and_keeps_no_cookies(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for _ in range(2):
        await fetch(f"{site.url}/plain", public=False)
    for headers in site.headers:
        assert headers["User-Agent"] == "xiaopeng"
        assert not {"Cookie", "Authorization", "Referer"} & set(headers)


async def test_it_follows_five_redirects_and_no_sixth(site: Site) -> None:
    assert (await fetch(f"{site.url}/chain/5", public=False)).data == b"hello"
    assert await refused(f"{site.url}/chain/6", public=False) == LOOP
    assert await refused(f"{site.url}/onward?to=", public=False) == LOOP


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.2", "localhost", "0.0.0.0", "0", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001",
        "127.1", "127.0.0.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "①②⑦.⓪.⓪.①", "127。0。0。1",
    ],
)  # fmt: skip
async def test_nothing_inside_is_opened_however_it_is_written(site: Site, host: str) -> None:
    assert await refused(f"http://{host}:{site.port}/secret", seconds=5) in (OWN, WRONG, FAR)
    assert site.seen == []


@pytest.mark.parametrize("host", ["169.254.169.254", "100.100.100.200", "10.0.0.1", "192.168.1.1", "[fd00:ec2::254]"])
async def test_no_metadata_and_no_router(host: str) -> None:
    assert await refused(f"http://{host}/latest/meta-data") == OWN


async def test_a_name_that_leads_inside_is_not_followed(site: Site) -> None:
    names = Names(inside_example=[HERE], mapped_example=["::ffff:127.0.0.1"], both_example=[f"{HERE} 10.0.0.1"])
    for name in ("inside.example", "mapped.example", "both.example"):
        assert await refused(f"http://{name}:{site.port}/secret", resolver=names) == OWN
    assert names.asked == ["inside.example", "mapped.example", "both.example"]
    assert site.seen == []


async def test_a_name_that_changes_its_mind_is_not_followed(site: Site) -> None:
    names = Names(rebound_example=["192.0.2.1", HERE])
    for _ in range(2):
        assert await refused(f"http://rebound.example:{site.port}/secret", resolver=names) == OWN
    assert site.seen == []


@pytest.mark.parametrize("to", ["http://localhost:{port}/secret", "http://0x7f.1:{port}/secret", "//[::1]:{port}/x"])
async def test_a_redirect_does_not_lead_inside(site: Site, to: str) -> None:
    where = to.format(port=site.port)
    assert await refused(f"{site.url}/onward?to={where}", near=HERE) in (OWN, FAR)
    assert site.seen == []


async def test_the_one_host_near_is_opened_and_no_way_leads_back_to_it(site: Site) -> None:
    assert (await fetch(f"{site.url}/secret", near=HERE)).data == b"root:x:0:0"
    assert (await fetch(f"{site.url}/onward?to=/plain", near=HERE)).data == b"hello"
    site.seen.clear()
    assert await refused(f"{site.url}/secret", near="127.0.0.2") == OWN
    names = Names(far_example=[HERE])
    assert await refused(f"http://far.example:{site.port}/onward?to=/secret", near=HERE, resolver=names) == OWN
    assert site.seen == []


@pytest.mark.parametrize("to", ["file:///etc/passwd", "data:text/plain,x", "ftp://x/", "javascript:1", "gopher://x:1/"])
async def test_only_the_web_is_opened(site: Site, to: str) -> None:
    assert await refused(to, public=False) == WRONG
    assert await refused(f"{site.url}/onward?to={to}", public=False) == WRONG


@pytest.mark.parametrize(
    "url", ["", "x", "/etc/passwd", "http://", "http:///x", "http://a b/", "http://x:99999/", "http://[::1/", "h\x00p"]
)
async def test_what_is_no_address_is_said_to_be_none(url: str) -> None:
    assert await refused(url) == WRONG


async def test_credentials_are_neither_used_nor_repeated(site: Site) -> None:
    for url in (f"http://geheim:wort@{HERE}:{site.port}/secret", "http://geheim:wort@example.com/"):
        assert await refused(url) == SECRET
    for url in ("http://geheim:wort@127.0.0.1:1/", "http://geheim:wort@x:99999/", "http://geheim:wort@256.1/"):
        with pytest.raises(FetchError) as error:
            await fetch(url, public=False)
        assert "geheim" not in f"{error.value!r} {error.value.__cause__!r}"
    assert await refused(f"{site.url}/onward?to=http://geheim:wort@{HERE}/", near=HERE) == SECRET


async def test_a_body_that_never_ends_is_left(site: Site) -> None:
    assert "最多 0.3 MB" in await refused(f"{site.url}/endless", public=False, limit=300_000)
    await asyncio.wait_for(site.ended.wait(), 5)


async def test_a_body_that_says_it_is_too_large_is_not_read(site: Site) -> None:
    assert "最多 1 MB" in await refused(f"{site.url}/long", public=False, limit=1_000_000)


async def test_packed_bytes_count_as_what_they_unpack_to(site: Site) -> None:
    whole = await fetch(f"{site.url}/packed?size=100000", public=False, limit=100_001)
    assert whole.data == b"0" * 100_000 + b"1"
    assert "太大了" in await refused(f"{site.url}/packed?size=100000", public=False, limit=100_000)
    assert "太大了" in await refused(f"{site.url}/packed?size=300000000", public=False, limit=1_000_000)
    assert "完整" in await refused(f"{site.url}/packed?size=100000&cut=5", public=False)


def test_no_piece_is_unpacked_beyond_what_fits() -> None:
    unpacking = Unpacking(1000)
    assert unpacking.feed(gzip.compress(b"0" * 600), 1000) == b"0" * 600
    with pytest.raises(FetchError):
        unpacking.feed(gzip.compress(b"0" * 300) * 2, 400)


async def test_a_slow_drip_is_left(site: Site) -> None:
    assert await refused(f"{site.url}/drip", public=False, seconds=0.3) == LATE
    await asyncio.wait_for(site.ended.wait(), 5)


@pytest.mark.parametrize(("code", "word"), [(404, "404"), (403, "不让我看"), (500, "稍后"), (418, "418"), (204, "204")])
async def test_what_a_site_refuses_is_told_in_our_words(site: Site, code: int, word: str) -> None:
    said = await refused(f"{site.url}/status/{code}", public=False)
    assert word in said
    assert "secret" not in said


async def test_a_closed_door_is_told(site: Site) -> None:
    with socket.socket() as free:
        free.bind((HERE, 0))
        assert await refused(f"http://{HERE}:{free.getsockname()[1]}/", public=False) == FAR


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16", "198.18.0.1", "::", "::1", "::ffff:10.0.0.1",
        "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "fe80::1", "fec0::1", "fc00::1", "ff02::1",
        "2001:db8::1", "2001::1", "100::1", "4000::1", "1", "0x7f000001", "localhost", "",
    ],
)  # fmt: skip
def test_addresses_of_some_network_of_its_own_are_not_reachable(address: str) -> None:
    assert not reachable(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "223.5.5.5", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_addresses_of_the_whole_internet_are_reachable(address: str) -> None:
    assert reachable(address)
