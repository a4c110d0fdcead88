"""What admins do to members by chat, and to whom they cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from bot.errors import AdapterError
from bot.testing import BOT, PLATFORM, Room
from bot.types import EVERYONE, Mention, Role, Text
from plugins.manage import Manage

ADMIN = Role.ADMIN
NOBODY = "要管谁？@ 一下，或者引用 TA 的一条消息。"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Manage, operators=[f"{PLATFORM}:远"]) as room:
        await room.say("/开启 群管", by="博", role=ADMIN)
        await room.say("我来了", by="安", message_id="m-an")
        await room.say("我也来了", by="陈", message_id="m-chen", role=Role.OWNER)
        yield room


async def order(room: Room, text: str, *mentions: str, role: Role = ADMIN, quote: str | None = None) -> str:
    [reply] = await room.say(text, by="博", role=role, mentions=mentions, quote=quote)
    return reply


async def test_it_is_off_until_a_group_wants_it() -> None:
    async with Room(Manage) as room:
        await room.say("我来了", by="安")
        assert await room.say("/踢", by="博", role=ADMIN, mentions=["安"]) == []
        assert room.platform.kicked == {}


@pytest.mark.parametrize("command", ["/撤回", "/禁言", "/解禁", "/全员禁言", "/踢", "/名片 新", "/kick", "/mute 1h"])
async def test_members_may_none_of_it(room: Room, command: str) -> None:
    said = await order(room, command, "安", role=Role.MEMBER, quote="m-an")
    assert said == "只有管理员可以这样做。"
    platform = room.platform
    assert not any((platform.recalled, platform.muted, platform.silenced, platform.kicked, platform.cards))


@pytest.mark.parametrize("command", ["/撤回", "/禁言", "/踢", "/名片 新"])
@pytest.mark.parametrize(
    ("whom", "answer"),
    [
        ("陈", "TA 是管理员，我不动。"),
        ("远", "TA 是管理员，我不动。"),
        ("生人", "平台没有说 TA 的身份，可能已经不在群里了，我先不动。"),
    ],
)
async def test_some_are_spared(room: Room, command: str, whom: str, answer: str) -> None:
    await room.say("在吗", by=whom, message_id="m-whom", role=Role.OWNER if whom == "陈" else Role.MEMBER)
    if whom == "生人":
        room.platform.roles[room.group.id, f"{PLATFORM}:生人"] = Role.UNKNOWN
    assert await order(room, command, quote="m-whom") == answer
    platform = room.platform
    assert not any((platform.recalled, platform.muted, platform.kicked, platform.cards))


async def test_a_role_is_asked_for_afresh(room: Room) -> None:
    room.platform.roles[room.group.id, f"{PLATFORM}:安"] = ADMIN
    assert await order(room, "/踢", "安") == "TA 是管理员，我不动。"


async def test_recalls_what_is_quoted(room: Room) -> None:
    assert await order(room, "/撤回", quote="m-an") == "已撤回。"
    assert room.platform.recalled == ["m-an"]
    assert await order(room, "/撤回") == "请引用要撤回的那条消息。"
    assert await order(room, "/撤回", quote="m-404") == "我没有听到过这条消息，请在客户端里撤回。"


async def test_recalls_what_the_bot_said(room: Room) -> None:
    await room.say("/帮助")
    ours = room.last_id
    assert await order(room, "/recall", quote=ours) == "已撤回。"
    assert room.platform.recalled == [ours]


@pytest.mark.parametrize(
    ("words", "seconds", "told"),
    [
        ("", 600, "10 分钟"),
        ("10分钟", 600, "10 分钟"),
        ("30", 1800, "30 分钟"),
        ("90 秒", 90, "90 秒"),
        ("２小时", 7200, "2 小时"),
        ("2h", 7200, "2 小时"),
        ("30天", 30 * 86400, "30 天"),
    ],
)
async def test_mutes_for_a_time(room: Room, words: str, seconds: int, told: str) -> None:
    assert await order(room, f"/禁言 {words}", "安") == f"安 已被禁言 {told}。"
    assert room.platform.muted == {f"{PLATFORM}:安": seconds}


@pytest.mark.parametrize("words", ["0分钟", "31天", "-5", "很久", "1.5小时", "10 分钟 再见", "9999999天"])
async def test_a_time_that_cannot_be_is_explained(room: Room, words: str) -> None:
    assert await order(room, f"/禁言 {words}", "安") == "禁言一个成员，最多 30 天：/禁言 @某人 10分钟"
    assert room.platform.muted == {}


async def test_lets_speak_again(room: Room) -> None:
    assert await order(room, "/解禁", "安") == "安 可以说话了。"
    assert room.platform.muted == {f"{PLATFORM}:安": 0}


async def test_mutes_everybody(room: Room) -> None:
    assert await order(room, "/全员禁言") == "全员禁言已开启。"
    assert room.platform.silenced == {room.group.id: True}
    assert await order(room, "/muteall off") == "全员禁言已关闭，大家可以说话了。"
    assert room.platform.silenced == {room.group.id: False}


async def test_removes(room: Room) -> None:
    assert await order(room, "/踢", "安") == "安 已被移出本群。"
    assert room.platform.kicked == {f"{PLATFORM}:安": False}
    assert await order(room, "/踢 永久", "安") == "安 已被移出本群，不再接受申请。"
    assert room.platform.kicked == {f"{PLATFORM}:安": True}
    assert await order(room, "/踢 足球去吗", "安") == "把一个成员移出群：/踢 @某人（加「永久」就不再接受 TA 的申请）"


async def test_renames(room: Room) -> None:
    assert await order(room, "/名片  前端 <b>小安</b>", "安") == "安 的名片改成了「前端 <b>小安</b>」。"
    assert room.platform.cards == {f"{PLATFORM}:安": "前端 <b>小安</b>"}
    assert await order(room, "/名片 清空", quote="m-an") == "前端 <b>小安</b> 的名片清空了。"
    assert room.platform.cards == {f"{PLATFORM}:安": ""}
    assert await order(room, "/名片", "安") == "改一个成员的群名片：/名片 @某人 新名片（写「清空」就去掉）"


async def test_whom_a_command_is_about(room: Room) -> None:
    await room.say("在", by="博士", message_id="m-bo")
    assert await order(room, "/踢") == NOBODY
    assert await order(room, "/踢", quote="m-an") == "安 已被移出本群。"
    assert await order(room, "/踢", "安", "博士", quote="m-an") == "博士 已被移出本群。"
    assert await order(room, "/踢", "安", "博士") == "一次只能管一个人。"
    await room.say("/帮助")
    assert await order(room, "/踢", quote=room.last_id) == "这是我自己，动不了。"
    everyone = (Text("/踢 "), Mention(EVERYONE, "全体成员"))
    room.platform.receive(room.message("", by="博", role=ADMIN, parts=everyone))
    await room.settle()
    assert room.platform.texts[-1] == "一次只能管一个人，要管所有人用 /全员禁言。"
    assert set(room.platform.kicked) == {f"{PLATFORM}:安", f"{PLATFORM}:博士"}


async def test_the_bot_is_called_and_not_meant(room: Room) -> None:
    parts = (Mention(BOT.id, "小鹏"), Text(" 踢 "), Mention(f"{PLATFORM}:安", ""))
    room.platform.receive(room.message("", by="博", role=ADMIN, parts=parts))
    await room.settle()
    assert room.platform.texts[-1] == "安 已被移出本群。"


@pytest.mark.parametrize(
    ("refusal", "answer", "kept"),
    [
        (AdapterError("本账号不是该群的管理员（x）"), "平台说：本账号不是该群的管理员。", "failed"),
        (AdapterError("平台说好了，但没有看到生效", ambiguous=True), "平台说好了，但没有看到生效。", "unconfirmed"),
        (AdapterError("retcode 1200 <html>"), "平台没有接受这个操作，请稍后再试。", "failed"),
    ],
)
async def test_what_the_platform_refuses_is_told_and_written_down(
    room: Room, refusal: AdapterError, answer: str, kept: str
) -> None:
    room.platform.refuses["kick"] = refusal
    assert await order(room, "/踢", "安") == answer
    [row] = await room.rows("select * from audit where act = 'moderate'")
    assert (row["member_id"], row["plugin"], row["subject"]) == (f"{PLATFORM}:博", "manage", f"{PLATFORM}:安")
    after = orjson.loads(row["after"])
    assert after[kept] == [f"kick: {refusal.reason}"]
    assert after["done"] == []


async def test_the_records_tell_it_in_words(room: Room) -> None:
    await order(room, "/禁言 2小时", "安")
    await order(room, "/名片 小安", "安")
    room.platform.refuses["mute_all"] = AdapterError("本账号不是该群的管理员")
    await order(room, "/全员禁言")
    told = (await order(room, "/记录")).splitlines()
    assert [line.partition(" ")[2].partition(" ")[2] for line in told[:3]] == [
        "博 群管：开启全员禁言（没有做到：本账号不是该群的管理员）",
        "博 群管：改名片 安 「小安」",
        "博 群管：禁言 安 2 小时",
    ]


async def test_undo_passes_over_what_was_done_to_members(room: Room) -> None:
    await order(room, "/踢", "安")
    assert "群管 现在关闭" in await order(room, "/回退")
