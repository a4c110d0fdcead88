"""The chat's page in a real browser: several people, their keys, pictures, and hostile words."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from PIL import Image as Picture
from playwright.async_api import Browser, FilePayload, expect

from bot.adapters.webchat import WebChat
from bot.config import Config
from bot.server import Server
from bot.types import Event, File, Image, MemberJoined, Mention, Message, Outgoing, Reaction, Recalled, Role, Text
from tests.e2e.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

COMMANDS = [("帮助", "看看我会什么"), ("问", "问我一个问题：/问 为什么天是蓝的？"), ("画", "画一张图：/画 雨中的竹林")]
EVIL = "<img src=x onerror=window.hit=1>"


class Responder:
    """The web chat on a real server, with a responder that greets, streams, tells secrets and moderates."""

    def __init__(self) -> None:
        config = Config(_env_file=None, name="欧小鹏", server={"port": 0})
        self.chat = WebChat(config, lambda group: COMMANDS)
        self.server = Server(config, self.chat.routes(), dict)
        self.heard: list[Event] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.more = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Responder:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self.chat.listen(self.receive))
        await self._stack.enter_async_context(self.server)
        self.url = self.server.url
        return self

    async def __aexit__(self, *_: object) -> None:
        self.more.set()
        await asyncio.gather(*self.tasks)
        await self._stack.aclose()

    def receive(self, event: Event) -> None:
        self.heard.append(event)
        task = asyncio.create_task(self.answer(event))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def messages(self) -> list[Message]:
        return [event for event in self.heard if isinstance(event, Message)]

    async def answer(self, event: Event) -> None:
        group, account = event.group, event.account
        if isinstance(event, MemberJoined):
            welcome = Text(f"欢迎 {event.member.name}！发 /帮助 看看我会什么。")
            await self.chat.send(Outgoing(group, account, (welcome,)))
        if not isinstance(event, Message):
            return
        if event.text.startswith("/问"):
            await self.chat.send(Outgoing(group, account, quote=event.id, stream=self.pieces()))
        elif event.text == "/悄悄":
            await self.chat.send(Outgoing(group, account, (Text("这是秘密"),), to=event.member.id))
        elif event.text == "/画":
            await self.chat.send(Outgoing(group, account, (Text("画好了"), Image(data=png("teal")))))
        elif event.text == "广告":
            await self.chat.recall(group, event.id)
            await self.chat.mute(group, event.member.id, 60)
        elif event.text == "/名字":
            await self.chat.send(Outgoing(group, account, (Mention(event.member.id, event.member.name), Text(" 在"))))

    async def pieces(self) -> AsyncIterator[str]:
        yield "因为太阳光"
        await self.more.wait()
        yield "里的蓝光散射得最多，"
        yield "见 https://example.org/sky。"


def png(colour: str, size: tuple[int, int] = (160, 100)) -> bytes:
    data = io.BytesIO()
    Picture.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Responder]:
    async with Responder() as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, site: Responder) -> AsyncIterator[tuple[Visitor, Visitor]]:
    """A member and an admin, each in a browser of their own."""
    member = await Visitor.arrive(browser, site.url, "安安")
    admin = await Visitor.arrive(browser, site.url, "博文", role="admin")
    yield member, admin
    for visitor in (member, admin):
        await visitor.page.context.close()


async def test_a_newcomer_is_greeted_once(browser: Browser, site: Responder) -> None:
    visitor = await Visitor.arrive(browser, site.url)
    name = await visitor.name()
    assert "的" in name
    await visitor.sees(f"欢迎 {name}！")
    await visitor.page.reload()
    await visitor.connected()
    assert await visitor.name() == name
    await visitor.sees(f"欢迎 {name}！")
    assert sum(isinstance(event, MemberJoined) for event in site.heard) == 1
    await visitor.quiet()
    await visitor.page.context.close()


async def test_two_people_talk(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.say("大家好")
    await bo.sees("大家好")
    await bo.box.fill("第一行")
    await bo.box.press("Shift+Enter")
    await bo.page.keyboard.type("第二行")
    await bo.box.press("Enter")
    await an.sees("第二行")
    first, second = site.messages()
    assert (first.member.name, first.member.role, first.text) == ("安安", Role.MEMBER, "大家好")
    assert (second.member.name, second.member.role, second.text) == ("博文", Role.ADMIN, "第一行\n第二行")
    for visitor in people:
        await visitor.quiet()


async def test_enter_within_an_input_method_does_not_send(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, _ = people
    keyboard = await an.page.context.new_cdp_session(an.page)
    await an.box.focus()
    await keyboard.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    assert await an.box.input_value() == "nihao"
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    await keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    await keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    await keyboard.send("Input.insertText", {"text": "你好"})
    assert await an.box.input_value() == "你好"
    assert site.messages() == []
    await an.box.press("Enter")
    await an.sees("你好")
    assert [message.text for message in site.messages()] == ["你好"]


async def test_an_answer_is_written_while_one_reads(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.say("/问 为什么天是蓝的？")
    answer = bo.message("因为太阳光")
    await expect(answer).to_have_class(re.compile(r"\bstreaming\b"))
    await expect(answer.locator(".content")).to_have_text("因为太阳光")
    late = await Visitor.arrive(an.page.context, site.url)
    await late.sees("因为太阳光")
    site.more.set()
    for visitor in (an, bo, late):
        whole = visitor.message("散射得最多")
        await expect(whole.locator(".content")).to_have_text(
            "因为太阳光里的蓝光散射得最多，见 https://example.org/sky。"
        )
        await expect(whole).not_to_have_class(re.compile(r"\bstreaming\b"))
        await expect(whole.locator(".quoted")).to_contain_text("/问 为什么天是蓝的？")
        link = whole.locator(".content a")
        await expect(link).to_have_attribute("href", "https://example.org/sky")
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


async def test_mentions_from_the_keyboard(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.box.focus()
    await an.page.keyboard.type("嗨 @")
    await expect(an.page.locator("#choices [role=option]")).to_have_count(2)
    await an.page.keyboard.press("ArrowDown")
    await expect(an.page.locator("#choices [aria-selected=true]")).to_have_text(["博博文"])
    await an.page.keyboard.press("Enter")
    assert await an.box.input_value() == "嗨 @博文 "
    await an.page.keyboard.type("看这里")
    await an.page.keyboard.press("Enter")
    await expect(bo.message("看这里").locator(".mention.me")).to_have_text("@博文")
    parts = site.messages()[-1].parts
    assert [type(part) for part in parts] == [Text, Mention, Text]
    assert isinstance(parts[1], Mention)
    assert parts[1].name == "博文"
    await bo.box.focus()
    await bo.page.keyboard.type("@欧")
    await bo.page.keyboard.press("Tab")
    await bo.page.keyboard.type("在吗")
    await bo.page.keyboard.press("Enter")
    await an.sees("在吗")
    assert site.messages()[-1].parts[0] == Mention("web:bot", "欧小鹏")


async def test_quotes(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.say("原来的话")
    await bo.tool(bo.message("原来的话"), "引用")
    await expect(bo.page.locator("#quoting")).to_contain_text("原来的话")
    await bo.box.press("Escape")
    await expect(bo.page.locator("#quoting")).to_be_hidden()
    await bo.message("原来的话").focus()
    await bo.page.keyboard.press("q")
    await bo.say("我同意")
    await expect(an.message("我同意").locator(".quoted")).to_contain_text("安安 原来的话")
    said, answer = site.messages()
    assert answer.quote == said.id


async def test_reactions_come_and_go(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.say("今天发版了")
    await bo.tool(bo.message("今天发版了"), "用 ❤️ 回应")
    shown = an.message("今天发版了").locator(".reactions button")
    await expect(shown).to_have_text(["❤️ 1"])
    await shown.click()
    await expect(bo.message("今天发版了").locator(".reactions button")).to_have_text(["❤️ 2"])
    await an.message("今天发版了").locator(".reactions button").click()
    await bo.message("今天发版了").locator(".reactions button").click()
    await expect(shown).to_have_count(0)
    seen = [(e.member.name, e.emoji, e.added) for e in site.heard if isinstance(e, Reaction)]
    assert seen == [("博文", "❤️", True), ("安安", "❤️", True), ("安安", "❤️", False), ("博文", "❤️", False)]


async def test_a_reaction_to_the_last_message_stays_in_sight(people: tuple[Visitor, Visitor]) -> None:
    an, bo = people
    await an.say("\n".join("一二三四五六七八九十" * 5))
    await an.say("最后一条")
    await bo.tool(bo.message("最后一条"), "用 ❤️ 回应")
    await expect(an.message("最后一条").locator(".reactions button")).to_have_text(["❤️ 1"])
    left = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    assert await an.page.locator("#log").evaluate(left) < 2


async def test_pictures_by_file_by_paste_and_from_the_bot(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.page.set_input_files("#file", {"name": "red.png", "mimeType": "image/png", "buffer": png("red")})
    await expect(an.page.locator("#pictures img")).to_have_count(1)
    await an.box.fill("看图")
    await an.box.press("Enter")
    picture = bo.message("看图").locator("img:not(.avatar img)")
    await expect(picture).to_have_js_property("naturalWidth", 160)
    part = site.messages()[-1].parts[-1]
    assert isinstance(part, Image)
    assert (part.data, part.mime) == (png("red"), "image/png")

    await an.page.evaluate(
        """bytes => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
          document.getElementById("box").dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        list(png("blue")),
    )
    await expect(an.page.locator("#pictures img")).to_have_count(1)
    await an.box.press("Enter")
    await expect(an.page.locator("#pictures")).to_be_hidden()
    await expect(bo.page.locator("#log article .picture img")).to_have_count(2)

    forged: FilePayload = {"name": "x.png", "mimeType": "image/png", "buffer": b"<svg onload=alert(1)>"}
    await an.page.set_input_files("#file", forged)
    await an.box.press("Enter")
    await expect(an.toast).to_have_text("只能发 PNG、JPEG、WebP 或 GIF 图片。")
    await expect(an.page.locator("#pictures img")).to_have_count(1)
    await an.page.get_by_role("button", name="去掉图片").click()

    await bo.say("/画")
    await expect(an.message("画好了").locator(".picture img")).to_have_js_property("naturalHeight", 100)
    await bo.quiet()


