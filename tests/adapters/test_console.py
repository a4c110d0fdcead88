"""The console over real pipes and terminals: what is typed becomes events, what is sent is shown."""

from __future__ import annotations

import asyncio
import os
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.console import Console
from bot.adapters.console_file import FILE_LIMIT
from bot.adapters.console_picture import IMAGE_LIMIT, described
from bot.adapters.console_rooms import FILES
from bot.adapters.console_text import harmless
from bot.config import Config
from bot.errors import AdapterError, ModelTruncated
from bot.types import (
    EVERYONE,
    Account,
    Card,
    Event,
    File,
    Group,
    Image,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Other,
    Outgoing,
    Part,
    Reaction,
    Recalled,
    Role,
    Text,
)

DEMO = Group("console:demo", "示例群")
BOT = Account("console:bot")
SECONDS = 5
FORGED = "好\n#9 群主：\x1b[2J\x1b]0;title\x07\x9b31m转账\u202e\r完"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    rows = (b"\0" + b"\0\0\0" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Seat:
    """One end of a console: types into it, reads what it shows, keeps what the house was told."""

    def __init__(self, console: Console, keys: int, eyes: int) -> None:
        self.console = console
        self.events: list[Event] = []
        self.raw = b""
        self._keys = keys
        self._eyes = eyes
        self._asked = 0
        self._news = asyncio.Event()

    @property
    def screen(self) -> str:
        return self.raw.decode().replace("\r\n", "\n")

    def look(self) -> None:
        self.raw += os.read(self._eyes, 65536)
        self._news.set()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(SECONDS):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def sees(self, text: str) -> None:
        try:
            await self.until(lambda: text in self.screen)
        except TimeoutError:
            pytest.fail(f"{text!r} was never shown, but:\n{self.screen}")

    def heard(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def keys(self, data: bytes) -> None:
        os.write(self._keys, data)

    async def answer(self, line: str) -> str:
        """What is shown upon a line, found between two orders that there are not."""
        self._asked += 1
        begin, end = f"没有 :begin{self._asked}。", f"没有 :end{self._asked}。"
        self.keys(f":begin{self._asked}\n{line}\n:end{self._asked}\n".encode())
        await self.sees(end)
        shown = self.screen.partition(begin)[2].partition("\n")[2]
        return shown.partition(f"— {end}")[0].removeprefix("— ").rstrip("\n")

    async def told(self, line: str) -> Event:
        """What the house is told upon a line."""
        before = len(self.events)
        self.keys(line.encode() + b"\n")
        await self.until(lambda: len(self.events) > before)
        return self.events[-1]

    async def said(self, line: str) -> Message:
        event = await self.told(line)
        assert isinstance(event, Message)
        return event

    async def send(self, *parts: Part, group: Group = DEMO, quote: str | None = None, to: str | None = None) -> str:
        return await self.console.send(Outgoing(group, BOT, parts, quote, to))

    def write(self) -> tuple[asyncio.Queue[str | Exception | None], asyncio.Task[str]]:
        """Begin a stream: put pieces, an error, or None for its end."""
        pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()

        async def stream() -> AsyncIterator[str]:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece

        return pieces, asyncio.create_task(self.console.send(Outgoing(DEMO, BOT, stream=stream())))


@asynccontextmanager
async def seated(keys: int, eyes: int, reads: int, writes: int, environ: dict[str, str]) -> AsyncIterator[Seat]:
    config = Config(_env_file=None, name="小鹏", aliases=("小鹏二号",))
    seat = Seat(Console(config, reads=reads, writes=writes, environ=environ), keys, eyes)
    asyncio.get_running_loop().add_reader(eyes, seat.look)
    try:
        async with seat.console.listen(seat.heard):
            yield seat
    finally:
        asyncio.get_running_loop().remove_reader(eyes)


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Keys, eyes, and the console's two ends."""
    reads, keys = os.pipe()
    eyes, writes = os.pipe()
    yield keys, eyes, reads, writes
    for end in (reads, keys, eyes, writes):
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it


@pytest.fixture
async def seat(pipes: tuple[int, int, int, int]) -> AsyncIterator[Seat]:
    async with seated(*pipes, {}) as seat:
        await seat.sees("我 加入了示例群")
        yield seat


@pytest.fixture
def terminal() -> Iterator[tuple[int, int, int, int]]:
    outer, inner = os.openpty()
    yield outer, outer, inner, inner
    os.close(outer)
    os.close(inner)


# --- words ------------------------------------------------------------------------------------


async def test_greets_in_one_line_and_the_first_member_joins(seat: Seat) -> None:
    first, second, *rest = seat.screen.split("\n")
    assert "本机" in first
    assert "自带的资料" in first
    assert ":help" in first
    assert second == "— 我 加入了示例群"
    assert rest == [""]
    [joined] = seat.events
    assert isinstance(joined, MemberJoined)
    assert (joined.group, joined.member.id, joined.member.role) == (DEMO, "console:我", Role.MEMBER)


async def test_a_line_is_a_message(seat: Seat) -> None:
    message = await seat.said("大家好")
    assert (message.group, message.text, message.member.name) == (DEMO, "大家好", "我")
    await seat.sees("#1 我：大家好\n")


@pytest.mark.parametrize(
    ("line", "text"), [("::help", ":help"), (":::", "::"), ("：今天说三件事", "：今天说三件事"), ("a\x1b[2Jb", "a[2Jb")]
)
async def test_what_only_looks_like_an_order(seat: Seat, line: str, text: str) -> None:
    assert (await seat.said(line)).text == text


async def test_mentions(seat: Seat) -> None:
    await seat.told(":as 小红")
    everyone = "@所有人 好"
    assert (await seat.said("@小鹏二号 和@我 看 me@小鹏.cn @小鹏")).parts == (
        Mention("console:bot", "小鹏二号"), Text("和"), Mention("console:我", "我"),
        Text("看 me@小鹏.cn "), Mention("console:bot", "小鹏"),
    )  # fmt: skip
    assert (await seat.said(everyone)).parts == (Text(everyone),)
    await seat.answer(":role owner")
    assert (await seat.said(everyone)).parts == (Mention(EVERYONE, "所有人"), Text("好"))
    await seat.sees("#1 小红：@小鹏二号 和@我 看 me@小鹏.cn @小鹏\n")


async def test_ids_are_new_in_every_run(seat: Seat, terminal: tuple[int, int, int, int]) -> None:
    first = await seat.said("你好")
    async with seated(*terminal, {}) as other:
        await other.sees("加入了")
        assert (await other.said("你好")).id != first.id


# --- orders -----------------------------------------------------------------------------------


async def test_help_names_every_order(seat: Seat) -> None:
    shown = await seat.answer(":help")
    for word in ["as", "role", "join", "leave", "group", "quote", "react", "unreact", "recall", "image", "dm", "quit"]:
        assert f"\n  :{word}" in shown
    assert await seat.answer("：help") == shown


async def test_becomes_others(seat: Seat) -> None:
    joined = await seat.told(":as 小红")
    assert isinstance(joined, MemberJoined)
    assert joined.member.name == "小红"
    assert await seat.answer(":role admin") == "现在你是 小红（管理员），在示例群"
    assert (await seat.said("嗨")).member.role is Role.ADMIN
    assert await seat.answer(":as 我") == "现在你是 我（成员），在示例群"
    assert (await seat.said("嗨")).member.id == "console:我"
    assert sum(isinstance(event, MemberJoined) for event in seat.events) == 2
    assert await seat.console.size(DEMO) == 2


async def test_leaves_and_joins(seat: Seat) -> None:
    left = await seat.told(":leave")
    assert isinstance(left, MemberLeft)
    assert ":join" in await seat.answer("还有人吗")
    assert await seat.console.role(DEMO, "console:我") is Role.UNKNOWN
    assert isinstance(await seat.told(":join"), MemberJoined)
    assert "已经在" in await seat.answer(":join")
    assert [type(event).__name__ for event in seat.events] == ["MemberJoined", "MemberLeft", "MemberJoined"]


async def test_the_second_group(seat: Seat) -> None:
    joined = await seat.told(":group test")
    assert isinstance(joined, MemberJoined)
    assert joined.group == Group("console:test", "测试群")
    assert (await seat.said("这里呢")).group.id == "console:test"
    assert "现在你是 我（成员），在示例群" in await seat.answer(":group demo")
    assert "不在这个群" in await seat.answer(":quote 1 嗨")
    await seat.send(Text("到时间了"), group=joined.group)
    await seat.sees("#2 小鹏（测试群）：到时间了\n")


async def test_quotes_members_and_the_bot(seat: Seat) -> None:
    first = await seat.said("谁在")
    ours = await seat.send(Text("我在"), quote=first.id)
    await seat.sees("#2 小鹏 ↪ #1：我在\n")
    message = await seat.said(":quote 2 谢谢 @小鹏")
    assert (message.quote, message.text) == (ours, "谢谢 ")
    await seat.sees("#3 我 ↪ #2：谢谢 @小鹏\n")


async def test_reactions(seat: Seat) -> None:
    ours = await seat.send(Text("请评价"))
    put = await seat.told(":react 1 👍")
    assert isinstance(put, Reaction)
    assert (put.message_id, put.emoji, put.added, put.member.name) == (ours, "👍", True, "我")
    assert "已经" in await seat.answer(":react #1")
    taken = await seat.told(":unreact 1")
    assert isinstance(taken, Reaction)
    assert not taken.added
    assert "没有给" in await seat.answer(":unreact 1 👍")


async def test_recalls(seat: Seat) -> None:
    first = await seat.said("说错了")
    event = await seat.told(":recall 1")
    assert isinstance(event, Recalled)
    assert (event.message_id, event.operator) == (first.id, None)
    assert "已经撤回" in await seat.answer(":recall 1")
    await seat.said("第二句")
    await seat.told(":as 小红")
    assert "只能撤回自己的" in await seat.answer(":recall 2")
    await seat.answer(":role admin")
    event = await seat.told(":recall 2")
    assert isinstance(event, Recalled)
    assert event.operator is not None
    assert (event.member.name, event.operator.name) == ("我", "小红")


async def test_direct_chat(seat: Seat) -> None:
    message = await seat.said(":dm 悄悄问你")
    assert message.group == Group("console:dm:我", "我", direct=True)
    await seat.sees("#1 我（私聊）：悄悄问你\n")
    await seat.send(Text("你说"), group=message.group, quote=message.id)
    await seat.sees("#2 小鹏（私聊我） ↪ #1：你说\n")
    assert (await seat.said(":quote 2 好")).group == message.group
    await seat.told(":as 小红")
    assert "不在这个群" in await seat.answer(":quote 2 我也想看")


@pytest.mark.parametrize(
    "line",
    [":as", ":role", ":role king", ":group", ":group 别的", ":quote", ":quote 1", ":quote 一 好", ":react", ":react x",
     ":react 1 good", ":react 1 \x1b[2J", ":unreact", ":recall", ":recall 1 2", ":image", ":file", ":dm", ":help 我",
     ":join 1", ":quit 吧", ":leave 我"],
)  # fmt: skip
async def test_wrong_use_says_what_to_type(seat: Seat, line: str) -> None:
    await seat.said("一条消息")
    shown = await seat.answer(line)
    assert "\n" not in shown
    assert line.split(maxsplit=1)[0] in shown
    assert shown.startswith(("要写成", "只要写"))
    assert len(seat.events) == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (":as 小鹏", "不能用"), (":as bot", "不能用"), (":as 所有人", "不能用"), (":as 小 红", "空格"),
        (":as a\u202eb", "看不见"), (":as a\x1b[31m", "看不见"), (":as " + "长" * 33, "32"),
        (":quote 7 嗨", "没有 #7"), (":fly", "没有 :fly"), (":)", "再加一个冒号"), (": ", "没有 :"),
        ("长" * 4001, "最多 4000 个字"), ("x" * 200_000, "最多 4000 个字"), ("\x07", "还没有写"),
    ],
)  # fmt: skip
async def test_refuses_in_one_line(seat: Seat, line: str, sentence: str) -> None:
    typed = asyncio.to_thread(seat.keys, line.encode() + b"\n")  # more than a pipe holds
    await typed
    await seat.sees(sentence)
    assert len(seat.events) == 1
    assert "\x1b" not in seat.screen


