"""Members report: how much a report weighs, and what comes of many."""

from __future__ import annotations

import time

import pytest

from bot.testing import Room
from bot.types import Role
from plugins.spam.finding import Finding
from plugins.spam.guard import decisions
from plugins.spam.guard.decisions import Decision
from plugins.spam.guard.groups import Standing
from plugins.spam.guard.reporting import MEMBER_HOURLY, THANKS, Voice, total, voice, weight
from plugins.spam.guard.spam import Spam
from tests.plugins.spam.house import BOSS, guarded, told, trust

OLD = ("甲", "乙", "丙", "丁")


async def reported(room: Room, message_id: str, *names: str) -> list[str]:
    said = []
    for name in names:
        said += await room.say("/举报", by=name, quote=message_id)
    return said


async def steps(room: Room) -> list[tuple[str, str, str]]:
    rows = await room.rows("select origin, verdict, step from spam_decisions order by id")
    return [(row["origin"], row["verdict"], row["step"]) for row in rows]


def test_a_report_weighs_what_earlier_ones_were_worth() -> None:
    assert weight(Standing()) == 1
    assert weight(Standing(good_reports=3)) > 1
    assert weight(Standing(good_reports=1000)) == 1.5
    assert weight(Standing(false_reports=1)) == 0.5
    assert weight(Standing(false_reports=3)) == 0
    assert 0.5 < weight(Standing(good_reports=4, false_reports=2)) < 1
    falling = [weight(Standing(good_reports=5, false_reports=false)) for false in range(20)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == 0


def test_newcomers_together_never_bring_more_than_half() -> None:
    newcomer, member = voice(Standing(), 5), voice(Standing(real=5), 5)
    assert (newcomer, member) == (Voice(0.5, True), Voice(1.0, False))
    assert voice(Standing(trusted_by="qq:1"), 5) == member
    assert total([newcomer] * 1000, 3) == 1.5
    assert total([newcomer] * 1000 + [member], 3) == 2.5
    assert total([member] * 3, 3) == 3


async def test_enough_members_bring_it_before_the_admins(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, *OLD)
        await room.say("请加这个号码", by="客", message_id="ad")
        assert await reported(room, "ad", "甲", "乙") == [THANKS, THANKS]
        assert await steps(room) == []
        said = await reported(room, "ad", "丙")
        assert said == ["#1 这条像广告，管理员看一下：/移除 1 或 /误判 1", THANKS]
        assert await steps(room) == [("report", "review", "ask")]
        assert room.platform.recalled == []
        # One more asks nobody again.
        assert await reported(room, "ad", "丁") == [THANKS]
        assert len(await steps(room)) == 1


async def test_where_the_engine_doubts_too_it_is_taken_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, *OLD)
        await room.say("有点可疑的一句", by="客", message_id="ad")
        assert await steps(room) == [("screen", "review", "ask")]
        said = await reported(room, "ad", *OLD[:3])
        assert room.platform.recalled == ["ad"]
        assert any(line.startswith("#1 撤回了一条广告（有成员举报") for line in said)
        assert await steps(room) == [("screen", "act", "recall")]
        # The bot did it, and nobody's name stands beside it.
        rows = await room.rows("select member_id, subject from audit where act = 'moderate'")
        assert rows == [{"member_id": "room:bot", "subject": "ad"}]


async def test_a_trusted_member_is_never_taken_down_by_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, *OLD, "老")
        await room.say("有点可疑的一句", by="老", message_id="ad")
        await reported(room, "ad", *OLD)
        await room.say("很平常的一句话", by="老", message_id="plain")
        await reported(room, "plain", *OLD)
        assert room.platform.recalled == []
        assert await steps(room) == [("screen", "review", "ask"), ("report", "review", "ask")]


async def test_a_crowd_of_newcomers_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, "甲", "乙")
        await room.say("很平常的一句话", by="客", message_id="plain")
        await reported(room, "plain", *(f"小号{number}" for number in range(20)))
        assert await steps(room) == []
        await reported(room, "plain", "甲")
        assert await steps(room) == []
        await reported(room, "plain", "乙")
        assert await steps(room) == [("report", "review", "ask")]


async def test_one_member_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, "甲")
        await room.say("很平常的一句话", by="客", message_id="plain")
        assert await reported(room, "plain", *["甲"] * 4) == [THANKS] * 4
        assert await steps(room) == []
        assert len(await room.rows("select * from spam_reports")) == 1


async def test_a_member_reports_a_few_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        for number in range(MEMBER_HOURLY + 1):
            await room.say(f"第 {number} 句很平常的话", by="客", message_id=f"m-{number}")
        for number in range(MEMBER_HOURLY):
            await reported(room, f"m-{number}", "甲")
        [refused] = await reported(room, f"m-{MEMBER_HOURLY}", "甲")
        assert refused.startswith("你举报得太勤了")
        assert len(await room.rows("select * from spam_reports")) == MEMBER_HOURLY