async def test_files_by_button_by_drop_and_quoted(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    text = "# 上传\n过一会儿才能看到。\n".encode()
    await an.page.set_input_files("#any", {"name": "说明 <b>.md", "mimeType": "text/markdown", "buffer": text})
    await expect(an.page.locator("#pictures .file")).to_contain_text("说明 <b>.md")
    await an.box.fill("/知识 添加")
    await an.box.press("Escape")
    await an.box.press("Enter")
    line = bo.message("/知识 添加").locator("a.file")
    await expect(line).to_have_text(re.compile(r"md\s*说明 <b>\.md\s*37 B"))
    await expect(an.page.locator("#pictures")).to_be_hidden()
    message = site.messages()[-1]
    words, file = message.parts
    assert words == Text("/知识 添加")
    assert isinstance(file, File)
    assert (file.name, file.size) == ("说明 <b>.md", len(text))
    assert await site.chat.fetch(message.group, file, 1000) == text
    async with bo.page.expect_download() as saving:
        await line.click()
    saved = await saving.value
    assert (await saved.path()).read_bytes() == text
    assert saved.suggested_filename.endswith(".md")

    await an.page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["a\\tb\\n"], "表.tsv", { type: "text/tab-separated-values" }));
          document.querySelector("main").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    await expect(an.page.locator("#pictures .file")).to_have_count(1)
    await an.page.locator("#send").click()
    shared = bo.messages.filter(has=bo.page.locator("a.file", has_text="表.tsv"))
    await expect(shared).to_have_count(1)
    await bo.tool(shared, "引用")
    await expect(bo.page.locator("#quoting")).to_contain_text("[文件] 表.tsv")
    await bo.say("收下")
    assert site.messages()[-1].quote == site.messages()[-2].id
    await expect(an.message("收下").locator(".quoted")).to_contain_text("[文件] 表.tsv")

    files: list[FilePayload] = [{"name": f"{n}.md", "mimeType": "", "buffer": b"x"} for n in range(4)]
    await an.page.set_input_files("#any", files)
    await expect(an.toast).to_have_text("一条消息最多 3 个文件。")
    await expect(an.page.locator("#pictures .file")).to_have_count(3)
    for n in range(3):
        await an.page.get_by_role("button", name=f"去掉文件 {n}.md").click()
    await expect(an.page.locator("#pictures")).to_be_hidden()
    await an.page.set_input_files("#any", {"name": "leer.md", "mimeType": "", "buffer": b""})
    await expect(an.toast).to_have_text("这个文件是空的。")
    await an.quiet()
    await bo.quiet()


