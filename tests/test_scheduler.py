"""Jobs that run by the clock, on the real scheduler."""

from __future__ import annotations

import asyncio
import datetime

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from bot import scheduler
from bot.api import Context, Plugin, cron, every
from bot.testing import Room
from bot.types import Role


class Clock(Plugin, title="钟"):
    """报时"""

    @every(seconds=0.1)
    async def tick(self, ctx: Context) -> str:
        return f"{ctx.group.name} 滴答"

    @every(seconds=0.1)
    async def broken(self, ctx: Context) -> str:
        raise RuntimeError("this clock is broken")

    @cron("0 9 * * mon")
    async def weekly(self, ctx: Context) -> None:
        return None


async def until(room: Room, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in room.platform.texts:  # noqa: ASYNC110 - it is what was said that is waited for
            await asyncio.sleep(0.02)


async def test_jobs_run_in_every_group_where_the_plugin_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "START_SECONDS", 0.3)
    async with Room(Clock) as room:
        await room.say("你好")
        await room.say("你好", group=room.other)
        await room.say("/关闭 钟", role=Role.ADMIN, group=room.other)
        await until(room, "测试群 滴答")
        room.platform.texts.clear()
        await until(room, "测试群 滴答")
        assert "另一个群 滴答" not in room.platform.texts


def test_a_daily_interval_has_a_fixed_hour() -> None:
    """However often the bot is restarted in between, the next run stays where it was."""
    trigger = IntervalTrigger(hours=24, start_date=scheduler.PHASE)
    now = datetime.datetime(2026, 11, 22, 13, 7, tzinfo=trigger.timezone)
    runs = {
        trigger.get_next_fire_time(None, now + datetime.timedelta(hours=hours)).replace(tzinfo=None)
        for hours in range(12)
    }
    assert {(run.hour, run.minute) for run in runs} == {(9, 0)}
    assert len(runs) == 1


async def test_the_nightly_purge_keeps_its_days() -> None:
    async with Room(Clock) as room:
        await room.say("旧话")
        await room.say("新话")
        old = 31 * 86_400
        await room.app.store.write(
            lambda db: db.conn.execute("update messages set received = received - ? where text = '旧话'", [old])
        )
        await room.app.nightly()
        rows = await room.rows("select text from messages order by id")
        assert [row["text"] for row in rows] == [None, "新话"]
