"""The admin group: how it is linked, what is reported there, and whose word counts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from bot.testing import PLATFORM, Room
from bot.types import Group, Role
from plugins.spam.guard.state import Guard
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, guarded, order, said_in

THIRD = Group(f"{PLATFORM}:3", "第三个群")


async def link(room: Room, watched: Group | None = None) -> str:
    """Make `room.other` the admin group of another."""
    offered = await order(room, "/防广告 管理群", group=room.other)
    found = re.search(r"管理群 (\w{6})\n", offered)
    assert found is not None
    return await order(room, f"/防广告 管理群 {found[1]}", group=watched)


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch) as room:
        await link(room)
        room.platform.sent.clear()
        room.platform.texts.clear()
        yield room


@pytest.fixture
async def shadow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch, "影子") as room:
        await link(room)
        room.platform.sent.clear()
        room.platform.texts.clear()
        yield room


async def test_two_groups_are_linked_by_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        told = await link(room)
        assert told == "好，防广告的报告以后发到「另一个群」，那里的管理员也能处理。要断开：/防广告 管理群 取消"
        assert "「测试群」的防广告报告以后发到这里" in said_in(room, room.other)[-1]
        await room.say(AD, by="贾")
        assert "#1 贾（贾） 在「测试群」" in said_in(room, room.other)[-1]


async def test_the_word_holds_once_and_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        offered = await order(room, "/防广告 管理群", group=room.other)
        word = offered.split("管理群 ")[1][:6]
        wrong = "这个口令不对或者过期了。请在管理群里再发一次 /防广告 管理群，拿新的口令。"
        assert await order(room, f"/防广告 管理群 {word}", group=room.other) == "口令要发到被看管的那个群里，不是这里。"
        assert await order(room, f"/防广告 管理群 {word}") == wrong
        offered = await order(room, "/防广告 管理群", group=room.other)
        for guess in range(5):
            assert await order(room, f"/防广告 管理群 AAAAA{guess}") == wrong
        word = offered.split("管理群 ")[1][:6]
        assert await order(room, f"/防广告 管理群 {word}") == wrong


async def test_members_link_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        only = ["只有管理员可以这样做。"]
        assert await room.say("/防广告 管理群", by="安", group=room.other) == only
        offered = await order(room, "/防广告 管理群", group=room.other)
        word = offered.split("管理群 ")[1][:6]
        assert await room.say(f"/防广告 管理群 {word}", by="安") == only
        assert "报告以后发到" in await order(room, f"/防广告 管理群 {word.lower()}")


async def test_reports_are_harmless_and_whole(room: Room) -> None:
    await room.say("加微信 https://ad.example/x @全体成员 " + "长" * 500, by="贾")
    [report] = said_in(room, room.other)
    lines = report.split("\n")
    assert lines[0] == "#1 贾（贾） 在「测试群」"
    assert lines[1] == "97% 像广告：留了联系方式、措辞像广告"
    assert lines[2].startswith("原文：加微信 hxxps[:]//ad[.]example/x ＠全体成员 长")
    assert lines[2].endswith("长…")
    assert lines[3] == "做了：已撤回"
    assert lines[4] == "引用这条回：误判、是广告、移除 或 为什么"


@pytest.mark.parametrize("words", ["误判", "/误判", "误判。", "/ham"])
async def test_a_report_is_answered_by_quoting_it(room: Room, words: str) -> None:
    await room.say(AD, by="安")
    # The notice in the group comes after the report.
    at = next(n for n, sent in enumerate(room.platform.sent, 1) if sent.group.id == room.other.id)
    said = await room.say(words, by="博", role=ADMIN, group=room.other, quote=f"b{at}")
    assert said == ["好，#1 是误判：原话发回群里了、这样的话以后放行。"]
    assert said_in(room, room.group)[-1] == f"安 说：{AD}"


async def test_a_report_is_answered_by_its_number(room: Room) -> None:
    await room.say(DOUBT, by="贾", message_id="doubt")
    assert await order(room, "/是广告 1", group=room.other) == "好，#1 记作广告了：已撤回。"
    assert room.platform.recalled == ["doubt"]
    [row] = await room.rows("select group_id, member_name from audit where act = 'moderate'")
    assert row == {"group_id": room.group.id, "member_name": "博"}


@pytest.mark.parametrize(
    ("here", "there", "may"),
    [(Role.ADMIN, Role.MEMBER, True), (Role.MEMBER, Role.ADMIN, True), (Role.MEMBER, Role.MEMBER, False),
     (Role.UNKNOWN, Role.OWNER, True)],
)  # fmt: skip
@pytest.mark.parametrize("words", ["/移除 1", "移除"])
async def test_admins_of_either_group_have_their_say(
    room: Room, here: Role, there: Role, may: bool, words: str
) -> None:
    await room.say(DOUBT, by="贾", message_id="doubt")
    report = room.last_id
    room.platform.roles[room.group.id, f"{PLATFORM}:丁"] = there
    said = await room.say(words, by="丁", role=here, group=room.other, quote=None if "1" in words else report)
    assert said == (["#1 已撤回。"] if may else ["只有管理员可以这样做。"])
    assert room.platform.recalled == (["doubt"] if may else [])


async def test_a_third_group_learns_nothing(room: Room) -> None:
    await room.say(AD, by="贾")
    for text in ("/误判 1", "/移除 1 踢出", "/为什么 1", "/是广告 1"):
        assert await order(room, text, group=THIRD) == "没有 #1。"
    assert room.platform.kicked == {}


async def test_an_admin_group_decides_nothing_about_a_group_it_was_parted_from(room: Room) -> None:
    await room.say(AD, by="贾")
    assert await order(room, "/防广告 管理群 取消") == "好，报告不再发到管理群。"
    assert await order(room, "/误判 1", group=room.other) == "没有 #1。"
    before = len(said_in(room, room.other))
    await room.say(AD, by="丁")
    assert len(said_in(room, room.other)) == before


async def test_the_admin_group_may_part_too(room: Room) -> None:
    assert await order(room, "/防广告 管理群 取消", group=room.other) == "好，1 个群的报告不再发到这里。"
    await room.say(AD, by="贾")
    assert [text for text in said_in(room, room.other) if "像广告" in text] == []


async def test_the_link_outlives_a_restart(room: Room) -> None:
    await room.restart()
    await room.say(DOUBT, by="贾")
    assert "#1 贾（贾） 在「测试群」" in said_in(room, room.other)[-1]
    assert said_in(room, room.group) == []
    assert await order(room, "/误判 1", group=room.other) == "好，#1 是误判：这样的话以后放行。"


async def test_the_shadow_reports_and_is_silent_in_the_group(shadow: Room) -> None:
    await shadow.say(AD, by="贾")
    await shadow.say(DOUBT, by="贾")
    assert said_in(shadow, shadow.group) == []
    first, second = said_in(shadow, shadow.other)
    assert "影子模式没有动手，开启后会：撤回" in first
    assert "影子模式没有动手，开启后会：问管理员" in second
    assert shadow.platform.recalled == []


async def test_an_ad_by_an_admin_is_not_reported(room: Room) -> None:
    await room.say(AD, by="陈", role=Role.OWNER)
    assert said_in(room, room.other) == []


async def test_a_raid_is_not_reported_one_by_one(room: Room) -> None:
    for number in range(25):
        await room.say(AD, by=f"贾{number}")
    assert len([text for text in said_in(room, room.other) if "像广告" in text]) == 20
    assert (await order(room, "/防广告 待审", group=room.other)).startswith("没有等你们看的")
    assert len(room.platform.recalled) == 25


async def test_what_waits_for_an_answer_is_listed_in_the_admin_group(room: Room) -> None:
    await room.say(DOUBT, by="贾")
    told = await order(room, "/防广告 待审", group=room.other)
    assert told.split("\n")[:2] == ["等你们看的有 1 条：", "#1 「测试群」贾：有兼职的私聊我"]
    await order(room, "/误判 1", group=room.other)
    assert await order(room, "/防广告 待审", group=room.other) == "没有等你们看的。"


async def test_who_is_removed_again_and_again_is_asked_about(room: Room) -> None:
    for number in range(2):
        await room.say(AD, by="贾", message_id=f"ad{number}")
    guard = next(kept.value for kept in room.app.keeper._kept.values() if isinstance(kept.value, Guard))
    guard.groups[room.group.id].members[f"{PLATFORM}:贾"].last_strike -= 60
    await room.say(AD, by="贾")
    assert "TA 一再发广告，要移出群请发：/移除 3 踢出" in said_in(room, room.other)[-1]
    assert room.platform.muted == {f"{PLATFORM}:贾": 86_400}
    assert room.platform.kicked == {}


async def test_where_the_guard_is_off_in_the_admin_group_the_group_itself_is_asked(room: Room) -> None:
    await order(room, "/关闭 防广告", group=room.other)
    assert await room.say(DOUBT, by="贾") == ["#1 这条像广告，管理员看一下：/移除 1 或 /误判 1"]
