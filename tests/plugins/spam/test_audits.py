"""The random audit: whom the lot falls on, where it is asked about, and what an answer does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from random import Random

import pytest

from bot.testing import PLATFORM, Room
from bot.types import Image, Role
from plugins.spam import Spam
from plugins.spam.auditing import Auditor
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.state import Guard
from tests.plugins.spam.guard_room import AD, ADMIN, decision, guarded, order, said_in
from tests.plugins.spam.painted import code, saved
from tests.plugins.spam.test_guard_admins import link

DAY = 86_400


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    """Twenty questions a day: on a quiet day the lot falls on every message."""
    async with guarded(monkeypatch) as room:
        await room.set(Spam, audits=20)
        yield room


def guard(room: Room) -> Guard:
    return next(kept.value for kept in room.app.keeper._kept.values() if isinstance(kept.value, Guard))


async def watched(room: Room) -> Watched:
    """The group, whose lot falls on everything."""
    found = await guard(room).group(room.group.id)
    found.audit = Auditor(20, Random(1), {"day": "", "days": 9, "expected": dict.fromkeys(
        ("act", "low", "middle", "high"), 0.1), "seen": {}, "chosen": {}})  # fmt: skip
    return found


async def pass_a_day(room: Room) -> None:
    """All that was said is a day older."""
    await room.rows("select 1")
    await room.app.store.write(lambda db: db.execute("update spam_decisions set time = time - ?", [DAY + 60]).rowcount)


async def chosen(room: Room, *texts: str) -> None:
    await watched(room)
    for text in texts:
        await room.say(text, by="安")
    await pass_a_day(room)


async def test_what_the_lot_falls_on_is_kept_with_its_chance(room: Room) -> None:
    await watched(room)
    assert await room.say("今天谁值班", by="安") == []
    row = await decision(room)
    assert (row["origin"], row["verdict"], row["step"], row["chance"]) == ("audit", "pass", "none", 1.0)
    await room.say(AD, by="贾")
    row = await decision(room, 2)
    assert (row["origin"], row["verdict"], row["step"], row["chance"]) == ("screen", "act", "recall", 1.0)


async def test_nobody_is_asked_about_admins_or_commands(room: Room) -> None:
    await watched(room)
    await room.say("今天谁值班", by="博", role=ADMIN)
    await room.say(AD, by="博", role=Role.OWNER)
    for text in ("/帮助", "/举报", "／举报", "/申诉 1 这是群里活动的链接"):
        await room.say(text, by="安")
        await room.say(text, by="丙", mention=True)
    rows = await room.rows("select chance, outcome from spam_decisions")
    assert rows == [{"chance": None, "outcome": '{"spared": true}'}]


async def test_nothing_is_chosen_where_no_questions_are_wanted(room: Room) -> None:
    await watched(room)
    await room.set(Spam, audits=0)
    await room.say("今天谁值班", by="安")
    assert await room.rows("select 1 from spam_decisions") == []


async def test_the_admin_group_is_asked_a_day_later_and_once(room: Room) -> None:
    await link(room)
    await watched(room)
    await room.say("今天谁值班 @全体 https://a.example/x", by="安")
    before = len(said_in(room, room.other))
    await room.run("audit")
    assert len(said_in(room, room.other)) == before, "admins may see it for themselves first"
    await pass_a_day(room)
    await room.run("audit")
    [asked] = said_in(room, room.other)[before:]
    assert asked.split("\n")[1:] == [
        "#1 「测试群」安：今天谁值班 ＠全体 hxxps[:]//a[.]example/x（放过了）",
        "引用这条回 误判 或 是广告，也可以发：/误判 1 或 /是广告 1",
    ]
    await room.run("audit")
    assert len(said_in(room, room.other)) == before + 1
    assert len(said_in(room, room.group)) == 2, "that the guard is on, and linked; of the lot it hears nothing"
    assert "#1 「测试群」安：今天谁值班" in await order(room, "/防广告 待审", group=room.other)
    assert await order(room, "/防广告 待审") == "还有 1 条抽查，在管理群里。"


async def test_nobody_is_asked_about_what_an_admin_labelled_meanwhile(room: Room) -> None:
    await link(room)
    await chosen(room, "今天谁值班", "明天谁值班")
    await order(room, "/误判 1")
    await room.run("audit")
    asked = said_in(room, room.other)[-1]
    assert "#2 " in asked
    assert "#1 " not in asked


async def test_an_answer_that_it_is_none_just_says_so(room: Room) -> None:
    await link(room)
    await chosen(room, "今天谁值班")
    await room.run("audit")
    answered = await room.say("误判", by="博", role=ADMIN, group=room.other, quote=room.last_id)
    assert answered == ["好，#1 不是广告，记下了。"]
    assert (await decision(room))["label"] == "ham"
    assert await room.rows("select 1 from spam_samples") == []
    assert await order(room, "/误判 1", group=room.other) == "#1 已经按误判处理过了。"


async def test_an_answer_that_it_is_an_ad_teaches_and_leaves_it_where_it_is(room: Room) -> None:
    await link(room)
    await chosen(room, "今天谁值班")
    answered = await order(room, "/是广告 1", group=room.other)
    assert answered == "好，#1 记作广告了。原话还在，要撤回：/移除 1"
    assert room.platform.recalled == []
    assert [row["label"] for row in await room.rows("select label from spam_samples")] == ["spam"]
    standing = (await guard(room).group(room.group.id)).standing(f"{PLATFORM}:安")
    assert standing.strikes == 0
    assert await order(room, "/移除 1", group=room.other) == "#1 已撤回。"
    assert len(room.platform.recalled) == 1


async def test_a_wrong_answer_is_taken_back(room: Room) -> None:
    await chosen(room, "今天谁值班")
    await order(room, "/是广告 1")
    assert await order(room, "/误判 1") == "好，#1 是误判：这样的话以后放行。"
    assert await room.rows("select 1 from spam_samples where active and label = 'spam'") == []
    row = await decision(room)
    assert row["label"] == "ham"
    assert row["label_time"] <= time.time()


async def test_whoever_points_at_the_message_itself_has_it_acted_on(room: Room) -> None:
    await watched(room)
    await room.say("今天谁值班", by="安", message_id="it")
    [told] = await room.say("/广告", by="博", role=ADMIN, quote="it")
    assert told == "好，#1 记作广告了：已撤回。"
    assert room.platform.recalled == ["it"]


async def test_several_are_answered_at_once(room: Room) -> None:
    await link(room)
    await chosen(room, "今天谁值班", "明天谁值班", "后天谁值班")
    await room.run("audit")
    question = room.last_id
    assert "/误判 1 2 …" in said_in(room, room.other)[-1]
    vague = await room.say("误判", by="博", role=ADMIN, group=room.other, quote=question)
    assert vague == ["这里有好几条，写上编号：误判 128 131，或 是广告 140"]
    both = await room.say("误判 1 #3", by="博", role=ADMIN, group=room.other, quote=question)
    assert both == ["好，#1 不是广告，记下了。\n好，#3 不是广告，记下了。"]
    assert await order(room, "/误判 1、99，2", group=room.other) == (
        "#1 已经按误判处理过了。\n没有 #99。\n好，#2 不是广告，记下了。"
    )


async def test_a_word_that_is_no_number_labels_nothing(room: Room) -> None:
    await chosen(room, "今天谁值班")
    assert "/误判 128" in await order(room, "/误判 1 对吗")
    assert (await decision(room))["label"] is None


async def test_without_an_admin_group_only_the_admin_who_looks_is_told(room: Room) -> None:
    await chosen(room, "今天谁值班")
    await room.run("audit")
    assert len(said_in(room, room.group)) == 1, "only that the guard is on"
    start = len(room.platform.sent)
    assert await order(room, "/防广告 待审") == "还有 1 条抽查，私聊发你了。"
    alone = [
        text for sent, text in zip(room.platform.sent[start:], room.platform.texts[start:], strict=True) if sent.to
    ]
    assert len(alone) == 1
    assert "#1 「测试群」安：今天谁值班（放过了）" in alone[0]
    assert await room.say("/防广告 待审", by="安") == ["只有管理员可以这样做。"]
    assert await order(room, "/误判 1") == "好，#1 不是广告，记下了。"
    assert await order(room, "/防广告 待审") == "没有等你们看的。"


async def test_what_was_forgotten_is_not_asked_about(room: Room) -> None:
    await link(room)
    await chosen(room, "今天谁值班")
    await room.app.store.write(lambda db: Spam.forget(db, f"{PLATFORM}:安"))
    before = len(said_in(room, room.other))
    await room.run("audit")
    assert len(said_in(room, room.other)) == before


async def test_choosing_goes_on_after_a_restart(room: Room) -> None:
    found = await watched(room)
    await room.say("今天谁值班", by="安")
    state = found.audit.state
    await room.restart()
    await room.say("/防广告", by="博", role=ADMIN)
    assert (await guard(room).group(room.group.id)).audit.state == state


async def test_what_a_picture_shows_of_a_chosen_message_counts_and_is_no_lot_any_more(room: Room) -> None:
    await watched(room)
    await room.say("看这个", by="安", images=[Image(data=saved(code()), mime="image/png")], message_id="it")
    row = await decision(room)
    assert (row["verdict"], row["rule"], row["origin"], row["step"]) == ("review", "code", "picture", "ask")
    assert row["chance"] is None
