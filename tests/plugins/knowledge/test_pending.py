"""What nobody knew: listed, answered by an admin, and told to whoever asked, once."""

from __future__ import annotations

import csv
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import AdapterError
from bot.scripted import Scripted
from bot.testing import PLATFORM, Room
from bot.types import Mention, Role
from plugins.ask import Ask
from plugins.knowledge import Knowledge, pending

NOTED = "没找到相关的资料，已记给管理员，有了答案我在这里告诉你。"
MISSING = "没找到相关的资料。"
PRIZE = "/问 比赛的奖金怎么领取"
PAID = "官网填表，一周到账。"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Knowledge, Ask) as room:
        await room.set(Knowledge, faq=False)
        yield room


async def admin(room: Room, text: str, quote: str | None = None, by: str = "青") -> list[str]:
    return await room.say(text, by=by, role=Role.ADMIN, quote=quote)


async def later(room: Room) -> None:
    """As if ten minutes had gone by."""
    await room.app.store.write(lambda db: db.execute("update knowledge_askers set tried = tried - 600"))


def told(said: list[str]) -> list[str]:
    return [text for text in said if "有答案了" in text]


# --- listing ------------------------------------------------------------------------------


async def test_a_question_without_an_answer_is_listed_for_the_admins(room: Room) -> None:
    assert await room.say(PRIZE) == [NOTED]
    [said] = await admin(room, "/待答")
    assert said.startswith("待答 1 个：\n1. 比赛的奖金怎么领取（")
    assert await room.say("/待答") == ["只有管理员可以这样做。"]


async def test_questions_that_ask_the_same_are_one(room: Room) -> None:
    await room.say(PRIZE)
    await room.say("/问 请问比赛奖金怎么领取呢？", by="博")
    await room.say(PRIZE)
    [said] = await admin(room, "/待答")
    assert said.splitlines()[1].startswith("1. 比赛的奖金怎么领取（2 人问过，")
    assert said.startswith("待答 1 个")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("怎么报名", "什么时候报名"),
        ("NPU 怎么申请", "GPU 怎么申请"),
        ("数据集上传失败", "数据集下载失败"),
        ("第一期什么时候结束", "第二期什么时候结束"),
    ],
)
def test_questions_that_ask_for_different_things_are_two(one: str, other: str) -> None:
    assert not pending.alike(pending.terms_of(one), pending.terms_of(other))


def test_no_two_entries_of_the_shipped_answers_are_taken_for_one() -> None:
    with (Path(__file__).parent / "asked.tsv").open(encoding="utf-8") as lines:
        asked = [(row["heading"], pending.terms_of(row["question"])) for row in csv.DictReader(lines, delimiter="\t")]
    wrong = [
        (one, other)
        for (heading, one), (another, other) in itertools.combinations(asked, 2)
        if heading != another and pending.alike(one, other)
    ]
    assert len(asked) > 200
    assert wrong == []


@pytest.mark.parametrize(
    "talk", ["你好", "谢谢啦！", "哈哈哈哈哈", "？？", "ok 收到", "hello~", "你好吗", "好" * 400 + "的"]
)
async def test_small_talk_is_no_question(room: Room, talk: str) -> None:
    assert await room.say(f"/问 {talk}") == ["我在。我会做什么，发 /帮助 看。"]
    assert await admin(room, "/待答") == ["没有待答的问题。"]


async def test_a_model_that_answers_without_knowledge_leaves_no_list() -> None:
    async with Room(Knowledge, Ask, models={"main": Scripted("写好了。")}) as room:
        await room.set(Knowledge, faq=False)
        await room.say("/问 写一首关于秋天的诗")
        assert await admin(room, "/待答") == ["没有待答的问题。"]
        await admin(room, "/知识 添加 上课时间：每周三晚八点。")
        await room.say("/问 写一首关于秋天的诗")
        assert (await admin(room, "/待答"))[0].startswith("待答 1 个")


async def test_a_question_that_its_quote_answers_is_not_listed(room: Room) -> None:
    await admin(room, "/知识 添加 段错误怎么查：先看 core 文件。")
    await room.say("段错误怎么查", by="博", message_id="m")
    [said] = await room.say("/问 这一句", quote="m")
    assert said.startswith("资料里这样写：")
    assert await room.rows("select * from knowledge_pending") == []


