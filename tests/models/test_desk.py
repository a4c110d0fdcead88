"""Who answers, what it costs, what is spent, what is tried next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest

from bot.config import Model, Quota
from bot.errors import (
    ModelAuth,
    ModelBadInput,
    ModelEmpty,
    ModelError,
    ModelFiltered,
    ModelQuota,
    ModelTruncated,
    ModelUnavailable,
    Refusal,
)
from bot.models.base import Completion, Turn
from bot.models.desk import Asker, Spending
from bot.testing import Room, Scripted
from bot.types import Image, Role
from plugins.ask import Ask

SPENT = "你今天的提问次数用完了，明天再来吧。"


async def test_an_answer_is_logged_with_its_cost() -> None:
    price = {"一号": Model(model="m", input_price=10, output_price=20)}
    async with Room(Ask, models={"一号": Scripted("四个字呀")}, config_models=price) as room:
        await room.say("/问 好吗")
        [row] = await room.rows("select * from answers")
        assert (row["model"], row["served_by"], row["text"], row["question"]) == (
            "一号",
            "scripted",
            "四个字呀",
            "好吗",
        )
        assert (row["plugin"], row["purpose"], row["finish"], row["error"]) == ("ask", "ask", "stop", None)
        assert row["output_tokens"] == 4
        assert row["cost"] == pytest.approx((row["input_tokens"] * 10 + 4 * 20) / 1e6)
        [said] = await room.rows("select answer_id from said")
        assert said["answer_id"] == row["id"]


@pytest.mark.parametrize("error", [ModelUnavailable(), ModelQuota(), ModelAuth(), ModelEmpty(), ModelTruncated()])
async def test_another_model_is_asked(error: ModelError) -> None:
    async with Room(Ask, models={"一号": Scripted(error), "二号": Scripted("替补")}) as room:
        assert await room.say("/问 好吗") == ["替补\n——内容由 AI 生成（二号）"]
        rows = await room.rows("select model, error from answers order by time")
        assert [tuple(row.values()) for row in rows] == [("一号", type(error).__name__), ("二号", None)]


@pytest.mark.parametrize("error", [ModelFiltered(), ModelBadInput()])
async def test_a_refused_question_is_not_carried_around(error: ModelError) -> None:
    second = Scripted("替补")
    async with Room(Ask, models={"一号": Scripted(error), "二号": second}) as room:
        assert await room.say("/问 好吗") == [error.said]
        assert second.asked == []


async def test_a_model_that_is_down_is_skipped() -> None:
    first = Scripted(*[ModelUnavailable()] * 9)
    async with Room(Ask, models={"一号": first, "二号": Scripted("替补")}) as room:
        for _ in range(6):
            await room.say("/问 好吗")
        assert len(first.asked) == 3


async def test_when_all_are_down_the_first_is_tried_again() -> None:
    only = Scripted(ModelUnavailable(), ModelUnavailable(), ModelUnavailable(), "回来了")
    async with Room(Ask, models={"一号": only}) as room:
        for _ in range(3):
            assert await room.say("/问 好吗") == [ModelUnavailable.said]
        assert "回来了" in (await room.say("/问 好吗"))[0]


async def test_the_default_model_answers() -> None:
    async with Room(Ask, models={"一号": Scripted("一"), "二号": Scripted("二")}, default_model="二号") as room:
        assert "二号" in (await room.say("/问 好吗"))[0]


async def test_a_members_quota() -> None:
    async with Room(Ask, models={"一号": Scripted()}, quota=Quota(member=2)) as room:
        for _ in range(2):
            assert "好的。" in (await room.say("/问 好吗"))[0]
        assert await room.say("/问 好吗") == [SPENT]
        assert await room.say("/问 好吗", group=room.other) == [SPENT]
        assert "好的。" in (await room.say("/问 好吗", by="博"))[0]


async def test_a_groups_quota() -> None:
    async with Room(Ask, models={"一号": Scripted()}, quota=Quota(member=0, group=1)) as room:
        await room.say("/问 好吗")
        assert await room.say("/问 好吗", by="博") == ["本群今天的提问次数用完了，明天再来吧。"]
        assert "好的。" in (await room.say("/问 好吗", group=room.other))[0]


async def test_the_quota_of_all() -> None:
    async with Room(Ask, models={"一号": Scripted()}, quota=Quota(total=1)) as room:
        await room.say("/问 好吗")
        assert await room.say("/问 好吗", by="博", group=room.other) == ["我今天的回答次数用完了，明天再来吧。"]


async def test_what_failed_is_not_spent() -> None:
    async with Room(Ask, models={"一号": Scripted(ModelUnavailable(), "好")}, quota=Quota(member=1)) as room:
        await room.say("/问 好吗")
        assert "好" in (await room.say("/问 好吗"))[0]
        assert await room.say("/问 好吗") == [SPENT]


async def test_a_restart_gives_nothing_away() -> None:
    async with Room(Ask, models={"一号": Scripted()}, quota=Quota(member=1)) as room:
        await room.say("/问 好吗")
        await room.restart()
        assert await room.say("/问 好吗") == [SPENT]


async def test_offline_answers_cost_nothing() -> None:
    async with Room(Ask, quota=Quota(member=1)) as room:
        assert (await room.say("/问 好吗"))[0] == (await room.say("/问 好吗"))[0] != SPENT


async def test_offline_answers_of_before_a_restart_cost_nothing() -> None:
    async with Room(Ask) as room:
        await room.say("/问 好吗")
        [row] = await room.rows("select group_id, member_id, model from answers")
        assert row["model"] == "offline"
        spending = Spending(Quota(member=1))
        await spending.load(room.app.store)
        asker = Asker(row["group_id"], row["member_id"], "ask")
        spending.spend(asker)
        with pytest.raises(Refusal):
            spending.spend(asker)


class Slow:
    """A model that never comes to its end, and notices when nobody waits any more."""

    name = "慢"
    generated = True

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.left = asyncio.Event()

    async def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]:
        try:
            yield "开头"
            self.started.set()
            await asyncio.sleep(3600)
        finally:
            self.left.set()

    async def prepare(self) -> None:
        return None

    async def close(self) -> None:
        return None


async def test_an_ended_run_ends_its_request() -> None:
    slow = Slow()
    async with Room(Ask, models={"慢": slow}) as room:
        room.platform.receive(room.message("/问 好吗"))
        await slow.started.wait()
        for task in [task for tasks in room.app.pipeline.tasks.values() for task in tasks]:
            task.cancel()
        await asyncio.wait_for(slow.left.wait(), 5)
        await room.settle()
        [row] = await room.rows("select text, error from answers")
        assert row == {"text": "开头", "error": "cancelled"}


async def test_an_answer_that_breaks_off_is_told() -> None:
    class Breaking(Slow):
        async def chat(
            self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
        ) -> AsyncGenerator[str, None]:
            yield "开头"
            raise ModelTruncated("cut")

    for streams in (True, False):
        async with Room(Ask, models={"断": Breaking()}, streams=streams) as room:
            assert (await room.say("/问 好吗"))[-1] == ModelTruncated.said


class Pieces(Slow):
    """A model that says these pieces, and raises the error when it comes to it."""

    def __init__(self, *pieces: str | ModelError) -> None:
        super().__init__()
        self.pieces = pieces

    async def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]:
        for piece in self.pieces:
            if isinstance(piece, ModelError):
                raise piece
            yield piece


async def test_what_broke_off_is_not_spent() -> None:
    broken = Pieces("开头", ModelTruncated("cut"))
    async with Room(Ask, models={"断": broken}, quota=Quota(member=1)) as room:
        for _ in range(2):
            assert (await room.say("/问 好吗"))[-1] == ModelTruncated.said
        broken.pieces = ("好了",)
        assert "好了" in (await room.say("/问 好吗"))[0]
        assert await room.say("/问 好吗") == [SPENT], "an answer is given back once"


async def test_an_offline_answer_that_breaks_off_gives_nothing_back() -> None:
    async with Room(Ask, quota=Quota(member=1)) as room:
        await room.say("/问 好吗")
        [row] = await room.rows("select group_id, member_id from answers")
        asker = Asker(row["group_id"], row["member_id"], "ask")
        room.app.desk.spending.spend(asker)
        room.app.desk._offline.model = Pieces("开头", ModelTruncated("cut"))
        assert (await room.say("/问 好吗"))[-1] == ModelTruncated.said
        with pytest.raises(Refusal):
            room.app.desk.spending.spend(asker)


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (("笑\ud83d", "\ude00了"), ["笑", "😀了"]),
        (("\ud83d", "\ude00"), ["😀"]),
        (("\ud83d", "", "\ude00"), ["😀"]),
        (("\ud83d", "\ud83d", "\ude00"), ["\ufffd", "😀"]),
        (("好\ud83d",), ["好", "\ufffd"]),
        (("\ud83d", "好"), ["\ufffd好"]),
        (("好\ude00吗", "好"), ["好\ufffd吗", "好"]),
        (("a\ud83d\ude00b",), ["a😀b"]),
        (("😀", "好"), ["😀", "好"]),
    ],
)
async def test_halves_of_a_character_are_joined_or_replaced(pieces: tuple[str, ...], whole: list[str]) -> None:
    async with Room(Ask, models={"半": Pieces(*pieces)}) as room:
        data = {"question": "q", "name": "n", "group": "g", "quoted": ""}
        answer = await room.app.desk.ask(Asker("g", "m", "p"), "ask", data)
        assert [piece async for piece in answer] == whole
        await room.settle()
        [row] = await room.rows("select text from answers")
        assert row["text"] == "".join(whole)


async def test_no_answer_becomes_a_string_by_accident() -> None:
    async with Room(Ask, models={"一号": Scripted()}) as room:
        answer = await room.app.desk.ask(
            Asker("g", "m", "p"), "ask", {"question": "q", "name": "n", "group": "g", "quoted": ""}
        )
        for attempt in (str, "{}".format, lambda value: f"{value}"):
            with pytest.raises(TypeError, match="no text"):
                attempt(answer)
        assert await answer.text() == "好的。"
        assert [piece async for piece in answer] == ["好", "的。"]


async def test_a_broken_prompt_is_the_operators_business(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "ask.md").write_text("+++\n+++\n# user\n{{ nothing }}\n")
    async with Room(Ask, models={"一号": Scripted()}, prompts=folder, quota=Quota(member=1)) as room:
        assert await room.say("/问 好吗") == ["我的配置有一处不对，已经写进日志告诉运营者。"]
        assert await room.say("/关闭 问答", role=Role.ADMIN) == ["问答 已关闭。"]


async def test_pictures_go_only_to_models_that_read_them() -> None:
    blind, eye = Scripted("看不见"), Scripted("看见了")
    configs = {"一号": Model(model="m"), "二号": Model(model="m", vision=True)}
    async with Room(Ask, models={"一号": blind, "二号": eye}, config_models=configs) as room:
        desk = room.app.desk
        assert desk.sees()
        asker = Asker(room.group.id, "room:安", "spam")
        answer = await desk.ask(asker, "read_picture", {}, model="一号", images=[Image(data=b"x", mime="image/png")])
        assert (await answer.text(), answer.model) == ("看见了", "二号")
        assert blind.asked == []


async def test_without_a_model_that_reads_pictures_none_is_asked() -> None:
    blind = Scripted("看不见")
    async with Room(Ask, models={"一号": blind}, config_models={"一号": Model(model="m")}) as room:
        assert not room.app.desk.sees()
        asker = Asker(room.group.id, "room:安", "spam")
        with pytest.raises(ModelUnavailable):
            await room.app.desk.ask(asker, "read_picture", {}, images=[Image(data=b"x")])
        assert blind.asked == []
        assert await room.rows("select * from answers") == []
