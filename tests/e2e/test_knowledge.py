"""The group's own answers as its members live with them: asked, missing, answered, taken away, said unasked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Locator, expect

from tests.e2e.running import PLENTY, Running, running_bot
from tests.e2e.visitor import Visitor
from tests.peers.openai_server import OpenAIServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOW_TO_CLOSE = "管理员发 `/关闭 插件名`，例如 `/关闭 问答`，英文名也行：`/disable ask`。"
NOTED = "没找到相关的资料，已记给管理员，有了答案我在这里告诉你。"
LABEL = "内容由 AI 生成"
UNVERIFIED = "模型的回答对不上资料，这里是原文："


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A bot with nothing configured but its patience."""
    async with running_bot(tmp_path_factory.mktemp("bot"), PLENTY) as running:
        yield running


async def answered(visitor: Visitor, line: str) -> Locator:
    """Say a line, and wait for the whole message that quotes it."""
    answers = visitor.messages.filter(has=visitor.page.locator(".quoted", has_text=line))
    before = await answers.count()
    await visitor.say(line)
    # The first question of all reads what comes along onto the shelf.
    await expect(answers).to_have_count(before + 1, timeout=15000)
    # By its id, since another may be the last one later on.
    answer = visitor.page.locator(f'#log article[data-id="{await answers.last.get_attribute("data-id")}"]')
    await expect(answer).not_to_have_class(re.compile(r"\bstreaming\b"))
    return answer


def words(message: Locator) -> Locator:
    return message.locator(".content")


async def test_a_question_about_the_bot_is_answered_from_what_comes_along(browser: Browser, bot: Running) -> None:
    member = await Visitor.arrive(browser, bot.url, "小红")
    answer = await answered(member, "/问 怎么关闭一个插件")
    await expect(words(answer)).to_contain_text(HOW_TO_CLOSE)
    await expect(words(answer)).to_have_text(re.compile(r"依据：自带问答 › 关于欧小鹏 › 怎么关闭一个插件？$"))
    await expect(words(answer)).not_to_contain_text(LABEL)
    await expect(words(await answered(member, "/问 冥王星上的企鹅怎么织毛衣"))).to_contain_text(NOTED)
    await member.quiet()
    await member.page.context.close()


async def test_a_question_finds_its_answer_through_an_admin(browser: Browser, bot: Running) -> None:
    member = await Visitor.arrive(browser, bot.url, "小兰")
    admin = await Visitor.arrive(browser, bot.url, "管理员小王", role="admin")
    await expect(words(await answered(member, "/问 社区食堂的夜宵几点开始"))).to_contain_text(NOTED)

    await expect(words(await answered(admin, "/待答"))).to_contain_text("社区食堂的夜宵几点开始")
    missing = admin.messages.filter(has_text="社区食堂").filter(has_text=NOTED)
    await admin.tool(missing, "引用")
    await admin.say("每晚九点半，到十一点为止。")
    told = admin.message("已收入第")
    await expect(told).to_contain_text("告诉了 1 位提问的人。")
    number = (await told.inner_text()).partition("已收入第 ")[2].partition(" 条")[0]

    news = member.message("你问的「社区食堂的夜宵几点开始」有答案了：")
    await expect(news.locator(".mention.me")).to_have_text("@小兰")
    await expect(news).to_contain_text("每晚九点半，到十一点为止。")
    await expect(words(await answered(admin, "/待答"))).not_to_contain_text("夜宵")

    again = await answered(member, "/问 食堂夜宵几点开始呢")
    await expect(words(again)).to_contain_text("每晚九点半，到十一点为止。")
    await expect(words(again)).to_have_text(re.compile(r"依据：管理员小王 \d{4}-\d\d-\d\d › 社区食堂的夜宵几点开始$"))
    await expect(words(again)).not_to_contain_text(LABEL)

    await member.tool(again, "引用")
    sources = await answered(member, "/知识 来源")
    await expect(words(sources)).to_contain_text(
        "社区食堂的夜宵几点开始\n每晚九点半，到十一点为止。", use_inner_text=True
    )
    await expect(words(await answered(member, "/知识 列表"))).to_contain_text(
        f"{number}. 社区食堂的夜宵几点开始（管理员小王"
    )

    await expect(words(await answered(member, f"/知识 删除 {number}"))).to_have_text("只有管理员可以这样做。")
    await expect(words(await answered(admin, f"/知识 删除 {number}"))).to_contain_text("已删除第")
    await expect(words(await answered(member, "/问 食堂夜宵几点开始呢"))).to_contain_text(NOTED)
    for visitor in (member, admin):
        await visitor.quiet()
        await visitor.page.context.close()