async def test_one_message_is_listed_once_however_it_is_looked_for(room: Room) -> None:
    await room.say("完全不相干的一句话而已", by="博", message_id="m")
    await room.say(PRIZE, quote="m")
    assert [row["times"] for row in await room.rows("select times from knowledge_pending")] == [1]


async def test_a_member_cannot_flood_the_list(room: Room) -> None:
    said = [(await room.say(f"/问 第{n}个{chr(0x5000 + 7 * n)}{chr(0x6000 + 5 * n)}项目在哪里"))[0] for n in range(22)]
    assert said == [NOTED] * 20 + [MISSING] * 2
    assert await room.say(PRIZE, by="博") == [NOTED]


async def test_the_oldest_makes_room_until_it_is_asked_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "OPEN_MOST", 2)
    for question in ("比赛的奖金怎么领取", "周末去哪里爬山", "机器在哪里借"):
        await room.say(f"/问 {question}")
    assert "奖金" not in (await admin(room, "/待答"))[0]
    assert await room.say(PRIZE) == [NOTED]
    assert "奖金" in (await admin(room, "/待答"))[0]


async def test_what_is_ignored_does_not_come_back(room: Room) -> None:
    await room.say(PRIZE)
    assert await admin(room, "/待答 忽略 1") == ["第 1 个问题不再列出，再有人问也不记了。"]
    assert await room.say(PRIZE, by="博") == [MISSING]
    assert await admin(room, "/待答") == ["没有待答的问题。"]
    assert (await admin(room, "/待答 忽略 1"))[0].startswith("没有第 1 个待答的问题")


@pytest.mark.parametrize("words", ["忽略", "忽略 甲", "三 答案", "3", "谢谢"])
async def test_what_does_not_fit_is_told(room: Room, words: str) -> None:
    assert (await admin(room, f"/待答 {words}"))[0].startswith("要写成：/待答 编号 答案")


async def test_a_long_list_comes_in_pages(room: Room) -> None:
    for n in range(21):
        await room.say(f"/问 {chr(0x5000 + 7 * n)}{chr(0x6000 + 5 * n)}项目在哪里", by=f"人{n}")
    assert (await admin(room, "/待答"))[0].endswith("下一页：/待答 页 2")
    [said] = await admin(room, "/待答 页 2")
    assert said.splitlines()[1].startswith("21. ")
    assert await admin(room, "/待答 页 3") == ["一共 2 页。"]


# --- answering ----------------------------------------------------------------------------


async def test_an_answer_joins_the_knowledge_and_reaches_whoever_asked(room: Room) -> None:
    await room.say(PRIZE)
    await room.say("/问 请问比赛奖金怎么领取呢？", by="博")
    said = await admin(room, f"/待答 1 {PAID}")
    assert said[0] == f"@安@博 你们问的「比赛的奖金怎么领取」有答案了：\n{PAID}"
    assert room.platform.sent[-2].parts[:2] == (Mention(f"{PLATFORM}:安", "安"), Mention(f"{PLATFORM}:博", "博"))
    assert said[1].startswith("已收入第 1 条《比赛的奖金怎么领取》，共 1 段。撤销：/知识 删除 1")
    assert said[1].endswith("告诉了 2 位提问的人。")
    assert PAID in (await room.say("/问 奖金怎么领取"))[0]
    assert await admin(room, "/待答") == ["没有待答的问题。"]


async def test_quoting_the_bots_words_and_writing_the_answer_is_enough(room: Room) -> None:
    await room.say(PRIZE)
    missing = room.last_id
    assert await room.say(PAID, by="博", quote=missing) == []
    assert await admin(room, "谁知道这个？", quote=missing) == []
    assert await admin(room, "哈哈", quote=missing) == []
    assert len(told(await admin(room, PAID, quote=missing))) == 1
    await room.say("/问 机器在哪里借")
    missing = room.last_id
    await room.restart()
    assert len(told(await admin(room, "找行政借。", quote=missing))) == 1


async def test_quoting_the_question_itself_answers_it(room: Room) -> None:
    await room.say(PRIZE, message_id="asked")
    assert len(told(await admin(room, f"/待答 {PAID}", quote="asked"))) == 1


async def test_an_answer_may_begin_with_a_number_where_something_is_quoted(room: Room) -> None:
    await room.say(PRIZE, message_id="asked")
    assert told(await admin(room, "/待答 3 天内到账", quote="asked"))[0].endswith("3 天内到账")