# --- pictures ---------------------------------------------------------------------------------


async def test_sends_a_picture(seat: Seat, tmp_path: Path) -> None:
    path = tmp_path / "我的 图.png"
    path.write_bytes(png(64, 48))
    message = await seat.said(f":image '{path}'")
    assert message.parts == (Image(data=png(64, 48), mime="image/png"),)
    await seat.sees("#1 我：[图片 64×48 1 KB]\n")


async def test_refuses_what_is_no_picture(seat: Seat, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "words.png").write_text("not a picture")
    (tmp_path / "large.png").write_bytes(png(1, 1).ljust(IMAGE_LIMIT + 1))
    for name, sentence in [("pipe", "不是一个图片文件"), ("words.png", "只能发"), ("large.png", "5 MB"), ("", "换一个"),
                           ("none", "没有找到"), ("a\0b", "读不了")]:  # fmt: skip
        assert sentence in await seat.answer(f":image {tmp_path}/{name}")
    assert "不是一个图片文件" in await seat.answer(":image /dev/zero")
    assert len(seat.events) == 1


async def test_shares_a_file(seat: Seat, tmp_path: Path) -> None:
    path = tmp_path / "说 明\u202e.md"
    path.write_text("# 说明")
    message = await seat.said(f":file {path}")
    (file,) = message.parts
    assert isinstance(file, File)
    assert (file.name, file.size) == ("说 明.md", 8)
    await seat.sees("#1 我：[文件 说 明.md")
    assert await seat.console.fetch(DEMO, file, 8) == "# 说明".encode()
    for asked, limit in ((file, 7), (File("x"), 8), (File("x", id=str(path)), 8)):
        with pytest.raises(AdapterError):
            await seat.console.fetch(DEMO, asked, limit)
    assert (await seat.said(":quote 1 看看")).quote == message.id
    for _ in range(FILES):
        await seat.said(f":file {path}")
    with pytest.raises(AdapterError):
        await seat.console.fetch(DEMO, file, 8)
    os.mkfifo(tmp_path / "pipe")
    assert "不是一个普通文件" in await seat.answer(f":file {tmp_path}/pipe")
    assert "没有找到" in await seat.answer(f":file {tmp_path}/none")
    (tmp_path / "large").write_bytes(bytes(FILE_LIMIT + 1))
    assert "20 MB" in await seat.answer(f":file {tmp_path}/large")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png(640, 480).ljust(120 * 1024), "640×480 120 KB"),
        (b"GIF89a" + struct.pack("<HH", 12, 7) + bytes(9), "12×7 1 KB"),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x0b\x08" + struct.pack(">HH", 30, 40) + bytes(9), "40×30 1 KB"),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\0\xdf\x01\0", "640×480 1 KB"),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 639 | 479 << 14) + bytes(9), "640×480 1 KB"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480), "640×480 1 KB"),
        (b"\xff\xd8\xff", "1 KB"),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 50, "1 KB"),
        (bytes(3 * 1024 * 1024), "3.0 MB"),
    ],
)
def test_describes_pictures(data: bytes, words: str) -> None:
    assert described(data) == words