async def test_what_is_private_stays_private(people: tuple[Visitor, Visitor]) -> None:
    an, bo = people
    await an.say("/悄悄")
    await expect(an.message("这是秘密").locator(".only")).to_contain_text("只有你能看到")
    await an.say("说完了")
    await bo.sees("说完了")
    await expect(bo.messages.filter(has_text="这是秘密")).to_have_count(0)


async def test_recall_removal_and_mute(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.say("说错了")
    await an.tool(an.message("说错了"), "撤回")
    await expect(bo.log).to_contain_text("安安撤回了一条消息")
    await expect(bo.messages.filter(has_text="说错了")).to_have_count(0)
    await an.type("广告")
    for visitor in people:
        await expect(visitor.log).to_contain_text("安安的消息已被移除")
        await expect(visitor.log).to_contain_text("安安 被禁言 1 分钟")
    await an.box.fill("我还想说")
    await an.box.press("Enter")
    await expect(an.toast).to_have_text("你被禁言了，过一会儿再说话吧。")
    assert await an.box.input_value() == "我还想说"
    await bo.say("管理的话")
    await bo.sees("管理的话")
    recalled = [event for event in site.heard if isinstance(event, Recalled)]
    assert [(event.member.name, event.operator) for event in recalled] == [("安安", None)]


async def test_commands_are_suggested(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, _ = people
    await an.box.focus()
    await an.page.keyboard.type("/")
    options = an.page.locator("#choices [role=option]")
    await expect(options).to_have_count(3)
    await an.page.keyboard.type("帮")
    await expect(options).to_have_text(["/帮助看看我会什么"])
    await an.page.keyboard.press("Tab")
    assert await an.box.input_value() == "/帮助 "
    await an.page.keyboard.press("Enter")
    await an.sees("/帮助")
    assert [message.text for message in site.messages()] == ["/帮助 "]


async def test_hostile_words_stay_words(people: tuple[Visitor, Visitor]) -> None:
    an, bo = people
    await bo.rename(EVIL)
    await an.box.focus()
    await an.page.keyboard.type("@<img")
    await an.page.keyboard.press("Enter")
    await an.page.keyboard.type(f'<script>window.hit=1</script>{EVIL} javascript:alert(1) https://a.b/"onclick=x')
    await an.page.keyboard.press("Enter")
    await bo.sees("<script>")
    await bo.say("/名字")
    await bo.tool(an_message := bo.page.locator("#log article:not(.mine)").filter(has_text="<script>"), "引用")
    await bo.say(EVIL)
    await an.sees("在")
    await expect(an_message.locator(".mention.me")).to_have_text("@" + EVIL)
    for visitor in people:
        assert await visitor.page.evaluate("window.hit") is None
        assert await visitor.page.locator("#app img[src=x], #app script").count() == 0
        links = await visitor.page.locator("#log article .content a").evaluate_all("a => a.map(a => a.href)")
        assert links == ["https://a.b/"]
        await visitor.quiet()


async def test_the_other_group_and_the_direct_chat(people: tuple[Visitor, Visitor], site: Responder) -> None:
    an, bo = people
    await an.go("测试群")
    await expect(an.page.locator("#outside")).to_be_visible()
    await an.page.locator("#join").click()
    await an.sees("欢迎 安安！")
    await an.page.locator("#leave").click()
    await expect(an.page.locator("#outside")).to_be_visible()
    await an.go("和欧小鹏私聊")
    await expect(an.page.locator(".intro .chip")).to_have_text(["/帮助", "/问 怎么关闭一个插件？"])
    await an.say("只有我们俩")
    message = site.messages()[-1]
    assert message.group.direct
    assert message.group.id == "web:dm:" + message.member.id.removeprefix("web:")
    await an.page.reload()
    await an.connected()
    await an.sees("只有我们俩")
    assert await bo.page.locator("body", has_text="只有我们俩").count() == 0


async def test_another_member_from_the_same_browser(browser: Browser, site: Responder) -> None:
    first = await Visitor.arrive(browser, site.url, "安安")
    async with first.page.context.expect_page() as opened:
        await first.page.locator("#another").click()
    second = Visitor(await opened.value)
    await second.connected()
    await second.rename("博文")
    await expect(first.page.locator("#people .label", has_text="博文")).to_be_visible()
    assert await first.name() == "安安"
    await second.say("我是另一个人")
    await expect(first.message("我是另一个人")).not_to_have_class(re.compile(r"\bmine\b"))
    await first.page.context.close()


async def test_typed_words_survive_a_broken_connection(browser: Browser) -> None:
    site = Responder()
    async with site:
        visitor = await Visitor.arrive(browser, site.url, "安安")
        port = site.url.rpartition(":")[2]
    await expect(visitor.page.locator("#link")).to_have_attribute("data-state", "off")
    await visitor.box.fill("还在吗")
    await visitor.box.press("Enter")
    await expect(visitor.toast).to_contain_text("留在输入框里")
    assert await visitor.box.input_value() == "还在吗"
    again = Responder()
    again.server = Server(Config(_env_file=None, server={"port": int(port)}), again.chat.routes(), dict)
    async with again:
        await visitor.connected()
        assert await visitor.box.input_value() == "还在吗"
        await visitor.box.press("Enter")
        await visitor.sees("还在吗")
        assert again.messages()[-1].member.name == "安安"
        await visitor.page.context.close()


async def test_on_a_phone(browser: Browser, site: Responder) -> None:
    visitor = await Visitor.arrive(browser, site.url, width=360, height=640)
    await expect(visitor.page.locator("#side")).not_to_be_in_viewport()
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") == 360
    await visitor.say("在手机上也能说很长很长的话" + "a" * 200)
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") == 360
    await visitor.page.get_by_role("button", name="打开侧栏").tap()
    await expect(visitor.page.locator("#side")).to_be_in_viewport(ratio=0.9)
    await visitor.page.locator("#rooms button", has_text="私聊").tap()
    await expect(visitor.page.locator("#side")).not_to_be_in_viewport()
    await expect(visitor.page.locator("#title")).to_have_text("和欧小鹏私聊")
    await visitor.quiet()
    await visitor.page.context.close()


async def test_speaks_english_too(browser: Browser, site: Responder) -> None:
    visitor = await Visitor.arrive(browser, site.url, language="en-GB")
    await expect(visitor.page.locator("#title")).to_have_text("Demo group")
    await expect(visitor.page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    await visitor.page.locator("#lang").click()
    await expect(visitor.page.locator("#title")).to_have_text("示例群")
    await visitor.page.reload()
    await visitor.connected()
    await expect(visitor.page.locator("#title")).to_have_text("示例群")
    await visitor.page.context.close()