async def test_a_models_words_under_a_listed_question_are_not_answered_by_chatting() -> None:
    async with Room(Knowledge, Ask, models={"main": Scripted("我猜是填表。")}) as room:
        await room.set(Knowledge, faq=False)
        await admin(room, "/知识 添加 上课时间：每周三晚八点。")
        await room.say(PRIZE)
        assert await admin(room, "这个回答看着还不错的", quote=room.last_id) == []


async def test_an_admin_who_answers_their_own_question_is_not_told(room: Room) -> None:
    await admin(room, PRIZE)
    said = await admin(room, f"/待答 1 {PAID}")
    assert len(said) == 1
    assert "告诉了" not in said[0]


async def test_a_crowd_is_counted_beyond_ten(room: Room) -> None:
    for n in range(12):
        await room.say(PRIZE, by=f"人{n:02}")
    [said] = told(await admin(room, f"/待答 1 {PAID}"))
    assert said.startswith("@人00@人01@人02@人03@人04@人05@人06@人07@人08@人09 等 12 位 你们问的")


async def test_a_better_answer_takes_the_place_of_one_that_was_given(room: Room) -> None:
    await admin(room, "/知识 添加 什么时候上课：每周三晚八点。")
    await room.say("/问 请问什么时候上课")
    said = await admin(room, "/待答 改到周四晚七点了。", quote=room.last_id)
    assert said[0].startswith("已更新第 1 条《什么时候上课》")
    assert "改到周四晚七点了" in (await room.say("/问 什么时候上课"))[0]


async def test_a_better_answer_leaves_alone_what_is_about_something_else(room: Room) -> None:
    await admin(room, "/知识 添加 上课时间：每周三晚八点。")
    await room.say("/问 考试上课时间")
    assert (await admin(room, "/待答 考试是十二月一日。", quote=room.last_id))[0].startswith(
        "已收入第 2 条《考试上课时间》"
    )
    assert "每周三晚八点" in (await room.say("/问 上课时间"))[0]


async def test_what_is_said_about_an_answer_does_not_take_its_place(room: Room) -> None:
    await room.say(PRIZE, by="晨")
    missing = room.last_id
    assert await admin(room, "我去问问财务", quote=missing) == []
    assert await admin(room, "这个谁知道啊", quote=missing) == []
    assert "有答案了" in (await admin(room, "到官网领取，一周到账。", quote=missing))[0]
    assert await admin(room, "大家看这里就好", quote=missing) == []
    assert "到官网领取" in (await room.say(PRIZE))[0]


async def test_a_quote_that_also_mentions_the_bot_answers(room: Room) -> None:
    """Some platforms put a mention before every quote."""
    await room.say(PRIZE, by="晨")
    missing = room.last_id
    said = await room.say("到官网领取，一周到账。", by="青", role=Role.ADMIN, quote=missing, mention=True)
    assert "有答案了" in said[0]
    assert (await room.say("那怎么办", by="晨", quote=missing, mention=True))[0].startswith("没找到")


async def test_a_quoted_question_is_ignored_and_a_number_goes_before_a_quote(room: Room) -> None:
    await room.say(PRIZE, by="晨")
    first = room.last_id
    await room.say("/问 周末去哪里爬山")
    said = await admin(room, "/待答 2 香山。", quote=first)
    assert "周末去哪里爬山" in said[0]
    assert await admin(room, "/待答 忽略", quote=first) == ["第 1 个问题不再列出，再有人问也不记了。"]
    assert await admin(room, "/待答") == ["没有待答的问题。"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("宿舍周三晚上几点关门", "宿舍周四晚上几点关门"), ("2024年比赛的报名时间", "2025年比赛的报名时间"),
        ("训练支持多卡吗", "训练不支持多卡吗"), ("A100 的驱动怎么装", "H100 的驱动怎么装"),
        ("线上课程怎么报名", "线下课程怎么报名"),
    ],
)  # fmt: skip
def test_what_differs_in_one_decisive_word_is_another_question(one: str, other: str) -> None:
    assert not pending.alike(pending.terms_of(one), pending.terms_of(other))


async def test_a_better_answer_stands_before_what_a_group_cannot_change(room: Room) -> None:
    await room.set(Knowledge, faq=True)
    await room.say("/问 欧小鹏是什么？")
    said = await admin(room, "/待答 我们群的管家。", quote=room.last_id)
    assert said[0].startswith("已收入第 ")
    assert "我们群的管家。" in (await room.say("/问 欧小鹏是什么"))[0]


