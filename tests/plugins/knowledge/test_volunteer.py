"""When the bot speaks unasked, when it had better not, and what it learns from the members' verdicts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.testing import BOT, PLATFORM, Room
from bot.types import Member, Reaction, Recalled, Role
from plugins.ask import Ask
from plugins.knowledge import Knowledge, Volunteer, spoken
from plugins.knowledge.gate import SPEAKS
from plugins.knowledge.paper import spoken as written
from plugins.knowledge.reactions import praises
from plugins.knowledge.shelf import SHARED, put

POINTS = "训练营积分兑换算力：在个人中心点积分，选算力卡时长，十分钟到账。"
ONNX = "怎么把 PyTorch 模型转成 ONNX：用 torch.onnx.export 导出，opset 选 13。"
ASKS = "有人知道积分怎么兑换算力吗"
ASKS_ONNX = "PyTorch 模型怎么转成 ONNX？"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Knowledge, Ask, Volunteer) as room:
        await admin(room, f"/知识 添加 {POINTS}")
        await admin(room, f"/知识 添加 {ONNX}")
        await admin(room, "/开启 主动答")
        await room.set(Volunteer, wait=0)
        yield room


async def admin(room: Room, text: str) -> str:
    return (await room.say(text, by="青", role=Role.ADMIN))[-1]


async def threshold(room: Room) -> float:
    await room.app.store.flush()
    return await room.app.store.read(lambda db: spoken.threshold(db, room.group.id))


# --- speaking -----------------------------------------------------------------------------


async def test_a_question_that_the_knowledge_answers_is_answered_word_for_word(room: Room) -> None:
    [said] = await room.say(ASKS, by="博", message_id="q")
    first, text, empty, source, last = said.split("\n")
    assert (first, text, empty) == ("也许有用（资料原文）：", "在个人中心点积分，选算力卡时长，十分钟到账。", "")
    assert source.startswith("依据：青 ")
    assert source.endswith(" › 训练营积分兑换算力")
    assert last == "答得不对就点 👎，我会少说些。"
    assert room.platform.sent[-1].quote == "q"
    assert "训练营积分兑换算力\n在个人中心点积分" in (await room.say("/知识 来源", quote=room.last_id))[0]


async def test_it_is_off_until_a_group_switches_it_on() -> None:
    async with Room(Knowledge, Volunteer) as room:
        await admin(room, f"/知识 添加 {POINTS}")
        assert await room.say(ASKS) == []
        assert await room.say("/主动答") == []


@pytest.mark.parametrize(
    "line",
    ["今天吃什么呢大家", "积分兑换算力", "积分？", f"{ASKS}{'，真的很急' * 120}", "昨天那场球你们看了吗"],
)
async def test_it_is_silent_where_nobody_asks_for_what_it_knows(room: Room, line: str) -> None:
    assert await room.say(line) == []


async def test_it_stays_out_of_what_members_say_to_each_other(room: Room) -> None:
    await room.say("早上好各位", by="博", message_id="m")
    assert await room.say(ASKS, quote="m") == []
    assert await room.say(ASKS, mentions=["博"]) == []


async def test_another_bot_is_not_answered(room: Room) -> None:
    message = room.message(ASKS)
    bot = Member(f"{PLATFORM}:别的机器人", "别的机器人", Role.MEMBER, is_bot=True)
    start = len(room.platform.texts)
    room.platform.receive(replace(message, member=bot))
    await room.settle()
    assert room.platform.texts[start:] == []


async def test_what_is_shipped_is_not_said_unasked(room: Room) -> None:
    assert await room.say("有人知道欧小鹏的 XIAOPENG_MODELS 怎么登记模型吗") == []


async def test_what_is_shared_is_said_unless_a_group_leaves_it_out(room: Room) -> None:
    pieces = written("昇腾 NPU 排队", "NPU 队列每天零点重置，用 npu-smi 看。", Member("")).chunks
    await room.app.store.write(lambda db: put(db, SHARED, source="npu.md", title="昇腾", digest="", chunks=pieces))
    assert len(await room.say("NPU 队列什么时候重置？npu-smi 怎么看")) == 1
    await room.app.store.write(lambda db: db.execute("update knowledge_spoken set time = time - 4000"))
    await room.set(Volunteer, collections=[])
    assert await room.say("NPU 队列什么时候重置？npu-smi 怎么看") == []


# --- waiting ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "text", "quote", "speaks"),
    [
        ("博", "点个人中心就行", "q", False),
        ("安", "好了，解决了", None, False),
        ("安", "ok 已经搞定了谢谢", None, False),
        ("安", "/状态", None, False),
        ("安", "搞定了吗有人", None, True),
        ("安", "我再补一张截图", None, True),
        ("博", "解决了", None, True),
    ],
)
async def test_whoever_is_quicker_spares_it_the_answer(
    room: Room, by: str, text: str, quote: str | None, speaks: bool
) -> None:
    await room.set(Volunteer, wait=0.2)
    room.platform.receive(room.message(ASKS, message_id="q"))
    said = await room.say(text, by=by, quote=quote)
    assert any("也许有用" in one for one in said) is speaks


async def test_a_question_taken_back_is_not_answered(room: Room) -> None:
    await room.set(Volunteer, wait=0.2)
    room.platform.receive(room.message(ASKS, message_id="q"))
    assert await room.recall("q") == []


async def test_switched_off_while_it_waits_it_says_nothing(room: Room) -> None:
    await room.set(Volunteer, wait=0.2)
    room.platform.receive(room.message(ASKS, message_id="q"))
    assert await admin(room, "/关闭 主动答") == "主动答 已关闭。"


async def test_it_speaks_so_often_an_hour_and_says_nothing_twice(room: Room) -> None:
    assert len(await room.say(ASKS)) == 1
    assert await room.say(ASKS, by="博") == []
    await room.set(Volunteer, hourly=1)
    assert await room.say(ASKS_ONNX) == []
    await room.app.store.write(lambda db: db.execute("update knowledge_spoken set time = time - 4000"))
    assert len(await room.say(ASKS_ONNX)) == 1
    await room.set(Volunteer, hourly=0)
    await room.app.store.write(lambda db: db.execute("update knowledge_spoken set time = time - 4000"))
    assert await room.say(ASKS) == []


async def test_lines_that_come_together_share_the_hour(room: Room) -> None:
    await room.set(Volunteer, hourly=1)
    start = len(room.platform.texts)
    for line in (ASKS, ASKS_ONNX):
        room.platform.receive(room.message(line))
    await room.settle()
    assert len(room.platform.texts[start:]) == 1


# --- learning -----------------------------------------------------------------------------


def test_the_threshold_moves_with_the_verdicts_and_within_bounds() -> None:
    assert spoken.learnt([]) == SPEAKS
    assert spoken.learnt([(False, 1)]) == pytest.approx(SPEAKS + 0.06 * (1 - SPEAKS))
    assert spoken.learnt([(True, 1)]) == pytest.approx(SPEAKS - 0.02 * (SPEAKS - 0.2))
    assert spoken.learnt([(False, 2)]) == spoken.learnt([(False, 1)] * 2) > spoken.learnt([(False, 1)])
    assert spoken.learnt([(False, 1)] * 200) == 0.95
    assert spoken.learnt([(True, 1)] * 500) == max(0.3, SPEAKS - 0.2)


@pytest.mark.parametrize(
    ("emoji", "meant"),
    [("👍", True), ("👍🏽", True), ("76", True), ("128077", True), ("👎", False), ("77", False), ("128078", False),
     ("❤", None), ("", None), ("177", None)],
)  # fmt: skip
def test_thumbs_are_known_on_every_platform(emoji: str, meant: bool | None) -> None:
    assert praises(emoji) is meant


async def test_a_members_verdict_counts_once_and_can_be_taken_back(room: Room) -> None:
    await room.say(ASKS)
    answer = room.last_id
    await room.react(answer, "👎", by="博")
    once = await threshold(room)
    assert once == spoken.learnt([(False, 1)])
    await room.react(answer, "77", by="博")
    assert await threshold(room) == once
    await room.react(answer, "👍", by="晨")
    assert await threshold(room) == spoken.learnt([(False, 1), (True, 1)])
    await room.react(answer, "👎", by="博", added=False)
    assert await threshold(room) == spoken.learnt([(True, 1)])


async def test_an_admins_thumb_down_counts_twice(room: Room) -> None:
    await room.say(ASKS)
    admin = Member(f"{PLATFORM}:青", "青", Role.ADMIN)
    room.platform.roles[room.group.id, admin.id] = Role.ADMIN
    room.platform.receive(
        Reaction(group=room.group, account=BOT, time=0.0, message_id=room.last_id, member=admin, emoji="👎")
    )
    await room.settle()
    assert await threshold(room) == spoken.learnt([(False, 2)])


async def test_an_answer_that_an_admin_takes_back_counts_twice_whoever_wrote_it(room: Room) -> None:
    await room.say(ASKS)
    admin = Member(f"{PLATFORM}:青", "青", Role.ADMIN)
    room.platform.roles[room.group.id, admin.id] = Role.ADMIN
    ours = Member(BOT.id, "小鹏")
    room.platform.receive(
        Recalled(group=room.group, account=BOT, time=0.0, message_id=room.last_id, member=ours, operator=admin)
    )
    await room.settle()
    assert await threshold(room) == spoken.learnt([(False, 2)])


async def test_taking_the_answer_back_is_a_verdict(room: Room) -> None:
    await room.say(ASKS)
    await room.recall(room.last_id, by="博")
    assert await threshold(room) == spoken.learnt([(False, 1)])
    await room.recall("another", by="博")
    assert await threshold(room) == spoken.learnt([(False, 1)])


async def test_a_group_that_dislikes_it_hears_less(room: Room) -> None:
    await room.say(ASKS_ONNX)
    answer = room.last_id
    for n in range(60):
        await room.react(answer, "👎", by=f"人{n}")
    assert await threshold(room) > 0.9
    assert await room.say(ASKS) == []
    assert await room.say("/主动答 重来") == ["只有管理员可以这样做。"]
    assert await admin(room, "/主动答 重来") == f"好，从头学：把握到 {SPEAKS:.0%} 才开口。"
    assert await threshold(room) == SPEAKS
    assert len(await room.say(ASKS)) == 1


async def test_one_group_does_not_learn_from_another(room: Room) -> None:
    await room.say(ASKS)
    await room.react(room.last_id, "👎", by="博")
    await room.app.store.flush()
    assert await room.app.store.read(lambda db: spoken.threshold(db, room.other.id)) == SPEAKS


async def test_the_report_counts_lines_answers_and_verdicts(room: Room) -> None:
    for n in range(9):
        await room.say(f"今天天气不错啊 {n}")
    await room.say(ASKS)
    await room.react(room.last_id, "👍", by="博")
    assert await room.say("/主动答") == [
        f"把握到 {SPEAKS - 0.02 * (SPEAKS - 0.2):.0%} 我才主动开口（比出厂时爱说）。\n"
        "最近 7 天听到 10 句，主动答了 1 次，沉默率 90.0%。\n"
        "👍 1，👎 和撤回 0。从头学：/主动答 重来"
    ]


async def test_counted_lines_are_written_at_the_end(room: Room) -> None:
    await room.say("今天天气不错啊")
    assert await room.rows("select * from knowledge_lines") == []
    await room.restart()
    assert [row["heard"] for row in await room.rows("select heard from knowledge_lines")] == [1]
    await room.say("今天天气还是不错")
    await room.run("note")
    assert [row["heard"] for row in await room.rows("select heard from knowledge_lines")] == [2]


async def test_a_forgotten_member_leaves_the_verdict_and_no_name(room: Room) -> None:
    await room.say(ASKS, by="博")
    await room.react(room.last_id, "👎", by="博")
    before = await threshold(room)
    await room.say("/忘记我 确认", by="博")
    assert await room.rows("select * from knowledge_spoken where member_id is not null or question is not null") == []
    assert await room.rows("select * from knowledge_verdicts where member_id like '%博%'") == []
    assert await threshold(room) == before


def test_what_is_past_its_time_goes(tmp_path: Path) -> None:
    from plugins.knowledge.shelf import tables

    db = Database(tmp_path / "x.db")
    tables.apply(db)
    for number, days in ((1, 1), (2, 40), (3, 200)):
        db.execute(
            "insert into knowledge_spoken values (?, 'g', 'm', 'q', 1, 1, '', '', null, unixepoch() - ?)",
            [number, days * 86_400],
        )
    spoken.purge(db)
    assert db.execute("select id, question from knowledge_spoken order by id").fetchall() == [(1, "q"), (2, None)]