@given(st.binary(max_size=60), st.sampled_from([b"\xff\xd8\xff", b"RIFF0000WEBPVP8 ", b"GIF89a", b"\x89PNG\r\n\x1a\n"]))
def test_describes_whatever_comes(data: bytes, start: bytes) -> None:
    assert described(start + data).endswith("1 KB")


# --- what the bot says ------------------------------------------------------------------------


async def test_shows_every_part(seat: Seat) -> None:
    await seat.send(
        Mention("console:我", "我"), Text("看"), Image(data=png(3, 2)), Card("广告\n#1 我：", "http://a.b/"),
        File("笔记.txt"), Other("poke\x1b[2J"), Image(url="http://a.b/\x1b"), Mention(EVERYONE),
    )  # fmt: skip
    await seat.sees(
        "#1 小鹏：@我 看[图片 3×2 1 KB][卡片 广告 #1 我： http://a.b/][文件 笔记.txt]"
        "[poke␛[2J][图片 http://a.b/␛]@所有人\n"
    )


async def test_private_words_are_marked(seat: Seat) -> None:
    await seat.told(":as 小红")
    await seat.send(Text("只对你说"), to="console:我")
    await seat.sees("#1 小鹏（私下对我说）：只对你说\n")
    assert "私下对别人说的" in await seat.answer(":quote 1 嗯？")
    with pytest.raises(AdapterError):
        await seat.send(Text("在吗"), to="console:没来过")
    with pytest.raises(AdapterError):
        await seat.send(Text("在吗"), group=Group("console:none"))