async def test_an_attached_file_becomes_searchable(browser: Browser, bot: Running) -> None:
    admin = await Visitor.arrive(browser, bot.url, "管理员小李", role="admin")
    text = (
        "# 算力手册\n\n## 申请显卡\n\n显卡要提前两天在算力平台预约，每人每周二十小时。\n\n## 退还\n\n用完请释放实例。\n"
    )
    file: FilePayload = {"name": "算力手册.md", "mimeType": "text/markdown", "buffer": text.encode()}
    await admin.page.set_input_files("#any", file)
    await expect(admin.page.locator("#pictures .file")).to_contain_text("算力手册.md")
    await expect(words(await answered(admin, "/知识 添加"))).to_contain_text("《算力手册》")
    answer = await answered(admin, "/问 显卡怎么申请")
    await expect(words(answer)).to_contain_text("显卡要提前两天在算力平台预约，每人每周二十小时。")
    await expect(words(answer)).to_have_text(re.compile(r"依据：算力手册\.md › 算力手册 › 申请显卡$"))
    await admin.quiet()
    await admin.page.context.close()


async def test_an_unasked_question_is_answered_and_small_talk_is_not(browser: Browser, bot: Running) -> None:
    admin = await Visitor.arrive(browser, bot.url, "管理员小张", role="admin")
    await admin.say("/开启 主动答")
    await admin.sees("主动答 已开启。")
    await admin.say("/设置 主动答 等待 0")
    await admin.sees("主动答·等待：20 → 0")
    await admin.say("/知识 添加 数据集上传：数据集上传以后要过十分钟才能在列表里看到，期间请不要重复上传。")
    await admin.sees("《数据集上传》")

    member = await Visitor.arrive(browser, bot.url, "小青")
    await member.say("谁看到我十分钟以前点的火锅了吗")
    answer = await answered(member, "数据集上传以后为什么在列表里看不到？")
    await expect(words(answer)).to_contain_text("也许有用（资料原文）：")
    await expect(words(answer)).to_contain_text("数据集上传以后要过十分钟才能在列表里看到")
    await expect(words(answer)).not_to_contain_text(LABEL)
    await expect(words(answer)).to_contain_text("依据：管理员小张")
    await member.tool(answer, "用 👎 回应")
    report = await answered(member, "/主动答")
    await expect(words(report)).to_contain_text("听到 2 句，主动答了 1 次，沉默率 50.0%。")
    await expect(words(report)).to_contain_text("👍 0，👎 和撤回 1。")
    await expect(words(report)).to_contain_text("比出厂时谨慎")
    for visitor in (member, admin):
        await visitor.quiet()
        await visitor.page.context.close()


async def test_a_models_answer_is_shown_where_it_holds_only(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with OpenAIServer() as model:
        settings = {
            "XIAOPENG_MODELS__LOCAL__MODEL": "far-end",
            "XIAOPENG_MODELS__LOCAL__BASE_URL": model.base_url,
            "XIAOPENG_MODELS__LOCAL__API_KEY": "sk-test",
        }
        async with running_bot(tmp_path_factory.mktemp("model"), settings | PLENTY) as bot:
            member = await Visitor.arrive(browser, bot.url, "小红")
            model.answer = "请管理员发 `/关闭 插件名`，例如 `/关闭 问答` [1]。关掉以后，别的群不受影响 [1]。"
            answer = await answered(member, "/问 怎么关闭一个插件")
            await expect(words(answer)).to_contain_text(model.answer)
            await expect(words(answer)).to_contain_text("依据：[1] 自带问答 › 关于欧小鹏 › 怎么关闭一个插件？")
            await expect(words(answer)).to_contain_text(f"——{LABEL}（local）")
            assert HOW_TO_CLOSE in str(model.requests[-1].body["messages"])
            for lie in (
                "请管理员发 `/关闭 插件名` [9]。",
                "资料里说「关闭以后所有聊天记录都会被清空」[1]。",
                "请管理员发 `/关闭 插件名`。",
            ):
                model.answer = lie
                answer = await answered(member, "/问 怎么关闭一个插件")
                await expect(words(answer)).to_contain_text(f"{UNVERIFIED}\n{HOW_TO_CLOSE}", use_inner_text=True)
                await expect(words(answer)).not_to_contain_text(LABEL)
            await member.quiet()
            await member.page.context.close()
