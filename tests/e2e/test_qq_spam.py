"""The guard in QQ groups, as the far end records it: the ladder, what is refused, the admins' group, a kill."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.qq import ADMIN, MEMBER, OWNER, TOKEN, hears, words
from tests.e2e.running import PLENTY, running_bot
from tests.peers.onebot import NAPCAT, SNOWLUMA, Flavour, OneBotPeer, Segments

GROUP, ADMINS = 20001, 20009
ADS = (
    "零基础转行ＡＩ训练师，包就业月薪过万，扫码领试听课，薇 aijob520",
    "出售 Chat GPT Plus 成品号，低价代充，稳定质保，加 q 群 7 8 2 3 4 5 1 9 9",
    "大模型备案代办，材料全包，加急当天出，私聊我薇信 hello_ba66",
)
DOUBT = "兼职日结，一单一结，在家动动手指日入三百，加V信：qwer8866tt 备注来意"
LATER = 900
"""Seconds after which a first mute is over."""
SETTINGS = {"XIAOPENG_ONEBOT__TOKEN": TOKEN, **PLENTY}
ACTS = ("delete_msg", "set_group_ban", "set_group_kick", "set_group_whole_ban")


@asynccontextmanager
async def visited(folder: Path, flavour: Flavour = NAPCAT, own: str = "admin") -> AsyncIterator[OneBotPeer]:
    """A bot, and an account of it in a group whose guard is on and in which its role is `own`."""
    async with (
        running_bot(folder, SETTINGS) as bot,
        OneBotPeer(bot.onebot, token=TOKEN, flavour=flavour) as peer,
    ):
        peer.found(GROUP, own, owner=OWNER, admins=[ADMIN], members=[MEMBER], name="飞桨交流群")
        await switched_on(peer)
        yield peer


@asynccontextmanager
async def again(folder: Path, before: OneBotPeer) -> AsyncIterator[OneBotPeer]:
    """The bot of a folder once more, and its account, whose groups and messages are as they were."""
    async with running_bot(folder, SETTINGS) as bot, OneBotPeer(bot.onebot, token=TOKEN) as peer:
        peer.life = peer.actions.life = before.life
        yield peer


async def switched_on(peer: OneBotPeer) -> None:
    await answer(peer, "/设置 防广告 抽查 0")
    assert "防广告开启了" in await answer(peer, "/防广告 开启")


async def answer(peer: OneBotPeer, said: str | Segments, group: int = GROUP, user: int = ADMIN) -> str:
    """Say something, and wait for what quotes it."""
    asked = await peer.say(group, user, said)
    quote = {"type": "reply", "data": {"id": asked}}
    found: list[Segments] = []

    def came() -> bool:
        found[:] = [segments for _, segments in peer.said if quote in segments]
        return bool(found)

    await peer.until(came, 20)
    return "".join(str(segment["data"]["text"]) for segment in found[0] if segment["type"] == "text")


def acts(peer: OneBotPeer) -> list[tuple[str, dict[str, Any]]]:
    """What the bot did, beside speaking, oldest first."""
    return [(call["action"], call["params"]) for call in peer.calls if call["action"] in ACTS]


def recall(message_id: str) -> tuple[str, dict[str, Any]]:
    return "delete_msg", {"message_id": int(message_id)}


def mute(seconds: int, user: int = MEMBER) -> tuple[str, dict[str, Any]]:
    return "set_group_ban", {"group_id": GROUP, "user_id": user, "duration": seconds}


def spoken(peer: OneBotPeer, text: str) -> str:
    """The id of the last message of the bot with this text, as members see it."""
    own = [record for record in peer.life.records.values() if record.user == peer.life.own]
    return next(record.id for record in reversed(own) if text in str(record.segments))


def replying(peer: OneBotPeer, message_id: str, text: str) -> Segments:
    """A reply as QQ sends it: with a mention of whom it answers before the words."""
    return [
        {"type": "reply", "data": {"id": message_id}},
        {"type": "at", "data": {"qq": str(peer.self_id)}},
        {"type": "text", "data": {"text": f" {text}"}},
    ]


async def pardoned(peer: OneBotPeer, user: int = MEMBER) -> None:
    """A mute ends: the platform tells nobody."""
    peer.life.world.at(GROUP)[str(user)].muted_until = 0


async def test_the_ladder_as_the_far_end_sees_it(tmp_path: Path) -> None:
    now = int(time.time())
    async with visited(tmp_path) as peer:
        await peer.say(GROUP, MEMBER, DOUBT)
        await hears(peer, "#1 这条像广告，管理员看一下：/移除 1 或 /误判 1")
        assert acts(peer) == []

        first = await peer.say(GROUP, MEMBER, ADS[0])
        await hears(peer, "#2 撤回了一条广告（")
        assert acts(peer) == [recall(first)]
        assert peer.life.records[first].recalled

        second = await peer.say(GROUP, MEMBER, ADS[1])
        await hears(peer, "，发的人禁言 10 分钟。")
        assert acts(peer)[1:] == [recall(second), mute(600)]
        assert peer.life.world.at(GROUP)[str(MEMBER)].muted

        await pardoned(peer)
        third = await peer.say(GROUP, MEMBER, ADS[2], time=now + LATER)
        await hears(peer, "，发的人禁言 1 天。")
        assert acts(peer)[3:] == [recall(third), mute(86400)]
        assert "TA 一再发广告，要移出群请管理员发：/移除 4 踢出" in words(peer)[-1]

        assert "已移出群" in await answer(peer, "/移除 4 踢出")
        kick = ("set_group_kick", {"group_id": GROUP, "user_id": MEMBER, "reject_add_request": False})
        assert acts(peer)[5:] == [kick]
        assert str(MEMBER) not in peer.life.world.at(GROUP)
        lines = [line for line in words(peer) if line.startswith("#")]
        assert all(ad[:6] not in line for ad in ADS for line in lines), "no notice says the ad again"


async def test_admins_are_never_acted_on(tmp_path: Path) -> None:
    async with visited(tmp_path) as peer:
        for user in (ADMIN, OWNER):
            for ad in ADS:
                await peer.say(GROUP, user, ad)
        # One of them is an admin whose messages say otherwise, as implementations with a stale cache send them.
        await peer.say(GROUP, ADMIN, ADS[0], sender={"user_id": ADMIN, "nickname": "小王", "role": "member"})
        record = await answer(peer, "/防广告 战绩")
        assert "没有看到我认得出的广告" in record
        assert acts(peer) == []
        assert "TA 是管理员，我不动。" in await answer(peer, "/移除 1 踢出")
        assert acts(peer) == []


@pytest.mark.parametrize("flavour", [NAPCAT, SNOWLUMA], ids=lambda flavour: str(flavour.app))
async def test_what_the_platform_refuses_is_asked_of_the_admins(tmp_path: Path, flavour: Flavour) -> None:
    """One implementation says so; the other one says that all is well, and nothing happens."""
    async with visited(tmp_path, flavour, own="member") as peer:
        ad = await peer.say(GROUP, MEMBER, ADS[0])
        await hears(peer, "#1 有一条广告我撤不了（")
        assert "请管理员撤回；弄错了就发 /误判 1。" in words(peer)[-1]
        assert acts(peer) == [recall(ad)]
        assert not peer.life.records[ad].recalled
        assert "#1 " in await answer(peer, "/防广告 待审")
        peer.life.world.at(GROUP)[str(peer.self_id)].role = "admin"
        assert await answer(peer, "/移除 1") != ""
        assert peer.life.records[ad].recalled


async def linked(peer: OneBotPeer) -> None:
    """Make a group of the admins', and let the reports go there."""
    peer.found(ADMINS, "member", owner=OWNER, members=[ADMIN], name="管理员的群")
    offered = await answer(peer, "/防广告 管理群", ADMINS, OWNER)
    code = offered.partition("/防广告 管理群 ")[2].split()[0]
    assert "这个口令不对或者过期了" in await answer(peer, "/防广告 管理群 AAAAAA")
    assert "以后发到「管理员的群」" in await answer(peer, f"/防广告 管理群 {code}")
    await hears(peer, "「飞桨交流群」的防广告报告以后发到这里。", ADMINS)


