"""The context of one handler run, behind the `Context` that plugins see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from loguru import logger

from bot.acts import Platform, RunActs
from bot.consulting import merged, told
from bot.errors import TooLarge
from bot.keeper import Keeper
from bot.models.answer import Answer
from bot.models.base import Turn
from bot.models.desk import Asker, Desk
from bot.plugin import Factory, Plugin, Returns, T
from bot.powers import Powers
from bot.sending import Outbox, Run
from bot.store.database import PluginDb, Store
from bot.store.log import Log, Utterance
from bot.types import Account, File, Findings, Group, Health, Image, Member, Message, Reply, Sent, Stream

FILE_LIMIT = 20_000_000
"""Bytes of a file that members share, beyond which it is left alone."""
LATER = 100
"""How many pieces of work one plugin may have waiting beside the lane of one group."""


class RunModels:
    """The desk for one run: what it produces there decides the AI label."""

    def __init__(self, desk: Desk, run: Run) -> None:
        self._desk = desk
        self._run = run

    async def ask(
        self,
        purpose: str,
        /,
        *,
        model: str | None = None,
        history: Sequence[Turn] = (),
        images: Sequence[Image] = (),
        **data: object,
    ) -> Answer:
        run = self._run
        asker = Asker(run.group.id, run.member.id, run.plugin)
        answer = await self._desk.ask(asker, purpose, data, model=model, history=history, images=images)
        run.produced.append(answer)
        return answer

    async def rank(self, question: str, texts: Sequence[str]) -> list[float] | None:
        return await self._desk.rank(question, texts)

    def names(self) -> Sequence[str]:
        return self._desk.names()

    def sees(self) -> bool:
        return self._desk.sees()


@dataclass(slots=True)
class House:
    """What every context is made of.

    guard    runs work that is already under way and says its result
    speaker  gives the account of ours that speaks for a group
    """

    bot_name: str
    store: Store
    log: Log
    desk: Desk
    outbox: Outbox
    platforms: Mapping[str, Platform]
    keeper: Keeper
    health: Callable[[Group], Sequence[Health]]
    size: Callable[[Group], Awaitable[int | None]]
    guard: Callable[[RunContext, Callable[[], Awaitable[Returns]]], Awaitable[object]]
    speaker: Callable[[Group], Awaitable[Account | None]]
    powers: Powers
    waiting: dict[str, set[asyncio.Task[object]]] = field(default_factory=dict)


class RunContext:
    """Implements `bot.plugin.Context`."""

    __slots__ = (
        "_consulted",
        "_deferred",
        "_house",
        "_plugin",
        "group",
        "message",
        "powers",
        "run",
    )

    def __init__(self, house: House, plugin: Plugin, run: Run, *, consulted: bool = False) -> None:
        """`consulted`: a source runs in it, and asks no others lest they ask each other for ever."""
        self._house = house
        self._consulted = consulted
        self._deferred = False
        self._plugin = plugin
        self.run = run
        self.group: Group = run.group
        self.message: Message | None = run.message
        self.powers = house.powers if plugin.plugin_fixed else None

    @property
    def bot_name(self) -> str:
        return self._house.bot_name

    @property
    def db(self) -> PluginDb:
        return PluginDb(self._house.store, self._plugin.plugin_name)

    @property
    def models(self) -> RunModels:
        return RunModels(self._house.desk, self.run)

    @property
    def member(self) -> Member:
        return self.run.member

    @member.setter
    def member(self, member: Member) -> None:
        """What this run writes down from here on names this member."""
        self.run.member = member

    @property
    def settings(self) -> Plugin:
        return self._plugin

    @property
    def acts(self) -> RunActs:
        house = self._house
        return RunActs(house.platforms[self.group.platform], house.powers.roles, house.store, self.run)

    async def send(self, reply: str | Reply | Image | Stream) -> Sent | None:
        return await self._house.outbox.say(self.run, reply)

    def later(self, work: Callable[[], Awaitable[Returns]], after: float = 0) -> bool:
        key = f"{self._plugin.plugin_name} {self.group.id}"
        tasks = self._house.waiting.setdefault(key, set())
        if len(tasks) >= LATER:
            logger.warning("{} has too much waiting; one piece of work is dropped", key)
            return False

        async def wait() -> object:
            await asyncio.sleep(after)
            if not self._house.powers.board.is_on(self.group.id, type(self._plugin)):
                return None
            return await self._house.guard(self, work)

        def done(task: asyncio.Task[object]) -> None:
            tasks.discard(task)
            if not tasks:
                self._house.waiting.pop(key, None)

        self._deferred = True
        task = asyncio.get_running_loop().create_task(wait())
        tasks.add(task)
        task.add_done_callback(done)
        return True

    async def keep(
        self, factory: Factory[T], *, scope: Literal["group", "bot"] = "group", depends: tuple[str, ...] = ()
    ) -> T:
        own, kind = scope == "group", type(self._plugin)
        # Made only where it is needed, since a screen comes by with every message.
        plugin = self._plugin if own else kind() if depends else None
        values = tuple(getattr(plugin, name) for name in depends)
        key = (kind, factory, self.group.id if own else None)

        def make() -> Any:
            return factory(plugin if plugin is not None else kind(), self.db)

        kept: Any = await self._house.keeper.keep(key, make, values)
        value: T = kept
        return value

    async def quoted(self) -> Utterance | None:
        if self.message is None or self.message.quote is None:
            return None
        return await self._house.log.find(self.group.id, self.message.quote)

    async def fetch(self, file: File) -> bytes:
        if (file.size or 0) > FILE_LIMIT:
            raise TooLarge.over(FILE_LIMIT)
        return await self._house.platforms[self.group.platform].fetch(self.group, file, FILE_LIMIT)

    async def consult(self, question: str) -> Findings | None:
        if self._consulted:
            raise TypeError(f"the source of {self._plugin.plugin_name} consults the sources")
        sources = self._house.powers.board.view(self.group.id).sources
        return merged(await asyncio.gather(*(self._ask(*found, question) for found in sources))) if sources else None

    async def _ask(self, handler: str, plugin: Plugin, question: str) -> Findings | None:
        """What one source knows, asked with the context of its own plugin."""
        of = self.run
        context = RunContext(
            self._house, plugin, Run(plugin.plugin_name, of.group, of.account, of.member, of.message), consulted=True
        )
        try:
            return await told(plugin.plugin_name, getattr(plugin, handler)(context, question))
        finally:
            await context.close()

    async def elsewhere(self, group_id: str) -> RunContext | None:
        house, kind = self._house, type(self._plugin)
        platform, _, rest = group_id.partition(":")
        # A direct chat is nobody's group, and ":*" is a whole account.
        if platform not in house.platforms or not rest or rest.startswith(("dm:", "*")):
            return None
        plugin = house.powers.board.view(group_id).plugins.get(kind)
        group = Group(group_id, house.log.name(group_id))
        account = await house.speaker(group) if plugin is not None else None
        if plugin is None or account is None:
            return None
        of = self.run
        # What a model wrote in this run is labelled there, too.
        run = Run(of.plugin, group, account, of.member, produced=of.produced)
        return RunContext(house, plugin, run, consulted=self._consulted)

    async def size(self) -> int | None:
        return await self._house.size(self.group)

    def health(self) -> Sequence[Health]:
        return self._house.health(self.group)

    async def close(self) -> None:
        """End the answers that nobody will read on; work that goes on beside the lane may still want them."""
        if not self._deferred:
            for answer in self.run.produced:
                await answer.aclose()