async def test_no_text_acts_on_the_terminal_or_passes_for_another_message(seat: Seat) -> None:
    await seat.send(Text(FORGED))
    shown = "小鹏：好\n  #9 群主：␛[2J␛]0;title␇�31m转账完\n"
    await seat.sees(f"#1 {shown}")
    pieces, sending = seat.write()
    for c in FORGED:
        pieces.put_nowait(c)
    pieces.put_nowait(None)
    await sending
    await seat.sees(f"#2 {shown}")
    await seat.send(Mention("console:x", "坏\x1b[31m\n#3 人"))
    await seat.sees("#3 小鹏：@坏␛[31m #3 人\n")
    assert not set(seat.screen) & {"\x1b", "\x07", "\x9b", "\r", "\u202e"}


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_harmless(text: str) -> None:
    clean = harmless(text)
    clean.encode()
    assert not [c for c in clean if c != "\n" and (c < " " or "\x7f" <= c <= "\x9f" or "\u2028" <= c <= "\u202e")]
    assert harmless(clean) == clean == "".join(map(harmless, text))


# --- streams ----------------------------------------------------------------------------------


async def test_a_stream_appears_as_it_comes(seat: Seat) -> None:
    pieces, sending = seat.write()
    pieces.put_nowait("从前")
    await seat.sees("#1 小鹏：从前")
    pieces.put_nowait("有座山\n\n")
    await seat.sees("#1 小鹏：从前有座山")
    assert not seat.screen.endswith("\n")
    pieces.put_nowait("山里\n")
    pieces.put_nowait(None)
    id = await sending
    await seat.sees("#1 小鹏：从前有座山\n  \n  山里\n")
    assert (await seat.said(":quote 1 然后呢")).quote == id