async def test_a_report_is_answered_in_the_admins_own_group(tmp_path: Path) -> None:
    async with visited(tmp_path) as peer:
        await linked(peer)
        await peer.say(GROUP, MEMBER, ADS[0])
        await hears(peer, "#1 ", ADMINS)
        await peer.say(GROUP, MEMBER, f"{ADS[1]} https://gpt-cheap.example/x @全体成员")
        await hears(peer, "#2 ", ADMINS)
        report = next(text for text in words(peer, ADMINS) if text.startswith("#2 "))
        assert "做了：已撤回；已禁言 10 分钟" in report
        assert "hxxps[:]//gpt-cheap[.]example/x ＠全体成员" in report
        await hears(peer, "#2 撤回了一条广告（", GROUP)
        assert acts(peer)[-1] == mute(600)

        # An ordinary member of the admins' group who is an admin of the other one has their say, too.
        quote = replying(peer, spoken(peer, "做了：已撤回；已禁言 10 分钟"), "误判")
        told = await answer(peer, quote, ADMINS, ADMIN)
        assert told.startswith("好，#2 是误判：禁言解除了、原话发回群里了、这样的话以后放行。")
        assert acts(peer)[-1] == mute(0)
        assert not peer.life.world.at(GROUP)[str(MEMBER)].muted
        assert words(peer, GROUP)[-1].startswith(f"成员{MEMBER} 说：{ADS[1]} https://gpt-cheap.example/x")
        # In a group that has nothing to do with it there is no such number.
        peer.found(20033, "admin", owner=OWNER)
        assert await answer(peer, "/误判 2", 20033, OWNER) == "没有 #2。"


