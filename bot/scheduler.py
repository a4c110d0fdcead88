"""Runs the plugins' jobs, and the house's own, by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from loguru import logger

from bot.plugin import Plugin
from bot.types import Group

Kind = type[Plugin]
RunJob = Callable[[Group, Kind, str], Awaitable[None]]
PHASE = "2000-01-01 09:00:00"
"""Intervals count from here and not from the start, so that a bot restarted daily still runs what is daily."""
START_SECONDS = 1.0
"""APScheduler is imported this long after the start, when the bot already answers."""


class Scheduler:
    """`groups` gives the groups to run plugin jobs in; `nightly` is the house's own work at 03:30."""

    def __init__(
        self,
        catalog: Sequence[Kind],
        run_job: RunJob,
        groups: Callable[[], Awaitable[Sequence[Group]]],
        nightly: Callable[[], Awaitable[None]],
    ) -> None:
        self._jobs = [(kind, job) for kind in catalog for job in kind.plugin_jobs]
        self._run_job = run_job
        self._groups = groups
        self._nightly = nightly
        self._scheduler: Any = None  # AsyncIOScheduler carries no types

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Scheduler]:
        starting = asyncio.get_running_loop().create_task(self._start())
        try:
            yield self
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)

    async def _start(self) -> None:
        await asyncio.sleep(START_SECONDS)
        scheduler, trigger = await asyncio.to_thread(_load)
        for kind, job in self._jobs:
            work = partial(self._each_group, kind, job.handler)
            name = f"{kind.plugin_name}.{job.handler}"
            if job.crontab:
                scheduler.add_job(work, trigger(job.crontab), id=name, coalesce=True, misfire_grace_time=600)
            else:
                scheduler.add_job(
                    work,
                    "interval",
                    seconds=job.seconds,
                    start_date=PHASE,
                    id=name,
                    coalesce=True,
                    misfire_grace_time=600,
                )
        scheduler.add_job(self._night, trigger("30 3 * * *"), id="nightly", coalesce=True, misfire_grace_time=3600)
        scheduler.start()
        self._scheduler = scheduler

    async def _each_group(self, kind: Kind, handler: str) -> None:
        for group in await self._groups():
            await self._run_job(group, kind, handler)

    async def _night(self) -> None:
        try:
            await self._nightly()
        except Exception:  # noqa: BLE001 - tonight's failure must not end tomorrow's run
            logger.exception("The nightly work failed")


def _load() -> tuple[Any, Callable[[str], Any]]:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler
    from apscheduler.triggers.cron import CronTrigger

    return AsyncIOScheduler(), CronTrigger.from_crontab
