"""The lists of a group, by chat."""

from __future__ import annotations

import pytest

from bot.testing import Room
from bot.types import Group, Role
from plugins.spam import lists
from plugins.spam.guard.listing import USAGE
from tests.plugins.spam.house import BOSS, guarded


async def order(room: Room, words: str, *, by: str = BOSS, group: Group | None = None, **more: object) -> str:
    [said] = await room.say(f"/防广告 名单 {words}", by=by, role=Role.ADMIN, group=group, **more)  # type: ignore[arg-type]  # quote, mentions
    return said


async def test_a_denied_word_stops_and_an_allowed_message_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        said = await order(room, "拦截 兼职日结")
        assert said == "好，加进拦截名单了：词句「兼职日结」。含有它的消息都会被拦下。"
        await room.say("来做兼 职 日 结", by="客", message_id="one")
        assert room.platform.recalled == ["one"]
        await order(room, "放行 卖号位招租看公告")
        await room.say("卖号位招租看公告", by="新", message_id="two")
        await room.say("卖号位招租看公告，加我", by="新", message_id="three")
        assert room.platform.recalled == ["one", "three"]
        assert await order(room, "") == "名单，共 2 条\n1. 拦截 词句「兼职日结」\n2. 放行 词句「卖号位招租看公告」"


async def test_an_entry_holds_after_a_restart_and_until_it_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await order(room, "拦截 通配 加*领资料")
        await order(room, "拦截 原文 ➕V")
        await room.restart()
        await room.say("加群就能领资料", by="客", message_id="one")
        await room.say("快➕v", by="客二", message_id="two")
        assert room.platform.recalled == ["one", "two"]
        assert await order(room, "删除 1") == "从拦截名单里删掉了：通配「加*领资料」。后面的号码往前移了。"
        await room.say("加群就能领资料", by="客三", message_id="three")
        assert room.platform.recalled == ["one", "two"]
        assert await order(room, "删除 2") == "没有第 2 条。"
        assert (await order(room, "删除 x")).startswith("要删第几条")


async def test_members_by_mention_by_quote_and_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await room.say("大家早上好", by="引用的", message_id="said")
        await order(room, "放行 成员", mentions=["点名的"])
        await order(room, "放行 成员", quote="said")
        await order(room, "拦截 成员 number-3")
        rows = await room.rows("select kind, value from spam_lists order by time")
        assert rows == [
            {"kind": "allow", "value": "room:点名的"},
            {"kind": "allow", "value": "room:引用的"},
            {"kind": "deny", "value": "room:number-3"},
        ]
        await room.say("我在卖号", by="点名的", message_id="fine")
        await room.say("我在卖号", by="客", message_id="ad")
        assert room.platform.recalled == ["ad"]
        assert (await order(room, "拦截 成员")).startswith("要说是谁")
        await room.say("我也是管理员", by="副", role=Role.ADMIN, message_id="vice")
        assert await order(room, "拦截 成员", quote="vice") == "管理员不能进拦截名单。"


async def test_a_word_moves_from_one_list_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await order(room, "拦截 域名 https://www.Example.com/a?b=1")
        assert await order(room, "拦截 域名 example.com") == "名单里已经有了：域名「example[.]com」。"
        said = await order(room, "放行 域名 example.com")
        assert said.startswith("好，加进放行名单了：域名「example[.]com」。只有指向它的链接")
        assert await room.rows("select kind, value from spam_lists") == [{"kind": "allow", "value": "example.com"}]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("拦截 群", "太短了"),
        ("拦截 通配 *", "不能只有 *"),
        ("拦截 通配 " + "兼职*" * 7, "最多用 5 个 *"),
        ("拦截 " + "长" * 200, "太长了，最多 100 个字"),
        ("拦截 域名 com.cn", "下面有无数网站"),
        ("拦截 域名 你好", "这不像域名"),
        ("拦截", "要写上内容"),
        ("封掉 他", USAGE),
        ("9", "名单只有"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, words: str, why: str
) -> None:
    async with guarded(monkeypatch) as room:
        await order(room, "放行 欢迎新同学")
        assert why in await order(room, words)
        assert len(await room.rows("select * from spam_lists")) == 1


async def test_what_the_group_says_every_day_cannot_be_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        for number in range(10):
            await room.say(f"请教一下第 {number} 个编译问题", by="甲")
            await room.say(f"可疑的传单 {number}", by=f"客{number}")
        assert "有 10 条会被它拦下" in await order(room, "拦截 请教一下")
        # What was taken for an ad is no ordinary talk.
        assert (await order(room, "拦截 可疑的传单")).startswith("好，")


async def test_a_full_list_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST", 2)
    async with guarded(monkeypatch) as room:
        await order(room, "拦截 兼职日结")
        await order(room, "拦截 代写论文")
        assert await order(room, "拦截 贷款秒批") == "名单满了（2 条），先删掉几条再加。"
        # One that moves needs no new place.
        assert (await order(room, "放行 代写论文")).startswith("好，")


async def test_only_an_operator_writes_for_all_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, operators=("room:站长",)) as room:
        only = "对所有群都算的名单，只有运营者可以改。"
        assert await order(room, "拦截 全部群 兼职日结") == only
        await room.say("大家好", group=room.other)
        await room.say("/防广告 开启", by=BOSS, role=Role.ADMIN, group=room.other)
        said = await order(room, "拦截 全部群 兼职日结", by="站长")
        assert said.startswith("好，加进拦截名单了，对所有群都算：词句「兼职日结」")
        await room.say("兼职日结", by="客", group=room.other, message_id="there")
        assert room.platform.recalled == ["there"]
        await order(room, "拦截 代写论文", group=room.other)
        shown = await order(room, "", group=room.other)
        assert shown == "名单，共 2 条\n1. 拦截（所有群） 词句「兼职日结」\n2. 拦截 词句「代写论文」"
        assert await order(room, "删除 1", group=room.other) == only
        # Another group's own words stay its own.
        assert "代写论文" not in await order(room, "")
        assert (await order(room, "删除 1", by="站长")).startswith("从拦截名单里删掉了")


async def test_a_list_links_and_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        said = await order(room, "拦截 原文 https://evil.com/a @全体成员 [CQ:at,qq=all]")
        shown = await order(room, "")
        for text in (said, shown):
            assert "evil.com" not in text
            assert "@" not in text
            assert "[CQ:" not in text


async def test_members_see_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await order(room, "拦截 兼职日结")
        assert await room.say("/防广告 名单", by="客") == ["只有管理员可以这样做。"]
