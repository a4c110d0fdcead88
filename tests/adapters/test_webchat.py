"""The web chat over real sockets: what its pages may ask, what they are told, what becomes an event."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from PIL import Image as Picture

from bot.adapters.webchat import DEMO, TEST, WebChat
from bot.adapters.webchat_rooms import HISTORY, Gallery
from bot.adapters.webchat_wire import IMAGE_LIMIT, clean_name, sniff
from bot.config import Config
from bot.errors import AdapterError, ModelBusy
from bot.pipeline import Adapter
from bot.server import Server
from bot.types import (
    Account,
    Event,
    Group,
    Image,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Muted,
    Outgoing,
    Reaction,
    Recalled,
    Role,
    Text,
)

Frame = dict[str, Any]
BOT = Account("web:bot", ("欧小鹏",))


def png(colour: str = "red") -> bytes:
    data = io.BytesIO()
    Picture.new("RGB", (8, 8), colour).save(data, "PNG")
    return data.getvalue()


class Tab:
    """A page's end of the socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, http: aiohttp.ClientSession) -> None:
        self.socket = socket
        self.http = http
        self.me: Frame = {}
        self.token = ""
        self.rooms: dict[str, Frame] = {}

    async def hello(self, name: str = "", token: str = "") -> Tab:
        await self.tell(do="hello", name=name, token=token)
        welcome = await self.next("welcome")
        self.me, self.token = welcome["me"], welcome["token"]
        for _ in range(3):
            room = await self.next("room")
            self.rooms[room["group"]] = room
        return self

    async def tell(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def say(self, *parts: str | Frame, group: str = "web:demo", **more: Any) -> None:
        pieces = [{"text": part} if isinstance(part, str) else part for part in parts]
        await self.tell(do="say", group=group, parts=pieces, **more)

    async def next(self, kind: str) -> Frame:
        """The next frame of this kind; others are passed over."""
        async with asyncio.timeout(5):
            while True:
                frame: Frame = await self.socket.receive_json()
                if frame["is"] == kind:
                    return frame

    async def member(self, member_id: str) -> Frame:
        """The next news of this member."""
        while True:
            member: Frame = (await self.next("member"))["member"]
            if member["id"] == member_id:
                return member

    async def refused(self) -> str:
        return str((await self.next("error"))["code"])

    async def upload(self, data: bytes) -> tuple[int, Frame]:
        headers = {"X-Chat-Token": self.token}
        async with self.http.post("/chat/image", data=io.BytesIO(data), headers=headers) as answer:
            return answer.status, await answer.json()

    async def attach(self, name: str, data: bytes) -> tuple[int, Frame]:
        headers = {"X-Chat-Token": self.token, "X-File-Name": quote(name)}
        async with self.http.post("/chat/file", data=io.BytesIO(data), headers=headers) as answer:
            return answer.status, await answer.json()


class House:
    """The adapter on a real server, with everything it reported."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.commands = [("帮助", "看看我会什么")]
        config = Config(_env_file=None, name="欧小鹏", aliases=("小鹏",), server={"port": 0})
        self.chat = WebChat(config, lambda group: self.commands)
        self.server = Server(config, self.chat.routes(), dict)
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> House:
        await self.stack.enter_async_context(self.chat.listen(self.heard.append))
        await self.stack.enter_async_context(self.server)
        self.http = await self.stack.enter_async_context(aiohttp.ClientSession(self.server.url))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def open(self) -> Tab:
        socket = await self.http.ws_connect("/chat/ws", max_msg_size=0)
        # aiohttp lets go of a connection by itself only where both sides said goodbye.
        self.stack.callback(socket._response.close)
        return Tab(socket, self.http)

    async def tab(self, name: str = "", token: str = "") -> Tab:
        return await (await self.open()).hello(name, token)

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]

    def said(self) -> list[Message]:
        return [event for event in self.heard if isinstance(event, Message)]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


def test_is_an_adapter() -> None:
    chat: Adapter = WebChat(Config(_env_file=None))
    assert (chat.platform, chat.streams) == ("web", True)


# --- coming and going ---------------------------------------------------------------------


async def test_a_newcomer_joins_the_demo_group_once(house: House) -> None:
    an = await house.tab("安安")
    assert [house.kinds(), an.rooms["web:demo"]["joined"], an.rooms["web:test"]["joined"]] == [
        ["MemberJoined"],
        True,
        False,
    ]
    joined = house.heard[0]
    assert isinstance(joined, MemberJoined)
    assert (joined.group, joined.member.name, joined.member.role) == (DEMO, "安安", Role.MEMBER)
    assert joined.account.names == ("欧小鹏", "小鹏")
    assert abs(joined.time - time.time()) < 5
    await an.socket.close()
    again = await house.tab("别的名字", an.token)
    assert again.me == an.me
    assert house.kinds() == ["MemberJoined"]
    other = await house.tab("安安", "w" * 32)
    assert other.me["id"] != an.me["id"]
    assert house.kinds() == ["MemberJoined", "MemberJoined"]


async def test_leaving_and_coming_back(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await an.tell(do="leave", group="web:demo")
    assert (await bo.next("gone"))["id"] == an.me["id"]
    await an.say("还在吗")
    assert await an.refused() == "not_joined"
    reloaded = await house.tab(token=an.token)
    assert reloaded.rooms["web:demo"]["joined"] is False
    assert reloaded.rooms["web:demo"]["messages"] == []
    assert await house.chat.role(DEMO, an.me["id"]) is Role.UNKNOWN
    await an.tell(do="join", group="web:demo")
    await an.tell(do="join", group="web:demo")
    await an.say("回来了")
    await bo.next("message")
    assert house.kinds() == ["MemberJoined", "MemberJoined", "MemberLeft", "MemberJoined", "Message"]
    left = house.heard[2]
    assert isinstance(left, MemberLeft)
    assert (left.member.id, left.operator) == (an.me["id"], None)


async def test_roles_and_numbers(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    assert await house.chat.size(DEMO) == 2
    assert await house.chat.size(TEST) == 0
    assert await house.chat.size(Group("web:none")) is None
    for name, role in (("admin", Role.ADMIN), ("owner", Role.OWNER), ("member", Role.MEMBER)):
        await an.tell(do="become", role=name)
        assert (await bo.member(an.me["id"]))["role"] == name
        assert await house.chat.role(DEMO, an.me["id"]) is role
    assert await house.chat.role(DEMO, "web:nobody") is Role.UNKNOWN
    assert await house.chat.role(TEST, an.me["id"]) is Role.UNKNOWN
    await bo.socket.close()
    while (await an.member(bo.me["id"]))["online"]:
        pass
    assert await house.chat.size(DEMO) == 1


async def test_names(house: House) -> None:
    an, bo = await house.tab("  安\u202e\n安\u200b "), await house.tab("欧小鹏")
    assert (an.me["name"], bo.me["name"]) == ("安 安", "访客")
    for name, code in (("小鹏", "name_taken"), ("\u200b \n", "name_empty")):
        await an.tell(do="rename", name=name)
        assert await an.refused() == code
    await an.tell(do="rename", name="<b>安</b>")
    assert (await bo.member(an.me["id"]))["name"] == "<b>安</b>"
    await an.say("改名了")
    await bo.next("message")
    assert house.said()[0].member.name == "<b>安</b>"


def test_clean_names_are_short_and_on_one_line() -> None:
    assert clean_name("a" * 100) == "a" * 32
    assert clean_name("\x00\x1b[31m红\u2028x") == "[31m红 x"


# --- talking ------------------------------------------------------------------------------


async def test_a_message_reaches_pages_and_pipeline(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await an.say("第一句\r\n第二行\x00", key="k1")
    own, foreign = await an.next("message"), await bo.next("message")
    assert own["key"] == "k1"
    assert "key" not in foreign
    assert foreign["message"]["parts"] == [{"text": "第一句\n第二行"}]
    message = house.said()[0]
    assert (message.id, message.text, message.quote) == (own["message"]["id"], "第一句\n第二行", None)
    await bo.say({"mention": an.me["id"]}, " ", {"mention": "web:bot"}, " 看", quote=message.id)
    answer = (await an.next("message"))["message"]
    assert answer["quote"] == message.id
    parts = (Mention(an.me["id"], "安安"), Text(" "), Mention("web:bot", "欧小鹏"), Text(" 看"))
    assert house.said()[1].parts == parts
    assert house.said()[1].quote == message.id
    assert len({said.id for said in house.said()}) == 2


async def test_only_admins_mention_everyone(house: House) -> None:
    an = await house.tab("安安")
    await an.say({"mention": "*"})
    assert await an.refused() == "not_everyone"
    await an.tell(do="become", role="admin")
    await an.say({"mention": "*"})
    await an.next("message")
    assert house.said()[0].parts == (Mention("*", "所有人"),)


async def test_direct_chats_are_closed_to_others(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    direct = "web:dm:" + an.me["id"].removeprefix("web:")
    assert direct not in bo.rooms
    await an.say("你好", group=direct)
    await an.next("message")
    assert house.said()[0].group == Group(direct, "安安", direct=True)
    for frame in (
        {"do": "say", "parts": [{"text": "x"}]},
        {"do": "join"},
        {"do": "commands"},
        {"do": "recall", "message": house.said()[0].id},
    ):
        await bo.tell(**frame, group=direct)
        assert await bo.refused() == "unknown_group"


async def test_reactions(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    sent = await house.chat.send(Outgoing(DEMO, BOT, (Text("投票吧"),)))
    for on in (True, True, False, False):
        await bo.tell(do="react", group="web:demo", message=sent, emoji="👍", on=on)
    assert (await an.next("reactions"))["reactions"] == {"👍": [bo.me["id"]]}
    assert (await an.next("reactions"))["reactions"] == {}
    await bo.tell(do="react", group="web:demo", message=sent, emoji="💣", on=True)
    assert await bo.refused() == "wrong_form"
    await bo.tell(do="react", group="web:demo", message="w0", emoji="👍", on=True)
    assert await bo.refused() == "unknown_message"
    seen = [(event.message_id, event.added) for event in house.heard if isinstance(event, Reaction)]
    assert seen == [(sent, True), (sent, False)]


async def test_recall(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await an.say("说错了")
    first = (await bo.next("message"))["message"]["id"]
    await bo.tell(do="recall", group="web:demo", message=first)
    assert await bo.refused() == "not_yours"
    await an.tell(do="recall", group="web:demo", message=first)
    assert [(await tab.next("removed"))["by"] for tab in (an, bo)] == ["author", "author"]
    await an.say("又错了")
    second = (await bo.next("message"))["message"]["id"]
    await bo.tell(do="become", role="admin")
    await bo.tell(do="recall", group="web:demo", message=second)
    assert (await an.next("removed"))["by"] == "admin"
    recalled = [event for event in house.heard if isinstance(event, Recalled)]
    assert [(event.message_id, event.member.name) for event in recalled] == [(first, "安安"), (second, "安安")]
    assert [event.operator and event.operator.name for event in recalled] == [None, "博文"]
    late = await house.tab("晨晨")
    assert all(message["parts"] == [] for message in late.rooms["web:demo"]["messages"])


async def test_history_is_bounded_and_shown_to_the_late(house: House) -> None:
    for number in range(HISTORY + 5):
        await house.chat.send(Outgoing(DEMO, BOT, (Text(str(number)),)))
    tab = await house.tab("晚来")
    texts = [message["parts"][0]["text"] for message in tab.rooms["web:demo"]["messages"]]
    assert texts == [str(number) for number in range(5, HISTORY + 5)]


async def test_commands_are_told_as_they_are_now(house: House) -> None:
    an = await house.tab("安安")
    await an.tell(do="commands", group="web:demo")
    assert (await an.next("commands"))["list"] == [["帮助", "看看我会什么"]]
    house.commands = []
    await an.tell(do="commands", group="web:demo")
    assert (await an.next("commands"))["list"] == []


# --- pictures -----------------------------------------------------------------------------


async def test_a_picture_travels(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    status, answer = await an.upload(png())
    assert status == 200
    await bo.say({"image": answer["id"]})
    assert await bo.refused() == "image_lost"
    await an.say("看", {"image": answer["id"]})
    shown = (await bo.next("message"))["message"]["parts"][1]
    async with house.http.get(shown["image"]) as picture:
        assert await picture.read() == png()
        assert picture.content_type == "image/png"
        assert picture.headers["X-Content-Type-Options"] == "nosniff"
    assert house.said()[0].parts[1] == Image(data=png(), mime="image/png")
    await an.say({"image": answer["id"]})
    assert await an.refused() == "image_lost"
    await house.chat.recall(DEMO, house.said()[0].id)
    async with house.http.get(shown["image"]) as picture:
        assert picture.status == 404


async def test_only_pictures_only_small_only_members(house: House) -> None:
    an = await house.tab("安安")
    for data, status, code in (
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415, "not_image"),
        (b"", 415, "not_image"),
        (png() + bytes(IMAGE_LIMIT), 413, "image_large"),
    ):
        answered, answer = await an.upload(data)
        assert (answered, answer["code"]) == (status, code)
    an.token = "stranger"
    assert (await an.upload(png()))[0] == 401


def test_pictures_are_known_by_their_bytes() -> None:
    for kind, mime in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp")):
        data = io.BytesIO()
        Picture.new("RGB", (4, 4)).save(data, kind)
        assert sniff(data.getvalue()) == mime
    assert sniff(b"RIFF\0\0\0\0WAVE") is None


def test_the_gallery_forgets_the_oldest() -> None:
    gallery = Gallery(limit=len(png()) * 2)
    keys = [gallery.add(png()) for _ in range(3)]
    assert [gallery.get(key) is None for key in keys] == [True, False, False]


# --- what the bot does --------------------------------------------------------------------


async def pieces(*texts: str, error: Exception | None = None) -> AsyncIterator[str]:
    for text in texts:
        yield text
    if error:
        raise error


async def test_a_stream_is_written_piece_by_piece(house: House) -> None:
    an = await house.tab("安安")
    gate = asyncio.Event()

    async def slowly() -> AsyncIterator[str]:
        yield "一"
        await gate.wait()
        yield "二"

    sending = asyncio.create_task(house.chat.send(Outgoing(DEMO, BOT, stream=slowly())))
    start = (await an.next("message"))["message"]
    assert (start["streaming"], start["parts"]) == (True, [{"text": ""}])
    assert (await an.next("chunk"))["text"] == "一"
    late = await house.tab("博文")
    assert late.rooms["web:demo"]["messages"][-1]["parts"] == [{"text": "一"}]
    gate.set()
    assert (await an.next("chunk"))["text"] == "二"
    end = await late.next("end")
    assert (end["id"], end["whole"], await sending) == (start["id"], True, start["id"])


async def test_a_stream_that_breaks_off_says_so(house: House) -> None:
    an = await house.tab("安安")
    with pytest.raises(ModelBusy):
        await house.chat.send(Outgoing(DEMO, BOT, stream=pieces("一半", error=ModelBusy())))
    assert (await an.next("end"))["whole"] is False
    half = (await house.tab("晨晨")).rooms["web:demo"]["messages"][-1]
    assert (half["parts"], half["streaming"], half["broken"]) == ([{"text": "一半"}], False, True)
    with pytest.raises(ModelBusy):
        await house.chat.send(Outgoing(DEMO, BOT, stream=pieces(error=ModelBusy())))
    dropped = await an.next("dropped")
    late = await house.tab("博文")
    assert dropped["id"] not in [message["id"] for message in late.rooms["web:demo"]["messages"]]


async def test_a_stream_that_is_cancelled_ends_with_what_came(house: House) -> None:
    an = await house.tab("安安")

    async def endless() -> AsyncIterator[str]:
        yield "一半"
        await asyncio.Event().wait()

    sending = asyncio.create_task(house.chat.send(Outgoing(DEMO, BOT, stream=endless())))
    await an.next("chunk")
    sending.cancel()
    assert (await an.next("end"))["whole"] is False
    late = (await house.tab("博文")).rooms["web:demo"]["messages"][-1]
    assert (late["parts"], late["streaming"], late["broken"]) == ([{"text": "一半"}], False, True)


async def test_a_flood_of_pieces_cuts_no_reader_off(house: House) -> None:
    an = await house.tab("安安")
    await house.chat.send(Outgoing(DEMO, BOT, stream=pieces(*"字" * 5000)))
    text = ""
    async with asyncio.timeout(10):
        while True:
            frame = await an.socket.receive_json()
            if frame["is"] == "chunk":
                text += frame["text"]
            elif frame["is"] == "end":
                break
    assert text == "字" * 5000


async def test_private_words_reach_one_member_in_all_tabs(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    second = await house.tab(token=an.token)
    await house.chat.send(Outgoing(DEMO, BOT, (Text("秘密"),), to=an.me["id"]))
    secret = (await an.next("message"))["message"]
    assert (secret["private"], (await second.next("message"))["message"]["id"]) == (True, secret["id"])
    await bo.say("我也要", quote=secret["id"])
    assert await bo.refused() == "unknown_message"
    await house.chat.send(Outgoing(DEMO, BOT, (Text("公开"),)))
    assert (await bo.next("message"))["message"]["parts"] == [{"text": "公开"}]
    late = await house.tab("晨晨")
    assert "秘密" not in json.dumps(late.rooms, ensure_ascii=False)
    with pytest.raises(AdapterError):
        await house.chat.send(Outgoing(DEMO, BOT, (Text("x"),), to="web:nobody"))


async def test_recall_and_mute_by_the_bot(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await an.say("广告")
    message = (await bo.next("message"))["message"]["id"]
    await house.chat.recall(DEMO, message)
    await house.chat.mute(DEMO, an.me["id"], 600)
    assert (await bo.next("removed"))["id"] == message
    notice = await bo.next("notice")
    assert (notice["kind"], notice["name"], notice["seconds"]) == ("muted", "安安", 600)
    await an.say("我不服", key="k")
    error = await an.next("error")
    assert (error["code"], error["text"], error["key"]) == ("muted", "你被禁言了，过一会儿再说话吧。", "k")
    await house.chat.mute(DEMO, an.me["id"], 0)
    await an.say("知道了")
    await bo.next("message")
    assert [said.text for said in house.said()] == ["广告", "知道了"]
    with pytest.raises(AdapterError):
        await house.chat.recall(DEMO, "w0")
    with pytest.raises(AdapterError):
        await house.chat.mute(DEMO, "web:nobody", 60)
    with pytest.raises(AdapterError):
        await house.chat.send(Outgoing(Group("web:none"), BOT, (Text("x"),)))


async def test_who_is_shown_out_is_outside(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await house.chat.kick(DEMO, an.me["id"])
    while (room := await an.next("room"))["group"] != DEMO.id or room["joined"]:
        pass
    assert (room["members"], room["messages"]) == ([], [])
    assert (await bo.next("gone"))["id"] == an.me["id"]
    notice = await bo.next("notice")
    assert (notice["kind"], notice["name"]) == ("kicked", "安安")
    await an.say("等等")
    assert await an.refused() == "not_joined"
    [left] = [event for event in house.heard if isinstance(event, MemberLeft)]
    assert (left.member.name, left.operator and left.operator.id) == ("安安", "web:bot")
    await an.tell(do="join", group=DEMO.id)
    await bo.next("member")
    await house.chat.kick(DEMO, an.me["id"], forever=True)
    await an.tell(do="join", group=DEMO.id)
    assert await an.refused() == "banned"
    with pytest.raises(AdapterError, match="群里没有这个人"):
        await house.chat.kick(DEMO, an.me["id"])
    assert await house.chat.history(DEMO, BOT, 10) == []


async def test_a_silent_group_hears_admins_only(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await bo.tell(do="become", role="admin")
    await bo.next("me")
    await house.chat.mute_all(DEMO, True)
    assert (await bo.next("notice"))["kind"] == "muted_all"
    await an.say("我想说")
    assert await an.refused() == "muted"
    await bo.say("请看公告")
    assert (await an.next("message"))["message"]["parts"] == [{"text": "请看公告"}]
    assert (await bo.next("message"))["message"]["from"]["name"] == "博文"
    await house.chat.mute_all(DEMO, False)
    await an.say("谢谢")
    assert (await bo.next("message"))["message"]["parts"] == [{"text": "谢谢"}]
    assert [event.seconds for event in house.heard if isinstance(event, Muted)] == [None, 0]


async def test_the_bot_renames(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    await house.chat.rename(DEMO, an.me["id"], "前端\u202e 小安")
    while (me := await an.next("me"))["me"]["name"] != "前端 小安":
        pass
    assert me["me"]["id"] == an.me["id"]
    profile = await house.chat.profile(DEMO, an.me["id"])
    assert profile is not None
    assert (profile.member.name, profile.muted_until) == ("前端 小安", 0.0)
    for name in ("", "小鹏"):
        with pytest.raises(AdapterError, match="名字"):
            await house.chat.rename(DEMO, bo.me["id"], name)
    assert await house.chat.profile(DEMO, "web:nobody") is None


# --- hostile and clumsy pages -------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("{", "not_json"),
        ("", "not_json"),
        ("[" * 50_000, "not_json"),
        ('"hello"', "wrong_form"),
        ("[]", "wrong_form"),
        ("null", "wrong_form"),
        ("{}", "wrong_form"),
        ('{"do": "explode"}', "wrong_form"),
        ('{"do": "say"}', "wrong_form"),
        ('{"do": "say", "group": 1, "parts": []}', "wrong_form"),
        ('{"do": "say", "group": "web:demo", "parts": {}}', "wrong_form"),
        ('{"do": "say", "group": "web:demo", "parts": [{"text": 1}]}', "wrong_form"),
        ('{"do": "say", "group": "web:demo", "parts": [{"text": "a", "image": "b"}]}', "wrong_form"),
        ('{"do": "say", "group": "web:demo", "parts": [{}]}', "wrong_form"),
        ('{"do": "say", "group": "web:demo", "parts": []}', "empty"),
        ('{"do": "say", "group": "web:demo", "parts": [{"text": " \\n "}]}', "empty"),
        ('{"do": "say", "group": "web:none", "parts": [{"text": "a"}]}', "unknown_group"),
        ('{"do": "say", "group": "web:test", "parts": [{"text": "a"}]}', "not_joined"),
        ('{"do": "say", "group": "web:demo", "parts": [{"mention": "qq:1"}]}', "unknown_member"),
        ('{"do": "say", "group": "web:demo", "parts": [{"image": "../x"}]}', "image_lost"),
        ('{"do": "say", "group": "web:demo", "parts": [{"text": "a"}], "quote": "w0"}', "unknown_message"),
        (json.dumps({"do": "say", "group": "web:demo", "parts": [{"text": "a" * 4001}]}), "too_long"),
        (json.dumps({"do": "say", "group": "web:demo", "parts": [{"text": "a" * 1_000_000}]}), "too_long"),
        (json.dumps({"do": "say", "group": "web:demo", "parts": [{"text": "a"}] * 61}), "wrong_form"),
        ('{"do": "become", "role": "operator"}', "wrong_form"),
        ('{"do": "react", "group": "web:demo", "message": "w0", "emoji": "👍", "on": 1}', "wrong_form"),
        ('{"do": "hello"}', "hello_twice"),
    ],
)
async def test_a_bad_frame_gets_a_sentence_and_nothing_else(house: House, raw: str, code: str) -> None:
    an = await house.tab("安安")
    await an.socket.send_str(raw)
    error = await an.next("error")
    assert error["code"] == code
    assert error["text"].endswith(("。", "吧。"))
    await an.say("还在")
    assert (await an.next("message"))["message"]["parts"] == [{"text": "还在"}]
    assert house.kinds() == ["MemberJoined", "Message"]


async def test_binary_frames_and_no_hello(house: House) -> None:
    tab = await house.open()
    await tab.socket.send_bytes(b"\x00\xff")
    assert await tab.refused() == "not_json"
    await tab.say("匿名")
    assert await tab.refused() == "hello_first"
    await tab.hello("安安")
    assert house.kinds() == ["MemberJoined"]


async def test_lone_surrogates_never_come_in(house: House) -> None:
    an = await house.tab("安安")
    await an.socket.send_str('{"do": "say", "group": "web:demo", "parts": [{"text": "\\ud800"}]}')
    assert await an.refused() == "not_json"
    assert house.said() == []


async def test_a_flood_is_slowed(house: House) -> None:
    an, bo = await house.tab("安安"), await house.tab("博文")
    for number in range(200):
        await an.say(str(number))
    assert await an.refused() == "too_fast"
    await bo.say("我还能说")
    while (await bo.next("message"))["message"]["parts"] != [{"text": "我还能说"}]:
        pass
    assert len([said for said in house.said() if said.member.name == "安安"]) < 80


async def test_a_failing_command_list_ends_in_a_sentence(house: House) -> None:
    an = await house.tab("安安")
    house.commands = [1]  # type: ignore[list-item]  # a fault of ours, seen from the page
    await an.tell(do="commands", group="web:demo")
    assert await an.refused() == "internal"
    await an.say("还在")
    await an.next("message")


async def test_who_does_not_read_is_cut_off_and_blocks_nobody(house: House) -> None:
    deaf, bo = await house.tab("聋子"), await house.tab("博文")
    assert deaf.socket._conn is not None
    transport = deaf.socket._conn.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()

    async def read() -> int:
        count = 0
        while count < 2000:
            count += (await bo.socket.receive_json())["is"] == "message"
        return count

    reading = asyncio.create_task(read())
    began = time.monotonic()
    for _ in range(2000):
        await house.chat.send(Outgoing(DEMO, BOT, (Text("长" * 4000),)))
        await asyncio.sleep(0)
    assert time.monotonic() - began < 15
    assert await asyncio.wait_for(reading, 15) == 2000
    assert await house.chat.size(DEMO) == 1


async def test_closing_is_quick_and_clean() -> None:
    async with House() as house:
        tab = await house.tab("安安")
        assert [health.up for health in house.chat.health()] == [True]
        reading = asyncio.create_task(tab.next("never"))
        began = time.monotonic()
    assert time.monotonic() - began < 3
    with pytest.raises(TypeError, match="is not WSMsgType"):
        await reading
    assert [health.up for health in house.chat.health()] == [False]


async def test_before_listening_there_is_no_chat() -> None:
    config = Config(_env_file=None, server={"port": 0})
    chat = WebChat(config)
    async with Server(config, chat.routes(), dict) as server, aiohttp.ClientSession(server.url) as http:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await http.ws_connect("/chat/ws")


async def test_the_page_keeps_to_its_own_house(house: House) -> None:
    async with house.http.get("/") as page:
        text = await page.text()
        assert page.content_type == "text/html"
        assert "<script>" not in text
        assert " style=" not in text
        assert "onclick" not in text
        assert "http" not in text.replace("http://www.w3.org", "")
    for name in ("webchat.js", "webchat-view.js", "webchat-box.js", "webchat-words.js", "webchat.css", "webchat.svg"):
        async with house.http.get("/static/" + name) as asset:
            assert asset.status == 200
            assert "innerHTML" not in await asset.text()
    async with house.http.get("/static/%2e%2e/webchat.py") as escaped:
        assert escaped.status in {403, 404}
