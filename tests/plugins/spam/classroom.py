"""A room whose guard has the weights that come along, and ads that these miss."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.testing import PLATFORM, Room
from bot.types import Group, Role
from plugins.spam import Spam
from plugins.spam.drift import standing
from plugins.spam.engine import Engine
from plugins.spam.folding import Folding
from plugins.spam.guard.state import Guard
from plugins.spam.model import SHIPPED
from plugins.spam.nearest import Known, Trace
from plugins.spam.replay import Replay
from tests.plugins.spam.standin import texts

WEIGHTS = Path(__file__).parents[3] / "plugins/spam" / SHIPPED
THERE = (WEIGHTS / "replay.bin").exists()
TOPICS = ("games", "accounts", "goods", "courses", "jobs", "loans", "papers")


@cache
def engine() -> Engine:
    return Engine.load(WEIGHTS)


@cache
def missed(count: int) -> list[str]:
    """Ads that the weights let pass though they are unlike talk, no two of them alike."""
    model, replay = engine().model, Replay.load(WEIGHTS / "replay.bin")
    ham = [model.margin(example.indices) for example in replay.check if not example.spam]
    found, known, folding = list[str](), Known(), Folding()
    for text in (text for topic in TOPICS for text in texts("spam", topic, 60)):
        trace = Trace.of(folding.fold(text))
        [place] = standing([model.margin(model.indices(text))], ham)
        if engine().weigh(text)[0] == "pass" and place > 0.9 and known.find(trace) is None:
            if known.add(len(found), trace):
                found.append(text)
            if len(found) == count:
                return found
    raise AssertionError(f"the weights miss only {len(found)} of the ads")


def talk(count: int, seed: int = 1) -> list[str]:
    """What players say, of which the weights suspect nothing."""
    return [text for text in texts("ham", "gaming", 2 * count, seed) if engine().weigh(text)[0] == "pass"][:count]


@asynccontextmanager
async def classroom(monkeypatch: pytest.MonkeyPatch, mode: str = "开启", **settings: Any) -> AsyncIterator[Room]:
    """Both groups of the room are guarded; a member is trusted after one message, and nothing floods."""
    monkeypatch.setattr(Spam, "engines", staticmethod(lambda: (engine(), None)))
    async with Room(Spam, operators=[f"{PLATFORM}:远"]) as room:
        for group in (room.group, room.other):
            room.platform.roles[group.id, "room:bot"] = Role.ADMIN
            await room.set(Spam, group=group, audits=0, newcomer=1, **settings)
            await order(room, f"/防广告 {mode}", group=group)
        yield room


async def order(room: Room, text: str, *, group: Group | None = None, **more: Any) -> str:
    """What an admin is answered first."""
    return (await room.say(text, by="博", role=Role.ADMIN, group=group, **more))[0]


async def chatter(room: Room, said: Sequence[str], group: Group | None = None) -> None:
    """Let thirty members say these over some hours, each first something that nobody keeps."""
    start = time.time() - 60.0 * len(said) - 4_000
    for number in range(min(30, len(said))):
        room.platform.receive(replace(room.message(f"大家好，我是第 {number} 个来的", by=f"熟{number}", group=group),
                                      time=start + 60 * number))  # fmt: skip
    await room.settle(60)
    for number, text in enumerate(said):
        message = room.message(text, by=f"熟{number % 30}", group=group)
        room.platform.receive(replace(message, time=start + 2_000 + 60 * number))
        if number % 50 == 49:
            await room.settle(60)
    await room.settle(60)


async def teach(room: Room, said: Iterable[str], group: Group | None = None, by: str = "博") -> list[str]:
    """Let newcomers say these, and an admin call all of them ads at once; what the bot says to that."""
    ids = []
    for text in said:
        ids.append(f"t{time.time_ns()}")
        room.platform.receive(room.message(text, by=f"新{ids[-1]}", message_id=ids[-1], group=group))
    await room.settle(60)
    start = len(room.platform.texts)
    for message_id in ids:
        room.platform.receive(room.message("/广告", by=by, role=Role.ADMIN, quote=message_id, group=group))
    await room.settle(120)
    return room.platform.texts[start:]


def guard(room: Room) -> Guard:
    return next(kept.value for kept in room.app.keeper._kept.values() if isinstance(kept.value, Guard))


async def rule(room: Room, text: str, group: Group | None = None) -> str:
    """Let a newcomer say it: the rule by which it was judged, empty where it passed."""
    message_id = f"r{time.time_ns()}"
    await room.say(text, by=f"路{message_id}", group=group, message_id=message_id)
    rows = await room.rows("select rule from spam_decisions where message_id = ?", message_id)
    return str(rows[0]["rule"]) if rows else ""
