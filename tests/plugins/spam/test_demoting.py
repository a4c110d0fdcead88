"""A rule that is wrong too often in a group asks its admins, says so once, and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.testing import Room
from plugins.spam import Spam
from plugins.spam.guard import names
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, decision, guarded, order, said_in
from tests.plugins.spam.test_guard_admins import link

FLOOD = "刷屏刷屏"
WRONG = 3
"""So many that were all wrong are enough to fall under a limit of 80 %, and no fewer."""
RIGHT_TO_RISE = 35
"""So many right ones in a row are more than enough at the limit of 80 %."""


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch) as room:
        yield room


async def answered(room: Room, what: str, count: int, text: str = AD) -> None:
    """So many members say it, and an admin says of each what it is."""
    [row] = await room.rows("select coalesce(max(id), 0) as last from spam_decisions")
    for number in range(row["last"] + 1, row["last"] + 1 + count):
        await room.say(f"{text} {number}", by=f"贾{number}")
        await room.say(f"/{what} {number}", by="博", role=ADMIN)


async def last_step(room: Room) -> object:
    [row] = await room.rows("select step, verdict from spam_decisions order by id desc limit 1")
    assert row["verdict"] == "act", "what it found stays written down"
    return row["step"]


async def test_a_rule_that_is_always_wrong_asks(room: Room) -> None:
    await room.say(f"{AD} 甲", by="甲")
    assert await last_step(room) == "recall"
    await answered(room, "误判", WRONG + 2)
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "ask"
    await room.say(FLOOD, by="丙")
    assert await last_step(room) == "recall", "another rule goes on"


async def test_one_mistake_is_no_reason(room: Room) -> None:
    await answered(room, "误判", 1)
    await answered(room, "是广告", 6)
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"


async def test_admins_are_told_once_in_their_group(room: Room) -> None:
    await link(room)
    before = len(said_in(room, room.other))
    await answered(room, "误判", WRONG + 1)
    news = [text for text in said_in(room, room.other)[before:] if "下限" in text]
    assert len(news) == 1
    assert news[0].startswith("「模型」这条规则在「测试群」达不到 80% 的下限（对 0 条、错 ")
    assert news[0].endswith("/防广告 规则 模型 启用")
    assert len(await room.say("/防广告", by="博", role=ADMIN)) == 1, "told already"


async def test_without_an_admin_group_they_are_told_when_one_looks(room: Room) -> None:
    await answered(room, "误判", WRONG)
    await room.restart()
    first, second = await room.say("/防广告", by="博", role=ADMIN)
    assert first.startswith("「模型」这条规则达不到 80% 的下限")
    assert "先问管理员的规则：模型。" in second
    [only] = await room.say("/防广告", by="博", role=ADMIN)
    assert "先问管理员的规则：模型。" in only


async def test_it_is_written_down(room: Room) -> None:
    await answered(room, "误判", WRONG)
    await room.restart()
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "ask"


async def test_an_admins_word_brings_it_back_and_counts_anew(room: Room) -> None:
    await answered(room, "误判", WRONG)
    _news, asking = await room.say("/防广告 规则", by="博", role=ADMIN)
    assert asking == "先问管理员的规则：模型。恢复：/防广告 规则 名字 启用"
    assert await order(room, "/防广告 规则 模型 启用") == "好，「模型」又自己处理了；从现在起重新算它的对错。"
    await room.restart()
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"
    await room.say("/误判 4", by="博", role=ADMIN)
    await room.say(f"{AD} 丙", by="丙")
    assert await last_step(room) == "recall", "one mistake since the admin's word"
    await answered(room, "误判", WRONG)
    await room.say(f"{AD} 丁", by="丁")
    assert await last_step(room) == "ask"


async def test_later_evidence_brings_it_back(room: Room) -> None:
    await link(room)
    await answered(room, "误判", WRONG)
    await answered(room, "是广告", RIGHT_TO_RISE)
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"
    assert any("「模型」这条规则在「测试群」最近都很准" in text for text in said_in(room, room.other))


async def test_in_the_shadow_a_rule_is_demoted_and_comes_back_just_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, "影子") as room:
        await answered(room, "误判", WRONG)
        assert "先问管理员的规则：模型" in (await room.say("/防广告 战绩", by="安"))[0]
        await answered(room, "是广告", RIGHT_TO_RISE)
        assert "先问管理员" not in (await room.say("/防广告 战绩", by="安"))[0]


async def test_a_doubt_that_was_none_is_no_mistake(room: Room) -> None:
    await answered(room, "误判", 12, DOUBT)
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"


async def test_the_limit_is_the_groups(room: Room) -> None:
    await room.set(Spam, precision=0.5)
    await answered(room, "误判", 3)
    await answered(room, "是广告", 8)
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"


async def test_admins_of_the_admin_group_trust_a_rule_from_there(room: Room) -> None:
    await link(room)
    await answered(room, "误判", WRONG)
    assert (await order(room, "/防广告 规则", group=room.other)).startswith("先问管理员的规则：模型。")
    await order(room, "/防广告 规则 model on", group=room.other)
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"


async def test_rules_have_names(room: Room) -> None:
    assert await order(room, "/防广告 规则") == "现在没有先问管理员的规则，都自己处理。"
    assert await order(room, "/防广告 规则 模型 启用") == "「模型」本来就自己处理。"
    assert (await order(room, "/防广告 规则 天气 启用")).startswith("没有这条规则。有：模型、")
    assert await order(room, "/防广告 规则 模型") == "写规则的名字：/防广告 规则 模型 启用"
    assert await room.say("/防广告 规则 模型 启用", by="安") == ["只有管理员可以这样做。"]
    assert names.rule("「二维码」") == names.rule("Code") == "code"
    assert names.name("") == "其他"


async def test_what_admins_say_counts_against_no_rule(room: Room) -> None:
    for number in range(9):
        await room.say(f"{AD} {number}", by="博", role=ADMIN)
        await room.say(f"/误判 {number + 1}", by="博", role=ADMIN)
    assert (await decision(room, 1))["label"] == "ham"
    await room.say(f"{AD} 乙", by="乙")
    assert await last_step(room) == "recall"
