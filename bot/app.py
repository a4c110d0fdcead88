"""Where the parts meet: built once, entered once, closed in reverse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from loguru import logger
from sqlite_utils import Database

import prompts
from bot import loader
from bot.config import Config
from bot.context import House, RunContext
from bot.control import Control
from bot.errors import ModelError
from bot.help import Help
from bot.keeper import Keeper
from bot.models.base import ChatModel
from bot.models.desk import Desk
from bot.models.offline import Offline
from bot.models.openai import OpenAIChat
from bot.models.prompts import Prompts
from bot.models.ranker import Ranker
from bot.models.ranking import Ranking
from bot.pipeline import Adapter, Pipeline
from bot.plugin import Plugin, Returns
from bot.powers import Powers
from bot.privacy import Privacy
from bot.roles import Roles
from bot.scheduler import Scheduler
from bot.sending import Outbox
from bot.store import retention, schema
from bot.store.database import Store
from bot.store.log import Log
from bot.switchboard import Switchboard
from bot.types import Account, Group, Health

Kind = type[Plugin]
TROUBLE_SECONDS = 3600.0
PREPARE_SECONDS = 1.5


class App:
    """The bot without its web server. `adapters` and `models` may be given by tests."""

    def __init__(
        self,
        config: Config,
        *,
        adapters: Sequence[Adapter],
        kinds: Sequence[Kind],
        models: Mapping[str, ChatModel] | None = None,
    ) -> None:
        self.config = config
        self.started = time.time()
        self.adapters = {adapter.platform: adapter for adapter in adapters}
        self.catalog = loader.catalog([Help, *kinds, Control, Privacy])
        tables = [kind.plugin_tables for kind in self.catalog if kind.plugin_tables is not None]
        self.store = Store(config.store.path, [schema.tables, *tables], on_trouble=self._trouble)
        self.log = Log(self.store)
        self.models = models if models is not None else _models(config)
        self.ranking = Ranking(config.rerank) if config.rerank else None
        folders = [Path(next(iter(prompts.__path__)))] + ([config.prompts] if config.prompts else [])
        self.prompts = Prompts(folders)
        self.desk = Desk(
            self.store,
            self.prompts,
            self.models,
            config.models,
            offline=Offline(),
            default=config.default_model,
            quota=config.quota,
            ranker=Ranker(self.ranking) if self.ranking else None,
        )
        self.outbox = Outbox(self.adapters, self.log, config.pace)
        self.board = Switchboard(self.store, self.catalog)
        self.roles = Roles(config.operators, self.adapters, self._delegates)
        self.keeper = Keeper()
        self.house = House(
            bot_name=config.name,
            store=self.store,
            log=self.log,
            desk=self.desk,
            outbox=self.outbox,
            platforms=self.adapters,
            keeper=self.keeper,
            health=self.health,
            size=self._size,
            guard=self._guard,
            speaker=self._speaker,
            powers=Powers(self.board, self.roles, self.store, config.store),
        )
        self.pipeline = Pipeline(config, self.board, self.house, self.adapters, self.roles)
        self.scheduler = Scheduler(self.catalog, self.pipeline.run_job, self.groups, self.nightly)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        """Live while entered. Raises ConfigError where the operator must act first."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.store.open())
            await self.board.load()
            await self.desk.spending.load(self.store)
            await self.pipeline.intake.load()
            for model in self.models.values():
                stack.push_async_callback(model.close)
            if self.ranking is not None:
                stack.push_async_callback(self.ranking.close)
            preparing = asyncio.get_running_loop().create_task(self._prepare())
            stack.push_async_callback(asyncio.wait, {preparing})
            stack.callback(preparing.cancel)
            await stack.enter_async_context(self.keeper.open())
            stack.push_async_callback(self.pipeline.close)
            await stack.enter_async_context(self.scheduler.open())
            for adapter in self.adapters.values():
                await stack.enter_async_context(adapter.listen(self.pipeline.intake.receive))
            yield self

    async def _prepare(self) -> None:
        """Load what models need, when the bot already answers and before somebody asks."""
        await asyncio.sleep(PREPARE_SECONDS)
        endpoints = {name: model.prepare for name, model in self.models.items()}
        if self.ranking is not None:
            endpoints[self.ranking.name] = self.ranking.prepare
        for name, prepare in endpoints.items():
            try:
                await prepare()
            except ModelError as error:
                logger.warning("Model {} is not ready: {}", name, error.detail)

    def health(self, group: Group | None = None) -> Sequence[Health]:
        """What is up: accounts, models, the database; with a group, its own troubles."""
        found = [health for adapter in self.adapters.values() for health in adapter.health()]
        found += [*self.desk.health(), self.store.health()]
        if group is None:
            return found
        now = time.time()
        failure = self.outbox.failures.get(group.id)
        if failure is not None and now - failure.time < TROUBLE_SECONDS:
            detail = f"有 {failure.count} 条回复没有发出去，最近一条：{failure.reason}"
            found.append(Health("本群的回复", False, failure.time, detail))
        dropped = self.pipeline.intake.dropped[group.id]
        if dropped:
            found.append(Health("本群的动静", False, self.started, f"消息太多的时候有 {dropped} 件事没有处理。"))
        unscreened = self.pipeline.intake.unscreened[group.id]
        if unscreened:
            found.append(Health("本群的消息", False, self.started, f"消息太多的时候有 {unscreened} 条没有检查。"))
        return found

    async def groups(self) -> Sequence[Group]:
        """Every group that has spoken, from the log."""
        query = "select id, name from groups where id not like '%:dm:%'"
        rows = await self.store.read(lambda db: list(db.query(query)))
        return [Group(row["id"], row["name"]) for row in rows if row["id"].partition(":")[0] in self.adapters]

    async def nightly(self) -> None:
        """Blank and drop what is past its time, in pieces that let messages through."""
        total = 0

        def purge(db: Database) -> int:
            return retention.purge(db, self.config.store)

        while touched := await self.store.write(purge, limit=30):
            total += touched
            await asyncio.sleep(0.05)
        logger.info("Nightly purge: {} rows past their time", total)

    async def _guard(self, context: RunContext, work: Callable[[], Awaitable[Returns]]) -> None:
        await self.pipeline.guard(context, work)

    async def _speaker(self, group: Group) -> Account | None:
        return await self.pipeline.speaker(group)

    def _trouble(self, what: str) -> None:
        self.pipeline.warn(f"数据库写不进去了（{what}）：聊天记录先记在内存里，设置暂时改不了。")

    async def _size(self, group: Group) -> int | None:
        return await self.adapters[group.platform].size(group)

    def _delegates(self, group_id: str) -> frozenset[str]:
        settings = self.board.settings(group_id, Control)
        return settings.admins if isinstance(settings, Control) else frozenset()


def _models(config: Config) -> dict[str, ChatModel]:
    return {name: OpenAIChat(name, model) for name, model in config.models.items()}
