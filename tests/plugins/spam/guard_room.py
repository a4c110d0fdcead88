"""A room with the guard in it, and an engine of a few words: what is tested is what the guard does with a finding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.testing import PLATFORM, Room
from bot.types import Group, Role
from plugins.spam import Spam
from plugins.spam.finding import Finding, Reason, Said

AD = "加微信 abc12345 领红包"
DOUBT = "有兼职的私聊我"
ADMIN = Role.ADMIN


class Words:
    """An engine that knows a few words, behind the interface of the real one."""

    def __init__(self) -> None:
        self.seen: list[Said] = []

    def judge(self, said: Said, *, lists: Any = None, memory: Any = None, local: Any = None) -> Finding:
        self.seen.append(said)
        text = "\n".join([said.text, *said.cards, *said.links, *said.forwarded])
        if "引擎坏掉" in text:
            raise RuntimeError("the engine is broken")
        if "刷屏" in text:
            return Finding(0.99, "act", (Reason("flood", 5.0, "短时间里发得太多"),), "flood")
        if "重复的微信" in text:
            return Finding(
                0.99, "act", (Reason("model", 4.0, "措辞像广告"), Reason("duplicate", 2.0, "又是它")), "model"
            )
        if "微信" in text:
            reasons = (Reason("contact", 3.0, "留了联系方式"), Reason("model", 1.2, "措辞像广告"))
            return Finding(0.97, "act", reasons, "model")
        if "兼职" in text:
            return Finding(0.6, "review", (Reason("model", 0.8, "措辞像广告"),), "model")
        return Finding(0.01, "pass")


@asynccontextmanager
async def guarded(monkeypatch: pytest.MonkeyPatch, mode: str = "开启", **config: Any) -> AsyncIterator[Room]:
    """A room whose guard is in `mode`, with a member 远 who is the operator; the engine is `room_engine(room)`."""
    engine = Words()
    monkeypatch.setattr(Spam, "engines", staticmethod(lambda: (engine, None)))
    kinds = config.pop("kinds", ())
    async with Room(*kinds, Spam, operators=[f"{PLATFORM}:远"], **config) as room:
        room.platform.roles[room.group.id, "room:bot"] = Role.ADMIN
        # Which messages are asked about at random is tested where it belongs.
        for group in (room.group, room.other):
            await room.set(Spam, group=group, audits=0)
        if mode != "影子":
            await order(room, f"/防广告 {mode}")
        monkeypatch.setattr(room, "engine", engine, raising=False)
        yield room


def engine(room: Room) -> Words:
    found = getattr(room, "engine")  # noqa: B009 - a room has none of its own
    assert isinstance(found, Words)
    return found


async def order(room: Room, text: str, *, group: Group | None = None, **more: Any) -> str:
    """What an admin is answered."""
    [reply] = await room.say(text, by="博", role=ADMIN, group=group, **more)
    return reply


def said_in(room: Room, group: Group) -> list[str]:
    """All that the bot said in a group so far."""
    both = zip(room.platform.sent, room.platform.texts, strict=True)
    return [text for outgoing, text in both if outgoing.group.id == group.id]


async def decision(room: Room, number: int = 1) -> dict[str, Any]:
    [row] = await room.rows("select * from spam_decisions where id = ?", number)
    return row
