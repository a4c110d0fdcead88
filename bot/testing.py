"""A chat group in memory, for every plugin's tests: the real house around a scripted platform.

async with Room(Roll) as room:
    assert await room.say("/掷 3d1", by="安") == ["安 掷出了 3。"]
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bot import wording
from bot.app import App
from bot.config import Config, Model
from bot.models.base import ChatModel
from bot.plugin import Plugin
from bot.scripted import BOT, PLATFORM, Platform, Scripted
from bot.store.audit import Entry
from bot.types import (
    AccountChanged,
    Event,
    File,
    Group,
    Image,
    Member,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Muted,
    Part,
    Reaction,
    Recalled,
    Role,
    Text,
)

__all__ = ["BOT", "PLATFORM", "Platform", "Room", "Scripted"]


class Room:
    """A group with the given plugins on, and a second one beside it."""

    def __init__(
        self,
        *kinds: type[Plugin],
        models: Mapping[str, ChatModel] | None = None,
        config_models: Mapping[str, Model] | None = None,
        streams: bool = False,
        forwards: bool = False,
        **config: Any,
    ) -> None:
        """`models` answer; `config_models` gives their prices; `config` replaces parts of the settings."""
        self.platform = Platform(streams=streams, forwards=forwards)
        self.group = Group(f"{PLATFORM}:1", "测试群")
        self.other = Group(f"{PLATFORM}:2", "另一个群")
        self._kinds = kinds
        self._models = dict(models or {})
        self._config = config | ({"models": config_models} if config_models else {})
        self._count = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Room:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()
        await self._stack.aclose()

    async def restart(self) -> None:
        """Stop the bot and start it again on the same database."""
        await self._running.aclose()
        await self._open()

    async def _open(self) -> None:
        unlimited = {"group": 0, "account": 0, "commands": 0, "loop": 0}
        settings: dict[str, Any] = {"store": {"path": self._folder / "room.db"}, "pace": unlimited, **self._config}
        # A prefix that nobody sets: the tester's own environment must not change a test.
        config = Config(_env_file=None, _env_prefix="XIAOPENG_ROOM_", **settings)
        self.app = App(config, adapters=[self.platform], kinds=self._kinds, models=self._models)
        self._running = AsyncExitStack()
        await self._running.enter_async_context(self.app.open())

    # --- what members do ------------------------------------------------------------------

    async def say(
        self,
        text: str,
        *,
        by: str = "安",
        role: Role = Role.MEMBER,
        group: Group | None = None,
        quote: str | None = None,
        mention: bool = False,
        mentions: Sequence[str] = (),
        images: Sequence[Image] = (),
        files: Sequence[File] = (),
        message_id: str | None = None,
    ) -> list[str]:
        """Say something, and return what the bot says in this group until all is quiet.

        `mention` calls the bot, before the text; `mentions` are members who are called after it; `files` (made by
        `file`) are shared along with it, or alone where the text is empty.
        """
        called = [Mention(f"{PLATFORM}:{name}", name) for name in mentions]
        said = [Text(text)] if text or not files else []
        parts: tuple[Part, ...] = (*([Mention(BOT.id, "小鹏")] if mention else []), *said, *called, *images, *files)
        return await self._replies(
            self.message(text, by=by, role=role, group=group, quote=quote, parts=parts, message_id=message_id)
        )

    def file(self, name: str, data: bytes) -> File:
        """A file for `say`; `Context.fetch` gets its bytes."""
        id = f"f{len(self.platform.files) + 1}"
        self.platform.files[id] = data
        return File(name, size=len(data), id=id)

    def message(
        self,
        text: str,
        *,
        by: str = "安",
        role: Role = Role.MEMBER,
        group: Group | None = None,
        quote: str | None = None,
        parts: tuple[Part, ...] | None = None,
        message_id: str | None = None,
    ) -> Message:
        """A message as `say` would send it."""
        self._count += 1
        return Message(
            group=group or self.group, account=BOT, time=time.time(), id=message_id or f"m{self._count}",
            member=self._member(by, role, group), parts=parts or (Text(text),), quote=quote,
        )  # fmt: skip

    async def join(self, *names: str, group: Group | None = None) -> list[str]:
        members = [self._member(name, Role.MEMBER, group) for name in names]
        return await self._replies(*(MemberJoined(**self._at(group), member=member) for member in members))

    async def leave(self, name: str, *, group: Group | None = None) -> list[str]:
        return await self._replies(MemberLeft(**self._at(group), member=self._member(name, Role.MEMBER, group)))

    async def react(self, message_id: str, emoji: str, *, by: str = "安", added: bool = True) -> list[str]:
        member = self._member(by, Role.MEMBER, None)
        return await self._replies(
            Reaction(**self._at(None), message_id=message_id, member=member, emoji=emoji, added=added)
        )

    async def recall(self, message_id: str, *, by: str = "安") -> list[str]:
        member = self._member(by, Role.MEMBER, None)
        return await self._replies(Recalled(**self._at(None), message_id=message_id, member=member))

    async def mute(self, name: str, seconds: int) -> list[str]:
        return await self._replies(
            Muted(**self._at(None), member=self._member(name, Role.MEMBER, None), seconds=seconds)
        )

    async def account(self, *, online: bool) -> list[str]:
        everywhere = Group(f"{PLATFORM}:*", direct=True)
        return await self._replies(AccountChanged(**self._at(everywhere), online=online))

    # --- what operators do ----------------------------------------------------------------

    async def set(self, kind: type[Plugin], *, group: Group | None = None, **values: Any) -> None:
        """Change settings as an admin would, validated the same way."""
        at = group or self.group
        for name, value in values.items():
            checked = wording.checked(self.app.board.settings(at.id, kind), name, value)
            entry = Entry(at.id, "room:admin", "管理员", "set", kind.plugin_name, name)
            await self.app.board.put(entry, wording.dump(checked))

    async def run(self, job: str, *, group: Group | None = None) -> list[str]:
        """Run a plugin's job now."""
        kind = next(k for k in self.app.catalog for j in k.plugin_jobs if j.handler == job)
        start = len(self.platform.texts)
        await self.app.pipeline.run_job(group or self.group, kind, job)
        return self.platform.texts[start:]

    # --- what was seen --------------------------------------------------------------------

    @property
    def last_id(self) -> str:
        """The id of the bot's last message, to quote or react on."""
        return f"b{len(self.platform.sent)}"

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database, once everything so far is in it."""
        await self.app.store.flush()
        return await self.app.store.read(lambda db: list(db.query(query, list(values))))

    async def settle(self, seconds: float = 10) -> None:
        """Wait until nothing is under way."""
        async with asyncio.timeout(seconds):
            while self.app.pipeline.busy:  # noqa: ASYNC110 - many parts may be busy; a test may poll
                await asyncio.sleep(0.001)

    # --- parts of the above ---------------------------------------------------------------

    async def _replies(self, *events: Event) -> list[str]:
        start = len(self.platform.texts)
        for event in events:
            self.platform.receive(event)
        await self.settle()
        here = events[0].group.id
        sent = zip(self.platform.sent[start:], self.platform.texts[start:], strict=True)
        return [text for outgoing, text in sent if outgoing.group.id == here and outgoing.to is None]

    def _member(self, name: str, role: Role, group: Group | None) -> Member:
        member = Member(f"{PLATFORM}:{name}", name, role)
        self.platform.roles[(group or self.group).id, member.id] = role
        return member

    def _at(self, group: Group | None) -> dict[str, Any]:
        return {"group": group or self.group, "account": BOT, "time": time.time()}