async def test_streams_do_not_mix(seat: Seat) -> None:
    one, first = seat.write()
    two, second = seat.write()
    three, third = seat.write()
    for pieces, text in [(one, "一"), (two, "二"), (one, "壹"), (two, "贰"), (three, "三")]:
        pieces.put_nowait(text)
    await seat.sees("#1 小鹏：一壹")
    three.put_nowait(None)
    await third  # done before its turn: shown whole, and the first goes on below
    await seat.sees("#1 小鹏：一壹\n#2 小鹏：三\n")
    one.put_nowait("完")
    await seat.sees("#1 小鹏（接着说）：完")
    one.put_nowait(None)
    await first
    await seat.sees("#1 小鹏（接着说）：完\n#3 小鹏：二贰")
    two.put_nowait(None)
    await second
    await seat.sees("#3 小鹏：二贰\n")


async def test_who_still_thinks_keeps_nobody_waiting(seat: Seat) -> None:
    thinking, first = seat.write()
    thinking.put_nowait("\n")
    ready, second = seat.write()
    ready.put_nowait("有了")
    await seat.sees("#1 小鹏：有了")
    thinking.put_nowait(None)
    await first
    ready.put_nowait("，是三")
    ready.put_nowait(None)
    await second
    await seat.sees("#1 小鹏：有了\n#2 小鹏：\n#1 小鹏（接着说）：，是三\n")


