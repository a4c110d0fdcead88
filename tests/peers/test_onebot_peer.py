"""The OneBot peer keeps to what the real implementations do, above all where they refuse."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.peers.onebot import (
    FLAVOURS,
    GO_CQHTTP,
    LAGRANGE,
    LLBOT,
    NAPCAT,
    ONEBOTS,
    SNOWLUMA,
    Body,
    Denied,
    Flavour,
    OneBotPeer,
    plain,
)
from tests.peers.onebot_hand import parse

ROOT = Path(__file__).parents[2]
GROUP, OWN, MEMBER, ADMIN, OWNER = 20001, 10001000, 30003, 30002, 30001
every_flavour = pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.app)


@dataclass
class Caller:
    """The least bot there can be: it calls, and keeps what it is told."""

    ws: aiohttp.ClientWebSocketResponse
    told: list[Body] = field(default_factory=list)

    async def call(self, action: str, **params: object) -> Body:
        await self.ws.send_json({"action": action, "params": params, "echo": "e-1"})
        while True:
            body: Body = await self.ws.receive_json(timeout=3)
            if body.get("echo") == "e-1":
                return body
            self.told.append(body)

    async def hears(self, kind: str) -> Body:
        """The last notice of a kind, waited for where none came yet."""
        while not (found := [body for body in self.told if body.get("notice_type") == kind]):
            self.told.append(await self.ws.receive_json(timeout=3))
        return found[-1]


@asynccontextmanager
async def calling(peer: OneBotPeer, path: str = "", **headers: str) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session, session.ws_connect(peer.address + path, headers=headers) as ws:
        yield Caller(ws)


@asynccontextmanager
async def both(flavour: Flavour, own: str = "admin") -> AsyncIterator[tuple[OneBotPeer, Caller]]:
    """An implementation whose account has a role in a group, and who calls it."""
    async with OneBotPeer(flavour=flavour) as peer:
        peer.found(GROUP, own, owner=OWNER, admins=[ADMIN], members=[MEMBER])
        async with calling(peer) as bot:
            yield peer, bot


def fine(answer: Body) -> bool:
    return (answer["status"], answer["retcode"]) == ("ok", 0)


# --- what it refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "code", "text"),
    [
        (NAPCAT, 1200, '"result": 120'),
        (LLBOT, 1200, "当前处于被禁言状态"),
        (LAGRANGE, 120, None),
        (SNOWLUMA, 100, "result=120"),
        (GO_CQHTTP, 100, "blocked by server"),
    ],
    ids=lambda value: getattr(value, "app", ""),
)
async def test_a_muted_account_may_not_speak(flavour: Flavour, code: int, text: str | None) -> None:
    async with both(flavour, "member") as (peer, bot):
        for user, seconds in ((OWN, 600), (0, -1)):
            await peer.ban(GROUP, user, seconds)
            answer = await bot.call("send_group_msg", group_id=GROUP, message="好")
            assert (answer["status"], answer["retcode"], answer["data"]) == ("failed", code, None)
            assert text is None or text in str(answer["wording"])
            assert ("message" in answer or "wording" in answer or "msg" in answer) == (text is not None)
            await peer.ban(GROUP, user, 0)
            assert fine(await bot.call("send_group_msg", group_id=GROUP, message="好"))
        assert len(peer.said) == 2


@every_flavour
async def test_who_was_removed_may_do_nothing_there(flavour: Flavour) -> None:
    async with both(flavour) as (peer, bot):
        await peer.leave(GROUP, OWN, OWNER, "kick_me")
        assert not fine(await bot.call("send_group_msg", group_id=GROUP, message="好"))
        assert not fine(await bot.call("get_group_member_info", group_id=GROUP, user_id=OWN))
        assert (await bot.call("get_group_list"))["data"] == []
        assert peer.said == []


@every_flavour
async def test_without_rights_nothing_happens_whatever_the_answer_says(flavour: Flavour) -> None:
    async with both(flavour, "member") as (peer, bot):
        said = await peer.say(GROUP, MEMBER, "广告")
        calls: dict[str, Body] = {
            "mute": {"action": "set_group_ban", "user_id": MEMBER, "duration": 60},
            "mute_all": {"action": "set_group_whole_ban", "enable": True},
            "kick": {"action": "set_group_kick", "user_id": MEMBER},
            "rename": {"action": "set_group_card", "user_id": MEMBER, "card": "新"},
            "recall": {"action": "delete_msg", "message_id": int(said)},
        }
        for act, call in calls.items():
            answer = await bot.call(**call, group_id=GROUP)
            assert fine(answer) == (act in flavour.pretends), act
        group = peer.world[str(GROUP)]
        person = group[str(MEMBER)]
        assert (person.muted, group.silent, person.card) == (False, False, "")
        assert not peer.life.records[said].recalled
        assert not [told for told in bot.told if told["post_type"] == "notice"]


async def test_napcat_says_why_it_mutes_nobody() -> None:
    async with both(NAPCAT, "member") as (_, bot):
        assert (await bot.call("set_group_ban", group_id=GROUP, user_id=5, duration=60))[
            "message"
        ] == "user not in group"
        answer = await bot.call("set_group_ban", group_id=GROUP, user_id=MEMBER, duration=60)
        assert (answer["retcode"], answer["message"]) == (1200, "ERR_NOT_GROUP_ADMIN")
    async with both(NAPCAT) as (_, bot):
        for user, words in ((ADMIN, "cannot ban admin"), (OWNER, "cannot ban owner")):
            assert (await bot.call("set_group_ban", group_id=GROUP, user_id=user, duration=60))["message"] == words


@every_flavour
async def test_what_is_not_there_is_refused(flavour: Flavour) -> None:
    async with both(flavour) as (_, bot):
        calls: dict[str, Body] = {
            "get_msg": {"message_id": 5},
            "delete_msg": {"message_id": 5},
            "get_forward_msg": {"id": "nothing"},
            "set_group_add_request": {"flag": "nothing"},
            "get_group_member_info": {"group_id": GROUP, "user_id": 5},
            "get_group_info": {"group_id": 404},
            "send_group_msg": {"group_id": GROUP, "message": []},
            "bake_a_cake": {},
            "set_group_ban": {"group_id": GROUP},
        }
        for action, params in calls.items():
            assert not fine(await bot.call(action, **params)), action


@every_flavour
async def test_a_muted_member_cannot_speak(flavour: Flavour) -> None:
    async with both(flavour) as (peer, bot):
        assert fine(await bot.call("set_group_ban", group_id=GROUP, user_id=MEMBER, duration=60))
        with pytest.raises(Denied):
            await peer.say(GROUP, MEMBER, "我")
        assert fine(await bot.call("set_group_ban", group_id=GROUP, user_id=MEMBER, duration=0))
        assert fine(await bot.call("set_group_whole_ban", group_id=GROUP))
        with pytest.raises(Denied):
            await peer.say(GROUP, MEMBER, "我")
        await peer.say(GROUP, ADMIN, "管理员可以")


# --- what it does and tells ---------------------------------------------------------------


@every_flavour
async def test_acts_have_effect_and_notices_as_the_flavour_has_them(flavour: Flavour) -> None:
    async with both(flavour) as (peer, bot):
        said = await peer.say(GROUP, MEMBER, "广告")
        await bot.call("delete_msg", message_id=int(said))
        await bot.call("set_group_ban", group_id=GROUP, user_id=MEMBER, duration=60)
        await bot.call("set_group_whole_ban", group_id=GROUP)
        await bot.call("set_group_whole_ban", group_id=GROUP, enable=False)
        await bot.call("set_group_card", group_id=GROUP, user_id=MEMBER, card="新")
        person = peer.world[str(GROUP)][str(MEMBER)]
        assert (peer.life.records[said].recalled, person.muted, person.card) == (True, True, "新")
        await bot.call("set_group_kick", group_id=GROUP, user_id=MEMBER)
        assert str(MEMBER) not in peer.world[str(GROUP)]
        await bot.call("get_status")
        told = [body for body in bot.told if body["post_type"] == "notice"]
        kinds = {"recall": "group_recall", "kick": "group_decrease", "rename": "group_card"}
        for act, kind in kinds.items():
            assert (kind in [body["notice_type"] for body in told]) == (act in flavour.notices), act
        bans = [body["duration"] for body in told if body["notice_type"] == "group_ban"]
        assert bans == ([60, flavour.whole_mute, 0] if "mute" in flavour.notices else [])


@pytest.mark.parametrize(
    ("flavour", "muted"), [(NAPCAT, False), (LAGRANGE, False), (LLBOT, True), (SNOWLUMA, True), (GO_CQHTTP, True)]
)
async def test_a_mute_without_a_duration_is_none_for_some(flavour: Flavour, muted: bool) -> None:
    async with both(flavour) as (peer, bot):
        await bot.call("set_group_ban", group_id=GROUP, user_id=MEMBER)
        assert peer.world[str(GROUP)][str(MEMBER)].muted == muted


@pytest.mark.parametrize(("flavour", "fresh"), [(NAPCAT, True), (LLBOT, False)])
async def test_roles_go_stale(flavour: Flavour, fresh: bool) -> None:
    async with both(flavour) as (peer, bot):
        who = {"group_id": GROUP, "user_id": MEMBER}
        assert (await bot.call("get_group_member_info", **who))["data"]["role"] == "member"
        await peer.promote(GROUP, MEMBER)
        role = (await bot.call("get_group_member_info", **who))["data"]["role"]
        assert role == ("admin" if fresh else "member")
        assert (await bot.call("get_group_member_info", **who, no_cache=True))["data"]["role"] == "admin"


@every_flavour
async def test_what_is_said_meanwhile_is_in_the_history_only(flavour: Flavour) -> None:
    async with both(flavour) as (peer, _):
        await peer.say(GROUP, MEMBER, "之前")
        await peer.hang_up()
        taken = await peer.say(GROUP, MEMBER, "收回的")
        await peer.recall(GROUP, MEMBER, taken)
        await peer.say(GROUP, MEMBER, "漏掉的 [1]")
        async with calling(peer) as back:
            answer = await back.call("get_group_msg_history", group_id=GROUP, count=2)
            assert not [body for body in back.told if body["post_type"] == "message"]
        assert fine(answer) == (flavour != ONEBOTS)
        if flavour == ONEBOTS:
            return
        texts = [body["message"] for body in answer["data"]["messages"]]
        assert [text if isinstance(text, str) else plain(text) for text in texts] == [
            "之前",
            "漏掉的 &#91;1&#93;" if flavour == GO_CQHTTP else "漏掉的 [1]",
        ]


@every_flavour
async def test_requests_are_answered_once(flavour: Flavour) -> None:
    async with both(flavour) as (peer, bot):
        flag = await peer.request(GROUP, 30009, "问题：谁\n答案：我")
        assert fine(await bot.call("set_group_add_request", flag=flag, sub_type="add", approve=True))
        assert (await bot.hears("group_increase"))["user_id"] == 30009
        assert "30009" in peer.world[str(GROUP)]
        assert not fine(await bot.call("set_group_add_request", flag=flag, sub_type="add", approve=True))
        refused = await peer.request(GROUP, 30010)
        await bot.call("set_group_add_request", flag=refused, sub_type="add", approve=False, reason="满了")
        assert (peer.life.requests[refused].answer, peer.life.requests[refused].reason) == (False, "满了")
        assert "30010" not in peer.world[str(GROUP)]


async def test_merged_messages_come_back() -> None:
    content = [{"type": "text", "data": {"text": "一"}}]
    nodes: list[Body] = [{"type": "node", "data": {"user_id": "1", "nickname": "甲", "content": content}}]
    async with both(LLBOT) as (peer, bot):
        assert not fine(await bot.call("send_group_msg", group_id=GROUP, message=nodes))
        sent = await bot.call("send_group_forward_msg", group_id=GROUP, messages=nodes)
        inner = await bot.call("get_forward_msg", id=sent["data"]["forward_id"])
        assert inner["data"]["messages"][0]["content"] == content
        assert peer.sent == {str(GROUP): [nodes]}


# --- connections --------------------------------------------------------------------------


@every_flavour
async def test_a_wrong_token_is_refused_as_the_flavour_does(flavour: Flavour) -> None:
    async with OneBotPeer(token="right", flavour=flavour) as peer:
        async with calling(peer, Authorization="Bearer right") as bot:
            assert fine(await bot.call("get_status"))
        async with calling(peer, "?access_token=right") as bot:
            assert fine(await bot.call("get_status"))
        if flavour.refusal in {"403", "401 or 403"}:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                async with calling(peer, Authorization="Bearer wrong"):
                    pass
        else:
            async with calling(peer, Authorization="Bearer wrong") as bot:
                first = await bot.ws.receive()
                if flavour.refusal.startswith("frame"):
                    assert json.loads(first.data)["retcode"] == 1403
                    first = await bot.ws.receive()
                assert first.type is WSMsgType.CLOSE
                assert first.data == (1008 if flavour.refusal.endswith("1008") else 1000)
        assert len(peer.attempts) == 3
        assert not peer.linked


async def test_events_and_calls_have_paths_of_their_own() -> None:
    async with OneBotPeer() as peer, calling(peer, "api/") as caller, calling(peer, "event") as listener:
        await peer.say(GROUP, MEMBER, "早")
        assert (await listener.ws.receive_json())["meta_event_type"] == "lifecycle"
        assert (await listener.ws.receive_json())["raw_message"] == "早"
        assert fine(await caller.call("get_status"))
        assert caller.told == []
    async with OneBotPeer(flavour=SNOWLUMA) as peer:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
            async with calling(peer, "event"):
                pass


async def test_a_half_open_connection_hears_and_says_nothing() -> None:
    async with OneBotPeer(heartbeats=0.05) as peer, aiohttp.ClientSession() as session:  # noqa: SIM117 - one line is too long
        async with session.ws_connect(peer.address, autoping=False) as ws:
            kinds = {(await ws.receive_json())["meta_event_type"] for _ in range(3)}
            assert kinds == {"lifecycle", "heartbeat"}
            await ws.ping()
            while (await ws.receive(timeout=2)).type is not WSMsgType.PONG:
                pass
            peer.freeze()
            await ws.ping()
            await ws.send_json({"action": "get_status", "echo": 1})
            left = []
            with suppress(TimeoutError):
                while True:
                    left.append((await ws.receive(timeout=0.3)).type)
            assert set(left) <= {WSMsgType.TEXT}
            assert not ws.closed
            assert peer.calls == []


async def test_odd_frames_are_answered_and_close_nothing() -> None:
    async with OneBotPeer() as peer, calling(peer) as bot:
        await bot.ws.receive_json()
        for frame in ("{", "[]", "null", "{}"):
            await bot.ws.send_str(frame)
            assert (await bot.ws.receive_json())["retcode"] == 1400
        assert fine(await bot.call("get_status"))


@every_flavour
async def test_it_dials_as_its_flavour_does(flavour: Flavour) -> None:
    knocks: list[web.Request] = []

    async def door(request: web.Request) -> web.WebSocketResponse[Any]:
        knocks.append(request)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for _ in ws:
            pass
        return ws

    app = web.Application()
    app.router.add_get("/onebot/v11/ws", door)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/onebot/v11/ws"
        for token in ("secret", None):
            async with OneBotPeer(url, token=token, flavour=flavour) as peer:
                assert peer.linked
                await peer.vanish()
                assert peer.closed.is_set()
                await peer.connect()
                assert peer.linked
    finally:
        await runner.cleanup()
    given = [request.headers.get("Authorization") for request in knocks[::2]]
    if flavour.token == "query":
        assert (given, knocks[0].query["access_token"]) == ([None, None], "secret")
    else:
        assert given == [f"{flavour.scheme} secret", flavour.scheme if flavour.bare else None]
    assert {request.headers["X-Self-ID"] for request in knocks} == {str(OWN)}


async def test_the_command_line_plays_a_member() -> None:
    command = (
        sys.executable,
        "-m",
        "tests.peers.onebot",
        "--listen",
        "0",
        "--group",
        str(GROUP),
        "--flavour",
        "llonebot",
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdin
    assert process.stdout
    async with asyncio.timeout(30):
        address = (await process.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as ws:
            assert (await ws.receive_json())["meta_event_type"] == "lifecycle"
            process.stdin.write("在吗\n".encode())
            assert (await ws.receive_json())["raw_message"] == "在吗"
            params = {"group_id": GROUP, "message": [{"type": "text", "data": {"text": "在"}}]}
            await ws.send_json({"action": "send_group_msg", "params": params, "echo": "1"})
            assert (await ws.receive_json())["data"]["message_id"] < 0
            process.stdin.close()
            assert f"[{GROUP}] 在" in (await process.stdout.read()).decode()
        assert await process.wait() == 0


@pytest.mark.parametrize("arguments", [[], ["ws://127.0.0.1:1/", "--listen", "0"]])
def test_the_command_line_wants_one_direction(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
