"""Files in the web chat over real sockets: how they come in, who gets them, and that none is ever shown as a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from bot.adapters.webchat import DEMO
from bot.adapters.webchat_files import AT_ONCE
from bot.adapters.webchat_shelf import LARGEST, Shelf, clean_file_name
from bot.config import Config
from bot.errors import AdapterError
from bot.server import Server
from bot.types import File, Message, Text
from tests.adapters.test_webchat import House, Tab

PAGE = b"<script>alert(document.cookie)</script>"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


async def test_a_file_travels_with_the_words(house: House) -> None:
    an, bo = await house.tab("安"), await house.tab("博")
    status, answer = await an.attach("说明 100%.md", b"# hi")
    assert status == 200
    await an.say("/知识 添加", {"file": answer["id"]})
    shown = (await bo.next("message"))["message"]["parts"]
    assert shown == [
        {"text": "/知识 添加"},
        {"file": f"/chat/file/{answer['id']}", "name": "说明 100%.md", "size": 4},
    ]
    message = house.said()[0]
    assert message.parts == (Text("/知识 添加"), File("说明 100%.md", size=4, id=answer["id"]))
    assert message.text == "/知识 添加"
    file = message.parts[1]
    assert isinstance(file, File)
    assert await house.chat.fetch(DEMO, file, 4) == b"# hi"
    await bo.say("/知识 添加", quote=message.id)
    await bo.next("message")
    assert house.said()[1].quote == message.id


async def test_a_file_is_a_download_and_never_a_page(house: House) -> None:
    an = await house.tab("安")
    for name in ("x.html", '"; filename=evil.exe; x="', "a\r\nSet-Cookie: a=b", "图.svg"):
        _, answer = await an.attach(name, PAGE)
        async with house.http.get(f"/chat/file/{answer['id']}") as given:
            assert await given.read() == PAGE
            assert given.content_type == "application/octet-stream"
            disposition = given.headers["Content-Disposition"]
            assert disposition == f"attachment; filename*=UTF-8''{quote(clean_file_name(name), safe='')}"
            assert given.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in given.headers["Content-Security-Policy"]
            assert "Set-Cookie" not in given.headers
    async with house.http.get("/chat/file/nope") as given:
        assert given.status == 404


async def test_only_a_page_with_its_token_may_send(house: House) -> None:
    an = await house.tab("安")
    token = {"X-Chat-Token": an.token}
    for headers, status in (
        ({}, 401),
        ({"X-Chat-Token": "wrong"}, 401),
        (token | {"Origin": "https://evil.example"}, 403),
        (token | {"Origin": "null"}, 403),
        (token | {"Origin": house.server.url}, 200),
    ):
        async with house.http.post("/chat/file", data=b"x", headers=headers) as answer:
            assert answer.status == status, headers


async def test_with_a_password_nothing_comes_in_or_out_before_it(house: House) -> None:
    an = await house.tab("安")
    _, answer = await an.attach("a.md", b"geheim")
    config = Config(_env_file=None, server={"port": 0}, web={"password": "lang genug 1"})
    async with Server(config, house.chat.routes(), dict) as server:
        address = f"{server.url}/chat/file"
        async with house.http.get(f"{address}/{answer['id']}", allow_redirects=False) as given:
            assert given.status == 303
            assert b"geheim" not in await given.read()
        async with house.http.post(address, data=b"x", headers={"X-Chat-Token": an.token}) as given:
            assert given.status == 401


async def test_what_one_sent_in_another_may_not_say(house: House) -> None:
    an, bo = await house.tab("安"), await house.tab("博")
    _, answer = await an.attach("a.md", b"x")
    await bo.say({"file": answer["id"]})
    assert await bo.refused() == "file_lost"
    await an.say({"file": answer["id"]})
    await an.next("message")
    await an.say({"file": answer["id"]})
    assert await an.refused() == "file_lost"
    for piece in ({"file": "../x"}, {"file": ""}):
        await an.say(piece)
        assert await an.refused() == "file_lost"
    await an.say({"file": answer["id"], "text": "x"})
    assert await an.refused() == "wrong_form"


async def test_only_so_large_only_so_many(house: House) -> None:
    an = await house.tab("安")
    assert await an.attach("a", b"") == (
        415,
        {"is": "error", "code": "file_empty", "text": "这个文件是空的。", "key": ""},
    )
    status, answer = await an.attach("a", bytes(LARGEST + 1))
    assert (status, answer["code"]) == (413, "file_large")
    assert (await an.attach("a", bytes(LARGEST)))[0] == 200

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGEST // 2**20 + 2):
            yield bytes(2**20)

    async with house.http.post("/chat/file", data=pieces(), headers={"X-Chat-Token": an.token}) as given:
        assert given.status == 413, "also where no length is told before"
    keys = [(await an.attach(f"{n}.md", b"x"))[1]["id"] for n in range(4)]
    await an.say({"file": keys[0]})
    assert await an.refused() == "file_lost", "of what was not said only the newest are kept"
    await an.say(*({"file": key} for key in keys[1:]))
    assert len((await an.next("message"))["message"]["parts"]) == 3
    keys = [(await an.attach(f"{n}.md", b"x"))[1]["id"] for n in range(3)]
    await an.say(*({"file": key} for key in [*keys, keys[0]]))
    assert await an.refused() == "file_many"


async def test_slow_senders_do_not_fill_the_memory(house: House) -> None:
    tabs = [await house.tab(f"人{n}") for n in range(AT_ONCE + 1)]
    go = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        await go.wait()
        yield b"y"

    async def send(tab: Tab) -> int:
        async with house.http.post("/chat/file", data=slowly(), headers={"X-Chat-Token": tab.token}) as answer:
            return answer.status

    sending = [asyncio.create_task(send(tab)) for tab in tabs[:AT_ONCE]]
    async with asyncio.timeout(5):
        while house.chat._files._coming < AT_ONCE:  # noqa: ASYNC110 - the server tells nobody that it began to read
            await asyncio.sleep(0.005)
    for tab in (tabs[0], tabs[-1]):
        status, answer = await tab.attach("a", b"x")
        assert (status, answer["code"]) == (429, "file_busy")
    go.set()
    assert await asyncio.gather(*sending) == [200] * AT_ONCE
    assert (await tabs[-1].attach("a", b"x"))[0] == 200


async def test_what_is_taken_back_is_gone(house: House) -> None:
    an = await house.tab("安")
    _, answer = await an.attach("a.md", b"x")
    await an.say({"file": answer["id"]})
    message = (await an.next("message"))["message"]
    await an.tell(do="recall", group="web:demo", message=message["id"])
    await an.next("removed")
    async with house.http.get(f"/chat/file/{answer['id']}") as given:
        assert given.status == 404
    (file,) = next(event for event in house.heard if isinstance(event, Message)).parts
    assert isinstance(file, File)
    with pytest.raises(AdapterError):
        await house.chat.fetch(DEMO, file, 10)


def test_the_oldest_make_room() -> None:
    shelf = Shelf(space=10, most=3)
    keys = [shelf.add("a", b"1234") for _ in range(3)]
    assert [shelf.get(key) is not None for key in keys] == [False, True, True]
    large = shelf.add("b", b"x" * 11)
    assert [shelf.get(key) is not None for key in [*keys, large]] == [False, False, False, True]
    keys = [shelf.add("a", b"") for _ in range(4)]
    assert [shelf.get(key) is not None for key in keys] == [False, True, True, True]
    for key in [*keys, keys[-1], "nope"]:
        shelf.drop(key)
    assert shelf._size == 0


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("说明 (1).md", "说明 (1).md"), ("../../etc/passwd", "passwd"), ("C:\\x\\a.pdf", "a.pdf"), ("", "文件"),
        ("...", "文件"), ("a\u202efdp.exe", "afdp.exe"), ("a\x00\r\nb.md", "ab.md"), (" .bashrc ", "bashrc"),
        ("长" * 300 + ".pdf", "长" * 116 + ".pdf"), ("\ud83d.md", "md"),
    ],
)  # fmt: skip
def test_names_are_made_harmless(name: str, clean: str) -> None:
    assert clean_file_name(name) == clean