async def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    async with visited(tmp_path) as peer:
        await linked(peer)
        await peer.say(GROUP, MEMBER, ADS[0])
        await hears(peer, "#1 撤回了一条广告（", GROUP)
        before = peer
    async with again(tmp_path, before) as peer:
        second = await peer.say(GROUP, MEMBER, ADS[1])
        await hears(peer, "做了：已撤回；已禁言 10 分钟", ADMINS)
        assert acts(peer) == [recall(second), mute(600)]
        assert "判断：是广告" in await answer(peer, "/为什么 1")
        assert "好，#1 是误判：原话发回群里了" in await answer(peer, "/误判 1", ADMINS, OWNER)
        assert words(peer, GROUP)[-1] == f"成员{MEMBER} 说：{ADS[0]}"


async def test_a_killed_bot_loses_no_decision(tmp_path: Path) -> None:
    async with running_bot(tmp_path, SETTINGS) as bot, OneBotPeer(bot.onebot, token=TOKEN) as peer:
        peer.found(GROUP, "admin", owner=OWNER, admins=[ADMIN], members=[MEMBER])
        await switched_on(peer)
        await peer.say(GROUP, MEMBER, ADS[0])
        await hears(peer, "#1 撤回了一条广告（")
        ad = await peer.say(GROUP, MEMBER, ADS[1])
        await peer.until(lambda: recall(ad) in acts(peer), 20)
        bot.process.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(bot.process.wait(), 20) == -signal.SIGKILL
        before = peer
    with closing(sqlite3.connect(bot.database)) as database:
        rows = database.execute("select id, verdict, step, text from spam_decisions order by id").fetchall()
    assert rows == [(1, "act", "recall", ADS[0]), (2, "act", "mute", ADS[1])]
    async with again(tmp_path, before) as peer:
        assert "判断：是广告" in await answer(peer, "/为什么 2")
        told = await answer(peer, "/误判 2")
        assert "原话发回群里了、这样的话以后放行" in told
        assert f"成员{MEMBER} 说：{ADS[1]}" in words(peer, GROUP)
        assert mute(0) in acts(peer)
