"""Every adapter of the house over its real sockets, held to the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.adapters.webchat import DEMO
from bot.types import Account, Group
from tests.adapters.onebot_bot import running
from tests.adapters.test_webchat import House
from tests.contracts.adapter import AdapterContract
from tests.contracts.platforms import GROUP, MEMBER, OWNER, OneBotStage, WebStage
from tests.contracts.stage import Stage
from tests.peers.onebot import GO_CQHTTP, LAGRANGE, LLBOT, NAPCAT, ONEBOTS, SNOWLUMA, Flavour, OneBotPeer

UNABLE = frozenset({"admit", "history"})
"""What the web chat has not: whoever opens the page is in, and what is said is heard or nobody is there."""


class TestWebChat(AdapterContract):
    @asynccontextmanager
    async def make(self) -> AsyncIterator[Stage]:
        house = House()
        async with AsyncExitStack() as life:
            await life.enter_async_context(house)
            stage = WebStage(house.chat, house.heard, DEMO, house.chat.account, UNABLE, False, house, life=life)
            stage.speaker = await house.tab("安安")
            yield stage


class OneBotContract(AdapterContract):
    flavour: Flavour = NAPCAT
    forward = False
    unable: frozenset[str] = frozenset()

    @asynccontextmanager
    async def make(self) -> AsyncIterator[Stage]:
        async with AsyncExitStack() as far, AsyncExitStack() as life:
            peer = OneBotPeer(token="t", flavour=self.flavour)
            peer.found(GROUP, "admin", owner=OWNER, members=[MEMBER], name="测试群")
            if self.forward:
                await far.enter_async_context(peer)
                bot = await life.enter_async_context(running("t", peer.address, retry=(0.05, 0.2)))
            else:
                bot = await life.enter_async_context(running("t"))
                peer.dial(bot.url)
                await far.enter_async_context(peer)
            bot.adapter.confirm = 0.5
            # Its first questions are over: it knows the implementation, its group and its own standing there.
            await peer.wait_call("get_group_member_info", timeout=10)
            await peer.until(lambda: peer.linked)
            group, account = Group(f"qq:{GROUP}", "测试群"), Account(f"qq:{peer.self_id}")
            yield OneBotStage(bot.adapter, bot.heard, group, account, self.unable, True, peer, life)


class TestNapCat(OneBotContract):
    """The usual one, dialling us."""


class TestLLBot(OneBotContract):
    """We dial; ids are signed, notices come before answers."""

    flavour = LLBOT
    forward = True


class TestLagrange(OneBotContract):
    """It says "ok" to almost everything, and never why not."""

    flavour = LAGRANGE


class TestSnowLuma(OneBotContract):
    flavour = SNOWLUMA
    forward = True


class TestGoCqhttp(OneBotContract):
    """CQ strings, and mutes of ours of which nothing tells."""

    flavour = GO_CQHTTP
    unable = frozenset({"mute", "mute_all"})


class TestOneBots(OneBotContract):
    """The standard and nothing else: no notice, no read tells of most acts."""

    flavour = ONEBOTS
    forward = True
    unable = frozenset({"recall", "mute", "mute_all", "history"})
