"""The first hour of a new user, in a real browser before the real bot and a model server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.running import PLENTY, Running, running_bot
from tests.e2e.visitor import Visitor
from tests.peers.openai_server import OpenAIServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        server.answer = "先装 Python 3.11，再运行 make run。"
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(tmp_path_factory: pytest.TempPathFactory, model: OpenAIServer) -> AsyncIterator[Running]:
    folder: Path = tmp_path_factory.mktemp("bot")
    settings = {
        "XIAOPENG_MODELS__LOCAL__MODEL": "far-end",
        "XIAOPENG_MODELS__LOCAL__BASE_URL": model.base_url,
        "XIAOPENG_MODELS__LOCAL__API_KEY": "sk-test",
    }
    async with running_bot(folder, settings | PLENTY) as running:
        yield running


async def test_the_first_hour(browser: Browser, bot: Running, model: OpenAIServer) -> None:
    member = await Visitor.arrive(browser, bot.url)
    await member.sees("加入示例群！我是群里的机器人欧小鹏")

    await member.say("/帮助")
    await member.sees("问答：/问 /重来")

    model.chunk_delay = 0.1
    await member.say("/问 编程从哪学起")
    await member.sees("先装 Python")
    await member.sees("先装 Python 3.11，再运行 make run。")
    await member.sees("——内容由 AI 生成（local）")
    model.chunk_delay = 0

    await member.say("/帮住")
    await member.sees("没有这个命令，是想说「/帮助」吗？")

    await member.say("/关闭 ask")
    await member.sees("只有管理员可以这样做。")

    admin = await Visitor.arrive(browser, bot.url, "管理员小王", role="admin")
    await admin.say("/关闭 ask")
    await admin.sees("问答 已关闭。")
    await member.sees("问答 已关闭。")
    asked = len(model.requests)
    await member.say("/问 还在吗")

    await admin.say("/设置 欢迎 等候 0")
    await admin.sees("欢迎·等候：3 → 0")
    await admin.say("/回退")
    await admin.sees("欢迎·等候 现在是：3")
    await admin.say("/回退")
    await admin.sees("问答 现在开启。")
    assert len(model.requests) == asked

    await member.say("/状态")
    await member.sees("● 模型 local：正常")
    await member.quiet()
    await admin.quiet()


async def test_a_dead_model_is_told_by_kind(browser: Browser, bot: Running, model: OpenAIServer) -> None:
    member = await Visitor.arrive(browser, bot.url)
    model.behave("no_money", times=1)
    await member.say("/问 还有钱吗")
    await member.sees("额度用完了")
    await member.say("/状态")
    await member.sees("○ 模型 local：模型账户的额度用完了")
    await member.quiet()


async def test_another_group_is_its_own(browser: Browser, bot: Running) -> None:
    admin = await Visitor.arrive(browser, bot.url, "管理员小李", role="admin")
    await admin.say("/关闭 状态")
    await admin.sees("状态 已关闭。")
    await admin.go("测试群")
    await admin.page.locator("#join").click()
    await admin.say("/状态")
    await expect(admin.message("数据库：正常")).to_be_visible()
    await admin.go("示例群")
    await admin.say("/开启 状态")
    await admin.sees("状态 已开启。")
    await admin.quiet()
