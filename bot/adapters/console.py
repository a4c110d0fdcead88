"""The demo group in a terminal: what is typed is said in it, and what the bot says appears as it comes.

`console_lines` reads, `console_talk` obeys, `console_rooms` remembers, `console_screen` shows; `console_acts` is what
the bot does beyond speaking.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from loguru import logger

from bot.adapters.console_acts import Acts
from bot.adapters.console_lines import reading
from bot.adapters.console_rooms import Record, Rooms
from bot.adapters.console_screen import BOLD, CYAN, DIM, Screen
from bot.adapters.console_talk import DEMO, TEST, Talk
from bot.adapters.console_text import in_line, joined
from bot.config import Config
from bot.errors import AdapterError, Refusal
from bot.types import Account, Event, Group, Health, Member, Mention, Outgoing, Part, Role, Text

HELLO = (
    "这是本机上的演示，你在示例群里；没有登记模型的时候，只从自带的资料里回答。直接打字就是发言，:help 看还能做什么。"
)


class Console(Acts):
    """The adapter of the platform "console", over a terminal or a pipe: descriptors to read and to write."""

    name = "console"
    platform = "console"
    streams = True
    forwards = False

    def __init__(
        self, config: Config, *, reads: int = 0, writes: int = 1, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.account = Account("console:bot", (config.name, *config.aliases))
        self.left = asyncio.Event()
        """Set when the one at the keyboard has left: the end of what is typed, `:quit`, or a closed terminal."""
        self._bot = Member(self.account.id, in_line(config.name), Role.ADMIN, is_bot=True)
        self._reads = reads
        self._echoes = os.isatty(reads) and os.isatty(writes)
        colours = os.isatty(writes) and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._screen = Screen(writes, colours=colours, lost=self.left.set)
        self._rooms = Rooms((DEMO, TEST))
        self._talk = Talk(self._rooms, self.account, self._note, self._said)
        self._up = False
        self._since = time.time()
        self._receive: Callable[[Event], None] | None = None

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return []

    @asynccontextmanager
    async def listen(self, receive: Callable[[Event], None]) -> AsyncIterator[None]:
        """Take lines while entered; what the bot still has to say is shown after that, too."""
        self._receive = receive
        self._note(HELLO)
        for event in self._talk.arrive():
            receive(event)
        self._up, self._since = True, time.time()
        async with reading(self._reads) as lines:
            obeying = asyncio.create_task(self._obey(lines, receive), name="console")
            try:
                yield
            finally:
                obeying.cancel()
                await asyncio.wait([obeying])
                self._up, self._since = False, time.time()

    async def _obey(self, lines: AsyncIterator[str], receive: Callable[[Event], None]) -> None:
        try:
            async for line in lines:
                if self._echoes:
                    self._screen.entered()
                try:
                    for event in await self._talk.obey(line):
                        receive(event)
                except Refusal as refusal:
                    self._note(str(refusal))
                except Exception:  # noqa: BLE001 - one line must not end the demo; it is logged whole
                    logger.exception("a line of the console failed")
                    self._note("出了点问题，请稍后再试。")
                if self._talk.left:
                    break
        finally:
            self.left.set()

    # --- what the pipeline asks for -------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> str:
        """Show a message, or write it while it comes; a stream's own error passes through after what came is shown."""
        room = self._room(outgoing.group)
        if outgoing.to is not None and outgoing.to not in room.people:
            raise AdapterError("群里没有这个人")
        record = self._rooms.record(room.group, self._bot, outgoing.to)
        quote = self._rooms.find(outgoing.quote)
        if outgoing.stream is None:
            self._screen.message(f"{self._head(record, quote)}：", joined(outgoing.parts))
        else:
            await self._screen.write(
                lambda more: f"{self._head(record, quote, more=more)}：", _standing(record, outgoing.stream)
            )
        return record.id

    async def role(self, group: Group, member_id: str) -> Role:
        room = self._rooms.rooms.get(group.id)
        if room is None:
            return Role.UNKNOWN
        if member_id == self.account.id:
            return Role.ADMIN
        person = room.people.get(member_id)
        return person.role if person else Role.UNKNOWN

    async def size(self, group: Group) -> int | None:
        """How many people are in the group, without the bot."""
        room = self._rooms.rooms.get(group.id)
        return len(room.people) if room else None

    def health(self) -> Sequence[Health]:
        return [Health("终端聊天", self._up, self._since)]

    # --- what is shown --------------------------------------------------------------------

    def _note(self, text: str) -> None:
        first, *more = text.split("\n")
        self._screen.note("\n".join([f"— {first}", *(f"  {line}" for line in more)]))

    def _said(self, record: Record, parts: Sequence[Part], quote: Record | None) -> None:
        """Show what a member said; where the terminal has shown the words already, only their number."""
        head = self._head(record, quote)
        if self._echoes and all(isinstance(part, Text | Mention) for part in parts):
            self._screen.note(f"↑ {head}")
        else:
            self._screen.message(f"{head}：", joined(parts))

    def _head(self, record: Record, quote: Record | None, *, more: bool = False) -> str:
        """What stands before a message: its number, where it is said, who says it to whom, what it quotes."""
        number = record.number or self._rooms.number(record)
        paint, group, bot = self._screen.paint, record.group, record.author.is_bot
        name = paint(record.author.name, CYAN if bot else BOLD)
        if group.direct:
            name += f"（私聊{group.name}）" if bot else "（私聊）"
        elif record.to is not None:
            name += f"（私下对{record.to.partition(':')[2]}说）"
        elif group.id != self._talk.room.group.id:
            name += f"（{group.name}）"
        if more:
            return f"{paint(f'#{number}', DIM)} {name}（接着说）"
        quoted = f" ↪ #{quote.number}" if quote is not None and quote.number else ""
        return f"{paint(f'#{number}', DIM)} {name}{quoted}"


async def _standing(record: Record, stream: AsyncIterator[str]) -> AsyncIterator[str]:
    """What comes of a stream, but for what comes after its message was taken back."""
    async for chunk in stream:
        yield "" if record.removed else chunk
