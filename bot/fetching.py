"""Gets what an address on the web holds: bounded in size and time, and never from inside the operator's own network.

Members write addresses, and so do the servers that redirect. Each connection is checked where its socket is made, so
what was checked is what is connected to, whatever a name resolves to the next moment.
"""

from __future__ import annotations

import asyncio
import re
import socket
import warnings
import zlib
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
    hdrs,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from bot.errors import FetchError, TooLarge

LIMIT: Final = 20_000_000
SECONDS: Final = 30.0
REDIRECTS: Final = 5
LONGEST_ADDRESS: Final = 4096
LONGEST_NAME: Final = 200
AGENT: Final = "xiaopeng"
MOVED: Final = frozenset({301, 302, 303, 307, 308})
MIME = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
INSIDE: Final = (
    ip_network("192.0.0.0/24"),  # of protocols, and of one cloud's metadata
    ip_network("168.63.129.16/32"),  # another cloud's, at a public address
)
GLOBAL: Final = ip_network("2000::/3")
COMPATIBLE: Final = ip_network("::/96")
NAT64: Final = ip_network("64:ff9b::/96")

WRONG: Final = "这不是能打开的网址，要以 http:// 或 https:// 开头。"
SECRET: Final = "网址里带着账号密码，请换成不带密码的网址。"  # noqa: S105 - a sentence
OWN: Final = "这个网址在内部网络里，不能打开。"
LATE: Final = "等了太久没有取完，请稍后再试。"
FAR: Final = "连不上这个网址，请检查有没有写错，或者稍后再试。"
UNSURE: Final = "这个网站的证书有问题，不能打开。"
LOOP: Final = "这个网址转来转去，打不开。"
BROKEN: Final = "没有完整地传过来，请再试一次。"
PACKED: Final = "这个网址的压缩方式看不懂，打不开。"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address held; `name` is a file's name (may be empty), `mime` without its parameters."""

    data: bytes
    name: str
    mime: str


async def fetch(
    url: str,
    *,
    limit: int = LIMIT,
    seconds: float = SECONDS,
    public: bool = True,
    near: str = "",
    resolver: AbstractResolver | None = None,
) -> Fetched:
    """Get at most `limit` bytes (unpacked) within `seconds`, over at most five redirects. Raises FetchError.

    public    nothing is connected to that the whole internet could not reach
    near      the one host, exactly as it stands in the address, for which that does not hold; no other may lead there
    resolver  of names, instead of the system's
    """
    try:
        async with asyncio.timeout(seconds):
            return await _follow(_parsed(url), limit, public, near, resolver)
    except TimeoutError as late:
        raise FetchError(LATE) from late
    except ClientConnectorCertificateError as unsure:
        raise FetchError(UNSURE) from unsure
    except (InvalidURL, ValueError):
        # What a library says of an address repeats it, with whatever is secret in it.
        raise FetchError(WRONG) from None
    except (ClientError, OSError) as far:
        raise FetchError(FAR) from far


def reachable(address: str) -> bool:
    """Whether an address is one of the whole internet; what is no plain address is none."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inner = _inner(found)
        if inner is None:
            return found in GLOBAL and found.is_global and not found.is_multicast
        found = inner
    return found.is_global and not found.is_multicast and not any(found in network for network in INSIDE)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The address of version 4 that one of version 6 leads to, where it does."""
    if address in NAT64 or address in COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _parsed(address: str) -> URL:
    text = address.strip()
    if len(text) > LONGEST_ADDRESS or not text.isprintable() or " " in text:
        raise FetchError(WRONG)
    return URL(text)


