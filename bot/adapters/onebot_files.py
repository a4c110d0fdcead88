"""Files that members share: what a segment says of one, and how its bytes are got from the implementation afterwards.

A path is one on the implementation's disk: it is never opened here, and the implementation is asked for the bytes.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import parse_qsl

from bot.adapters.onebot_asks import Asks
from bot.adapters.onebot_frames import LARGEST, Body, digits, number
from bot.adapters.onebot_link import Seat
from bot.adapters.onebot_parts import HANDLES, web
from bot.errors import AdapterError, FetchError, TooLarge
from bot.fetching import fetch
from bot.types import File, Group

BYTES: Final = "get_file"
LARGEST_BASE64: Final = LARGEST * 3 // 4 - 4096
"""Bytes of a file that fit into a frame that is still read."""
DOWNLOADING: Final = 60.0
"""Seconds that an implementation has to get a file itself before it hands it over."""
EXPIRED: Final = "QQ 没有给出这个文件，可能已经过期"


class Files(Asks):
    """The files of the adapter."""

    async def fetch(self, group: Group, file: File, limit: int) -> bytes:
        """Ask for the file's address or bytes, as one account after another. Raises AdapterError."""
        failure = AdapterError("没有连接的 QQ 账号")
        for seat in self._in(group):
            try:
                return await self._got(seat, group, file, limit)
            except TooLarge as large:
                raise AdapterError(_reason(large)) from large
            except AdapterError as refused:
                failure = refused
        raise failure

    async def _got(self, seat: Seat, group: Group, file: File, limit: int) -> bytes:
        """Raises AdapterError with the first reason, TooLarge."""
        failure: AdapterError | None = None
        async for address in self._addresses(seat, group, file):
            try:
                if isinstance(address, bytes):
                    return _bounded(address, limit)
                return (await fetch(address, limit=limit, near=_host(seat))).data
            except TooLarge:
                raise
            except FetchError as failed:
                failure = failure or AdapterError(_reason(failed))
        raise failure or AdapterError(EXPIRED)

    async def _addresses(self, seat: Seat, group: Group, file: File) -> AsyncIterator[str | bytes]:
        """Where the file may be got, or what it holds, the likeliest first; addresses expire, so a fresh one leads."""
        known = {key: value for key, value in parse_qsl(file.id) if key in HANDLES}
        if known and (call := _fresh(group)) in seat.quirks.files:
            told = await self._told(seat, call, _about(group) | known | _numbered(known))
            if address := web(told.get("url")):
                yield address
        if address := web(file.url):
            yield address
        if known and BYTES in seat.quirks.files and (file.size or 0) <= LARGEST_BASE64:
            held = await self._told(seat, BYTES, {"file_id": known["file_id"], "file": known["file_id"]}, DOWNLOADING)
            if (data := _decoded(held.get("base64"))) is not None:
                yield data
            elif address := web(held.get("url")):
                yield address

    async def _told(self, seat: Seat, action: str, params: Mapping[str, object], within: float | None = None) -> Body:
        """What an account is told; nothing where it is refused."""
        try:
            data = await self.call(seat.view.account.id, action, params, within)
        except AdapterError:
            return {}
        return data if isinstance(data, dict) else {}


def _fresh(group: Group) -> str:
    return "get_private_file_url" if group.direct else "get_group_file_url"


def _about(group: Group) -> dict[str, object]:
    found = number(digits(group.id).removeprefix("dm:"))
    return {"user_id": found} if group.direct else {"group_id": found}


def _numbered(known: Mapping[str, str]) -> dict[str, object]:
    """The number among the handles: one implementation reads it as nothing else."""
    return {"busid": number(known["busid"])} if "busid" in known else {}


def _host(seat: Seat) -> str:
    """The host of the far end of the calls: it may serve files from an address of its own network."""
    host = seat.link.host if seat.link is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _decoded(value: object) -> bytes | None:
    if type(value) is not str or not value:
        return None
    try:
        return base64.b64decode(value.removeprefix("base64://"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bounded(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise TooLarge.over(limit)
    return data


def _reason(failed: FetchError) -> str:
    return str(failed).rstrip("。")
