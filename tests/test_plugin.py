"""What a plugin class refuses when it is made, and what it collects."""

from __future__ import annotations

from typing import Any

import pytest
from sqlite_utils import Migrations

from bot.api import (
    Context,
    Findings,
    MemberJoined,
    Message,
    Plugin,
    Role,
    Verdict,
    command,
    cron,
    every,
    on,
    screen,
    source,
)


class Everything(Plugin, title="样样", name="all"):
    """每样一个"""

    size: int = 3

    @command("甲", "alpha", role=Role.ADMIN)
    async def alpha(self, ctx: Context) -> None:
        """甲：/甲"""

    @on(MemberJoined)
    async def hello(self, ctx: Context, event: MemberJoined) -> None: ...

    @screen
    async def look(self, ctx: Context, message: Message) -> Verdict | None: ...

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None: ...

    @every(hours=2)
    async def often(self, ctx: Context) -> None: ...

    @cron("0 9 * * mon")
    async def weekly(self, ctx: Context) -> None: ...


def test_collects_its_handlers() -> None:
    [alpha] = Everything.plugin_commands
    assert (alpha.names, alpha.handler, alpha.role, alpha.usage) == (("甲", "alpha"), "alpha", Role.ADMIN, "甲：/甲")
    assert [(item.event, item.handler) for item in Everything.plugin_listeners] == [(MemberJoined, "hello")]
    assert Everything.plugin_screens == ("look",)
    assert Everything.plugin_sources == ("find",)
    assert [(job.handler, job.seconds, job.crontab) for job in Everything.plugin_jobs] == [
        ("often", 7200, ""),
        ("weekly", 0, "0 9 * * mon"),
    ]
    assert (Everything.plugin_title, Everything.plugin_name, Everything.describe()) == ("样样", "all", "每样一个")


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Everything().size = 4  # type: ignore[misc]  # the mistake is the test


def test_needs_a_title() -> None:
    with pytest.raises(TypeError, match="needs a title"):

        class Nameless(Plugin):
            pass


def test_a_command_needs_a_usage_line() -> None:
    with pytest.raises(TypeError, match="docstring"):

        class Mute(Plugin, title="哑"):
            @command("哑")
            async def mute(self, ctx: Context) -> None: ...


def test_a_command_needs_a_name() -> None:
    with pytest.raises(TypeError, match="needs a name"):

        class Blank(Plugin, title="空"):
            @command()
            async def blank(self, ctx: Context) -> None:
                """空"""


def test_a_setting_and_a_handler_of_one_name_clash() -> None:
    async def roll(self: Any, ctx: Context) -> None:
        """掷"""

    with pytest.raises((TypeError, NameError), match="roll"):
        type("Clash", (Plugin,), {"__annotations__": {"roll": int}, "roll": command("掷")(roll)}, title="撞")


def test_a_clash_with_an_inherited_setting_is_seen() -> None:
    class Parent(Plugin, title="父"):
        roll: int = 1

    with pytest.raises((TypeError, NameError), match="roll"):

        class Child(Parent, title="子"):
            @command("掷")  # type: ignore[misc]  # the mistake is the test
            async def roll(self, ctx: Context) -> None:  # type: ignore[override]  # the same
                """掷"""


def test_star_arguments_cannot_be_bound() -> None:
    with pytest.raises(TypeError, match="names its parameters"):

        class Greedy(Plugin, title="贪"):
            @command("贪")
            async def greedy(self, ctx: Context, *words: str) -> None:
                """贪"""


def test_tables_ask_for_forget() -> None:
    with pytest.raises(TypeError, match="forget"):

        class Hoarder(Plugin, title="囤", tables=Migrations("hoarder")):
            pass


@pytest.mark.parametrize("crontab", ["0 9 * *", "0 9 * * 1", "0 9 * * 1-5", "always"])
def test_a_weekday_goes_by_its_name(crontab: str) -> None:
    with pytest.raises(TypeError, match="weekday by name"):
        cron(crontab)


def test_an_interval_must_be_one() -> None:
    with pytest.raises(TypeError, match="interval"):
        every()
