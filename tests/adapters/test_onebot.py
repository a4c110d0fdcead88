"""The OneBot adapter, with an implementation at the far end of a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.adapters.onebot import OneBot
from bot.config import OneBot as Settings
from bot.errors import AdapterError
from bot.pipeline import Adapter
from bot.types import (
    Account,
    Group,
    Image,
    MemberJoined,
    Mention,
    Reaction,
    Role,
    Text,
)
from tests.adapters.onebot_bot import GROUP, Bot, running, until
from tests.peers.onebot import LAGRANGE, LLBOT, NAPCAT, ONEBOTS, Flavour, OneBotPeer, Person

MUTED = 'EventChecker Failed: EventRet:\n{"result": 120, "errMsg": ""}'


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running() as bot:
        yield bot


@pytest.fixture
async def peer(bot: Bot) -> AsyncIterator[OneBotPeer]:
    async with OneBotPeer(bot.url) as peer:
        await peer.say(20001, 30003, "开场")
        await bot.hears("开场")
        yield peer


def test_is_an_adapter() -> None:
    adapter: Adapter = OneBot(Settings())
    assert (adapter.platform, adapter.streams) == ("qq", False)


# --- who may come in ----------------------------------------------------------------------


async def status(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url, headers={"X-Self-ID": "10001000"} | headers):
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {"Authorization": "Bearer 密x"}, 101),
        ("", {"Authorization": "Token 密x"}, 101),
        ("?access_token=密x", {}, 101),
        ("?access_token=密x", {"Authorization": "Bearer "}, 101),
        ("", {}, 401),
        ("", {"Authorization": "Bearer "}, 401),
        ("", {"Authorization": "Basic 密x"}, 401),
        ("", {"Authorization": "Bearer y"}, 403),
        ("?access_token=y", {}, 403),
        ("?access_token=密x", {"Origin": "http://127.0.0.1"}, 403),
        ("?access_token=密x", {"X-Self-ID": ""}, 101),
        ("?access_token=密x", {"X-Self-ID": "dm:5"}, 400),
        ("?access_token=密x", {"X-Client-Role": "Event"}, 101),
        ("?access_token=密x", {"X-Client-Role": "Boss"}, 400),
        ("?access_token=密x", {"X-Client-Role": "universal"}, 101),
    ],
)
async def test_the_door(query: str, headers: dict[str, str], expected: int) -> None:
    async with running(token="密x") as bot:
        assert await status(bot.url + query, **headers) == expected


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_of_ours_none_is_asked_for(token: str | None) -> None:
    async with running(token=token) as bot:
        assert await status(bot.url, Authorization="Bearer anything") == 101
        assert await status(bot.url) == 101


async def test_before_and_after_its_life_nobody_comes_in(bot: Bot) -> None:
    async with running() as other:
        pass
    with pytest.raises(AdapterError):
        await other.send(Text("好"))
    deaf = OneBot(Settings())
    app = web.Application()
    app.add_routes(deaf.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    assert await status(f"ws://127.0.0.1:{runner.addresses[0][1]}/onebot/v11/ws") == 503
    await runner.cleanup()


# --- what comes in ------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", [NAPCAT, LLBOT, LAGRANGE, ONEBOTS], ids=lambda flavour: flavour.app)
async def test_a_conversation_with_every_implementation(flavour: Flavour) -> None:
    async with running(token="x") as bot, OneBotPeer(bot.url, token="x", flavour=flavour) as peer:
        said = [{"type": "at", "data": {"qq": "10001000"}}, {"type": "text", "data": {"text": " 在吗 [1,2] & 3"}}]
        message_id = await peer.say(20001, 30003, said, role="admin", name="林")
        event = await bot.hears(" 在吗 [1,2] & 3")
        assert (event.id, event.member.name, event.member.role) == (message_id, "林", Role.ADMIN)
        assert (event.group.id, event.account.id) == ("qq:20001", "qq:10001000")
        assert isinstance(event.parts[0], Mention)
        assert event.parts[0].id == "qq:10001000"
        await peer.join(20001, 30005)
        await peer.react(20001, 30003, message_id)
        await until(lambda: isinstance(bot.heard[-1], Reaction))
        assert isinstance(bot.heard[-2], MemberJoined)
        sent = await bot.send(Mention("qq:30003"), Text("在"), quote=message_id)
        assert await peer.wait_sent(1) == [
            [
                {"type": "reply", "data": {"id": message_id}},
                {"type": "at", "data": {"qq": "30003"}},
                {"type": "text", "data": {"text": " 在"}},
            ]
        ]
        assert sent.startswith("-") == flavour.signed


async def test_no_lifecycle_is_waited_for(bot: Bot) -> None:
    peer = OneBotPeer(bot.url)
    await peer.connect(lifecycle=False)
    await asyncio.sleep(0.05)
    assert bot.changes() == []
    await peer.say(20001, 30003, "早")
    await bot.hears("早")
    assert bot.changes() == [(True, "")]
    await peer.close()


async def test_learns_its_names(bot: Bot) -> None:
    async with OneBotPeer(bot.url, nickname="小鹏") as peer:
        peer.world["20001"] = {"10001000": Person("小鹏", "鹏助理")}
        await peer.say(20001, 30003, "一")
        await peer.wait_call("get_group_member_info")
        for n in range(50):
            await peer.say(20001, 30003, f"二{n}")
            if (await bot.hears(f"二{n}")).account.names == ("小鹏", "鹏助理"):
                break
        assert bot.messages()[-1].account == Account("qq:10001000", ("小鹏", "鹏助理"))
        assert len(peer.called("get_group_member_info")) == 1
        assert len(peer.called("get_login_info")) == len(peer.called("get_version_info")) == 1
        await peer.notice("group_card", group_id=20001, user_id=10001000, card_old="鹏助理", card_new="大鹏")
        peer.world["20001"]["10001000"].card = "大鹏"
        await peer.say(20001, 30003, "三")
        await peer.wait_call("get_group_member_info", 2)


async def test_its_own_accounts_are_not_heard(bot: Bot, peer: OneBotPeer) -> None:
    async with OneBotPeer(bot.url, 10002000) as other:
        await other.say(20001, 30003, "来自二号")
        await bot.hears("来自二号")
        await peer.say(20001, 10002000, "我是二号")
        await peer.say(20001, 10001000, "我是一号")
        await peer.say(20001, 30003, "完")
        await bot.hears("完")
        assert [message.text for message in bot.messages()] == ["开场", "来自二号", "完"]
        assert [message.account.id for message in bot.messages()] == ["qq:10001000", "qq:10002000", "qq:10001000"]


async def test_the_last_connection_wins(bot: Bot, peer: OneBotPeer) -> None:
    async with OneBotPeer(bot.url) as newer:
        async with asyncio.timeout(2):
            await peer.closed.wait()
        await newer.say(20001, 30003, "还在")
        await bot.hears("还在")
        await bot.send(Text("好"))
        assert await newer.wait_sent(1)
        assert peer.said == []
        assert bot.changes() == [(True, "")]


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("", True),
        ("{", True),
        ("[]", True),
        ("null", True),
        ('{"post_type":{}}', True),
        ('{"post_type":"message","message_type":"group","user_id":1,"message_id":1,"group_id":1,"message":5}', True),
        (b"\xff\xfe", True),
        (b"\x00\x01", False),
        (b'{"post_type":"meta_event"}', False),
        ("[" * 100_000, True),
        ('{"a":' * 100_000, True),
        ('{"post_type":"message","x":"' + "x" * 10_000_000 + '"}', True),
        ("x" * 10_000_000, True),
    ],
    ids=range(13),
)
async def test_no_frame_closes_the_link(bot: Bot, peer: OneBotPeer, frame: str | bytes, text: bool) -> None:
    before = sum(bot.adapter.skipped.values())
    await peer.raw(frame, text=text)
    await peer.say(20001, 30003, "还在")
    await bot.hears("还在")
    assert sum(bot.adapter.skipped.values()) == before + 1
    assert not peer.closed.is_set()
    assert len(bot.changes()) == 1


async def test_what_is_skipped_is_counted_within_bounds(bot: Bot, peer: OneBotPeer) -> None:
    for n in range(200):
        await peer.notice(f"新鲜事{n}")
    await peer.say(20001, 30003, "完")
    await bot.hears("完")
    assert len(bot.adapter.skipped) <= 65
    assert bot.adapter.skipped["other"] >= 100


# --- whether the account lives ------------------------------------------------------------


async def test_link_up_is_not_account_up(bot: Bot, peer: OneBotPeer) -> None:
    for online in (True, None, False, False, None, True, True):
        await peer.heartbeat(online)
    await peer.notice("bot_offline", user_id=10001000, tag="下线通知", message="登录已失效")
    await peer.heartbeat(False)
    await peer.say(20001, 30003, "在途")
    await bot.hears("在途")
    states = [(True, ""), (False, "OneBot 实现报告账号不在线"), (True, ""), (False, "账号掉线：登录已失效")]
    assert bot.changes() == states
    (health,) = bot.adapter.health()
    assert (health.name, health.up, health.detail) == ("QQ 10001000", False, "账号掉线：登录已失效")
    await peer.heartbeat(True)
    await until(lambda: bot.adapter.health()[0].up)
    assert bot.adapter.health()[0].detail == ""


async def test_without_heartbeats_a_message_shows_that_the_account_is_back(bot: Bot, peer: OneBotPeer) -> None:
    await peer.notice("bot_offline", user_id=10001000)
    await peer.say(20001, 30003, "回来了")
    await bot.hears("回来了")
    assert [online for online, _ in bot.changes()] == [True, False, True]


@pytest.mark.parametrize("goodbye", [True, False])
async def test_a_lost_link_is_noticed_and_replaced(bot: Bot, peer: OneBotPeer, goodbye: bool) -> None:
    await (peer.close() if goodbye else peer.vanish())
    await until(lambda: not bot.adapter.health()[0].up)
    assert bot.changes()[-1] == (False, "与 OneBot 实现的连接已断开")
    with pytest.raises(AdapterError, match="没有连接") as failure:
        await bot.send(Text("好"))
    assert not failure.value.ambiguous
    await peer.connect()
    await until(lambda: bot.adapter.health()[0].up)
    assert await bot.send(Text("好"))


async def test_silence_after_heartbeats_is_death() -> None:
    async with running(patience=0.3) as bot, OneBotPeer(bot.url) as peer:
        for _ in range(6):
            await peer.heartbeat(interval=100)
            await asyncio.sleep(0.1)
        assert not peer.closed.is_set()
        async with asyncio.timeout(3):
            await peer.closed.wait()
        assert bot.changes() == [(True, ""), (False, "心跳中断")]


async def test_without_heartbeats_silence_is_no_death() -> None:
    async with running(patience=0.1) as bot, OneBotPeer(bot.url) as peer:
        await asyncio.sleep(0.4)
        assert not peer.closed.is_set()
        assert bot.adapter.health()[0].up


# --- what goes out ------------------------------------------------------------------------


async def test_text_is_inert_and_pictures_are_bytes(bot: Bot, peer: OneBotPeer) -> None:
    await bot.send(Text("[CQ:at,qq=all]"), Image(data=b"png"))
    assert await peer.wait_sent(1) == [
        [
            {"type": "text", "data": {"text": "[CQ:at,qq=all]"}},
            {"type": "image", "data": {"file": "base64://cG5n"}},
        ]
    ]
    assert peer.called("send_group_msg")[0]["group_id"] == 20001


async def test_private_words(bot: Bot, peer: OneBotPeer) -> None:
    await bot.send(Text("悄悄"), to="qq:30003", quote="5")
    message = [{"type": "text", "data": {"text": "悄悄"}}]
    assert peer.called("send_private_msg")[-1] == {"user_id": 30003, "group_id": 20001, "message": message}
    await peer.say(None, 30004, "你好")
    friend = (await bot.hears("你好")).group
    await bot.send(Text("悄悄"), group=friend)
    assert peer.called("send_private_msg")[-1] == {"user_id": 30004, "message": message}
    await peer.say(None, 30009, "生人", sub_type="group", group_id=20007)
    stranger = (await bot.hears("生人")).group
    await bot.send(Text("悄悄"), group=stranger)
    assert peer.called("send_private_msg")[-1] == {"user_id": 30009, "group_id": 20007, "message": message}
    assert list(peer.sent) == ["private:30003", "private:30004", "private:30009"]


@pytest.mark.parametrize(
    ("answer", "reason", "ambiguous"),
    [
        ({"status": "failed", "retcode": 1200, "message": "不行\n" + "长" * 500}, "不行 长", False),
        ({"status": "failed", "retcode": 0, "wording": "不行"}, "不行", False),
        ({"status": "failed", "retcode": 1200, "message": '{"result": 110}'}, "本账号已经不在该群", False),
        ({"status": "failed", "retcode": 1200, "message": "Timeout: NTEvent x/sendMsg"}, "QQ 没有确认", True),
        ({"status": "async", "retcode": 1, "data": None}, "OneBot 实现没有给出消息号", True),
        ({"status": "ok", "retcode": 0, "data": None}, "OneBot 实现没有给出消息号", True),
        ({"status": "ok", "retcode": 0, "data": {"message_id": None}}, "OneBot 实现没有给出消息号", True),
    ],
)
async def test_refusals(bot: Bot, peer: OneBotPeer, answer: dict[str, Any], reason: str, ambiguous: bool) -> None:
    peer.script("send_group_msg", answer)
    with pytest.raises(AdapterError) as failure:
        await bot.send(Text("好"))
    assert failure.value.reason.startswith(reason)
    assert len(failure.value.reason) <= 200
    assert failure.value.ambiguous == ambiguous


async def test_an_empty_message_is_not_sent(bot: Bot, peer: OneBotPeer) -> None:
    with pytest.raises(AdapterError, match="没有可以发送的内容"):
        await bot.send(Text(""), quote="5")
    assert peer.called("send_group_msg") == []


async def test_no_answer_is_a_doubt_and_a_late_one_goes_nowhere() -> None:
    async with running(timeout=0.2) as bot, OneBotPeer(bot.url) as peer:
        await peer.say(20001, 30003, "早")
        await bot.hears("早")
        peer.silence("send_group_msg")
        with pytest.raises(AdapterError, match="没有回答") as failure:
            await bot.send(Text("一"))
        assert failure.value.ambiguous
        peer.delay("send_group_msg", 0.4)
        with pytest.raises(AdapterError, match="没有回答"):
            await bot.send(Text("二"))
        await until(lambda: bot.adapter.skipped.get("answer") == 1)
        peer.obey("send_group_msg")
        assert await bot.send(Text("三"))


async def test_a_link_lost_before_the_answer_is_a_doubt(bot: Bot, peer: OneBotPeer) -> None:
    peer.silence("send_group_msg")
    sending = asyncio.create_task(bot.send(Text("好")))
    await peer.wait_sent(1)
    await peer.vanish()
    with pytest.raises(AdapterError, match="断开") as failure:
        await sending
    assert failure.value.ambiguous


async def test_answers_find_their_calls_in_any_order(bot: Bot, peer: OneBotPeer) -> None:
    peer.delay("send_group_msg", 0.2)
    slow = asyncio.create_task(bot.send(Text("慢")))
    await peer.wait_call("send_group_msg")
    login = await bot.adapter.call("qq:10001000", "get_login_info", {})
    assert login == {"user_id": 10001000, "nickname": "测试机器人"}
    assert not slow.done()
    assert await slow
    echoes = [call["echo"] for call in peer.calls]
    assert len(set(echoes)) == len(echoes)
    assert all(isinstance(echo, str) for echo in echoes)


async def test_is_silent_where_it_is_muted(bot: Bot, peer: OneBotPeer) -> None:
    await peer.ban(20001, 10001000, 600)
    await peer.say(20001, 30003, "禁了")
    await bot.hears("禁了")
    with pytest.raises(AdapterError, match=r"^本账号在该群被禁言$"):
        await bot.send(Text("好"))
    assert peer.called("send_group_msg") == []
    assert await bot.send(Text("好"), group=Group("qq:20002"))
    assert await bot.send(Text("好"), to="qq:30003")
    await peer.ban(20001, 10001000, 0)
    await peer.say(20001, 30003, "解了")
    await bot.hears("解了")
    assert await bot.send(Text("好"))


async def test_a_mute_that_is_told_before_its_standing_is_learnt_holds(bot: Bot) -> None:
    """What is asked for on a new connection may be answered from a cache that is older than the notice."""
    async with OneBotPeer(bot.url) as peer:
        peer.delay("get_group_list", 0.2)
        cached = {"group_id": 20001, "user_id": 10001000, "role": "member", "shut_up_timestamp": 0}
        peer.script("get_group_member_info", {"status": "ok", "retcode": 0, "data": cached})
        await peer.ban(20001, 10001000, 600)
        await peer.wait_call("get_group_member_info")
        await peer.say(20001, 30003, "学完了")
        await bot.hears("学完了")
        with pytest.raises(AdapterError, match=r"^本账号在该群被禁言$"):
            await bot.send(Text("好"))


async def test_learns_from_a_refusal_that_it_is_muted(bot: Bot, peer: OneBotPeer) -> None:
    peer.refuse("send_group_msg", 1200, MUTED)
    for _ in range(3):
        with pytest.raises(AdapterError, match="本账号在该群被禁言"):
            await bot.send(Text("好"))
    assert len(peer.called("send_group_msg")) == 1
    peer.obey("send_group_msg")
    await peer.ban(20001, 0, 0)
    await peer.say(20001, 30003, "解了")
    await bot.hears("解了")
    assert await bot.send(Text("好"))


async def test_a_short_mute_ends_by_itself(bot: Bot, peer: OneBotPeer) -> None:
    await peer.ban(20001, 10001000, 1)
    await peer.say(20001, 30003, "禁了")
    await bot.hears("禁了")
    with pytest.raises(AdapterError):
        await bot.send(Text("好"))
    await asyncio.sleep(2)  # the implementation tells its end in whole seconds, too
    assert await bot.send(Text("好"))


async def test_moderation_that_cannot_be(bot: Bot, peer: OneBotPeer) -> None:
    peer.refuse("set_group_ban", 1200, "ERR_NOT_GROUP_ADMIN")
    with pytest.raises(AdapterError, match="不是该群的管理员"):
        await bot.adapter.mute(GROUP, "qq:30003", 60)
    with pytest.raises(AdapterError, match="不是 QQ 的号"):
        await bot.adapter.mute(GROUP, "wx:30003", 60)
    with pytest.raises(AdapterError, match="私聊"):
        await bot.adapter.mute(Group("qq:dm:30003", direct=True), "qq:30003", 60)


async def test_each_account_takes_back_what_it_saw(bot: Bot, peer: OneBotPeer) -> None:
    async with OneBotPeer(bot.url, 10002000) as other:
        message_id = await other.say(20001, 30003, "广告", message_id=55)
        await bot.hears("广告")
        await bot.adapter.recall(GROUP, message_id)
        assert (len(other.called("delete_msg")), len(peer.called("delete_msg"))) == (1, 0)
        peer.refuse("set_group_ban", 1200, "ERR_NOT_GROUP_ADMIN")
        await bot.adapter.mute(GROUP, "qq:30003", 60)
        assert (len(other.called("set_group_ban")), len(peer.called("set_group_ban"))) == (1, 1)
        peer.doubt("set_group_ban")
        with pytest.raises(AdapterError) as failure:
            await bot.adapter.mute(GROUP, "qq:30003", 60)
        assert failure.value.ambiguous
        assert len(other.called("set_group_ban")) == 1


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("owner", Role.OWNER),
        ("admin", Role.ADMIN),
        ("member", Role.MEMBER),
        ("unknown", Role.UNKNOWN),
        (None, Role.UNKNOWN),
    ],
)
async def test_roles_are_asked_afresh(bot: Bot, peer: OneBotPeer, role: str | None, expected: Role) -> None:
    peer.world["20001"]["30002"] = Person("阿明", role=role)
    assert await bot.adapter.role(GROUP, "qq:30002") == expected
    assert {"group_id": 20001, "user_id": 30002, "no_cache": True} in peer.called("get_group_member_info")


async def test_who_cannot_be_asked_about_has_no_role_and_no_size(bot: Bot, peer: OneBotPeer) -> None:
    assert await bot.adapter.role(GROUP, "qq:39999") == Role.UNKNOWN
    assert await bot.adapter.role(GROUP, "wx:30003") == Role.UNKNOWN
    assert await bot.adapter.role(Group("qq:dm:30003", direct=True), "qq:30003") == Role.UNKNOWN
    assert await bot.adapter.size(Group("qq:404")) is None
    assert await bot.adapter.size(GROUP) == 1
    peer.script("get_group_info", {"status": "ok", "retcode": 0, "data": {"member_count": "viele"}})
    assert await bot.adapter.size(GROUP) is None
    await peer.close()
    assert await bot.adapter.role(GROUP, "qq:30003") == Role.UNKNOWN


async def test_stopping_says_goodbye_and_leaves_no_call_waiting() -> None:
    async with running() as bot:
        peer = OneBotPeer(bot.url)
        await peer.connect()
        await peer.say(20001, 30003, "早")
        await bot.hears("早")
        peer.silence("send_group_msg")
        sending = asyncio.create_task(bot.send(Text("好")))
        await peer.wait_sent(1)
    with pytest.raises(AdapterError):
        await sending
    async with asyncio.timeout(2):
        await peer.closed.wait()
    await peer.close()


async def test_a_flood_keeps_its_order(bot: Bot, peer: OneBotPeer) -> None:
    for n in range(2000):
        await peer.raw(
            json.dumps(
                {
                    "post_type": "message",
                    "message_type": "group",
                    "message_id": n,
                    "group_id": 20001,
                    "user_id": 30003,
                    "message": str(n),
                }
            )
        )
    await bot.hears("1999")
    assert [message.text for message in bot.messages()[1:]] == [str(n) for n in range(2000)]


async def test_who_gives_up_on_a_full_socket_ends_no_other_call(bot: Bot, peer: OneBotPeer) -> None:
    (line,) = peer.lines
    peer.freeze()
    sending = [asyncio.create_task(bot.send(Image(data=bytes(5_000_000)))) for _ in range(3)]
    await asyncio.sleep(0.1)
    sending[0].cancel()
    await asyncio.wait(sending[:1])
    assert not any(task.done() for task in sending[1:])
    await peer.hang_up()
    await line.ws.close()
    for outcome in await asyncio.gather(*sending[1:], return_exceptions=True):
        assert isinstance(outcome, AdapterError)
        assert outcome.ambiguous
