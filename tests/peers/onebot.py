"""The far end of the OneBot adapter: an implementation with one account, over real sockets.

It dials the bot (reverse), or it listens and the bot dials (forward). By hand:

    python -m tests.peers.onebot ws://127.0.0.1:8080/onebot/v11/ws --group 20001
    python -m tests.peers.onebot --listen 3001 --group 20001 --flavour lagrange

then type what the member says, one message a line. What else belongs to it:

onebot_flavours   how implementations differ, as data
onebot_world      groups, members, rights, messages
onebot_happenings what happens at the platform, as events
onebot_asked      the bot's calls: kept, answered, refused, delayed
onebot_actions    what a call does there, and the answer
onebot_told       what the calls that only ask are told
onebot_files      the same for the calls that ask for a file
onebot_shelf      files that people share, and where they are served
onebot_lines      the connections
onebot_segments   messages as segments and CQ codes
onebot_hand       the command line
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Self

from tests.peers.onebot_actions import Actions
from tests.peers.onebot_asked import Asked, Script
from tests.peers.onebot_flavours import (
    FLAVOURS,
    GO_CQHTTP,
    LAGRANGE,
    LLBOT,
    NAPCAT,
    ONEBOTS,
    SNOWLUMA,
    Body,
    Flavour,
)
from tests.peers.onebot_happenings import Happenings
from tests.peers.onebot_lines import Dialler, Line, Listener
from tests.peers.onebot_segments import Segments, encode, escape, number, plain
from tests.peers.onebot_world import Denied, Group, Life, Person, World

__all__ = [
    "FLAVOURS",
    "GO_CQHTTP",
    "LAGRANGE",
    "LLBOT",
    "NAPCAT",
    "ONEBOTS",
    "SNOWLUMA",
    "Body",
    "Denied",
    "Flavour",
    "Group",
    "OneBotPeer",
    "Person",
    "Segments",
    "World",
    "encode",
    "escape",
    "number",
    "plain",
]


@dataclass
class OneBotPeer(Happenings, Asked):
    """One account at an implementation; `async with` connects it (with a `url`) or lets it listen, and closes it.

    calls       every call received, oldest first
    said        what the bot sent, in order: the group's number (or "private:<number>") and the message
    world       who is in which group; whoever speaks without being there enters as a member
    heartbeats  seconds between heartbeats on its own; None: only when told
    online      what its status says of the account
    """

    url: str = ""
    self_id: int = 10001000
    token: str | None = None
    flavour: Flavour = NAPCAT
    nickname: str = "测试机器人"
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[Body] = field(default_factory=list)
    said: list[tuple[str, Segments]] = field(default_factory=list)
    world: World = field(default_factory=World)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    heartbeats: float | None = None

    def __post_init__(self) -> None:
        self.life = Life(str(self.self_id), self.flavour.signed, self.world)
        self.actions = Actions(self.flavour, self.life, self.nickname, said=self.said)
        self.lines: list[Line] = []
        self._lifecycle = True
        self.scripts: dict[str, Script] = {}
        self.moved = asyncio.Condition()
        self.dial(self.url)
        self._listener = Listener(self.flavour, self.token, self._take)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Dial, where there is an address to dial; else listen, on the same port each time."""
        await (self.connect() if self.url else self.serve())

    async def connect(self, *, lifecycle: bool = True) -> None:
        """Connect as an implementation does. Raises aiohttp.WSServerHandshakeError where it is refused."""
        line = await self._dialler.dial()
        await self._greet(line, lifecycle=lifecycle)
        self.start_task(line.run(self._called))
        self.start_task(self._mourn(line))

    async def serve(self, port: int = 0, *, lifecycle: bool = True) -> None:
        """Listen for the bot, on a free port where none is given; `address` says where."""
        self._lifecycle = lifecycle
        await self._listener.open(port)

    def dial(self, url: str) -> None:
        """Name the address to dial from now on."""
        self.url = url
        self._dialler = Dialler(url, self.flavour, self.self_id, self.token, self.headers)

    @property
    def address(self) -> str:
        """Where the bot is to dial."""
        return f"ws://127.0.0.1:{self._listener.port}/"

    @property
    def attempts(self) -> list[float]:
        """When (monotonic seconds) somebody knocked at `address`, let in or not."""
        return self._listener.attempts

    @property
    def linked(self) -> bool:
        """Whether events reach the bot."""
        return any(line.events and not line.frozen for line in self.lines)

    async def wait_linked(self, timeout: float = 10) -> None:  # noqa: ASYNC109 - as its callers say it
        await self.until(lambda: self.linked, timeout)

    async def hang_up(self) -> None:
        """Close every connection politely; who listens goes on listening."""
        for line in list(self.lines):
            await line.close()
        await self._settle()

    async def vanish(self) -> None:
        """Lose every connection, without a goodbye."""
        for line in self.lines:
            line.cut()
        for line in list(self.lines):
            await line.over.wait()
        await self._settle()

    def freeze(self) -> None:
        """Hear nothing and say nothing over the connections there are, which stay open."""
        for line in self.lines:
            line.freeze()

    async def close(self) -> None:
        await self.hang_up()
        await self._listener.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._dialler.close()
        await self.life.shelf.close()

    async def _settle(self) -> None:
        """Wait until no connection is left."""
        await self.until(lambda: not self.lines)

    def start_task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, line: Line) -> None:
        """Serve a connection that the bot opened."""
        await self._greet(line, lifecycle=self._lifecycle)
        self.start_task(self._mourn(line))
        await line.run(self._called)

    async def _greet(self, line: Line, *, lifecycle: bool) -> None:
        self.lines.append(line)
        self.closed.clear()
        if lifecycle and line.events:
            body = {"post_type": "meta_event", "meta_event_type": "lifecycle", "sub_type": "connect"}
            await line.send(self._frame(body))
        if self.heartbeats is not None and line.events:
            self.start_task(self._pulse(line, self.heartbeats))
        await self.tell()

    async def _mourn(self, line: Line) -> None:
        await line.over.wait()
        self.lines.remove(line)
        if not self.lines:
            self.closed.set()
        await self.tell()

    async def _pulse(self, line: Line, seconds: float) -> None:
        while not line.over.is_set():
            await asyncio.sleep(seconds)
            await line.send(self._frame(self._beat(self.actions.status, int(seconds * 1000))))

    # --- what goes to the bot -----------------------------------------------------------------

    async def raw(self, frame: str | bytes, *, text: bool = True) -> None:
        """Send a frame as it is: text, or binary. Where nobody is connected it is lost."""
        for line in self.lines:
            if line.events:
                await line.send(frame, text=text)

    async def event(self, body: Body) -> None:
        """Send an event, with the fields that all have."""
        await self.raw(self._frame(body))

    def _frame(self, body: Body) -> str:
        foreign = self.flavour.foreign_self if self.url else None
        head = {"time": int(time.time()), "self_id": foreign or self.self_id}
        return json.dumps(head | body, ensure_ascii=False)


if __name__ == "__main__":
    from tests.peers.onebot_hand import main

    main()
