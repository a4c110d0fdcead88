"""What members are told of the bot's health."""

from __future__ import annotations

from bot.errors import AdapterError, ModelQuota, ModelUnavailable
from bot.testing import Room, Scripted
from plugins.ask import Ask
from plugins.status import Status


async def test_all_is_well() -> None:
    async with Room(Status, models={"一号": Scripted()}) as room:
        [said] = await room.say("/状态")
        assert said.splitlines() == ["我很好，都能用。", "● 测试账号：正常", "● 模型 一号：正常", "● 数据库：正常"]


async def test_no_model_is_no_secret() -> None:
    async with Room(Status) as room:
        [said] = await room.say("/状态")
        assert "○ 模型：还没有登记模型，现在由离线应答顶着（刚刚开始）" in said


async def test_a_model_that_fails_is_shown_until_it_works() -> None:
    async with Room(Status, Ask, models={"一号": Scripted(ModelUnavailable(), "好了")}) as room:
        await room.say("/问 一")
        assert "○ 模型 一号：模型暂时连不上（刚刚开始）" in (await room.say("/状态"))[0]
        await room.say("/问 一")
        assert "● 模型 一号：正常" in (await room.say("/状态"))[0]


async def test_an_empty_account_is_told() -> None:
    async with Room(Status, Ask, models={"一号": Scripted(ModelQuota())}) as room:
        await room.say("/问 一")
        assert "额度用完了" in (await room.say("/状态"))[0]


async def test_replies_that_did_not_go_out() -> None:
    async with Room(Status) as room:
        room.platform.refuse = AdapterError("本账号被禁言")
        assert await room.say("/状态") == []
        room.platform.refuse = None
        [said] = await room.say("/状态")
        assert "○ 本群的回复：有 1 条回复没有发出去，最近一条：本账号被禁言（刚刚开始）" in said
        assert "本群的回复" not in (await room.say("/状态", group=room.other))[0]
