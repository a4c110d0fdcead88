"""The lines that somebody types, or that come through a pipe, read without holding the loop up."""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LINE_LIMIT = 64 * 1024
"""Bytes of one line; what comes after them, up to the line's end, is dropped."""
AHEAD = 100
"""So many lines may be read before the first of them is taken."""


@asynccontextmanager
async def reading(fd: int) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a terminal, pipe or file until its end, live while entered; each without its line break.

    A thread reads, since a terminal that is set to non-blocking stays so for the shell behind
    it, and a loop cannot watch a plain file at all.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)
    stop, stopper = os.pipe()
    thread = threading.Thread(target=_read, args=(fd, stop, room, loop, lines), name="console lines", daemon=True)
    thread.start()
    try:
        yield _taken(lines, room)
    finally:
        os.close(stopper)
        room.release()  # it may be waiting for room instead of a line
        thread.join()
        os.close(stop)


async def _taken(lines: asyncio.Queue[str | None], room: threading.Semaphore) -> AsyncIterator[str]:
    while (line := await lines.get()) is not None:
        yield line
        room.release()


def _read(
    fd: int,
    stop: int,
    room: threading.Semaphore,
    loop: asyncio.AbstractEventLoop,
    lines: asyncio.Queue[str | None],
) -> None:
    """Hand lines over until the end, or until the other end of `stop` is closed."""

    def hand(line: bytes) -> bool:
        room.acquire()
        if _stopped(stop):
            return False
        text = line[:LINE_LIMIT].decode(errors="replace").rstrip("\r")
        loop.call_soon_threadsafe(lines.put_nowait, text)
        return True

    rest = b""
    while data := _more(fd, stop):
        first, *others = data.split(b"\n")
        rest = rest[: LINE_LIMIT + 1] + first
        for other in others:
            if not hand(rest):
                return
            rest = other
    if _stopped(stop) or (rest and not hand(rest)):
        return
    loop.call_soon_threadsafe(lines.put_nowait, None)


def _more(fd: int, stop: int) -> bytes:
    """The next bytes; none at the end, when the terminal is gone, or when it is time to stop."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(stop, select.POLLIN)
    while True:
        if any(ready == stop for ready, _ in poll.poll()):
            return b""
        try:
            return os.read(fd, 4096)
        except BlockingIOError:
            continue  # somebody else made it non-blocking and was faster
        except OSError:
            return b""


def _stopped(stop: int) -> bool:
    poll = select.poll()
    poll.register(stop, select.POLLIN)
    return bool(poll.poll(0))
