"""The group's own answers in a QQ group: by replies, from files, judged by reactions and recalls."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.qq import ADMIN, MEMBER, TOKEN, hears, words
from tests.e2e.running import PLENTY, Running, running_bot
from tests.peers.onebot import OneBotPeer, Segments

GROUP = 20001
NOTED = "没找到相关的资料，已记给管理员"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Running]:
    """A bot without a model."""
    async with running_bot(tmp_path, {"XIAOPENG_ONEBOT__TOKEN": TOKEN, **PLENTY}) as running:
        yield running


@pytest.fixture
async def peer(bot: Running) -> AsyncIterator[OneBotPeer]:
    """Its account, in a group of rights."""
    async with OneBotPeer(bot.onebot, token=TOKEN) as peer:
        peer.found(GROUP, "admin", admins=[ADMIN], members=[MEMBER])
        yield peer


def quoting(message_id: str, text: str) -> Segments:
    return [{"type": "reply", "data": {"id": message_id}}, {"type": "text", "data": {"text": text}}]


def said(peer: OneBotPeer, text: str) -> str:
    """The id of the last message of the bot with this text, as members see it."""
    own = [record for record in peer.life.records.values() if record.user == peer.life.own]
    return next(record.id for record in reversed(own) if text in str(record.segments))


async def test_a_question_finds_its_answer_through_an_admin(peer: OneBotPeer) -> None:
    await peer.say(GROUP, MEMBER, "/问 社区食堂的夜宵几点开始")
    await hears(peer, NOTED)
    await peer.say(GROUP, ADMIN, "/待答")
    await hears(peer, "1. 社区食堂的夜宵几点开始")
    await peer.say(GROUP, MEMBER, quoting(said(peer, NOTED), "我也想知道"))
    await peer.say(GROUP, ADMIN, quoting(said(peer, NOTED), "每晚九点半，到十一点为止。"))
    await hears(peer, "告诉了 1 位提问的人。")
    news = next(segments for _, segments in peer.said if "有答案了" in str(segments))
    called = [str(segment["data"]["qq"]) for segment in news if segment["type"] == "at"]
    assert called == [str(MEMBER)]
    assert "你问的「社区食堂的夜宵几点开始」有答案了：\n每晚九点半，到十一点为止。" in words(peer)[-2]
    await peer.say(GROUP, MEMBER, "/问 食堂夜宵几点开始呢")
    await hears(peer, f"依据：成员{ADMIN}")
    assert "资料里这样写：\n每晚九点半，到十一点为止。" in words(peer)[-1]


async def test_a_file_is_added_by_quoting_it(peer: OneBotPeer) -> None:
    manual = "# 算力手册\n\n## 申请显卡\n\n显卡要提前两天在算力平台预约，每人每周二十小时。\n"
    shared = await peer.share(GROUP, MEMBER, "算力手册.md", manual.encode())
    peer.life.shelf.expire()
    await peer.say(GROUP, MEMBER, quoting(shared, "/知识 添加"))
    await hears(peer, "只有管理员可以这样做。")
    await peer.say(GROUP, ADMIN, quoting(shared, "/知识 添加"))
    await hears(peer, "《算力手册》")
    await peer.say(GROUP, MEMBER, "/问 显卡怎么申请")
    await hears(peer, "显卡要提前两天在算力平台预约，每人每周二十小时。\n\n依据：算力手册.md › 算力手册 › 申请显卡")


async def test_thumbs_down_and_recalls_make_it_more_careful(bot: Running, peer: OneBotPeer) -> None:
    async def report() -> str:
        before = len(words(peer))
        await peer.say(GROUP, ADMIN, "/主动答")
        await peer.until(lambda: len(words(peer)) > before, 20)
        return words(peer)[-1]

    async def raised(above: int, bad: int) -> int:
        """Wait until so many bad words are counted; the threshold, in percent."""
        async with asyncio.timeout(10):
            while f"👎 和撤回 {bad}。" not in (told := await report()):
                pass
        at = threshold(told)
        assert at > above
        return at

    for line in (
        "/开启 主动答",
        "/设置 主动答 等待 0",
        "/知识 添加 数据集上传：数据集上传以后要过十分钟才能在列表里看到。",
        "/知识 添加 算力券：算力券每月一号发放，当月有效，在个人中心领取。",
    ):
        await peer.say(GROUP, ADMIN, line)
    await hears(peer, "《算力券》")
    first = threshold(await report())

    await peer.say(GROUP, MEMBER, "谁看到我十分钟以前点的火锅了吗")
    asked = await peer.say(GROUP, MEMBER, "数据集上传以后为什么在列表里看不到？")
    await hears(peer, "数据集上传以后要过十分钟")
    assert {"type": "reply", "data": {"id": asked}} in peer.said[-1][1]
    await peer.react(GROUP, MEMBER, said(peer, "数据集上传以后要过十分钟"), "77")
    disliked = await raised(first, bad=1)

    await peer.say(GROUP, MEMBER, "算力券每个月什么时候发放？")
    await hears(peer, "算力券每月一号发放")
    spoken = said(peer, "算力券每月一号发放")
    await until_known(bot, spoken)
    await peer.recall(GROUP, peer.self_id, spoken, operator=ADMIN)
    await raised(disliked, bad=2)
    assert "听到 3 句，主动答了 2 次，沉默率 33.3%。" in words(peer)[-1]


def threshold(report: str) -> int:
    found = re.search(r"把握到 (\d+)%", report)
    assert found
    return int(found[1])


async def until_known(bot: Running, message_id: str) -> None:
    """Wait until the bot has written down under which id its words went out."""
    query = "select 1 from knowledge_spoken where message_id = ?"
    async with asyncio.timeout(10):
        with closing(sqlite3.connect(f"file:{bot.database}?mode=ro", uri=True)) as database:
            while database.execute(query, [message_id]).fetchone() is None:  # noqa: ASYNC110 - the database is another process's
                await asyncio.sleep(0.05)
