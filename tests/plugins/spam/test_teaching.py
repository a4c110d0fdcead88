"""A group teaches its guard: known at once, learnt beside the lane, refused, shared, taken back."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator

import pytest
from sqlite_utils import Database

from bot.testing import Room
from bot.types import Role
from plugins.spam import Spam
from plugins.spam.guard import lessons, samples
from plugins.spam.guard.lessons import PASSED, VERSIONS, Passed
from plugins.spam.guard.tables import tables
from plugins.spam.increment import Increment
from plugins.spam.nearest import Trace
from tests.plugins.spam.classroom import THERE, chatter, classroom, engine, guard, missed, order, rule, talk, teach

pytestmark = [
    pytest.mark.skipif(not THERE, reason="the weights come without a replay"),
    pytest.mark.timeout(180),
]


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    """Nothing was said yet."""
    async with classroom(monkeypatch) as room:
        yield room


@pytest.fixture
async def lively(room: Room) -> Room:
    """A group that has seen enough talk to learn."""
    await chatter(room, talk(60))
    return room


def varied(text: str) -> str:
    """The same ad with other padding and numbers."""
    return f"{re.sub('[0-9]', '7', text)}～ 欢迎来问"


async def versions(room: Room) -> list[tuple[int, int, list[int]]]:
    rows = await room.rows("select version, active, samples from spam_versions order by version")
    return [(row["version"], row["active"], json.loads(row["samples"])) for row in rows]


async def asides(room: Room) -> list[tuple[str, int]]:
    rows = await room.rows("select aside, active from spam_samples where group_id = ? order by id", room.group.id)
    return [(row["aside"], row["active"]) for row in rows]


# --- at once ----------------------------------------------------------------------------------------


async def test_a_confirmed_ad_is_known_at_once_though_nothing_can_be_learnt_yet(room: Room) -> None:
    [ad] = missed(1)
    assert await rule(room, varied(ad)) == ""
    told = await teach(room, [ad])
    assert told[0].startswith("好，#1 记作广告了")
    assert "还没见过足够的本群正常消息（0/20）" in told[1]
    assert await rule(room, varied(ad)) == "known"
    assert await versions(room) == []


async def test_what_waits_is_learnt_when_enough_was_said(room: Room) -> None:
    await teach(room, missed(2))
    await chatter(room, talk(60))
    [(number, active, samples)] = await versions(room)
    assert (number, active, samples) == (1, 1, [1, 2])
    assert guard(room).groups[room.group.id].local.delta


async def test_that_it_waits_is_said_once(room: Room) -> None:
    told = [line for ad in missed(3) for line in await teach(room, [ad])]
    assert sum("还没见过足够" in line for line in told) == 1


async def test_a_cleared_message_passes_and_what_it_is_like_is_no_ad_any_more(room: Room) -> None:
    [ad] = missed(1)
    await teach(room, [ad])
    assert await rule(room, varied(ad)) == "known"
    assert "是误判" in (await room.say("/误判 2", by="博", role=Role.ADMIN))[-1]
    assert await rule(room, varied(ad)) == ""
    local = guard(room).groups[room.group.id].local
    assert local.known.find(Trace.of(engine().model.reader.folding.fold(ad))) is None, "neither is the one it was like"
    assert len(local.cleared) == 1


# --- a version --------------------------------------------------------------------------------------


async def test_a_lesson_becomes_a_version_and_outlives_a_restart(lively: Room) -> None:
    told = await teach(lively, missed(3))
    assert any(line.startswith("学会了") and "条广告" in line for line in told)
    made = await versions(lively)
    assert made[-1] == (made[-1][0], 1, [1, 2, 3])
    before = dict(guard(lively).groups[lively.group.id].local.delta)
    assert before
    await lively.restart()
    assert await rule(lively, varied(missed(3)[0])) == "known", "with the very first message"
    assert guard(lively).groups[lively.group.id].local.delta == before
    assert await versions(lively) == made, "nothing was left to be learnt"


async def test_several_words_make_one_lesson_and_two_admins_lose_none(lively: Room) -> None:
    ids = [f"x{number}" for number in range(6)]
    for number, ad in enumerate(missed(6)):
        await lively.say(ad, by=f"甲{number}", message_id=ids[number])
    for number, id in enumerate(ids):
        lively.platform.receive(lively.message("/广告", by="博" if number % 2 else "陈", role=Role.ADMIN, quote=id))
    await lively.settle(60)
    made = await versions(lively)
    assert len(made[-1][2]) == 6
    assert len(made) < 6


async def test_a_death_between_the_word_and_the_version_loses_nothing(lively: Room) -> None:
    await teach(lively, missed(2))

    def lose(db: Database) -> None:
        db.execute("delete from spam_versions")
        db.execute("delete from spam_samples where id = 2")

    await lively.app.store.write(lose)
    await lively.restart()
    await lively.say("大家早上好呀", by="熟1")
    await lively.settle(60)
    [(number, active, samples)] = await versions(lively)
    assert (number, active, len(samples)) == (1, 1, 2)


async def test_what_was_learnt_for_other_weights_is_learnt_anew(lively: Room) -> None:
    await teach(lively, missed(2))
    foreign = Increment("others", 1, {1: 0.5}).to_bytes()
    await lively.app.store.write(
        lambda db: db.execute("update spam_versions set delta = ? where active = 1", [foreign])
    )
    await lively.restart()
    await lively.say("大家早上好呀", by="熟1")
    await lively.settle(60)
    row = (await lively.rows("select delta from spam_versions where active = 1"))[0]
    assert Increment.from_bytes(row["delta"], engine().model.name) is not None
    assert guard(lively).groups[lively.group.id].local.delta.keys() != {1}
    told = await order(lively, "/防广告 回退")
    number = (await versions(lively))[-1][0]
    assert told in (
        f"回退了：从第 {number} 版回到第 1 版，撤下了 #2。",
        f"回退了：从第 {number} 版回到出厂的判断，撤下了 #1、#2。",
        f"回退了：从第 {number} 版回到出厂的判断，撤下了 #2、#1。",
    ), "the one of the same samples is no step back"


async def test_a_full_database_keeps_the_sample_and_says_so(lively: Room) -> None:
    [ad] = missed(1)
    await lively.say(ad, by="贾", message_id="ad")
    async with guard(lively).school.lesson:  # it is full when the lesson begins, and not before
        lively.platform.receive(lively.message("/广告", by="博", role=Role.ADMIN, quote="ad"))
        async with asyncio.timeout(10):
            while not lively.platform.texts[-1].startswith("好，#1 记作广告了"):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

        def fill(db: Database) -> None:
            db.execute(f"pragma max_page_count = {db.execute('pragma page_count').fetchone()[0]}")

        await lively.app.store.write(fill)
    await lively.settle(60)
    assert lively.platform.texts[-1] == "学到的暂时写不进数据库，样本还在，以后再学。"
    assert not guard(lively).groups[lively.group.id].local.delta
    lively.app.store._writer._connection.execute("pragma max_page_count = 1000000")
    assert await rule(lively, varied(ad)) == "known"
    await lively.restart()
    await lively.say("大家早上好呀", by="熟1")
    await lively.settle(60)
    assert len(await versions(lively)) == 1


async def test_who_gave_the_word_in_the_admin_group_is_told_there(lively: Room) -> None:
    offered = await order(lively, "/防广告 管理群", group=lively.other)
    found = re.search(r"/防广告 管理群 \w{6}", offered)
    assert found is not None
    await order(lively, found[0])
    await lively.set(Spam, reports=1)
    [ad] = missed(1)
    await lively.say(ad, by="贾", message_id="ad")
    await lively.say("/举报", by="熟1", quote="ad")
    [row] = await lively.rows("select id from spam_decisions where message_id = 'ad'")
    start = len(lively.platform.sent)
    await lively.say(f"/是广告 {row['id']}", by="博", role=Role.ADMIN, group=lively.other)
    sent = zip(lively.platform.sent[start:], lively.platform.texts[start:], strict=True)
    assert {outgoing.group.id for outgoing, text in sent if "学" in text} == {lively.other.id}


# --- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoken", [0, 60])
async def test_harmless_talk_is_not_taken_for_an_ad_even_by_being_alike(room: Room, spoken: int) -> None:
    await chatter(room, talk(spoken))
    model = engine().model
    [text] = sorted(talk(80, seed=5), key=lambda text: model.margin(model.indices(text)) if len(text) > 14 else 9.0)[:1]
    told = await teach(room, [text])
    assert told[0].startswith("好，#1 记作广告了")
    assert told[1].startswith("#1 像平常话，教成广告会误伤，已不学。")
    assert await asides(room) == [("unlikely", 1)]
    assert await rule(room, text) == ""
    await room.restart()
    assert await rule(room, text) == ""
    assert not guard(room).groups[room.group.id].local.known


async def test_ten_harmless_texts_by_command_change_nothing_for_others(lively: Room) -> None:
    harmless = talk(70, seed=5)[60:]
    told = "".join(await teach(lively, harmless))
    assert "像平常话" in told
    refused = [aside for aside, _ in await asides(lively) if aside]
    assert len(refused) >= 6
    local = guard(lively).groups[lively.group.id].local
    model = engine().model
    others = talk(200, seed=9)
    assert not any(model.margin(model.indices(text), local.delta, local.shift) >= model.act for text in others)


# --- back -------------------------------------------------------------------------------------------


async def test_back_goes_step_by_step_to_the_shipped_weights_and_stays_there(lively: Room) -> None:
    one, two, three = missed(3)
    await teach(lively, [one])
    first = dict(guard(lively).groups[lively.group.id].local.delta)
    await teach(lively, [two])
    assert await order(lively, "/防广告 回退") == "回退了：从第 2 版回到第 1 版，撤下了 #2。"
    assert guard(lively).groups[lively.group.id].local.delta == first
    assert await rule(lively, varied(two)) != "known"
    assert await rule(lively, varied(one)) == "known"
    told = await teach(lively, [three])
    assert any("用了 2 条广告" in line for line in told), "what was taken back is not learnt again"
    assert (await order(lively, "/防广告 回退")).startswith("回退了：从第 3 版回到第 1 版")
    assert (await order(lively, "/防广告 回退")).startswith("回退了：从第 1 版回到出厂的判断，撤下了 #1")
    local = guard(lively).groups[lively.group.id].local
    assert not local.delta
    assert not local.known
    await lively.restart()
    assert await order(lively, "/防广告 回退") == "本群还没有学过什么。"
    assert await rule(lively, varied(one)) == ""


async def test_back_takes_what_was_never_learnt_first(room: Room) -> None:
    for ad in missed(2):
        await teach(room, [ad])
    assert "最近教的 #2 撤下了" in await order(room, "/防广告 回退")
    assert await rule(room, varied(missed(2)[1])) != "known"
    assert await rule(room, varied(missed(2)[0])) == "known"


async def test_members_take_nothing_back(room: Room) -> None:
    await teach(room, missed(1))
    assert await room.say("/防广告 回退", by="安") == ["只有管理员可以这样做。"]


async def test_twenty_versions_are_kept() -> None:
    db = Database(memory=True)
    tables.apply(db)
    for number in range(1, 26):
        samples.put(db, "g", "spam", f"样本 {number}", "a", number)
        lessons.put(db, "g", "", b"x", ("{}", "{}"), range(1, number + 1))
    kept = [row[0] for row in db.execute("select version from spam_versions order by version").fetchall()]
    assert kept == list(range(26 - VERSIONS, 26))
    for number in range(25, 6, -1):
        taken = lessons.take_back(db, "g")
        assert taken == (number, number - 1, [number], 1)
    assert lessons.take_back(db, "g") == (6, 0, [1, 2, 3, 4, 5, 6], 6), "those before are gone, and all they were of"
    assert lessons.take_back(db, "g") is None
    assert lessons.put(db, "g", "", b"x", ("{}", "{}"), []) == 26, "a number is given once"


# --- shared -----------------------------------------------------------------------------------------


async def test_what_one_group_confirms_is_known_in_another_that_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    async with classroom(monkeypatch, share=True) as room:
        [ad] = missed(1)
        assert await rule(room, varied(ad), room.other) == ""
        await teach(room, [ad])
        assert await rule(room, varied(ad), room.other) == "known"
        assert not guard(room).groups[room.other.id].local.delta
        [shared] = await room.rows("select text, label from spam_samples where group_id = '*'")
        assert shared == {"text": ad, "label": "spam"}
        await room.set(Spam, group=room.other, share=False)
        assert await rule(room, varied(ad), room.other) == ""
        await room.set(Spam, group=room.other, share=True)
        assert await rule(room, varied(ad), room.other) == "known"
        await order(room, "/误判 1")
        assert await rule(room, f"{ad}～", room.other) == ""


async def test_another_group_clears_it_for_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with classroom(monkeypatch, share=True) as room:
        [ad] = missed(1)
        await teach(room, [ad])
        assert await rule(room, varied(ad), room.other) == "known"
        [row] = await room.rows("select id from spam_decisions where group_id = ? order by id desc", room.other.id)
        await order(room, f"/误判 {row['id']}", group=room.other)
        assert await rule(room, ad, room.other) == ""
        assert await rule(room, varied(ad)) == "known"
        await room.restart()
        assert await rule(room, ad, room.other) == ""


async def test_a_group_that_does_not_share_keeps_it_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with classroom(monkeypatch) as room:
        await room.set(Spam, group=room.other, share=True)
        await teach(room, missed(1))
        assert await rule(room, varied(missed(1)[0]), room.other) == ""
        assert await room.rows("select * from spam_samples where group_id = '*'") == []


async def test_harmless_talk_is_not_shared_and_ham_never_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with classroom(monkeypatch, share=True) as room:
        model = engine().model
        text = min(
            (text for text in talk(80, seed=5) if len(text) > 14), key=lambda text: model.margin(model.indices(text))
        )
        await teach(room, [text])
        assert await rule(room, text, room.other) == ""
        assert await room.rows("select * from spam_samples where group_id = '*' and active") == []


# --- members ----------------------------------------------------------------------------------------


async def test_forgetting_a_member_takes_their_words_out_of_what_was_taught(lively: Room) -> None:
    one, two = missed(2)
    await lively.say(one, by="贾", message_id="theirs")
    await order(lively, "/广告", quote="theirs")
    await teach(lively, [two])
    await guard(lively).flush()
    assert await lively.rows("select * from spam_passed where member_id = 'room:熟3'")
    for name in ("贾", "熟3"):
        await lively.say("/忘记我 确认", by=name)
    await guard(lively).flush()
    assert await rule(lively, varied(one)) != "known"
    await lively.settle(60)
    assert (await versions(lively))[-1][2] == [2], "the weights are made anew without them"
    assert not await lively.rows("select * from spam_passed where member_id = 'room:熟3'")
    assert not await lively.rows("select * from spam_samples where text = ?", one)


async def test_what_passed_is_kept_short_and_within_bounds(room: Room) -> None:
    def fill(db: Database) -> None:
        lessons.keep(db, [Passed("g", f"room:{n}", "话" * 500, time.time()) for n in range(PASSED + 40)])

    await room.app.store.write(fill)
    [row] = await room.rows("select count(*) n, max(length(text)) longest, min(id) first from spam_passed")
    assert row == {"n": PASSED, "longest": 200, "first": 41}


async def test_newcomers_and_commands_teach_no_ham(room: Room) -> None:
    await room.say("我是新来的，请多关照", by="安")
    await room.say("第二句就是熟人说的了", by="安")
    await room.say("/帮助 防广告 一下吧", by="安")
    await guard(room).flush()
    assert [row["text"] for row in await room.rows("select text from spam_passed")] == ["第二句就是熟人说的了"]


async def test_the_lane_goes_on_while_a_group_learns(lively: Room) -> None:
    for number, ad in enumerate(missed(6)):
        await lively.say(ad, by=f"甲{number}", message_id=f"x{number}")
    slowest, running = 0.0, True

    async def beat() -> None:
        nonlocal slowest
        while running:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            slowest = max(slowest, time.perf_counter() - start)

    beating = asyncio.create_task(beat())
    for number in range(6):
        lively.platform.receive(lively.message("/广告", by="博", role=Role.ADMIN, quote=f"x{number}"))
    await lively.settle(60)
    running = False
    await beating
    assert len((await versions(lively))[-1][2]) == 6
    assert slowest < 0.25, f"{1000 * slowest:.0f} ms without a turn"
