"""The far end of the OneBot adapter: an implementation that connects to the bot over a real socket.

By hand: `python -m tests.peers.onebot ws://127.0.0.1:8080/onebot/v11/ws --group 20001`, then type what the
member says, one message a line.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import aiohttp

Body = dict[str, Any]
Segments = list[Body]
Script = Callable[[Body], Awaitable[Body | None]]
"""Answers a call, without its echo; None is silence."""


@dataclass(frozen=True)
class Flavour:
    """How an implementation differs from the next."""

    app: str
    token: Literal["header", "query"] = "header"
    array: bool = True
    signed: bool = False
    """Its message ids may be negative."""
    likes: bool = True
    """Reactions come as group_msg_emoji_like, not as Lagrange's."""
    foreign_self: int | None = None
    """What it writes into a body's self_id instead of the header's."""


NAPCAT = Flavour("NapCat.Onebot")
LLBOT = Flavour("LLOneBot", signed=True)
LAGRANGE = Flavour("Lagrange.OneBot", signed=True, likes=False)
ONEBOTS = Flavour("onebots", token="query", array=False, foreign_self=44784501308)


@dataclass
class Person:
    nickname: str
    card: str | None = ""
    role: str | None = "member"


@dataclass
class OneBotPeer:
    """One account at an implementation; `async with` connects and closes it.

    calls      every call received, oldest first
    said       what the bot sent, in order: the group's number (or "private:<number>") and the message
    world      who is in which group; whoever speaks without being there enters as a member
    """

    url: str
    self_id: int = 10001000
    token: str | None = None
    flavour: Flavour = NAPCAT
    nickname: str = "测试机器人"
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[Body] = field(default_factory=list)
    said: list[tuple[str, Segments]] = field(default_factory=list)
    world: dict[str, dict[str, Person]] = field(default_factory=dict)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._ids = itertools.count(700_000_001)
        self._scripts: dict[str, Script] = {}
        self._moved = asyncio.Condition()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, *, lifecycle: bool = True) -> None:
        """Connect as an implementation does. Raises aiohttp.WSServerHandshakeError where it is refused."""
        headers = {"x-self-id": str(self.self_id), "x-client-role": "Universal", "user-agent": "OneBot/11"}
        url = self.url
        if self.flavour.token == "query":
            url += f"?access_token={self.token}" if self.token else ""
        else:
            headers["Authorization"] = f"Bearer {self.token or ''}"
        self._session = aiohttp.ClientSession()
        try:
            self._socket = await self._session.ws_connect(url, headers=headers | self.headers, max_msg_size=0)
        except aiohttp.ClientError:
            await self._session.close()
            raise
        self.closed.clear()
        self._start(self._read(self._socket))
        if lifecycle:
            await self.event({"post_type": "meta_event", "meta_event_type": "lifecycle", "sub_type": "connect"})

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        await self._end()

    async def vanish(self) -> None:
        """Lose the line, without a goodbye."""
        assert self._socket is not None
        self._socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await self.closed.wait()
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._session is not None:
            await self._session.close()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, link: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in link:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._start(self._serve(link, json.loads(message.data)))
        finally:
            self.closed.set()

    # --- what happens at the platform ---------------------------------------------------------

    async def raw(self, frame: str | bytes, *, text: bool = True) -> None:
        """Send a frame as it is: text, or binary."""
        assert self._socket is not None
        data = frame.encode() if isinstance(frame, str) else frame
        await self._socket.send_frame(data, aiohttp.WSMsgType.TEXT if text else aiohttp.WSMsgType.BINARY)

    async def event(self, body: Body) -> None:
        """Send an event, with the fields that all have."""
        head = {"time": int(time.time()), "self_id": self.flavour.foreign_self or self.self_id}
        await self.raw(json.dumps(head | body, ensure_ascii=False))

    async def say(
        self,
        group: int | None,
        user: int,
        text: str | Segments,
        *,
        role: str | None = "member",
        name: str | None = None,
        message_id: int | str | None = None,
        **more: object,
    ) -> str:
        """Speak in a group (None: privately); a string is plain text. Returns the message's id."""
        if message_id is None:
            message_id = next(self._ids) * (-1 if self.flavour.signed else 1)
        person = self._person(group, user, role, name)
        segments = [{"type": "text", "data": {"text": text}}] if isinstance(text, str) else text
        sender: Body = {"user_id": user, "nickname": person.nickname, "card": person.card}
        if group is not None and person.role is not None:
            sender["role"] = person.role
        coded = encode(segments)
        body: Body = {
            "post_type": "message",
            "message_type": "private" if group is None else "group",
            "sub_type": "friend" if group is None else "normal",
            "user_id": user,
            "message_id": message_id,
            "sender": sender,
            "raw_message": coded,
            "font": 14,
            "message": segments if self.flavour.array else coded,
            "message_format": "array" if self.flavour.array else "string",
        }
        if group is not None:
            body |= {"group_id": group, "group_name": f"群{group}"}
        await self.event(body | more)
        return str(message_id)

    def _person(self, group: int | None, user: int, role: str | None, name: str | None) -> Person:
        people = self.world.setdefault(str(group), {})
        person = people.setdefault(str(user), Person(name or f"成员{user}"))
        person.nickname, person.role = name or person.nickname, role
        return person

    async def notice(self, kind: str, **fields: object) -> None:
        await self.event({"post_type": "notice", "notice_type": kind} | fields)

    async def join(self, group: int, user: int, operator: int = 0) -> None:
        self._person(group, user, "member", None)
        fields = {"sub_type": "approve", "group_id": group, "user_id": user, "operator_id": operator}
        await self.notice("group_increase", **fields)

    async def leave(self, group: int, user: int, operator: int = 0, sub_type: str = "leave") -> None:
        self.world.get(str(group), {}).pop(str(user), None)
        fields = {"sub_type": sub_type, "group_id": group, "user_id": user, "operator_id": operator}
        await self.notice("group_decrease", **fields)

    async def recall(self, group: int, user: int, message_id: str, operator: int | None = None) -> None:
        fields = {"group_id": group, "user_id": user, "operator_id": user if operator is None else operator}
        await self.notice("group_recall", **fields, message_id=number(message_id))

    async def ban(self, group: int, user: int, seconds: int, operator: int = 30001) -> None:
        """Mute a member; user 0 with -1 is the whole group, and 0 seconds lift it."""
        fields = {"sub_type": "ban" if seconds else "lift_ban", "duration": seconds, "operator_id": operator}
        await self.notice("group_ban", group_id=group, user_id=user, **fields)

    async def react(self, group: int, user: int, message_id: str, emoji: str = "76", *, added: bool = True) -> None:
        target: Body = {"group_id": group, "message_id": number(message_id)}
        if self.flavour.likes:
            likes = [{"emoji_id": emoji, "count": 1}]
            await self.notice("group_msg_emoji_like", **target, user_id=user, likes=likes, is_add=added)
        else:
            sub_type = "add" if added else "remove"
            await self.notice("reaction", **target, operator_id=user, sub_type=sub_type, code=emoji, count=1)

    async def heartbeat(self, online: bool | None = True, interval: int = 30000) -> None:
        status = {"online": online, "good": True}
        await self.event(
            {"post_type": "meta_event", "meta_event_type": "heartbeat", "status": status, "interval": interval}
        )

    # --- what the bot asks --------------------------------------------------------------------

    def refuse(self, action: str, retcode: int = 1200, message: str = "失败") -> None:
        """Refuse an action from now on."""
        self.script(action, {"status": "failed", "retcode": retcode, "data": None, "message": message})

    def silence(self, action: str) -> None:
        """Carry an action out from now on, and never answer."""

        async def never(call: Body) -> None:
            self._answer(call)

        self._scripts[action] = never

    def delay(self, action: str, seconds: float) -> None:
        """Answer an action late from now on."""

        async def late(call: Body) -> Body:
            await asyncio.sleep(seconds)
            return self._answer(call)

        self._scripts[action] = late

    def doubt(self, action: str) -> None:
        """Answer an action as one whose effect nobody knows."""
        event = "NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg ListenerName:x"
        self.refuse(action, 1200, f'Timeout: {event}\nEventRet:\n{{"result": 0, "errMsg": ""}}')

    def script(self, action: str, answer: Body) -> None:
        """Give one answer to an action from now on."""

        async def scripted(_: Body) -> Body:
            return answer

        self._scripts[action] = scripted

    def obey(self, action: str) -> None:
        """Take back what was scripted for an action."""
        self._scripts.pop(action, None)

    @property
    def sent(self) -> dict[str, list[Segments]]:
        """What the bot sent, by group number; to a person by "private:<number>"."""
        return {where: [message for there, message in self.said if there == where] for where, _ in self.said}

    async def wait_sent(self, n: int = 1, timeout: float = 2) -> list[Segments]:  # noqa: ASYNC109 - as its callers say it
        """Wait until the bot has sent n messages in all, and return every one."""
        await self.until(lambda: len(self.said) >= n, timeout)
        return [message for _, message in self.said]

    async def wait_call(self, action: str, n: int = 1, timeout: float = 2) -> Body:  # noqa: ASYNC109 - as its callers say it
        """Wait for the n-th call of an action and return its parameters."""
        await self.until(lambda: len(self.called(action)) >= n, timeout)
        return self.called(action)[n - 1]

    def called(self, action: str) -> list[Body]:
        """The parameters of each call of an action."""
        return [call["params"] for call in self.calls if call["action"] == action]

    async def until(self, true: Callable[[], bool], within: float = 2) -> None:
        async with asyncio.timeout(within), self._moved:
            await self._moved.wait_for(true)

    async def _serve(self, link: aiohttp.ClientWebSocketResponse, call: Body) -> None:
        self.calls.append(call)
        await self._tell()
        script = self._scripts.get(call["action"])
        answer = await script(call) if script else self._answer(call)
        await self._tell()
        if answer is not None:
            with suppress(ConnectionError):
                await link.send_str(json.dumps({**answer, "echo": call.get("echo")}, ensure_ascii=False))

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    def _answer(self, call: Body) -> Body:
        """Do what a call asks, in the world of this peer."""
        params = call.get("params") or {}
        match call["action"]:
            case "send_group_msg":
                return self._sent(str(params["group_id"]), params)
            case "send_private_msg":
                return self._sent(f"private:{params['user_id']}", params)
            case "get_login_info":
                return done({"user_id": self.self_id, "nickname": self.nickname})
            case "get_version_info":
                return done({"app_name": self.flavour.app, "app_version": "1.0", "protocol_version": "v11"})
            case "get_group_info":
                people = self.world.get(str(params["group_id"]))
                if people is None:
                    return failed("群不存在")
                return done({"group_id": params["group_id"], "member_count": len(people)})
            case "get_group_member_info":
                group, user = str(params["group_id"]), str(params["user_id"])
                person = self.world.get(group, {}).get(user)
                if person is None and user == str(self.self_id):
                    person = Person(self.nickname)
                if person is None:
                    return failed("成员不存在")
                return done({"group_id": params["group_id"], "user_id": params["user_id"], **vars(person)})
            case "set_group_ban" | "delete_msg":
                return done(None)
            case action:
                return {"status": "failed", "retcode": 1404, "data": None, "message": f"不支持的api {action}"}

    def _sent(self, where: str, params: Body) -> Body:
        if not params["message"]:
            return failed("消息体无法解析", 1400)
        self.said.append((where, params["message"]))
        return done({"message_id": next(self._ids) * (-1 if self.flavour.signed else 1)})


