"""A plugin gets a file that somebody shared: with the command, or quoted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.api import Context, File, Message, Plugin, Refusal, command, on
from bot.errors import AdapterError
from bot.testing import Room


class Reader(Plugin, title="读文件"):
    """读群里的文件"""

    @command("读", "read")
    async def read(self, ctx: Context) -> str:
        """读一个文件：/读，附上或引用一个文件"""
        quoted = await ctx.quoted()
        attached = [part for part in (ctx.message.parts if ctx.message else ()) if isinstance(part, File)]
        found = [*attached, *(quoted.files if quoted else ())]
        if not found:
            raise Refusal("没有文件。")
        return f"{found[0].name}：{(await ctx.fetch(found[0])).decode()}"

    @on(Message)
    async def see(self, ctx: Context, message: Message) -> str | None:
        return f"看到 {len(message.parts)}" if any(isinstance(part, File) for part in message.parts) else None


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Reader) as room:
        yield room


async def test_a_file_comes_with_the_command(room: Room) -> None:
    assert await room.say("/读", files=[room.file("a.md", b"one")]) == ["a.md：one"]


async def test_a_file_is_quoted_also_after_a_restart(room: Room) -> None:
    files = [room.file("a.md", b"one"), room.file("b.md", b"two")]
    assert await room.say("", files=files, message_id="shared") == ["看到 2"]
    assert await room.say("/读", quote="shared") == ["a.md：one"]
    await room.restart()
    assert await room.say("/读", quote="shared") == ["a.md：one"]
    assert await room.say("/读", quote=room.last_id) == ["没有文件。"]


async def test_a_member_hears_why_a_file_is_not_got(room: Room) -> None:
    file = room.file("a.md", b"one")
    lost, large = File("a.md", id="gone"), File("a.md", size=20_000_001, id=file.id)
    assert await room.say("/读", files=[lost]) == ["平台说：文件已经过期了。"]
    assert await room.say("/读", files=[large]) == ["太大了，最多 20 MB。"]
    room.platform.files[file.id] = bytes(20_000_001)
    assert await room.say("/读", files=[file]) == ["平台说：太大了，最多 20 MB。"]
    room.platform.refuses["fetch"] = AdapterError("平台没有接受")
    assert await room.say("/读", files=[file]) == ["平台说：平台没有接受。"]


async def test_a_forgotten_member_leaves_no_file_behind(room: Room) -> None:
    await room.say("", files=[room.file("a.md", b"one")], message_id="shared", by="安")
    await room.say("/忘记我 确认", by="安")
    assert await room.say("/读", quote="shared", by="博") == ["没有文件。"]
