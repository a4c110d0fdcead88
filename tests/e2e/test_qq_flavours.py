"""The real bot with an account at every known implementation, dialling it and dialled by it, all at once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.qq import ADMIN, ANSWER, MEMBER, TOKEN, Account, Town, hears, town, words
from tests.peers.onebot import FLAVOURS, ONEBOTS, OneBotPeer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("town"), FLAVOURS) as made:
        yield made


async def test_members_are_welcomed_answered_and_admins_obeyed(place: Town) -> None:
    async def scene(account: Account) -> None:
        peer, group = account.peer, account.group
        await peer.join(group, 39001)
        await peer.say(group, MEMBER, "/问 怎么装")
        await hears(peer, ANSWER, group)
        await peer.say(group, MEMBER, "/关闭 问答")
        await hears(peer, "只有管理员可以这样做。", group)
        await peer.say(group, ADMIN, "/关闭 问答")
        await hears(peer, "问答 已关闭。", group)
        await peer.say(group, ADMIN, "/开启 问答")
        await hears(peer, "问答 已开启。", group)
        asked = [{"type": "at", "data": {"qq": str(peer.self_id)}}, {"type": "text", "data": {"text": " 在吗"}}]
        await peer.say(group, MEMBER, asked)
        await hears(peer, ANSWER, group, times=2)
        await hears(peer, "我是群里的机器人欧小鹏", group)

    await place.everywhere(scene)


async def test_what_comes_twice_is_answered_once(place: Town) -> None:
    async def scene(account: Account) -> None:
        peer, group = account.peer, account.group
        said = await peer.say(group, MEMBER, "/权限")
        await peer.again(said)
        await hears(peer, "你在这里是", group)
        await peer.again(said)
        await peer.say(group, MEMBER, "/帮助")
        await hears(peer, "我是欧小鹏", group)
        assert sum("你在这里是" in text for text in words(peer, group)) == 1

    await place.everywhere(scene)


async def test_a_message_of_unknown_fate_is_not_repeated(place: Town) -> None:
    async def scene(account: Account) -> None:
        peer, group = account.peer, account.group
        before = len(peer.called("send_group_msg"))
        peer.doubt("send_group_msg")
        await peer.say(group, MEMBER, "/权限")
        await peer.wait_call("send_group_msg", before + 1, timeout=10)
        peer.obey("send_group_msg")
        await peer.say(group, MEMBER, "/帮助")
        await hears(peer, "我是欧小鹏", group, times=2)
        assert len(peer.called("send_group_msg")) == before + 2

    await place.everywhere(scene)


async def test_where_it_is_muted_it_says_nothing(place: Town) -> None:
    async def scene(account: Account) -> None:
        peer, group = account.peer, account.group
        before, there = len(words(peer, group)), len(words(peer, account.other))
        calls = len(peer.called("send_group_msg"))
        await peer.ban(group, peer.self_id, 600)
        await peer.say(group, MEMBER, "/权限")
        await peer.say(account.other, MEMBER, "/权限")
        await hears(peer, "你在这里是", account.other, times=1)
        await peer.ban(group, peer.self_id, 0)
        await peer.say(group, MEMBER, "/帮助")
        await hears(peer, "我是欧小鹏", group, times=3)
        # Its place in the order tells that the one before it was dealt with.
        assert (len(words(peer, group)), len(words(peer, account.other))) == (before + 1, there + 1)
        assert len(peer.called("send_group_msg")) == calls + 2

    await place.everywhere(scene)


async def test_what_was_missed_is_logged_and_only_fresh_questions_are_answered(place: Town) -> None:
    missed: dict[str, set[str]] = {}

    async def scene(account: Account) -> None:
        peer, group, quiet = account.peer, account.group, account.quiet
        now, keeps = int(time.time()), peer.flavour != ONEBOTS
        before = await peer.say(quiet, MEMBER, "这里两小时没人说话", time=now - 7200)
        missed[account.name] = {before}
        await place.until_logged(missed)
        times = sum("你在这里是" in text for text in words(peer, group))
        await peer.vanish()
        stale = await peer.say(quiet, MEMBER, "/权限", time=now - 3600)
        plain = await peer.say(quiet, MEMBER, "漏掉的一句", time=now - 1800)
        fresh = await peer.say(group, MEMBER, "/权限")
        if account.direction == "reverse":
            await peer.connect()
        await peer.wait_linked(30)
        if keeps:
            missed[account.name] = {stale, plain, fresh}
            await hears(peer, "你在这里是", group, times=times + 1)
            await place.until_logged(missed)
        await peer.say(quiet, MEMBER, "/帮助")
        await hears(peer, "我是欧小鹏", quiet)
        assert len(words(peer, quiet)) == 1
        assert sum("你在这里是" in text for text in words(peer, group)) == times + keeps

    await place.everywhere(scene)


async def test_an_account_that_was_signed_out_is_told_in_the_status(place: Town) -> None:
    watcher = place.accounts[0]

    async def out(account: Account) -> None:
        if account is not watcher:
            await account.peer.lose_account()
            await place.until_standing(account, 10, connected=True, online=False)

    async def back(account: Account) -> None:
        if account is not watcher:
            await account.peer.regain_account()
            await place.until_standing(account, 10, online=True)

    await place.everywhere(out)
    before = len(words(watcher.peer, watcher.group))
    await watcher.peer.say(watcher.group, MEMBER, "/状态")
    await watcher.peer.until(lambda: len(words(watcher.peer, watcher.group)) > before, 20)
    status = words(watcher.peer, watcher.group)[-1]
    for account in place.accounts:
        assert (f"○ QQ {account.peer.self_id}" in status) == (account is not watcher), account.name
    await place.everywhere(back)


async def test_half_open_connections_are_noticed_and_replaced(place: Town) -> None:
    async def scene(account: Account) -> None:
        peer, group = account.peer, account.group
        peer.freeze()
        await place.until_standing(account, 22, connected=False, online=False)
        if account.direction == "reverse":
            await peer.connect()
        await peer.wait_linked(40)
        times = sum("你在这里是" in text for text in words(peer, group))
        await peer.say(group, MEMBER, "/权限")
        await hears(peer, "你在这里是", group, times=times + 1)

    await place.everywhere(scene)


async def test_a_wrong_token_is_refused_here_and_given_up_there(place: Town) -> None:
    for flavour in FLAVOURS:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            async with OneBotPeer(place.bot.onebot, 10009001, "wrong", flavour):
                pass
    troubles = {trouble["kind"]: trouble for trouble in (await place.report())["troubles"]}
    assert troubles["token_wrong"]["count"] == len(FLAVOURS)
    assert troubles["refused_by_peer"]["count"] == len(FLAVOURS)
    assert [len(stranger.attempts) for stranger in place.strangers] == [1] * len(FLAVOURS)
    log = place.bot.log.read_text()
    assert TOKEN not in log
    assert "another" not in log
