"""Questions, their context and their memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.errors import ModelBusy, ModelFiltered, ModelUnavailable
from bot.models.base import Turn
from bot.testing import Room, Scripted
from bot.types import Image, Role
from plugins.ask import Ask

LABEL = "\n——内容由 AI 生成（一号）"


@pytest.fixture
def model() -> Scripted:
    return Scripted("答一", "答二", "答三")


@pytest.fixture
async def room(model: Scripted) -> AsyncIterator[Room]:
    async with Room(Ask, models={"一号": model, "二号": Scripted("另一个答案")}) as room:
        yield room


def conversation(asked: list[Turn]) -> list[str]:
    """What was said before the question."""
    return [turn.text for turn in asked if turn.role != "system"][:-1]


async def test_answers_and_names_the_model(room: Room) -> None:
    assert await room.say("/问 怎么装") == [f"答一{LABEL}"]
    assert room.platform.sent[-1].quote == "m1"


async def test_remembers_each_member_apart(room: Room, model: Scripted) -> None:
    await room.say("/问 一", by="安")
    await room.say("/问 二", by="安")
    assert conversation(model.asked[1]) == ["一", "答一"]
    await room.say("/问 三", by="博")
    assert conversation(model.asked[2]) == []
    await room.say("/问 四", by="安", group=room.other)
    assert conversation(model.asked[3]) == []


async def test_the_memory_is_short(room: Room, model: Scripted) -> None:
    await room.set(Ask, memory=1)
    for question in ("一", "二", "三"):
        await room.say(f"/问 {question}")
    assert conversation(model.asked[2]) == ["二", "答二"]


async def test_starting_over(room: Room, model: Scripted) -> None:
    await room.say("/问 一")
    assert await room.say("/重来") == ["好，我们从头聊。"]
    await room.say("/问 二")
    assert conversation(model.asked[1]) == []


async def test_a_quoted_message_goes_along(room: Room, model: Scripted) -> None:
    await room.say("报错 CUDA out of memory", by="博", message_id="q1")
    await room.say("/问 这是什么意思", quote="q1")
    assert "报错 CUDA out of memory" in "".join(turn.text for turn in model.asked[0])


async def test_an_own_answer_can_be_quoted(room: Room, model: Scripted) -> None:
    await room.say("/问 一", by="安")
    await room.say("/问 什么意思", by="博", quote=room.last_id)
    assert "答一" in "".join(turn.text for turn in model.asked[1])


async def test_what_members_type_is_never_a_template(room: Room, model: Scripted) -> None:
    await room.say("/问 {{ 7 * 7 }} {% raw %}")
    assert model.asked[0][-1].text.count("{{ 7 * 7 }} {% raw %}") == 1


async def test_the_group_may_prefer_a_model(room: Room) -> None:
    await room.say("/设置 问答 模型 二号", role=Role.ADMIN)
    assert await room.say("/问 一") == ["另一个答案\n——内容由 AI 生成（二号）"]


async def test_a_model_that_is_not_there_is_told(room: Room, model: Scripted) -> None:
    await room.set(Ask, model="三号")
    assert await room.say("/问 一") == ["没有叫「三号」的模型，有：一号、二号。请管理员改：/设置 问答 模型 一号"]
    assert model.asked == []


async def test_without_any_model_the_stand_in_answers_whatever_is_set() -> None:
    async with Room(Ask) as room:
        await room.set(Ask, model="三号")
        assert "离线替身" in (await room.say("/问 一"))[0]


async def test_a_picture_is_not_looked_at(room: Room, model: Scripted) -> None:
    assert await room.say("/问 这是什么", images=[Image(url="https://example.org/a.png")]) == [
        "我还看不了图片，请用文字说说。"
    ]
    assert model.asked == []


async def test_a_quoted_picture_adds_nothing(room: Room, model: Scripted) -> None:
    await room.say("", by="博", images=[Image(url="https://example.org/a.png")], message_id="q1")
    assert await room.say("/问 怎么装", quote="q1") == [f"答一{LABEL}"]


async def test_each_failure_has_its_own_words() -> None:
    said = []
    for error in (ModelFiltered(), ModelBusy(), ModelUnavailable()):
        async with Room(Ask, models={"一号": Scripted(error)}) as room:
            said += await room.say("/问 一")
    assert said == [ModelFiltered.said, ModelBusy.said, ModelUnavailable.said]
    assert len(set(said)) == 3


async def test_without_a_model_it_says_so() -> None:
    async with Room(Ask) as room:
        [said] = await room.say("/问 一")
        assert "XIAOPENG_MODELS__" in said
        assert "AI 生成" not in said


async def test_forgets(room: Room, model: Scripted) -> None:
    await room.say("/问 一")
    await room.say("/重来")
    await room.say("/忘记我 确认")
    assert await room.rows("select * from ask_restarts") == []
    await room.say("/问 二")
    assert conversation(model.asked[1]) == []
    [row] = await room.rows("select question, text from answers where text is null")
    assert row == {"question": None, "text": None}
