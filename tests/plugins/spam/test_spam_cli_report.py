"""`xiaopeng spam report`: the figures of all groups, beside a running bot."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bot.testing import Room
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, guarded
from tests.plugins.spam.test_spam_cli_import import Desk


async def lived(room: Room) -> None:
    for number, word in enumerate(("是广告", "是广告", "误判"), 1):
        await room.say(f"{AD} {number}", by=f"贾{number}")
        await room.say(f"/{word} {number}", by="博", role=ADMIN)
    await room.say(DOUBT, by="丁")
    await room.say("刷屏刷屏", by="戊")
    await room.say(f"{AD} 五", by="己", group=room.other)
    await room.say(AD, by="博", role=ADMIN)
    await room.rows("select 1")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def report(desk: Desk, room: Room, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setenv("XIAOPENG_STORE__PATH", str(room.app.store.path))
    done = await asyncio.to_thread(desk, "report", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


async def test_every_group_and_rule_has_its_figures(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await lived(room)
        found = json.loads(await report(desk, room, monkeypatch, "--json"))
    assert [entry["group"] for entry in found["groups"]] == ["room:1", "room:2"]
    first, second = found["groups"]
    assert (first["mode"], first["acted"], first["would"], first["name"]) == ("on", 4, 0, "测试群")
    assert (second["mode"], second["acted"], second["would"]) == ("shadow", 0, 1)
    model = first["rules"]["model"]
    assert (model["judged"], model["right"], model["wrong"], model["unlabelled"]) == (3, 2, 1, 0)
    assert 0 < model["low"] < model["estimate"] < model["high"] < 1
    assert first["rules"]["flood"]["low"] is None
    assert first["reviewed"] == {"asked": 1, "answered": 0, "spam": 0}
    assert first["recall"]["low"] is None
    assert found["all"]["precision"]["judged"] == 5


async def test_one_group_is_told_in_a_table(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        await lived(room)
        lines = (await report(desk, room, monkeypatch, "--group", "room:1", "--days", "7")).splitlines()
    assert lines[0].startswith("room:1 测试群 (on): ")
    assert lines[1] == "  acted 4, would have acted 0, asked first 0; in doubt 1, answered 0"
    assert lines[3].split() == ["model", "3", "2", "1", "0", "0", "0.667", "[0.094,", "0.992]"]
    assert lines[4].split() == ["flood", "1", "0", "0", "1", "0", "unknown"]
    assert lines[6] == "  recall unknown, from 0 of 0 audited; 0 pointed at"


async def test_nothing_seen_is_nothing_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch) as room:
        assert await report(desk, room, monkeypatch) == "Nothing was looked at in the last 30 days.\n"
        assert desk("report", "--days", "0").exit_code == 2
        assert desk("report", "--group", "somewhere").exit_code == 2
