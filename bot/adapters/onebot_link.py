"""Our side of OneBot v11: `Link` is one connection with its calls, `Seat` one account over all its connections."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import ClientWebSocketResponse, WSMsgType, web
from loguru import logger

from bot.adapters.onebot_calls import Calls
from bot.adapters.onebot_events import View
from bot.adapters.onebot_frames import DIRECT, PREFIX, Answer, Body, digits, dump, number
from bot.adapters.onebot_memory import Memory
from bot.adapters.onebot_places import Place
from bot.adapters.onebot_pulse import Pulse
from bot.adapters.onebot_quirks import UNKNOWN, Quirks
from bot.errors import AdapterError
from bot.promptly import promptly
from bot.types import Account, Event, Outgoing

MEDIA_RATE: Final = 256 * 1024
"""Bytes a second that an implementation allows itself for uploads; a call with media waits that much longer."""

LARGEST_MESSAGE: Final = 64 * 2**20
"""Bytes at which the link gives up on a message; far above what is read, so that size alone closes no link."""

PING: Final = 20.0
"""Seconds of silence after which a link is pinged; without an answer within half of that it is dead."""

Socket = web.WebSocketResponse[Literal[False]] | ClientWebSocketResponse[Literal[False]]
Way = Literal["universal", "api", "event"]
"""What a connection carries: both, calls, or events."""


class Link:
    """One connection of an implementation: calls with their answers, and when it was last heard.

    `stands` says whether what is written now can still leave; `host` is the far end's; `forward` says that it was us
    who dialled.
    """

    def __init__(
        self, socket: Socket, stands: Callable[[], bool], host: str, way: Way = "universal", *, forward: bool = False
    ) -> None:
        self.socket = socket
        self.host = host
        self.speaks, self.hears = way != "event", way != "api"
        self.forward = forward
        self.seat: Seat | None = None
        """Whose connection it is, as soon as that is known."""
        self.early: list[bytes] | None = None
        """Events that came while it was being asked whose connection it is."""
        self.heard = time.monotonic()
        self.patience = math.inf
        self.trusted = False
        """A valid frame came."""
        self.tells = False
        """Its heartbeats say whether the account is online."""
        self.refused = ""
        """Why the far end wants none of us."""
        self.replaced = False
        """A newer connection of the account took its place."""
        self.dropped = False
        """It was us who ended it."""
        self.ended = False
        self.asked: set[str] = set()
        self.curious: asyncio.Queue[str] = asyncio.Queue()
        """Groups (by number) in which our own standing is still to be learnt."""
        self.studied: set[str] = set()
        """Groups in which it was learnt over this connection."""
        self.mutes: set[str] = set()
        """Groups in which a notice over this connection told of our being muted, or of its end."""
        self.tasks: list[asyncio.Task[None]] = []
        self._stands = stands
        self._calls = Calls()

    async def ask(self, action: str, params: Mapping[str, object], within: float) -> Answer:
        """Make one call and wait for its answer. Raises AdapterError where none comes."""
        if self.ended or self.socket.closed or not self._stands():
            raise AdapterError("与 OneBot 实现的连接已断开")
        echo = self._calls.echo()
        frame = dump({"action": action, "params": params, "echo": echo})
        if len(frame) > MEDIA_RATE:
            within += len(frame) / MEDIA_RATE
        answered = self._calls.begin(echo, within)
        try:
            await self._write(frame, within)
            return await answered
        except TimeoutError:
            raise AdapterError(f"{action} 在 {within:g} 秒内没有回答", ambiguous=True) from None
        except ConnectionError:
            # The connection stood when the frame was handed over: it may have left.
            raise AdapterError(f"{action} 发出时连接断开", ambiguous=True) from None
        finally:
            self._calls.end(echo)

    async def _write(self, frame: bytes, within: float) -> None:
        try:
            await promptly(self.socket.send_frame(frame, WSMsgType.TEXT), within)
        except asyncio.CancelledError:
            # Whoever waits for a full socket shares one wait with the others, which ends for all when one gives up.
            # The frame is in the buffer by then.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise

    async def told(self, action: str, params: Mapping[str, object], within: float) -> Any:
        """Ask for what is good to know, not needed; None where no answer says it."""
        try:
            return (await self.ask(action, params, within)).data
        except AdapterError as failure:
            logger.debug("OneBot: {} failed: {}", action, failure.reason)
            return None

    def answered(self, body: Body) -> bool:
        """Hand an answer to its call; False where no call waits for it."""
        return self._calls.answered(body)

    async def silent(self) -> None:
        """Wait until nothing has been heard for longer than `patience` (seconds)."""
        while True:
            left = self.heard + self.patience - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(left)

    def end(self) -> None:
        """Give up: whoever waits for an answer learns that none will come."""
        self.ended = True
        for task in self.tasks:
            task.cancel()
        self._calls.break_off("连接在回答之前断开")


@dataclass(slots=True)
class Seat:
    """One of our accounts over all its connections. Groups are keyed by number."""

    view: View
    since: float
    nickname: str = ""
    app: str = ""
    version: str = ""
    quirks: Quirks = UNKNOWN
    link: Link | None = None
    """Over which calls go out."""
    ear: Link | None = None
    """Over which events come in; nearly always the same."""
    forward: bool = False
    """It was us who dialled."""
    online: bool = False
    gone: bool = False
    """The account itself was said to be offline, whatever its connections."""
    detail: str = ""
    pulse: Pulse = field(default_factory=Pulse)
    places: Memory[str, Place] = field(default_factory=Memory)
    seen: Memory[str, None] = field(default_factory=Memory)
    """Ids of messages that this account can take back, oldest first."""
    strangers: Memory[str, str] = field(default_factory=Memory)
    """Through which group somebody who is no friend writes to us."""
    skipped: dict[str, int] = field(default_factory=dict)
    """How many frames of each kind were not made into events."""
    replaced: list[float] = field(default_factory=list)
    """When (monotonic seconds) a connection took the place of one that stood, lately."""
    expected: list[tuple[Callable[[Event], bool], asyncio.Future[Event]]] = field(default_factory=list)
    """What acts wait for; empty nearly always."""

    @contextmanager
    def expect(self, match: Callable[[Event], bool]) -> Iterator[asyncio.Future[Event]]:
        """Wait from now on for an event of this account: the future gets the first that matches."""
        wait = match, asyncio.get_running_loop().create_future()
        self.expected.append(wait)
        try:
            yield wait[1]
        finally:
            self.expected.remove(wait)
            wait[1].cancel()

    def witness(self, event: Event) -> None:
        """Hand an event to whoever waits for it."""
        for match, awaited in self.expected:
            if not awaited.done() and match(event):
                awaited.set_result(event)

    def may_speak(self, group: str) -> bool:
        """Whether no mute of ours, and none of the whole group, silences us there, as far as we know."""
        place = self.places.get(group)
        return place is None or place.open

    def place(self, group: str) -> Place:
        """What we know of a group, to be added to."""
        found = self.places.get(group)
        if found is None:
            found = Place()
            self.places.keep(group, found)
        return found

    def ask_about(self, group: str) -> None:
        """Have our own standing in a group learnt, once per connection."""
        link = self.link
        if link is not None and group not in link.asked:
            link.asked.add(group)
            link.curious.put_nowait(group)
            self.view.accounts.setdefault(group, self.view.account)

    def leave(self, group: str) -> None:
        """Forget a group, or what is known of it from before."""
        self.places.pop(group, None)
        self.view.accounts.pop(group, None)
        if self.link is not None:
            self.link.asked.discard(group)

    def name(self, nickname: str, group: str | None = None, card: str = "") -> None:
        """Learn what we are called, everywhere or in one group."""
        self.nickname = nickname or self.nickname
        names = tuple(dict.fromkeys(name for name in (self.nickname, card) if name))
        account = Account(self.view.account.id, names)
        if group is not None:
            self.view.accounts[group] = account
        else:
            self.view.account = account
            unknown = [known for known, called in self.view.accounts.items() if not called.names]
            self.view.accounts.update(dict.fromkeys(unknown, account))

    def address(self, outgoing: Outgoing, message: list[Body]) -> dict[str, object]:
        """Whom a private message goes to, and through which group where they may be no friend."""
        group = outgoing.group
        member = outgoing.to or PREFIX + group.id.removeprefix(DIRECT)
        source = self.strangers.get(member) if group.direct else digits(group.id)
        params: dict[str, object] = {"user_id": number(digits(member)), "message": message}
        return params | {"group_id": number(source)} if source else params
