"""What the adapter does and asks in a group, at the implementations over real sockets: believed when confirmed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.adapters.onebot import OneBot
from bot.adapters.onebot_acts import UNSEEN
from bot.errors import AdapterError
from bot.types import (
    Account,
    Forward,
    FriendRequest,
    Group,
    JoinRequest,
    Member,
    Role,
    Text,
)
from tests.adapters.onebot_bot import GROUP, Bot, running, until
from tests.peers.onebot import (
    FLAVOURS,
    GO_CQHTTP,
    LAGRANGE,
    LLBOT,
    NAPCAT,
    ONEBOTS,
    Flavour,
    OneBotPeer,
)
from tests.peers.onebot_flavours import ALL, KICK, MUTE, MUTE_ALL, RECALL, RENAME

US = Account("qq:10001000")
AN, BO, BOSS = "qq:30003", "qq:30004", "qq:30001"
Deed = Callable[[OneBot, str], Awaitable[None]]
DEEDS: dict[str, Deed] = {
    MUTE: lambda adapter, _: adapter.mute(GROUP, AN, 600),
    MUTE_ALL: lambda adapter, _: adapter.mute_all(GROUP, True),
    KICK: lambda adapter, _: adapter.kick(GROUP, AN),
    RENAME: lambda adapter, _: adapter.rename(GROUP, AN, "小安 [CQ:at,qq=all]"),
    RECALL: lambda adapter, said: adapter.recall(GROUP, said),
}
EFFECTS: dict[str, Callable[[OneBotPeer, str], bool]] = {
    MUTE: lambda peer, _: peer.world["20001"]["30003"].muted,
    MUTE_ALL: lambda peer, _: peer.world["20001"].silent,
    KICK: lambda peer, _: "30003" not in peer.world["20001"],
    RENAME: lambda peer, _: peer.world["20001"]["30003"].card == "小安 [CQ:at,qq=all]",
    RECALL: lambda peer, said: peer.life.records[said].recalled,
}


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running() as bot:
        bot.adapter.confirm = 0.4
        yield bot


@pytest.fixture
async def peer(bot: Bot, request: pytest.FixtureRequest) -> AsyncIterator[OneBotPeer]:
    flavour: Flavour = getattr(request, "param", NAPCAT)
    async with OneBotPeer(bot.url, flavour=flavour) as peer:
        peer.found(20001, owner=30001, members=[30003, 30004])
        await peer.say(20001, 30003, "开场")
        await bot.hears("开场")
        await until(lambda: bot.adapter._seats[US.id].quirks.name != "")
        yield peer


def shows(flavour: Flavour, act: str) -> bool:
    """Whether anything tells the bot that an act took effect: a notice, or what can be read afterwards."""
    return act in flavour.notices or act in flavour.reads or act in (KICK, RENAME)


@pytest.mark.parametrize("act", DEEDS)
@pytest.mark.parametrize("peer", FLAVOURS, indirect=True, ids=[flavour.app for flavour in FLAVOURS])
async def test_an_act_is_believed_where_it_shows(bot: Bot, peer: OneBotPeer, act: str) -> None:
    said = await peer.say(20001, 30003, "广告")
    await bot.hears("广告")
    if shows(peer.flavour, act):
        await DEEDS[act](bot.adapter, said)
    else:
        with pytest.raises(AdapterError, match=UNSEEN) as doubt:
            await DEEDS[act](bot.adapter, said)
        assert doubt.value.ambiguous
    assert EFFECTS[act](peer, said)


@pytest.mark.parametrize("act", DEEDS)
@pytest.mark.parametrize("peer", FLAVOURS, indirect=True, ids=[flavour.app for flavour in FLAVOURS])
async def test_an_act_without_effect_surfaces(bot: Bot, peer: OneBotPeer, act: str) -> None:
    """We are no admin there: who checks refuses, who pretends says ok; neither passes for done."""
    said = await peer.say(20001, 30003, "广告")
    await bot.hears("广告")
    peer.world["20001"]["10001000"].role = "member"
    with pytest.raises(AdapterError) as failure:
        await DEEDS[act](bot.adapter, said)
    assert failure.value.ambiguous == (act in peer.flavour.pretends)
    assert not EFFECTS[act](peer, said)


async def test_a_kick_that_did_nothing_is_told(bot: Bot, peer: OneBotPeer) -> None:
    with pytest.raises(AdapterError, match=UNSEEN) as doubt:
        await bot.adapter.kick(GROUP, BOSS)
    assert doubt.value.ambiguous
    assert "30001" in peer.world["20001"]


@pytest.mark.parametrize("peer", [NAPCAT, LLBOT], indirect=True)
async def test_a_mute_is_lifted(bot: Bot, peer: OneBotPeer) -> None:
    await bot.adapter.mute(GROUP, AN, 10**9)
    await bot.adapter.mute(GROUP, AN, 0)
    assert [call["duration"] for call in peer.called("set_group_ban")] == [30 * 86400, 0]
    assert not peer.world["20001"]["30003"].muted
    await bot.adapter.mute_all(GROUP, True)
    await bot.adapter.mute_all(GROUP, False)
    assert not peer.world["20001"].silent


async def test_a_notice_of_another_does_not_confirm(bot: Bot, peer: OneBotPeer) -> None:
    peer.script("set_group_kick", {"status": "ok", "retcode": 0, "data": None})
    acting = asyncio.create_task(bot.adapter.kick(GROUP, AN))
    await peer.wait_call("set_group_kick")
    await peer.leave(20001, 30004)
    with pytest.raises(AdapterError, match=UNSEEN):
        await acting


async def test_a_late_notice_still_confirms(bot: Bot, peer: OneBotPeer) -> None:
    bot.adapter.confirm = 30
    peer.script("set_group_kick", {"status": "ok", "retcode": 0, "data": None})
    acting = asyncio.create_task(bot.adapter.kick(GROUP, AN))
    await peer.wait_call("set_group_kick")
    await peer.leave(20001, 30003, operator=10001000, sub_type="kick")
    await acting


async def test_an_act_whose_answer_is_lost_counts_where_it_shows(bot: Bot, peer: OneBotPeer) -> None:
    bot.adapter._timeout = 0.3
    peer.silence("set_group_kick")
    await bot.adapter.kick(GROUP, AN)
    peer.silence("delete_msg")
    peer.actions.due.clear()
    peer.script("set_group_ban", {"status": "failed", "retcode": 1200, "message": "ERR_NOT_GROUP_ADMIN"})
    with pytest.raises(AdapterError, match="不是该群的管理员") as refused:
        await bot.adapter.mute(GROUP, BO, 60)
    assert not refused.value.ambiguous


async def test_the_account_with_the_rights_acts(bot: Bot, peer: OneBotPeer) -> None:
    async with OneBotPeer(bot.url, 10002000, world=peer.world) as second:
        peer.world["20001"]["10001000"].role = "member"
        peer.world["20001"]["10002000"] = type(peer.world["20001"]["30003"])("二号", role="admin")
        await second.say(20001, 30004, "二号也在")
        await until(lambda: "20001" in bot.adapter._seats["qq:10002000"].view.accounts)
        await bot.adapter.kick(GROUP, AN)
        assert "30003" not in peer.world["20001"]
        assert len(second.called("set_group_kick")) == 1


async def test_one_account_of_ours_does_nothing_to_another(bot: Bot, peer: OneBotPeer) -> None:
    async with OneBotPeer(bot.url, 10002000, world=peer.world) as second:
        peer.world["20001"]["10002000"] = type(peer.world["20001"]["30003"])("二号")
        await second.say(20001, 30004, "二号也在")
        await bot.hears("二号也在")
        for act in (bot.adapter.mute(GROUP, "qq:10002000", 60), bot.adapter.kick(GROUP, "qq:10002000")):
            with pytest.raises(AdapterError, match="机器人自己的账号"):
                await act
        assert not {call["action"] for call in peer.calls + second.calls} & {"set_group_ban", "set_group_kick"}


async def test_what_cannot_be_done_is_refused_at_once(bot: Bot, peer: OneBotPeer) -> None:
    alone = Group("qq:dm:30003", direct=True)
    for act in (
        bot.adapter.mute(alone, AN, 5), bot.adapter.mute_all(alone, True), bot.adapter.kick(alone, AN),
        bot.adapter.kick(GROUP, "qq:0"), bot.adapter.rename(GROUP, "web:x", "名"),
    ):  # fmt: skip
        with pytest.raises(AdapterError):
            await act
    assert not {call["action"] for call in peer.calls} & {"set_group_ban", "set_group_kick", "set_group_card"}
    await peer.close()
    with pytest.raises(AdapterError, match="没有连接"):
        await bot.adapter.kick(GROUP, AN)


async def test_what_a_direct_chat_heard_is_recalled_on_the_word_of_the_answer(bot: Bot, peer: OneBotPeer) -> None:
    alone = Group("qq:dm:30003", direct=True)
    sent = await bot.send(Text("私下"), group=alone)
    await bot.adapter.recall(alone, sent)
    assert peer.life.records[sent].recalled


# --- requests -----------------------------------------------------------------------------


@pytest.mark.parametrize("peer", [NAPCAT, LLBOT, LAGRANGE], indirect=True)
async def test_a_request_is_answered_with_its_own_flag(bot: Bot, peer: OneBotPeer) -> None:
    flag = await peer.request(20001, 30009, "问题：暗号\n答案：小鹏")
    await until(lambda: any(isinstance(event, JoinRequest) for event in bot.heard))
    [request] = [event for event in bot.heard if isinstance(event, JoinRequest)]
    await bot.adapter.admit(request, False, "暗号不对")
    assert peer.called("set_group_add_request") == [
        {"flag": flag, "approve": False, "sub_type": "add", "type": "add", "reason": "暗号不对"}
    ]
    assert (peer.life.requests[flag].answer, peer.life.requests[flag].reason) == (False, "暗号不对")


async def test_an_admission_counts_when_the_member_is_there(bot: Bot, peer: OneBotPeer) -> None:
    flag = await peer.request(20001, 30009, "暗号")
    await until(lambda: any(isinstance(event, JoinRequest) for event in bot.heard))
    [request] = [event for event in bot.heard if isinstance(event, JoinRequest)]
    peer.script("set_group_add_request", {"status": "ok", "retcode": 0, "data": None})
    with pytest.raises(AdapterError, match=UNSEEN):
        await bot.adapter.admit(request, True)
    acting = asyncio.create_task(bot.adapter.admit(request, True))
    await peer.wait_call("set_group_add_request", 2)
    await peer.join(20001, 30009)
    await acting
    assert flag == request.flag


async def test_a_friend_is_taken_on(bot: Bot, peer: OneBotPeer) -> None:
    flag = await peer.request(None, 30009, "你好")
    await until(lambda: any(isinstance(event, FriendRequest) for event in bot.heard))
    [request] = [event for event in bot.heard if isinstance(event, FriendRequest)]
    await bot.adapter.admit(request, True)
    assert peer.called("set_friend_add_request") == [{"flag": flag, "approve": True}]
    with pytest.raises(AdapterError, match="No such request"):
        await bot.adapter.admit(request, True)


# --- what is asked ------------------------------------------------------------------------


async def test_a_profile(bot: Bot, peer: OneBotPeer) -> None:
    person = peer.world["20001"]["30003"]
    person.card, person.joined, person.muted_until = "小安", 1795000000, time.time() + 600
    profile = await bot.adapter.profile(GROUP, AN, fresh=True)
    assert profile is not None
    assert profile.member == Member(AN, "小安", Role.MEMBER)
    assert (profile.joined, profile.muted_until) == (1795000000, int(person.muted_until))
    assert await bot.adapter.profile(GROUP, "qq:404") is None
    assert await bot.adapter.profile(GROUP, "qq:0") is None
    assert await bot.adapter.profile(Group("qq:dm:30003", direct=True), AN) is None


async def test_a_profile_is_remembered_until_something_changes(bot: Bot, peer: OneBotPeer) -> None:
    def asked() -> int:
        return len([call for call in peer.called("get_group_member_info") if call["user_id"] == 30003])

    async def known() -> Member:
        profile = await bot.adapter.profile(GROUP, AN)
        assert profile is not None
        return profile.member

    await known()
    assert (await known()).role is Role.MEMBER
    assert asked() == 1
    await peer.promote(20001, 30003)
    await until(lambda: bool(bot.heard) and type(bot.heard[-1]).__name__ == "RoleChanged")
    peer.world["20001"].known_roles.clear()
    assert (await known()).role is Role.ADMIN
    assert asked() == 2
    await peer.card(20001, 30003, "新名")
    await until(lambda: type(bot.heard[-1]).__name__ == "CardChanged")
    assert (await known()).name == "新名"
    await peer.ban(20001, 30003, 60)
    await until(lambda: type(bot.heard[-1]).__name__ == "Muted")
    await known()
    assert asked() == 4
    await bot.adapter.profile(GROUP, AN, fresh=True)
    assert asked() == 5
    assert peer.called("get_group_member_info")[-1]["no_cache"] is True


@pytest.mark.parametrize("peer", [GO_CQHTTP, LAGRANGE], indirect=True)
async def test_a_role_is_never_read_from_a_cache(bot: Bot, peer: OneBotPeer) -> None:
    assert await bot.adapter.role(GROUP, BO) is Role.MEMBER
    peer.world["20001"]["30004"].role = "admin"
    assert await bot.adapter.role(GROUP, BO) is Role.ADMIN
    peer.refuse("get_group_member_info")
    assert await bot.adapter.role(GROUP, BO) is Role.UNKNOWN


# --- what was missed ----------------------------------------------------------------------


@pytest.mark.parametrize("peer", [f for f in FLAVOURS if f is not ONEBOTS], indirect=True, ids=lambda f: f.app)
async def test_history_gives_what_others_said_oldest_first(bot: Bot, peer: OneBotPeer) -> None:
    await bot.send(Text("我说的"))
    await peer.hang_up()
    missed = [await peer.say(20001, 30003 + n % 2, f"断线时 {n}") for n in range(5)]
    await peer.connect()
    await until(lambda: bot.adapter._seats[US.id].link is not None)
    found = await bot.adapter.history(GROUP, US, 5)
    assert [message.id for message in found][-5:] == missed
    assert all(message.recovered and message.member.id != US.id for message in found)
    assert found[-1].text == "断线时 4"
    assert found[-1].group.id == GROUP.id


async def test_a_long_history_is_asked_for_and_read_whole(bot: Bot, peer: OneBotPeer) -> None:
    for number in range(450):
        await peer.say(20001, 30003, f"第 {number} 句")
    found = await bot.adapter.history(GROUP, US, 500)
    assert [message.text for message in found if message.text.startswith("第")] == [f"第 {n} 句" for n in range(450)]


@pytest.mark.parametrize("peer", [ONEBOTS], indirect=True)
async def test_no_history_where_there_is_none(bot: Bot, peer: OneBotPeer) -> None:
    assert await bot.adapter.history(GROUP, US, 5) == []
    assert peer.called("get_group_msg_history") == []


async def test_history_reads_newest_first_and_passes_over_what_is_broken(bot: Bot, peer: OneBotPeer) -> None:
    def frame(n: int, **more: object) -> dict[str, object]:
        return {"time": 1795000000 + n // 2, "user_id": 30003, "message_id": n, "message": f"第 {n} 句"} | more

    frames: list[object] = [frame(3), frame(2, user_id=10001000), frame(2, message=5), "?", frame(1), frame(0)]
    peer.script("get_group_msg_history", {"status": "ok", "retcode": 0, "data": {"messages": frames}})
    found = await bot.adapter.history(GROUP, US, 10)
    assert [message.id for message in found] == ["0", "1", "3"]
    peer.refuse("get_group_msg_history")
    with pytest.raises(AdapterError):
        await bot.adapter.history(GROUP, US, 10)


# --- long texts ---------------------------------------------------------------------------

LONG = Forward("", ((Text("甲 [CQ:at,qq=all]"),), (Text("乙"),)))


@pytest.mark.parametrize("peer", [f for f in FLAVOURS if f is not ONEBOTS], indirect=True, ids=lambda f: f.app)
async def test_a_merged_message_goes_out_in_our_name(bot: Bot, peer: OneBotPeer) -> None:
    sent = await bot.send(LONG)
    [nodes] = await peer.wait_sent()
    assert [node["type"] for node in nodes] == ["node", "node"]
    assert {node["data"]["user_id"] for node in nodes} == {"10001000"}
    assert {node["data"]["nickname"] for node in nodes} == {peer.nickname}
    assert nodes[0]["data"]["content"] == [{"type": "text", "data": {"text": "甲 [CQ:at,qq=all]"}}]
    assert sent in bot.adapter._seats[US.id].seen


@pytest.mark.parametrize("peer", [ONEBOTS], indirect=True)
async def test_where_nothing_can_be_merged_it_is_refused_and_never_in_doubt(bot: Bot, peer: OneBotPeer) -> None:
    with pytest.raises(AdapterError, match="合并转发") as refused:
        await bot.send(LONG)
    assert not refused.value.ambiguous
    assert peer.said == []


async def test_to_one_person_a_merged_message_is_its_words(bot: Bot, peer: OneBotPeer) -> None:
    await bot.send(LONG, group=Group("qq:dm:30003", direct=True))
    [message] = await peer.wait_sent()
    assert message == [{"type": "text", "data": {"text": "甲 [CQ:at,qq=all]\n乙"}}]


def test_the_acts_that_flavours_know() -> None:
    assert set(DEEDS) == ALL | {RENAME}