async def test_members_speak_between(seat: Seat) -> None:
    pieces, sending = seat.write()
    pieces.put_nowait("我想想")
    await seat.sees("我想想")
    await seat.said("快点")
    pieces.put_nowait("，好了")
    pieces.put_nowait(None)
    await sending
    await seat.sees("#1 小鹏：我想想\n#2 我：快点\n#1 小鹏（接着说）：，好了\n")


async def test_a_stream_that_breaks_off(seat: Seat) -> None:
    for text in ("说到一", ""):
        pieces, sending = seat.write()
        pieces.put_nowait(text)
        pieces.put_nowait(ModelTruncated())
        with pytest.raises(ModelTruncated):
            await sending
    await seat.send(Text("断开了"))
    await seat.sees("#1 小鹏：说到一\n#2 小鹏：断开了\n")


async def test_a_stream_that_is_cancelled_makes_way(seat: Seat) -> None:
    pieces, sending = seat.write()
    pieces.put_nowait("慢")
    await seat.sees("#1 小鹏：慢")
    other, next_one = seat.write()
    other.put_nowait("快")
    sending.cancel()
    await seat.sees("#1 小鹏：慢\n#2 小鹏：快")
    other.put_nowait(None)
    await next_one


async def test_a_stream_that_is_taken_back(seat: Seat) -> None:
    pieces, sending = seat.write()
    pieces.put_nowait("不该")
    await seat.sees("不该")
    await seat.answer(":role admin")
    await seat.told(":recall 1")
    pieces.put_nowait("透露的")
    pieces.put_nowait(None)
    await sending
    assert "透露" not in await seat.answer(":help")
    assert "透露" not in seat.screen


# --- powers -----------------------------------------------------------------------------------


async def test_mute(seat: Seat) -> None:
    await seat.said("刚才还行")
    await seat.console.mute(DEMO, "console:我", 60)
    await seat.sees("我 被禁言 60 秒")
    for line in ("让我说", ":quote 1 让我说", ":image /dev/null", ":react 1"):
        assert "被禁言了" in await seat.answer(line)
    assert (await seat.said(":dm 为什么")).group.direct
    await seat.console.mute(DEMO, "console:我", 0)
    assert (await seat.said("谢谢")).text == "谢谢"
    with pytest.raises(AdapterError):
        await seat.console.mute(DEMO, "console:没来过", 60)


async def test_who_is_shown_out_is_outside(seat: Seat) -> None:
    await seat.said("我在")
    await seat.console.kick(DEMO, "console:我")
    await seat.sees("我 被移出了示例群")
    assert "不在示例群里" in await seat.answer("还在吗")
    left = next(event for event in seat.events if isinstance(event, MemberLeft))
    assert left.operator is not None
    assert left.operator.id == "console:bot"
    await seat.answer(":join")
    await seat.said("回来了")
    await seat.console.kick(DEMO, "console:我", forever=True)
    assert "不能再加入" in await seat.answer(":join")
    with pytest.raises(AdapterError, match="群里没有这个人"):
        await seat.console.kick(DEMO, "console:我")


async def test_a_silent_group_hears_admins_only(seat: Seat) -> None:
    await seat.said("早")
    await seat.console.mute_all(DEMO, True)
    await seat.sees("全员禁言了")
    assert "只有管理员可以说话" in await seat.answer("我想说")
    await seat.answer(":role admin")
    await seat.said("请看公告")
    await seat.console.mute_all(DEMO, False)
    await seat.answer(":role member")
    assert (await seat.said("谢谢")).text == "谢谢"
    with pytest.raises(AdapterError, match="改不了名片"):
        await seat.console.rename(DEMO, "console:我", "新名")
    profile = await seat.console.profile(DEMO, "console:我")
    assert profile is not None
    assert profile.member.name == "我"
    assert await seat.console.history(DEMO, seat.console.account, 5) == []


async def test_the_bot_recalls(seat: Seat) -> None:
    message = await seat.said("广告")
    await seat.console.recall(DEMO, message.id)
    await seat.sees("小鹏 撤回了 #1")
    assert "撤回" in await seat.answer(":quote 1 哪里买")
    with pytest.raises(AdapterError):
        await seat.console.recall(DEMO, "none")
    with pytest.raises(AdapterError):
        await seat.console.recall(Group("console:test"), message.id)