async def _follow(url: URL, limit: int, public: bool, near: str, resolver: AbstractResolver | None) -> Fetched:
    for _ in range(REDIRECTS + 1):
        if url.scheme not in ("http", "https") or not url.host:
            raise FetchError(WRONG)
        if public and (url.user is not None or url.password is not None):
            raise FetchError(SECRET)
        # Once the way has led elsewhere, nobody out there may lead it back in.
        near = near if near and url.host == near.strip("[]").lower() else ""
        checked = public and not near
        async with _session(checked, resolver) as session, session.get(url, allow_redirects=False) as response:
            if response.status not in MOVED:
                return Fetched(await _body(response, limit), _name(response), _mime(response))
            url = _onward(url, response.headers.get(hdrs.LOCATION, ""))
    raise FetchError(LOOP)


def _session(checked: bool, resolver: AbstractResolver | None) -> ClientSession:
    connector = TCPConnector(
        resolver=resolver,
        use_dns_cache=False,
        force_close=True,
        happy_eyeballs_delay=None,  # one address after the other: a refusal is an answer, not one of many failures
        socket_factory=partial(_socket, checked),
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        headers={hdrs.USER_AGENT: AGENT, hdrs.ACCEPT_ENCODING: "gzip"},
        auto_decompress=False,  # here it is unpacked no further than the limit
        trust_env=False,
        timeout=ClientTimeout(total=None),
    )


def _socket(checked: bool, info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that may be connected to. Raises FetchError."""
    family, kind, protocol, _, address = info
    if checked and not reachable(address[0]):
        raise FetchError(OWN)
    return socket.socket(family, kind, protocol)


def _onward(url: URL, location: str) -> URL:
    if not location:
        raise FetchError(LOOP)
    return url.join(_parsed(location))


# --- what came ----------------------------------------------------------------------------


async def _body(response: ClientResponse, limit: int) -> bytes:
    if response.status != 200:
        raise FetchError(_refusal(response.status))
    if (response.content_length or 0) > limit:
        raise TooLarge.over(limit)
    packing = response.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise FetchError(PACKED)
    unpack = Unpacking(limit) if "gzip" in packing else None
    data = bytearray()
    try:
        async for chunk in response.content.iter_any():
            data += unpack.feed(chunk, limit - len(data)) if unpack else chunk
            if len(data) > limit:
                raise TooLarge.over(limit)
    except (ClientError, zlib.error) as broken:
        raise FetchError(BROKEN) from broken
    if unpack and not unpack.whole:
        raise FetchError(BROKEN)
    return bytes(data)


class Unpacking:
    """Unpacks gzip piece by piece; a small piece may unpack to anything, so no more of it is unpacked than fits."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begin()

    def _begin(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)
        self.whole = True

    def feed(self, data: bytes, room: int) -> bytes:
        """What a piece unpacks to. Raises TooLarge where that is more than `room` bytes, zlib.error for nonsense."""
        done = bytearray()
        while data:
            if self._stream.eof:
                self._begin()  # streams may follow each other
            done += self._stream.decompress(data, room - len(done) + 1)
            if len(done) > room:
                raise TooLarge.over(self._limit)
            self.whole = self._stream.eof
            data = self._stream.unused_data
        return bytes(done)


def _refusal(status: int) -> str:
    if status in (404, 410):
        return "那个网址上已经没有内容了（404）。"
    if status in (401, 403):
        return f"那个网站不让我看（{status}），要登录的内容取不到。"
    if status == 429 or status >= 500:
        return f"那个网站现在忙不过来（{status}），请稍后再试。"
    return f"那个网站没有给出内容（{status}）。"


def _mime(response: ClientResponse) -> str:
    if hdrs.CONTENT_TYPE not in response.headers:
        return ""
    mime = response.content_type.lower()
    return mime if MIME.fullmatch(mime) else ""


def _name(response: ClientResponse) -> str:
    """The name that the server gives the file, else the last part of its address; without folders."""
    with warnings.catch_warnings(action="ignore"):  # a header that is not well written is as good as none
        given = response.content_disposition
    name = (given.filename if given else None) or response.url.name
    name = "".join(character for character in name if character.isprintable())
    return re.split(r"[/\\]", name)[-1].strip().lstrip(".")[-LONGEST_NAME:]
