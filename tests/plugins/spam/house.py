"""A group under guard, for tests: the real plugin around an engine with a script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.models.base import ChatModel
from bot.testing import Room
from bot.types import Group, Role
from plugins.spam.finding import Finding, Reason, Said
from plugins.spam.folding import Folding
from plugins.spam.guard.spam import Spam

BOSS = "管"


class Script:
    """An engine that acts on 卖号, doubts 可疑, and obeys the lists."""

    def __init__(self) -> None:
        self.folding = Folding()

    def judge(self, said: Said, *, lists: Any = None, memory: Any = None, local: Any = None) -> Finding:
        folded = self.folding.fold(said.text).text
        hosts = re.findall(r"https?://([^/\s]+)", said.text)
        found = lists.match(said.text, folded, hosts, said.member) if lists is not None else None
        if found is not None and found.kind == "deny":
            return Finding(1.0, "act", (Reason("list", 5.0, found.words),), "list")
        if found is not None and found.form != "domain":
            return Finding(0.0, "pass", (Reason("list", -5.0, found.words),), "list")
        if "卖号" in said.text:
            return Finding(0.98, "act", (Reason("model", 4.0, "措辞像招揽"),), "model")
        if "可疑" in said.text:
            return Finding(0.5, "review", (Reason("model", 1.0, "有点像招揽"),), "model")
        return Finding(0.01, "pass")


@asynccontextmanager
async def guarded(
    monkeypatch: pytest.MonkeyPatch,
    mode: str = "开启",
    models: Mapping[str, ChatModel] | None = None,
    *,
    admins: bool = False,
    **config: Any,
) -> AsyncIterator[Room]:
    """A room under guard; `admins`: what is found is reported to the other group."""
    monkeypatch.setattr(Spam, "engines", staticmethod(lambda: (Script(), None)))
    async with Room(Spam, models=models, **config) as room:
        await room.set(Spam, audits=0)
        if mode:
            await room.say(f"/防广告 {mode}", by=BOSS, role=Role.ADMIN)
        if admins:
            [offer] = await room.say("/防广告 管理群", by=BOSS, role=Role.ADMIN, group=room.other)
            found = re.search(r"/防广告 管理群 (\w+)", offer)
            assert found is not None
            await room.say(found[0], by=BOSS, role=Role.ADMIN)
        yield room


async def trust(room: Room, *names: str) -> None:
    """Let members say enough to be no newcomers."""
    for name in names:
        for number in range(5):
            await room.say(f"我是{name}，这里是第 {number} 个关于编译的问题", by=name)


def told(room: Room, group: Group, start: int = 0) -> list[str]:
    """What the bot said in a group since."""
    sent = zip(room.platform.sent[start:], room.platform.texts[start:], strict=True)
    return [text for outgoing, text in sent if outgoing.group.id == group.id and outgoing.to is None]


def told_alone(room: Room, name: str) -> list[str]:
    """What the bot told a member privately."""
    sent = zip(room.platform.sent, room.platform.texts, strict=True)
    return [text for outgoing, text in sent if outgoing.to == f"room:{name}"]