async def test_roles_sizes_health(seat: Seat) -> None:
    console = seat.console
    assert await console.role(DEMO, "console:我") is Role.MEMBER
    assert await console.role(DEMO, BOT.id) is Role.ADMIN
    assert await console.role(DEMO, "console:没来过") is Role.UNKNOWN
    assert await console.role(Group("console:none"), "console:我") is Role.UNKNOWN
    assert await console.size(Group("console:none")) is None
    assert [(health.name, health.up) for health in console.health()] == [("终端聊天", True)]


# --- terminals, pipes and their ends ----------------------------------------------------------


async def test_a_terminal_shows_only_the_number_of_what_it_echoed(terminal: tuple[int, int, int, int]) -> None:
    async with seated(*terminal, {"NO_COLOR": "1"}) as seat:
        await seat.sees("加入了")
        await seat.said("你好")
        await seat.sees("你好\n↑ #1 我\n")
        assert "\x1b" not in seat.screen


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
async def test_colours(terminal: tuple[int, int, int, int], environ: dict[str, str], coloured: bool) -> None:
    async with seated(*terminal, environ) as seat:
        await seat.sees("加入了")
        assert ("\x1b[2m" in seat.screen) == coloured


async def test_ctrl_d_leaves(terminal: tuple[int, int, int, int]) -> None:
    async with seated(*terminal, {}) as seat:
        await seat.sees("加入了")
        seat.keys(b"\x04")
        await asyncio.wait_for(seat.console.left.wait(), SECONDS)


async def test_quit_leaves_and_the_bot_may_finish(pipes: tuple[int, int, int, int]) -> None:
    async with seated(*pipes, {}) as seat:
        seat.keys(":quit\n不再读了\n".encode())
        await asyncio.wait_for(seat.console.left.wait(), SECONDS)
    assert "console lines" not in [thread.name for thread in threading.enumerate()]
    assert not seat.console.health()[0].up
    assert len(seat.events) == 1
    await seat.send(Text("还有一句"))
    seat.look()
    assert "#1 小鹏：还有一句\n" in seat.screen


async def test_the_end_of_a_pipe_leaves_after_its_last_line(pipes: tuple[int, int, int, int]) -> None:
    async with seated(*pipes, {}) as seat:
        seat.keys("一\r\n\n\xff二".encode("latin-1", "ignore") + "没有换行".encode())
        os.close(pipes[0])
        await asyncio.wait_for(seat.console.left.wait(), SECONDS)
        assert [event.text for event in seat.events if isinstance(event, Message)][-1].endswith("没有换行")


async def test_a_reader_that_went_away_leaves(pipes: tuple[int, int, int, int]) -> None:
    async with seated(*pipes, {}) as seat:
        await seat.sees("加入了")
        asyncio.get_running_loop().remove_reader(pipes[1])
        os.close(pipes[1])
        await seat.send(Text("有人吗"))
        await asyncio.wait_for(seat.console.left.wait(), SECONDS)


async def test_stops_while_more_is_typed_than_it_takes(pipes: tuple[int, int, int, int]) -> None:
    async with seated(*pipes, {}) as seat:
        flood = asyncio.to_thread(seat.keys, b"x\n" * 30_000)
        await asyncio.wait_for(flood, SECONDS)
    assert "console lines" not in [thread.name for thread in threading.enumerate()]


async def test_a_file_is_read_to_its_end(tmp_path: Path, pipes: tuple[int, int, int, int]) -> None:
    (tmp_path / "lines").write_text("".join(f"第 {n} 行\n" for n in range(500)), encoding="utf-8")
    with (tmp_path / "lines").open() as file:
        async with seated(pipes[0], pipes[1], file.fileno(), pipes[3], {}) as seat:
            await asyncio.wait_for(seat.console.left.wait(), SECONDS)
            said = [event.text for event in seat.events if isinstance(event, Message)]
    assert said == [f"第 {n} 行" for n in range(500)]
