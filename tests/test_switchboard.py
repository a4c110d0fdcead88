"""Groups' choices: shared while they are common, kept over restarts, honest about what no longer fits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import Field, field_validator, model_validator
from sqlite_utils import Database

from bot.api import Context, Plugin, Refusal, Role, command
from bot.errors import StoreError
from bot.store import schema
from bot.store.audit import Entry
from bot.store.database import Store
from bot.switchboard import Switchboard
from bot.testing import Room


class Shop(Plugin, title="小店"):
    """卖东西"""

    price: int = Field(5, title="价钱", ge=1, le=99)
    sign: str = Field("欢迎", title="招牌", max_length=10)

    @command("买", "buy")
    async def buy(self, ctx: Context) -> str:
        """买：/买"""
        return f"{self.price} 元"


class Span(Plugin, title="区间", name="span"):
    """两项互相管着"""

    least: int = 1
    most: int = 5

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.least > self.most:
            raise ValueError("要小于")
        return self


class Fussy(Plugin, title="挑剔", name="fussy"):
    """检查会出错"""

    word: str = "好"

    @field_validator("word")
    @classmethod
    def _check(cls, word: str) -> str:
        if word == "坏":
            raise KeyError(word)
        return word


def entry(group: str = "t:1", plugin: str = "shop", field: str = "price") -> Entry:
    return Entry(group, "t:admin", "管", "set", plugin, field)


@asynccontextmanager
async def board(path: Path, *kinds: type[Plugin]) -> AsyncIterator[Switchboard]:
    async with Store(path, [schema.tables]).open() as store:
        board = Switchboard(store, kinds)
        await board.load()
        yield board


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


async def test_groups_that_changed_nothing_share_one_view(path: Path) -> None:
    async with board(path, Shop, Span) as one:
        views = {id(one.view(f"t:{number}")) for number in range(10_000)}
        assert len(views) == 1
        await one.put(entry("t:7"), "9")
        assert one.view("t:7") is not one.view("t:8")
        assert one.view("t:7") is one.view("t:7"), "a view is built when something changes, not per message"
        assert one.view("t:7").plugins[Span] is one.view("t:8").plugins[Span], "what is not changed stays shared"
        await one.put(entry("t:7"), None)
        assert one.view("t:7") is one.view("t:8"), "who takes all back shares again"
        assert one._overrides == {}


async def test_a_change_survives_a_restart(path: Path) -> None:
    async with board(path, Shop) as one:
        await one.put(entry(), "9")
        await one.switch(entry("t:2"), False)
    async with board(path, Shop) as two:
        assert two.view("t:1").plugins[Shop] == Shop(price=9)
        assert two.stored("t:1", Shop, "price") == "9"
        assert not two.is_on("t:2", Shop)
        assert two.stored_switch("t:2", Shop) is False
        assert two.is_on("t:3", Shop)
        assert "买" not in two.view("t:2").commands


async def test_a_setting_that_no_longer_fits_falls_back_alone_and_is_kept(path: Path) -> None:
    async with board(path, Shop) as one:
        for name, value in {"price": "1000", "sign": '"老店"', "gone": "1", "torn": "{"}.items():
            await one.put(entry(field=name), value)
    async with board(path, Shop) as two:
        view = two.view("t:1")
        assert view.plugins[Shop] == Shop(sign="老店")
        assert view.broken == {(Shop, "price"): "1000", (Shop, "gone"): "1", (Shop, "torn"): "{"}
        assert two.stored("t:1", Shop, "price") == "1000"
        await two.put(entry(field="price"), "9")
        assert two.view("t:1").plugins[Shop] == Shop(price=9, sign="老店")


async def test_settings_that_are_right_together_need_not_be_right_alone(path: Path) -> None:
    async with board(path, Span) as one:
        await one.put(entry(plugin="span", field="most"), "20")
        await one.put(entry(plugin="span", field="least"), "10")
    async with board(path, Span) as two:
        assert two.view("t:1").plugins[Span] == Span(least=10, most=20)
        assert two.view("t:1").broken == {}
        await two.put(entry(plugin="span", field="most"), "3")
        assert two.view("t:1").plugins[Span] == Span(most=3)
        assert two.view("t:1").broken == {(Span, "least"): "10"}


async def test_a_check_that_fails_in_its_own_way_does_not_silence_the_group(path: Path) -> None:
    async with board(path, Fussy, Shop) as one:
        await one.put(entry(plugin="fussy", field="word"), '"坏"')
        assert one.view("t:1").plugins[Fussy] == Fussy()
        assert one.view("t:1").broken == {(Fussy, "word"): '"坏"'}
        assert "买" in one.view("t:1").commands


async def test_a_plugin_that_is_gone_keeps_what_it_had(path: Path) -> None:
    async with board(path, Shop) as one:
        await one.put(entry(), "9")
        await one.switch(entry("t:2"), False)
    async with board(path, Span) as two:
        assert set(two.view("t:1").plugins) == {Span}
        assert two.find("小店") is None
    async with board(path, Shop) as three:
        assert three.view("t:1").plugins[Shop] == Shop(price=9)
        assert not three.is_on("t:2", Shop)


async def test_many_changes_at_once_leave_memory_and_database_the_same(path: Path) -> None:
    async with board(path, Shop) as one:
        changes = [one.put(entry(f"t:{number % 7}"), f"{1 + number % 90}") for number in range(300)]
        switches = [one.switch(entry(f"t:{number % 7}"), bool(number % 3)) for number in range(100)]
        await asyncio.gather(*changes, *switches)
        remembered = {group: one.view(group).plugins for group in map("t:{}".format, range(7))}
    async with board(path, Shop) as two:
        assert {group: two.view(group).plugins for group in remembered} == remembered


async def test_a_refused_change_changes_nothing(path: Path) -> None:
    async with Store(path, [schema.tables]).open() as store:
        one = Switchboard(store, [Shop])
        await one.load()
        await one.put(entry(), "9")
        view = one.view("t:1")

        def limit(db: Database) -> None:
            db.conn.execute(f"pragma max_page_count = {db.conn.execute('pragma page_count').fetchone()[0]}")

        await store.write(limit)
        too_much = Entry("t:1", "t:admin", "x" * 40_000, "set", "shop", "price")
        for attempt in (one.put(too_much, "10"), one.switch(too_much, False)):
            with pytest.raises(StoreError):
                await attempt
        assert one.view("t:1") is view
        assert one.stored_switch("t:1", Shop) is None
        store._writer._connection.execute("pragma max_page_count = 1000000")


# --- by chat ------------------------------------------------------------------------------


@asynccontextmanager
async def again(path: Path, *kinds: type[Plugin]) -> AsyncIterator[Room]:
    """A later life on the same database; its messages are new ones."""
    async with Room(*kinds, store={"path": path}) as room:
        room._count = 1000
        yield room


async def admin(room: Room, *lines: str) -> Sequence[str]:
    return [reply for line in lines for reply in await room.say(line, by="管", role=Role.ADMIN)]


async def test_what_no_longer_fits_is_told_to_admins_where_they_look(path: Path) -> None:
    async with board(path, Shop) as one:
        await one.put(entry("room:1"), "1000")
    async with Room(Shop, store={"path": path}) as room:
        for line in ("/设置 小店", "/插件"):
            [reply] = await admin(room, line)
            assert "⚠ 小店·价钱 的旧值 1000 不再有效，现在用的是默认值" in reply
        assert await room.say("/买") == ["5 元"]
        assert await admin(room, "/设置 小店 价钱 8") == ["小店·价钱：5 → 8"]
        assert "⚠" not in (await admin(room, "/设置 小店"))[0]
        assert await room.say("/买") == ["8 元"]


async def test_undo_goes_back_step_by_step() -> None:
    async with Room(Shop) as room:
        await admin(room, "/设置 小店 价钱 6", "/设置 小店 价钱 7", "/关闭 小店", "/设置 小店 价钱 8", "/开启 小店")
        seen, told = [], ""
        for _ in range(6):
            [told] = await admin(room, "/回退")
            seen.append(((await room.say("/买")) or ["关"])[0])
        assert seen == ["关", "关", "7 元", "6 元", "5 元", "5 元"]
        assert told == "没有可以撤回的改动。"
        assert (await admin(room, "/设置 小店 价钱 9", "/回退"))[-1].endswith("现在是：5")


async def test_closing_never_races_with_the_next_message() -> None:
    """The admin's `/关闭` and a member's command arrive in the same instant, without an answer between."""
    async with Room(Shop) as room:
        for round_ in range(50):
            start = len(room.platform.texts)
            for line, role in (
                ("/关闭 小店", Role.ADMIN),
                ("/买", Role.MEMBER),
                ("/开启 小店", Role.ADMIN),
                ("/买", Role.MEMBER),
            ):
                room.platform.receive(room.message(line, by="管" if role is Role.ADMIN else "安", role=role))
            await room.settle()
            assert sorted(room.platform.texts[start:]) == ["5 元", "小店 已关闭。", "小店 已开启。"], round_


async def test_a_group_that_cannot_store_its_change_is_told() -> None:
    class Full(Plugin, title="占满"):
        """占满"""

        @command("占", "full", inline=True)
        async def full(self, ctx: Context) -> str:
            """占"""

            def limit(db: Database) -> None:
                db.conn.execute(f"pragma max_page_count = {db.conn.execute('pragma page_count').fetchone()[0]}")

            await ctx.db.write(limit)
            raise Refusal("满")

    async with Room(Shop, Full) as room:
        await room.say("/占")
        for number in range(200):
            room.platform.receive(room.message(f"{number}" * 60))
        await room.settle()
        assert await admin(room, "/设置 小店 价钱 8") == ["数据库暂时写不进去，这次没有生效，请稍后再试。"]
        assert await room.say("/买") == ["5 元"], "answering goes on"
        room.app.store._writer._connection.execute("pragma max_page_count = 1000000")


# --- not so yet -------------------------------------------------------------------------


async def test_undo_goes_on_past_a_plugin_that_is_gone(path: Path) -> None:
    async with Room(Shop, Span, store={"path": path}) as room:
        await admin(room, "/设置 小店 价钱 6", "/设置 区间 most 9")
    async with again(path, Shop) as room:
        await admin(room, "/回退", "/回退")
        assert await room.say("/买") == ["5 元"]


async def test_undo_of_a_setting_that_is_gone_is_no_accident(path: Path) -> None:
    async with Room(Shop, store={"path": path}) as room:
        await admin(room, "/设置 小店 价钱 6")
        await room.app.board.put(entry("room:1", field="gone"), "1")
    async with again(path, Shop) as room:
        [told] = await admin(room, "/回退")
        assert "意外" not in told
        await admin(room, "/回退")
        assert await room.say("/买") == ["5 元"]


async def test_the_old_value_of_a_setting_that_is_gone_can_be_put_away(path: Path) -> None:
    async with board(path, Shop) as one:
        await one.put(entry("room:1", field="gone"), "1")
    async with Room(Shop, store={"path": path}) as room:
        assert "gone" in (await admin(room, "/设置 小店"))[0]
        await admin(room, "/设置 小店 gone 默认")
        assert "gone" not in (await admin(room, "/设置 小店"))[0]


async def test_settings_that_belong_together_can_be_changed_one_after_the_other() -> None:
    async with Room(Span) as room:
        assert await admin(room, "/设置 区间 most 20", "/设置 区间 least 10") == [
            "区间·most：5 → 20", "区间·least：1 → 10",
        ]  # fmt: skip
        [told] = await admin(room, "/设置 区间 most 3")
        assert "→" not in told, "together they would be wrong"
