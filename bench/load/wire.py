"""The client's half of one WebSocket, as cheap as it can be: the bot under test shall be the limit.

Frames are masked with zero, which the protocol allows: the bot unmasks them as it does all others, and what
is sent can be made beforehand.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Mapping
from typing import cast

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = bytes(4)


class Refused(Exception):
    """The handshake failed; the text is what the bot answered."""


class Wire(asyncio.Protocol):
    """`heard` is called with the payload of each text frame; `closed` is done when the bot has hung up."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.open: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._heard = heard
        self._rest = b""
        self._reading = False
        self._taking = False
        self._answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's own, which is no subclass
        self._write = stream.write
        self.close = stream.close

    def write(self, data: bytes) -> None:
        """Send whole frames; those that answer what came together go out together."""
        if self._taking:
            self._answers.append(data)
        else:
            self._write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(Refused("the connection was closed during the handshake"))
        self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._reading and not self._answered():
            return
        self._taking = True
        try:
            self._rest = self._rest[self._frames(self._rest) :]
        finally:
            self._taking = False
            answers, self._answers = self._answers, []
            if answers:
                self._write(b"".join(answers))

    def _answered(self) -> bool:
        head, found, rest = self._rest.partition(b"\r\n\r\n")
        if found:
            status = head.split(b"\r\n")[0].decode("latin-1")
            self._reading = " 101 " in f"{status} "
            self._rest = rest
            if self._reading:
                self.open.set_result(None)
            else:
                self.open.set_exception(Refused(status))
                self.close()
        return self._reading

    def _frames(self, data: bytes) -> int:
        """Hand on every whole frame. Returns the length of all of them."""
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                start = at + 4
                length = int.from_bytes(data[at + 2 : start])
            elif length == 127:
                start = at + 10
                length = int.from_bytes(data[at + 2 : start])
            if size < start + length:
                break
            self._take(data[at], data[start : start + length])
            at = start + length
        return at

    def _take(self, head: int, payload: bytes) -> None:
        kind = head & 15
        if not head & 128 or kind == 0:
            raise ValueError("a bot sent its frame in pieces, which no bot does that is measured here")
        if kind in (TEXT, BINARY):
            self._heard(payload)
        elif kind == PING:
            self.write(frame(payload, PONG))
        elif kind == CLOSE:
            self.close()


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """One whole frame around `payload`."""
    size = len(payload)
    if size < 126:
        head = bytes((128 | kind, 128 | size))
    elif size < 65536:
        head = bytes((128 | kind, 254)) + size.to_bytes(2)
    else:
        head = bytes((128 | kind, 255)) + size.to_bytes(8)
    return head + MASK + payload


async def dial(port: int, path: str, headers: Mapping[str, str], heard: Callable[[bytes], None]) -> Wire:
    """Open a WebSocket to a bot on this machine. Raises Refused, OSError."""
    _, wire = await asyncio.get_running_loop().create_connection(lambda: Wire(heard), "127.0.0.1", port)
    asked = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **headers,
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", ""]
    wire.write("\r\n".join(lines).encode())
    await wire.open
    return wire
