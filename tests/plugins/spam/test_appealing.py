"""A member says that it was no ad, and hears what became of it."""

from __future__ import annotations

import pytest

from bot.errors import AdapterError
from bot.testing import Room
from bot.types import Group, Role
from plugins.spam.guard.appealing import DAILY
from tests.plugins.spam.house import BOSS, guarded, told, told_alone

DIRECT = Group("room:dm:客", "客", direct=True)


async def accuse(room: Room, number: int = 1) -> None:
    """The member 客 is taken down."""
    await room.say(f"卖号的第 {number} 条", by="客", message_id=f"ad-{number}")


async def test_an_appeal_goes_to_the_admins_and_its_answer_to_the_member(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, admins=True) as room:
        await accuse(room)
        start = len(room.platform.sent)
        words = "这是群主让发的 https://evil.com @全体成员"
        said = await room.say(f"/申诉 1 {words}", by="客", group=DIRECT)
        assert said == ["收到，转给管理员了，有结果会告诉你。"]
        [report] = told(room, room.other, start)
        assert report.startswith("#1 有申诉：这是群主让发的 hxxps[:]//evil[.]com ＠全体成员\n#1 客")
        assert told(room, room.group, start) == []
        await room.say("/误判 1", by=BOSS, role=Role.ADMIN)
        assert told_alone(room, "客") == ["你对 #1 的申诉有结果了：管理员认定是误判，已经改过来了。"]
        # Told once.
        await room.say("/是广告 1", by=BOSS, role=Role.ADMIN)
        assert len(told_alone(room, "客")) == 1


async def test_without_an_admin_group_the_group_is_told_without_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await accuse(room)
        start = len(room.platform.sent)
        assert await room.say("/申诉 #1 加微信 abc", by="客", group=DIRECT) == ["收到，请管理员来看，有结果会告诉你。"]
        assert told(room, room.group, start) == ["#1 有申诉，请管理员看一下：弄错了发 /误判 1，没弄错发 /是广告 1"]
        await room.say("/是广告 1", by=BOSS, role=Role.ADMIN)
        assert told_alone(room, "客") == ["你对 #1 的申诉有结果了：管理员看过了，维持原来的处理。"]


async def test_who_cannot_be_told_alone_is_called_in_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await accuse(room)
        await room.say("/申诉 1 我没有", by="客")
        send = room.platform.send

        async def no_strangers(outgoing: object) -> str:
            if getattr(outgoing, "to", None) is not None:
                raise AdapterError("不是好友")
            return await send(outgoing)  # type: ignore[arg-type]  # the platform's own signature

        monkeypatch.setattr(room.platform, "send", no_strangers)
        said = await room.say("/是广告 1", by=BOSS, role=Role.ADMIN)
        assert "@客 你对 #1 的申诉有结果了：管理员看过了，维持原来的处理。" in said


async def test_only_the_member_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await accuse(room)
        assert await room.say("/申诉 1 不是广告", by="别人") == ["没有 #1。"]
        assert await room.say("/申诉 7 不是广告", by="客") == ["没有 #7。"]
        assert await room.say("/申诉 1", by="客") == ["我的消息被误会了：/申诉 128 理由"]
        [said] = await room.say("/申诉 1 不是广告", by="客")
        assert said.startswith("收到，请管理员来看")
        assert await room.say("/申诉 1 真的不是", by="客") == ["#1 你已经申诉过了，请等管理员的答复。"]
        assert await room.rows("select decision_id, words from spam_appeals") == [
            {"decision_id": 1, "words": "不是广告"}
        ]


async def test_what_was_put_right_needs_no_appeal(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await accuse(room)
        await room.say("/误判 1", by=BOSS, role=Role.ADMIN)
        assert await room.say("/申诉 1 不是广告", by="客") == ["#1 管理员已经改判为误判了。"]
        assert told_alone(room, "客") == []


async def test_nobody_learns_of_the_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, "") as room:
        await accuse(room)
        assert len(await room.rows("select * from spam_decisions")) == 1
        assert await room.say("/申诉 1 不是广告", by="客") == ["没有 #1。"]


async def test_a_member_appeals_a_few_times_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        for number in range(1, DAILY + 2):
            await accuse(room, number)
        for number in range(1, DAILY + 1):
            [said] = await room.say(f"/申诉 {number} 不是广告", by="客", group=DIRECT)
            assert said.startswith("收到")
        [refused] = await room.say(f"/申诉 {DAILY + 1} 不是广告", by="客", group=DIRECT)
        assert refused.startswith(f"一天最多申诉 {DAILY} 次")


async def test_an_appeal_that_repeats_the_ad_is_not_punished(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await accuse(room)
        before = len(room.platform.recalled)
        await room.say("/申诉 1 我写的「卖号的」是在问价", by="客")
        assert len(room.platform.recalled) == before
        # Who was not acted on hides no ad behind the word.
        await room.say("/申诉 1 卖号的来", by="路")
        assert len(room.platform.recalled) > before