async def test_a_thumb_down_puts_the_question_on_the_list(room: Room) -> None:
    await admin(room, "/知识 添加 上课时间：每周三晚八点。")
    await room.say("/问 什么时候上课")
    answer = room.last_id
    await room.react(answer, "👍", by="博")
    assert await admin(room, "/待答") == ["没有待答的问题。"]
    await room.react(answer, "77", by="博")
    assert "什么时候上课（答得不好，" in (await admin(room, "/待答"))[0]
    [said] = told(await admin(room, "/待答 改到周四晚七点了。", quote=answer))
    assert said.startswith("@安 你问的「什么时候上课」有答案了")


# --- nothing is lost, nothing said twice --------------------------------------------------


async def test_an_answer_that_did_not_go_out_is_told_later_and_once(room: Room) -> None:
    await room.say(PRIZE)
    missing = room.last_id
    room.platform.refuse = AdapterError("账号掉线了")
    assert await admin(room, PAID, quote=missing) == []
    room.platform.refuse = None
    assert await room.run("tell_again") == [], "it is only just tried"
    await room.restart()
    await later(room)
    [said] = await room.run("tell_again")
    assert said.startswith("@安 你问的「比赛的奖金怎么领取」有答案了")
    await later(room)
    assert await room.run("tell_again") == []


async def test_two_admins_who_answer_at_once_tell_it_once(room: Room) -> None:
    await room.say(PRIZE)
    room.platform.refuse = AdapterError("账号掉线了")
    await admin(room, f"/待答 1 {PAID}")
    room.platform.refuse = None
    assert told(await admin(room, "/待答 1 两周到账。", by="晨")) == []
    await later(room)
    assert told(await room.run("tell_again")) == ["@安 你问的「比赛的奖金怎么领取」有答案了：\n两周到账。"]


async def test_what_may_have_arrived_is_not_said_again(room: Room) -> None:
    await room.say(PRIZE)
    room.platform.refuse = AdapterError("没有回音", ambiguous=True)
    await admin(room, f"/待答 1 {PAID}")
    room.platform.refuse = None
    await later(room)
    assert await room.run("tell_again") == []


async def test_an_answer_said_before_a_kill_is_not_said_again(room: Room) -> None:
    await room.say(PRIZE)
    await admin(room, f"/待答 1 {PAID}")
    await room.app.store.write(lambda db: db.execute("update knowledge_askers set told = 0"))
    await room.restart()
    await later(room)
    assert await room.run("tell_again") == []


async def test_old_news_is_not_told(room: Room) -> None:
    await room.say(PRIZE)
    room.platform.refuse = AdapterError("账号掉线了")
    await admin(room, f"/待答 1 {PAID}")
    room.platform.refuse = None
    await later(room)
    await room.app.store.write(lambda db: db.execute("update knowledge_pending set answered = answered - 90000"))
    assert await room.run("tell_again") == []


# --- forgetting ---------------------------------------------------------------------------


async def test_a_forgotten_members_question_goes_unless_others_ask_it(room: Room) -> None:
    await room.say(PRIZE)
    await room.say("/问 机器在哪里借")
    await room.say("/问 请问机器在哪里借呢", by="博")
    await room.say("/忘记我 确认")
    assert [row["question"] for row in await room.rows("select question from knowledge_pending")] == [
        "请问机器在哪里借呢"
    ]
    assert [row["member_id"] for row in await room.rows("select member_id from knowledge_askers")] == ["room:博"]


async def test_old_questions_are_dropped(room: Room) -> None:
    await room.say(PRIZE)
    await room.run("purge")
    assert len(await room.rows("select * from knowledge_askers")) == 1
    await room.app.store.write(lambda db: db.execute("update knowledge_pending set time = time - 91 * 86400"))
    await room.run("purge")
    assert await room.rows("select * from knowledge_pending") == []
    assert await room.rows("select * from knowledge_askers") == []


async def test_what_the_passages_do_not_answer_in_a_models_eyes_is_listed() -> None:
    async with Room(Knowledge, Ask, models={"main": Scripted("没找到")}) as room:
        await admin(room, "/知识 添加 怎么借用会议室：在前台登记，每次两小时。")
        await room.set(Ask, ungrounded="不答")
        assert await room.say("/问 怎么借用会议室的投影仪") == [NOTED + "\n相近的有：《怎么借用会议室》"]
        assert "怎么借用会议室的投影仪" in (await admin(room, "/待答"))[0]
