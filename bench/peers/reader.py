"""A far end that only reads: `python -m bench.peers.reader 8080` takes one WebSocket and throws away what comes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import signal
import sys
from typing import cast

import uvloop

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Reader(asyncio.Protocol):
    """Answers /healthz, accepts every upgrade, and looks at nothing after that."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._head = b""
        self._open = False

    def data_received(self, data: bytes) -> None:
        if self._open:
            return
        self._head += data
        if b"\r\n\r\n" not in self._head:
            return
        if self._head.startswith(b"GET /healthz"):
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self._transport.close()
            return
        fields = dict(line.split(b": ", 1) for line in self._head.split(b"\r\n")[1:] if b": " in line)
        # The protocol's own proof that the key was read; it keeps no secret.
        proof = base64.b64encode(hashlib.sha1(fields[b"Sec-WebSocket-Key"] + MAGIC, usedforsecurity=False).digest())
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self._transport.write(answer + b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
        self._open = True


async def serve(port: int) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(Reader, "127.0.0.1", port)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
