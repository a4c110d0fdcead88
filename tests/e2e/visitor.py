"""A person in front of the web chat: one tab, and what they do and see in it.

It knows the page alone, so the same tests can visit any server that serves the page.
"""

from __future__ import annotations

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect


class Visitor:
    """One tab. `problems` collects what the browser's console complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)

    @classmethod
    async def arrive(
        cls,
        browser: Browser | BrowserContext,
        url: str,
        name: str = "",
        *,
        role: str = "member",
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        language: str = "zh-CN",
    ) -> Visitor:
        """Open the page in a browser of one's own (or as a further tab of a context), connected and named."""
        if isinstance(browser, Browser):
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                locale=language,
                has_touch=width < 500,
            )
        else:
            context = browser
        visitor = cls(await context.new_page())
        await visitor.page.goto(url)
        await visitor.connected()
        if name:
            await visitor.rename(name)
        if role != "member":
            await visitor.become(role)
        return visitor

    async def connected(self) -> None:
        await expect(self.page.locator("#link")).to_have_attribute("data-state", "on", timeout=15000)
        await expect(self.page.locator("#title")).not_to_be_empty()

    @property
    def box(self) -> Locator:
        return self.page.locator("#box")

    @property
    def log(self) -> Locator:
        return self.page.locator("#log")

    @property
    def toast(self) -> Locator:
        return self.page.locator("#toast")

    @property
    def messages(self) -> Locator:
        return self.page.locator("#log article")

    def message(self, text: str) -> Locator:
        """The last message that contains `text`."""
        return self.messages.filter(has_text=text).last

    async def name(self) -> str:
        return await self.page.locator("#name").input_value()

    async def rename(self, name: str) -> None:
        """Take another name, and wait until the group knows it."""
        await self.page.evaluate(
            "name => { const n = document.getElementById('name'); n.value = name;"
            " n.dispatchEvent(new Event('change', { bubbles: true })); }",
            name,
        )
        await expect(self.page.locator("#people .label", has_text=name)).to_have_count(1)

    async def become(self, role: str) -> None:
        await self.page.evaluate(f"document.querySelector('#roles input[value={role}]').click()")
        await expect(self.page.locator(f"#roles input[value={role}]")).to_be_checked()

    async def go(self, room: str) -> None:
        await self.page.locator("#rooms button", has_text=room).click()
        await expect(self.page.locator("#title")).to_contain_text(room)

    async def say(self, text: str) -> Locator:
        """Type, press Enter, and wait until the message stands in the log."""
        before = await self.page.locator("#log article.mine").count()
        await self.type(text)
        mine = self.page.locator("#log article.mine")
        await expect(mine).to_have_count(before + 1)
        return mine.last

    async def type(self, text: str) -> None:
        """Type and press Enter; whether the message may stand is another matter."""
        await self.box.fill(text)
        if await self.page.locator("#choices").is_visible():
            await self.box.press("Escape")
        await self.box.press("Enter")

    async def sees(self, text: str) -> None:
        await expect(self.message(text)).to_be_visible()

    async def tool(self, message: Locator, name: str) -> None:
        """Press one of a message's buttons, by its accessible name."""
        await message.locator(".bubble").hover()
        await message.get_by_role("button", name=name).click()

    async def quiet(self) -> None:
        """Assert that the page had no error of its own."""
        assert self.problems == []
