"""Files that members share on QQ: what is remembered of them, and how they are got."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.onebot_frames import Body
from bot.errors import AdapterError
from bot.types import File, Group, Message, Part
from tests.adapters.onebot_bodies import heard
from tests.adapters.onebot_bot import GROUP, Bot, running, until
from tests.peers.onebot import GO_CQHTTP, LAGRANGE, LLBOT, NAPCAT, SNOWLUMA, Flavour, OneBotPeer

DATA = "说明\n".encode() * 100


@asynccontextmanager
async def both(flavour: Flavour = NAPCAT) -> AsyncIterator[tuple[OneBotPeer, Bot]]:
    async with running() as bot, OneBotPeer(bot.url, flavour=flavour) as peer:
        await until(lambda: bot.account()["app"] == flavour.app)
        yield peer, bot


async def shared(peer: OneBotPeer, bot: Bot, *, group: int | None = 20001) -> File:
    """What the bot hears of a file."""
    said = await peer.share(group, 30003, "说明.md", DATA)
    await until(lambda: any(message.id == said for message in bot.messages()))
    (file,) = next(message for message in bot.messages() if message.id == said).parts
    assert isinstance(file, File)
    return file


async def got(bot: Bot, file: File, group: Group = GROUP) -> bytes:
    return await bot.adapter.fetch(group, file, 10_000)


async def refusal(bot: Bot, file: File) -> str:
    with pytest.raises(AdapterError) as refused:
        await got(bot, file)
    return refused.value.reason


def script(peer: OneBotPeer, action: str, **data: Any) -> None:
    peer.script(action, {"status": "ok", "retcode": 0, "data": data})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"file": "a.md", "file_id": "/x-1", "file_size": "7"}, File("a.md", size=7, id="file_id=%2Fx-1")),
        (
            {"name": "a.md", "path": "/x-1", "size": "7", "busid": "102"},
            File("a.md", "", 7, "file_id=%2Fx-1&busid=102"),
        ),
        ({"file_name": "a.md", "file_hash": "h&=", "file_id": "x"}, File("a.md", id="file_id=x&file_hash=h%26%3D")),
        ({"file": "/root/QQ/a.md", "path": "/root/QQ/a.md", "url": "file:///root/QQ/a.md"}, File("a.md")),
        ({"file": "a.md", "file_id": {"x": 1}, "busid": [1]}, File("a.md")),
        ({"file": "a.md", "file_id": "x" * 1025, "busid": 1}, File("a.md")),
        ({"file": "a.md", "file_id": 12345678901, "busid": True}, File("a.md", id="file_id=12345678901")),
        ({"busid": 1}, File("")),
    ],
)
def test_a_file_keeps_what_is_needed_to_ask_for_it(data: Body, expected: Part) -> None:
    assert heard(message=[{"type": "file", "data": data}]).parts == (expected,)


async def test_a_file_is_one_message_and_its_notice_nothing() -> None:
    async with both() as (peer, bot):
        await shared(peer, bot)
        await peer.say(20001, 30003, "之后")
        await bot.hears("之后")
        assert [type(event) for event in bot.heard if isinstance(event, Message)] == [Message, Message]
        assert bot.adapter.skipped["notice.group_upload"] == 1


@pytest.mark.parametrize("flavour", [NAPCAT, LLBOT, LAGRANGE, SNOWLUMA, GO_CQHTTP], ids=lambda flavour: flavour.app)
async def test_an_address_that_expired_is_asked_for_anew(flavour: Flavour) -> None:
    async with both(flavour) as (peer, bot):
        file = await shared(peer, bot)
        peer.life.shelf.expire()
        assert await got(bot, file) == DATA
        assert len(peer.life.shelf.asked) == 1


@pytest.mark.parametrize("flavour", [NAPCAT, LLBOT, LAGRANGE, SNOWLUMA], ids=lambda flavour: flavour.app)
async def test_a_file_of_a_direct_chat_is_got(flavour: Flavour) -> None:
    async with both(flavour) as (peer, bot):
        file = await shared(peer, bot, group=None)
        peer.life.shelf.expire()
        assert await got(bot, file, Group("qq:dm:30003", direct=True)) == DATA
        assert peer.called("get_group_file_url") == []


async def test_the_address_in_the_message_serves_where_no_other_is_told() -> None:
    async with both() as (peer, bot):
        file = await shared(peer, bot)
        peer.refuse("get_group_file_url", 1200, "real fileUUID not found!")
        assert await got(bot, file) == DATA


async def test_bytes_are_asked_for_where_no_address_works() -> None:
    async with both() as (peer, bot):
        file = await shared(peer, bot)
        peer.refuse("get_group_file_url")
        peer.life.shelf.expire()
        assert "404" in await refusal(bot, file)
        peer.life.shelf.opens = True
        assert await got(bot, file) == DATA
        with pytest.raises(AdapterError, match="太大"):
            await bot.adapter.fetch(GROUP, file, len(DATA) - 1)
        for nonsense in ("", "not base64", 5, None):
            script(peer, "get_file", base64=nonsense)
            assert "404" in await refusal(bot, file)
        large = File(file.name, file.url, 7 * 2**20, file.id)
        before = len(peer.called("get_file"))
        assert "404" in await refusal(bot, large)
        assert len(peer.called("get_file")) == before, "no frame carries it"


async def test_a_path_of_the_implementation_is_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("geheim")
    async with both() as (peer, bot):
        for path in (str(secret), secret.as_uri(), f"file://localhost{secret}"):
            script(peer, "get_group_file_url", url=path)
            script(peer, "get_file", file=path, url=path, file_size="6")
            assert "没有给出" in await refusal(bot, File("secret.md", path, id="file_id=x"))


async def test_only_the_far_end_may_be_at_an_address_inside() -> None:
    async with both() as (peer, bot):
        file = await shared(peer, bot)
        address = file.url
        for host in ("localhost", "127.0.0.2", "0.0.0.0", "[::1]", "127.0.0.1.nip.io@127.0.0.1"):
            elsewhere = address.replace("127.0.0.1", host)
            script(peer, "get_group_file_url", url=elsewhere)
            script(peer, "get_file", url=elsewhere)
            assert await refusal(bot, File("x", elsewhere, id=file.id))
        assert peer.life.shelf.asked == []
        script(peer, "get_group_file_url", url=address)
        assert await got(bot, file) == DATA


async def test_nobody_is_asked_who_is_not_there() -> None:
    async with both() as (peer, bot):
        file = await shared(peer, bot)
        await peer.hang_up()
        await until(lambda: not bot.adapter.health()[0].up)
        assert "没有连接" in await refusal(bot, file)
