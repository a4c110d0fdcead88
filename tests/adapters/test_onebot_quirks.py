"""What differs between implementations, as the adapter learns and uses it."""

from __future__ import annotations

import pytest

from bot.adapters.onebot_quirks import UNKNOWN, quirks
from tests.adapters.onebot_bot import running, until
from tests.peers.onebot import GO_CQHTTP, LAGRANGE, LLBOT, NAPCAT, ONEBOTS, SNOWLUMA, Flavour, OneBotPeer


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("NapCat.Onebot", "NapCat"),
        ("LLOneBot", "LLBot"),
        ("LuckyLilliaBot", "LLBot"),
        ("Lagrange.OneBot", "Lagrange"),
        ("SnowLuma", "SnowLuma"),
        ("go-cqhttp", "go-cqhttp"),
        (" GO-CQHTTP ", "go-cqhttp"),
        ("onebots", "OneBots"),
        ("", ""),
        ("Not.NapCat", ""),
    ],
)
def test_is_chosen_by_the_apps_name(app: str, name: str) -> None:
    assert quirks(app).name == name
    assert (quirks(app) is UNKNOWN) == (name == "")


@pytest.mark.parametrize("flavour", [NAPCAT, LLBOT, LAGRANGE, SNOWLUMA, GO_CQHTTP, ONEBOTS], ids=lambda f: f.app)
async def test_no_notice_is_awaited_that_does_not_come(flavour: Flavour) -> None:
    chosen = quirks(flavour.app)
    assert chosen.confirms <= flavour.notices
    assert chosen.history == ("get_group_msg_history" not in flavour.lacks)
    if chosen.forward == "group_forward":
        assert "send_group_forward_msg" not in flavour.lacks
    async with running() as bot, OneBotPeer(bot.url, flavour=flavour) as peer:
        await until(lambda: bot.account()["app"] == flavour.app)
        assert bot.adapter._seats["qq:10001000"].quirks is chosen
        await peer.close()


async def test_heartbeats_that_always_say_online_are_not_believed() -> None:
    async with running() as bot, OneBotPeer(bot.url, flavour=LAGRANGE) as peer:
        await until(lambda: bot.account()["app"] != "")
        await peer.heartbeat(True)
        await peer.notice("bot_offline", user_id=10001000, tag="下线", message="被挤下线")
        await peer.heartbeat(True)
        await peer.notice("bot_offline", user_id=10001000, tag="下线", message="被挤下线")
        await bot.health(lambda health: health.detail == "账号掉线：被挤下线")
        await peer.heartbeat(True)
        await peer.notice("bot_online", reason=1)
        await until(lambda: bot.adapter.health()[0].up)
        assert [online for online, _ in bot.changes()] == [True, False, True]