async def test_admins_the_bot_and_oneself_are_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await room.say("下周开会", by=BOSS, role=Role.ADMIN, message_id="boss")
        assert await reported(room, "boss", "甲") == ["这是管理员的消息，有意见请直接和管理员说。"]
        await room.say("/防广告", by=BOSS, role=Role.ADMIN)
        assert await reported(room, room.last_id, "甲") == ["这是我说的。哪里不对，请告诉管理员。"]
        await room.say("我说错了", by="甲", message_id="own")
        assert await reported(room, "own", "甲") == ["自己的消息，撤回就行。"]
        assert await reported(room, "never", "甲") == ["我没有听到过这条消息，请直接告诉管理员。"]
        assert await room.say("/举报", by="甲") == ["引用那条广告，发：/举报"]
        [hint] = await room.say("/举报", by=BOSS, role=Role.ADMIN, quote="own")
        assert "/广告" in hint
        assert await room.rows("select * from spam_reports") == []


async def test_the_admins_word_settles_what_reporters_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, *OLD)
        await room.say("很平常的一句话", by="客", message_id="plain")
        await reported(room, "plain", *OLD[:3])
        await room.say("/误判 1", by=BOSS, role=Role.ADMIN)
        await room.say("有点可疑的一句", by="客", message_id="ad")
        await reported(room, "ad", *OLD)
        await room.say("/是广告 2", by=BOSS, role=Role.ADMIN)
        await room.restart()
        query = (
            "select member_id, good_reports, false_reports from spam_members where member_id != 'room:客' order by 1"
        )
        found = {row["member_id"]: (row["good_reports"], row["false_reports"]) for row in await room.rows(query)}
        assert {name: found[f"room:{name}"] for name in OLD} == {"甲": (1, 1), "乙": (1, 1), "丙": (1, 1), "丁": (1, 0)}
        # Taken back, it counts the other way round.
        await room.say("/误判 2", by=BOSS, role=Role.ADMIN)
        await room.restart()
        found = {row["member_id"]: (row["good_reports"], row["false_reports"]) for row in await room.rows(query)}
        assert (found["room:甲"], found["room:丁"]) == ((0, 2), (0, 1))


async def test_who_cried_wolf_is_thanked_and_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await room.set(Spam, reports=1)
        await trust(room, "甲")
        for number in range(3):
            await room.say(f"第 {number} 句很平常的话", by="客", message_id=f"m-{number}")
            # Weighing less, one voice is not enough any more, and the admin looks at it by themselves.
            await reported(room, f"m-{number}", "甲")
            await room.say("/广告", by=BOSS, role=Role.ADMIN, quote=f"m-{number}")
            await room.say(f"/误判 {number + 1}", by=BOSS, role=Role.ADMIN)
        await room.say("又一句很平常的话", by="客", message_id="last")
        before = len(await steps(room))
        assert await reported(room, "last", "甲") == [THANKS]
        assert len(await steps(room)) == before


async def test_nothing_names_who_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, admins=True) as room:
        await trust(room, *OLD)
        await room.say("请加这个号码", by="客", message_id="ad")
        start = len(room.platform.sent)
        said = await reported(room, "ad", *OLD[:3])
        assert said == [THANKS] * 3
        [report] = told(room, room.other, start)
        assert "有成员举报" in report
        why = await room.say("/为什么 1", by=BOSS, role=Role.ADMIN)
        assert not any(name in text for text in [report, *why] for name in OLD)
        assert all(outgoing.quote is None for outgoing in room.platform.sent[start:-1])


async def test_what_was_only_noted_in_the_shadow_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, "") as room:
        await trust(room, *OLD)
        await room.say("有点可疑的一句", by="客", message_id="ad")
        assert await steps(room) == [("screen", "review", "note")]
        await room.say("/防广告 开启", by=BOSS, role=Role.ADMIN)
        said = await reported(room, "ad", *OLD[:3])
        assert any(line.startswith("#1 撤回了一条广告") for line in said)
        assert room.platform.recalled == ["ad"]


async def test_what_was_chosen_by_lot_stays_so_in_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, *OLD)
        await room.say("很平常的一句话", by="客", message_id="plain")
        drawn = Decision(
            room.group.id, "", "room:客", "客", "plain", "很平常的一句话", time.time(), Finding(0.01, "pass"), "on",
            "audit", chance=0.1,
        )  # fmt: skip
        await room.app.store.write(lambda db: decisions.write(db, drawn)[1])
        said = await reported(room, "plain", *OLD[:3])
        assert "#1 这条像广告，管理员看一下：/移除 1 或 /误判 1" in said
        rows = await room.rows("select origin, verdict, rule, step, chance from spam_decisions")
        assert rows == [{"origin": "audit", "verdict": "pass", "rule": "", "step": "ask", "chance": 0.1}]


async def test_what_an_admin_answered_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await trust(room, *OLD)
        await room.say("有点可疑的一句", by="客", message_id="ad")
        await room.say("/误判 1", by=BOSS, role=Role.ADMIN)
        assert await reported(room, "ad", *OLD) == [THANKS] * 4
        assert room.platform.recalled == []


@pytest.mark.parametrize("mode", ["影子", "关闭"])
async def test_in_the_shadow_nobody_is_asked_in_the_group(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    async with guarded(monkeypatch, mode) as room:
        await trust(room, *OLD)
        await room.say("有点可疑的一句", by="客", message_id="ad")
        said = await reported(room, "ad", *OLD)
        expected = THANKS if mode == "影子" else "本群没有开防广告，请直接告诉管理员。"
        assert said == [expected] * 4
        assert room.platform.recalled == []
