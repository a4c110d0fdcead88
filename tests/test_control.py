"""Control by chat, as admins and operators use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from pydantic import Field

from bot.api import Context, Plugin, command
from bot.testing import PLATFORM, Room
from bot.types import EVERYONE, Group, Mention, Role, Text


class Shop(Plugin, title="小店", privacy="账本留一年。"):
    """卖东西"""

    price: int = Field(5, title="价钱", description="一件多少钱", ge=1, le=99)
    open: bool = Field(True, title="营业")
    goods: tuple[str, ...] = Field(("茶",), title="货物", max_length=3)
    mood: Literal["好", "坏"] = Field("好", title="心情")
    sign: str = Field("欢迎", title="招牌", max_length=10)
    boss: str | None = Field(None, title="老板")
    rate: float = Field(0.5, title="折扣", gt=0)

    @command("买", "buy")
    async def buy(self, ctx: Context) -> str:
        """买：/买"""
        return f"{self.price} 元"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Shop, operators=frozenset({f"{PLATFORM}:站长"})) as room:
        yield room


async def admin(room: Room, text: str, **more: object) -> str:
    [reply] = await room.say(text, by="管", role=Role.ADMIN, **more)  # type: ignore[arg-type]  # handed on as they are
    return reply


async def test_switching(room: Room) -> None:
    assert await room.say("/关闭 小店") == ["只有管理员可以这样做。"]
    assert await admin(room, "/关闭 小店") == "小店 已关闭。"
    assert await admin(room, "/关闭 SHOP") == "小店 本来就是关闭的。"
    assert await room.say("/买") == []
    assert await room.say("/买", group=room.other) == ["5 元"]
    assert "○ 小店（shop）卖东西" in (await room.say("/插件"))[0]
    assert await admin(room, "/enable shop") == "小店 已开启。"
    assert await room.say("/买") == ["5 元"]


async def test_nobody_can_lock_a_group_out(room: Room) -> None:
    for name in ("控制", "control", "帮助", "隐私"):
        assert "不能关" in await admin(room, f"/关闭 {name}")
    assert await admin(room, "/关闭 没有的") == "没有叫「没有的」的插件，有：小店。"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("价钱 7", "小店·价钱：5 → 7"),
        ("price 7", "小店·价钱：5 → 7"),
        ("价钱 七", "「价钱」要写成整数。"),
        ("价钱 0", "「价钱」不能小于 1。"),
        ("价钱 100", "「价钱」不能大于 99。"),
        ("营业 关", "小店·营业：开 → 关"),
        ("营业 也许", "「营业」要写「开」或「关」。"),
        ("货物 茶、酒，糖", "小店·货物：茶 → 茶、酒、糖"),
        ("货物 一 二 三 四", "「货物」最多 3 项。"),
        ("心情 坏", "小店·心情：好 → 坏"),
        ("心情 糟", "「心情」要写其中之一：好、坏。"),
        ("招牌 你好，  世界", "小店·招牌：欢迎 → 你好，  世界"),
        ("招牌 一二三四五六七八九十一", "「招牌」最多 10 个字。"),
        ("招牌 无", "小店·招牌：欢迎 → （空）"),
        ("老板 小王", "小店·老板：无 → 小王"),
        ("老板 无", "小店·老板：无 → 无"),
        ("折扣 0.25", "小店·折扣：0.5 → 0.25"),
        ("折扣 0", "「折扣」要大于 0。"),
        ("价钱", "价钱：5（一件多少钱）"),
        ("颜色 红", "「小店」没有「颜色」这一项，有：价钱、营业、货物、心情、招牌、老板、折扣。"),
    ],
)
async def test_setting(room: Room, line: str, reply: str) -> None:
    assert await admin(room, f"/设置 小店 {line}") == reply


async def test_a_setting_takes_effect_and_goes_back(room: Room) -> None:
    await admin(room, "/设置 小店 价钱 7")
    assert await room.say("/买") == ["7 元"]
    assert await room.say("/买", group=room.other) == ["5 元"]
    assert "价钱（price）*：7 — 一件多少钱" in await admin(room, "/设置 小店")
    assert await admin(room, "/设置 小店 价钱 默认") == "小店·价钱：7 → 5"
    assert await room.say("/买") == ["5 元"]
    assert "价钱（price）：5" in await admin(room, "/设置 小店")


async def test_undo_goes_back_step_by_step(room: Room) -> None:
    await admin(room, "/设置 小店 价钱 7")
    await admin(room, "/设置 小店 价钱 8")
    await admin(room, "/关闭 小店")
    assert "小店 现在开启" in await admin(room, "/回退")
    assert "价钱 现在是：7" in await admin(room, "/回退")
    assert await room.say("/买") == ["7 元"]
    assert "价钱 现在是：5" in await admin(room, "/回退")
    assert await admin(room, "/回退") == "没有可以撤回的改动。"
    assert await admin(room, "/关闭 小店") == "小店 已关闭。"
    assert "小店 现在开启" in await admin(room, "/回退")


async def test_every_change_is_audited(room: Room) -> None:
    await admin(room, "/设置 小店 价钱 7")
    await admin(room, "/回退")
    rows = await room.rows("select member_name, act, plugin, subject, before, after, undoes from audit order by id")
    assert [tuple(row.values()) for row in rows] == [
        ("管", "set", "shop", "price", None, "7", None),
        ("管", "set", "shop", "price", "7", None, 1),
    ]
    told = (await admin(room, "/记录")).splitlines()
    assert "小店·价钱：7 → 默认（回退）" in told[0]
    assert "小店·价钱：默认 → 7" in told[1]


async def test_roles_are_read_afresh(room: Room) -> None:
    """The event still says admin; the platform no longer does."""
    message = room.message("/关闭 小店", by="前管理", role=Role.ADMIN)
    room.platform.roles[room.group.id, message.member.id] = Role.MEMBER
    room.platform.receive(message)
    await room.settle()
    assert room.platform.texts == ["只有管理员可以这样做。"]


async def test_an_unknown_role_is_no_admin(room: Room) -> None:
    assert await room.say("/关闭 小店", role=Role.UNKNOWN) == ["暂时无法确认你的身份，请稍后再试。"]
    assert await room.say("/买") == ["5 元"]


async def test_the_owner_may_ask_a_member_to_help(room: Room) -> None:
    helper = Mention(f"{PLATFORM}:帮手", "帮手")
    grant = (Text("/权限 "), helper, Text(" 管理"))

    async def say_parts(by: str, role: Role) -> str:
        room.platform.texts.clear()
        room.platform.sent.clear()
        room.platform.receive(room.message("", by=by, role=role, parts=grant))
        await room.settle()
        return room.platform.texts[-1]

    assert await say_parts("管", Role.ADMIN) == "只有群主可以这样做。"
    assert await say_parts("主", Role.OWNER) == "帮手 现在可以用管理员的命令了。"
    everyone = (Text("/权限 "), Mention(EVERYONE, "全体成员"), Text(" 管理"))
    room.platform.receive(room.message("", by="主", role=Role.OWNER, parts=everyone))
    await room.settle()
    assert room.platform.texts[-1].startswith("看自己的权限")
    assert await room.say("/关闭 小店", by="帮手") == ["小店 已关闭。"]
    assert await room.say("/关闭 小店", by="帮手", group=room.other) == ["只有管理员可以这样做。"]
    await room.rows("select 1")  # the log is written behind the talk
    assert (await room.say("/权限"))[0].splitlines()[-1] == "协管：帮手"
    assert await room.say("/回退", by="帮手") != []
    assert await room.say("/回退", by="帮手") == ["没有可以撤回的改动。"], "the owner's grant is not theirs to undo"
    assert await admin(room, "/设置 控制 协管 room:x") == "协管由群主用「/权限 @成员 管理」来加。"


async def test_roles_are_shown(room: Room) -> None:
    assert await room.say("/权限") == ["你在这里是成员。"]
    assert "你在这里是管理员。" in await admin(room, "/权限")
    assert (await room.say("/权限", by="站长"))[0].startswith("你在这里是运营者。")
    assert await room.say("/权限 胡说") == ["看自己的权限，群主可请人协管：/权限 @成员 管理（或 普通）"]


async def test_an_operator_names_the_group_in_a_direct_chat(room: Room) -> None:
    direct = Group(f"{PLATFORM}:dm:站长", direct=True)
    await room.say("你好")
    assert await room.say("/关闭 小店", by="站长", group=direct) == ["私聊里请写明是哪个群：/在 群号 关闭 插件"]
    assert await room.say("/在 1 关闭 小店", by="站长", group=direct) == ["〔测试群〕小店 已关闭。"]
    assert await room.say("/买") == []
    assert await room.say("/在 1 设置 小店 价钱 百", by="站长", group=direct) == ["〔测试群〕「价钱」要写成整数。"]
    assert await room.say("/在 9 关闭 小店", by="站长", group=direct) == ["我不认识群 9，它要先有人说过话。"]
    assert await room.say("/在 1 在 1 关闭 小店", by="站长", group=direct) == [
        "这样只能发管理命令：插件、开启、关闭、设置、回退、权限、记录。"
    ]
    assert await room.say("/在 1 关闭 小店", by="路人", group=direct) == ["只有运营者可以这样做。"]
    [row] = await room.rows("select group_id, member_name from audit")
    assert row == {"group_id": room.group.id, "member_name": "站长"}


async def test_a_role_in_a_direct_chat_gives_no_power(room: Room) -> None:
    direct = Group(f"{PLATFORM}:dm:骗子", direct=True)
    assert await room.say("/关闭 小店", by="骗子", role=Role.OWNER, group=direct) == ["只有管理员可以这样做。"]


async def test_close_then_ask_never_races(room: Room) -> None:
    """Both are on their way at once; the second already finds the plugin closed."""
    for _ in range(20):
        for text, role in (
            ("/关闭 小店", Role.ADMIN),
            ("/买", Role.MEMBER),
            ("/开启 小店", Role.ADMIN),
            ("/买", Role.MEMBER),
        ):
            room.platform.receive(room.message(text, by="管" if role is Role.ADMIN else "安", role=role))
        room.platform.roles[room.group.id, f"{PLATFORM}:管"] = Role.ADMIN
        await room.settle()
    assert room.platform.texts.count("5 元") == 20
    assert room.platform.texts.count("小店 已关闭。") == 20


async def test_help_is_made_from_what_is_on(room: Room) -> None:
    [menu] = await room.say("/帮助")
    assert "小店：/买" in menu
    assert "/关闭" not in menu
    assert "/关闭" in await admin(room, "/帮助")
    assert await room.say("/帮助 买") == ["买：/买（也可以发 /buy）"]
    assert await room.say("/help /买") == ["买：/买（也可以发 /buy）"]
    assert await room.say("/帮助 小店") == ["小店：卖东西\n买：/买（也可以发 /buy）"]
    assert await room.say("/帮助 没有") == ["没有「没有」这个命令或插件，发 /帮助 看有哪些。"]
    await admin(room, "/关闭 小店")
    assert "小店" not in (await room.say("/帮助"))[0]


async def test_the_notice_on_privacy_names_what_plugins_keep(room: Room) -> None:
    assert "小店：账本留一年。" in (await room.say("/隐私"))[0]
    await admin(room, "/关闭 小店")
    assert "小店" not in (await room.say("/隐私"))[0]
