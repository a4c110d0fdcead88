"""Stand-ins with a script, for tests: a chat platform that records what is sent and done, and a model that answers."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from bot.errors import AdapterError, ModelError
from bot.models.base import Completion, Turn, Usage
from bot.types import (
    Account,
    File,
    Forward,
    FriendRequest,
    Group,
    Health,
    Image,
    JoinRequest,
    Member,
    Mention,
    Message,
    Outgoing,
    Part,
    Profile,
    Role,
    Text,
)

PLATFORM = "room"
BOT = Account(f"{PLATFORM}:bot", ("小鹏", "群里的小鹏"))


class Scripted:
    """A model that answers from a list: texts, or errors to raise. The last one is repeated."""

    def __init__(self, *answers: str | ModelError, name: str = "scripted", generated: bool = True) -> None:
        self.name = name
        self.generated = generated
        self.asked: list[list[Turn]] = []
        self._answers = list(answers or ("好的。",))

    async def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]:
        self.asked.append(list(turns))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ModelError):
            raise answer
        half = len(answer) // 2
        for piece in filter(None, (answer[:half], answer[half:])):
            yield piece
        completion.model, completion.finish = self.name, "stop"
        completion.usage = Usage(sum(len(turn.text) for turn in turns), len(answer))

    async def prepare(self) -> None:
        return None

    async def close(self) -> None:
        return None


class Platform:
    """The scripted chat platform: an `Adapter` that records what is sent and done, and obeys `refuse`.

    refuse    what sending raises
    refuses   what acts raise, by name: {"kick": AdapterError("本账号不是该群的管理员")}; "forward": merged messages
    past      what the history of a group gives, by its id, oldest first
    """

    name = "room"
    platform = PLATFORM

    def __init__(self, *, streams: bool = False, forwards: bool = False) -> None:
        self.streams = streams
        self.forwards = forwards
        self.sent: list[Outgoing] = []
        self.texts: list[str] = []
        self.recalled: list[str] = []
        self.muted: dict[str, int] = {}
        self.silenced: dict[str, bool] = {}
        """Whether a whole group is muted, by its id."""
        self.kicked: dict[str, bool] = {}
        """Who was removed, and whether for ever."""
        self.cards: dict[str, str] = {}
        self.admitted: list[tuple[str, bool, str]] = []
        """The answers to requests: flag, approval, reason."""
        self.past: dict[str, list[Message]] = {}
        self.files: dict[str, bytes] = {}
        """What members shared, by the file's id."""
        self.histories: list[str] = []
        """The groups whose history was asked for."""
        self.roles: dict[tuple[str, str], Role] = {}
        self.refuse: AdapterError | None = None
        self.refuses: dict[str, AdapterError] = {}
        self.since = time.time()
        self._online = True

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return ()

    @asynccontextmanager
    async def listen(self, receive: Any) -> AsyncIterator[None]:
        self.receive = receive
        yield

    async def send(self, outgoing: Outgoing) -> str:
        if self.refuse is not None:
            raise self.refuse
        if any(isinstance(part, Forward) for part in outgoing.parts):
            self._may("forward")
        text = "".join(map(_plain, outgoing.parts))
        if outgoing.stream is not None:
            async for piece in outgoing.stream:
                text += piece
        self.sent.append(outgoing)
        self.texts.append(text)
        return f"b{len(self.sent)}"

    async def role(self, group: Group, member_id: str) -> Role:
        return self.roles.get((group.id, member_id), Role.MEMBER)

    async def size(self, group: Group) -> int | None:
        return len({member for at, member in self.roles if at == group.id})

    async def recall(self, group: Group, message_id: str) -> None:
        self._may("recall")
        self.recalled.append(message_id)

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        self._may("mute")
        self.muted[member_id] = seconds

    async def mute_all(self, group: Group, on: bool) -> None:
        self._may("mute_all")
        self.silenced[group.id] = on

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None:
        self._may("kick")
        self.kicked[member_id] = forever

    async def rename(self, group: Group, member_id: str, card: str) -> None:
        self._may("rename")
        self.cards[member_id] = card

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        self._may("admit")
        self.admitted.append((request.flag, approve, reason))

    async def profile(self, group: Group, member_id: str, *, fresh: bool = False) -> Profile | None:
        role = self.roles.get((group.id, member_id))
        if role is None:
            return None
        name = self.cards.get(member_id) or member_id.partition(":")[2]
        seconds = self.muted.get(member_id)
        until = None if seconds is None else time.time() + seconds
        return Profile(Member(member_id, name, role), joined=self.since, muted_until=until)

    async def fetch(self, group: Group, file: File, limit: int) -> bytes:
        self._may("fetch")
        data = self.files.get(file.id)
        if data is None:
            raise AdapterError("文件已经过期了")
        if len(data) > limit:
            raise AdapterError(f"太大了，最多 {limit / 1e6:g} MB")
        return data

    async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
        self._may("history")
        self.histories.append(group.id)
        past = self.past.get(group.id, [])[-count:]
        return [replace(message, recovered=True) for message in past]

    def _may(self, act: str) -> None:
        if act in self.refuses:
            raise self.refuses[act]

    def health(self) -> Sequence[Health]:
        return [Health("测试账号", self._online, self.since)]


def _plain(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Mention(_, name):
            return f"@{name}"
        case Image():
            return "[图片]"
        case Forward(messages=messages):
            return "\n\n".join("".join(map(_plain, inside)) for inside in messages)
        case _:
            return ""