def done(data: object) -> Body:
    return {"status": "ok", "retcode": 0, "data": data, "message": "", "wording": ""}


def failed(message: str, retcode: int = 1200) -> Body:
    return {"status": "failed", "retcode": retcode, "data": None, "message": message, "wording": message}


def number(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdecimal() else text


def encode(segments: Segments) -> str:
    """Write segments as a CQ string."""
    written = []
    for segment in segments:
        data = segment.get("data") or {}
        if segment["type"] == "text":
            written.append(escape(str(data["text"])))
        else:
            pairs = "".join(f",{key}={escape(str(value)).replace(',', '&#44;')}" for key, value in data.items())
            written.append(f"[CQ:{segment['type']}{pairs}]")
    return "".join(written)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("[", "&#91;").replace("]", "&#93;")


def plain(segments: Segments) -> str:
    """What a member reads of a message; what is no text shows as its type."""
    return "".join(str(s["data"]["text"]) if s["type"] == "text" else f"[{s['type']}]" for s in segments)


async def drive(url: str, self_id: int, token: str | None, group: int | None, user: int) -> None:
    """Say each line of the input, and print what the bot sends."""
    loop = asyncio.get_running_loop()
    async with OneBotPeer(url, self_id, token) as peer:

        async def show() -> None:
            while True:
                await peer.until(lambda: bool(peer.said), 1e9)
                where, message = peer.said.pop(0)
                sys.stdout.write(f"[{where}] {plain(message)}\n")

        shown = asyncio.create_task(show())
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await peer.say(group, user, line.rstrip("\n"), name="手动")
        await asyncio.sleep(1)
        shown.cancel()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("url", help="ws://127.0.0.1:8080/onebot/v11/ws")
    options.add_argument("--self", dest="self_id", type=int, default=10001000)
    options.add_argument("--token")
    options.add_argument("--group", type=int, help="without it the member writes privately")
    options.add_argument("--user", type=int, default=30003)
    asyncio.run(drive(**vars(options.parse_args())))


if __name__ == "__main__":
    main()
