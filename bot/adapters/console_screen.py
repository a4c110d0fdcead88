"""What the terminal shows: whole lines at once, and one message at a time while it is being written."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bot.adapters.console_text import harmless

INDENT = "  "
"""Before each further line of a message, so that no text can pass for a message of somebody else."""
BOLD, DIM, CYAN = "1", "2", "36"


@dataclass(eq=False, slots=True)
class _Page:
    """A message that is being written; its head is asked for when its first text is shown."""

    head: Callable[[bool], str]
    begun: bool = False
    text: str = ""
    """What is not shown yet: all while another page is live, else the line breaks that nothing followed so far."""


class Screen:
    """Prints into `fd` as UTF-8, whatever the locale. `lost` is called once, when nobody reads any more."""

    def __init__(self, fd: int, *, colours: bool, lost: Callable[[], None]) -> None:
        self._fd = fd
        self._colours = colours
        self._lost = lost
        self._gone = False
        self._pages: list[_Page] = []
        """Those of which there is something to show. The first is live: its text is shown as it comes."""
        self._open = False
        """Whether the live page stands in the middle of a line."""

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colours and text else text

    def entered(self) -> None:
        """Somebody pressed Enter at the terminal itself: the cursor stands in a new line."""
        self._open = False

    def note(self, text: str) -> None:
        """Show a line of the demo itself; `text` is to be harmless."""
        self._whole(self.paint(text, DIM))

    def message(self, head: str, body: str) -> None:
        """Show a whole message; both are to be harmless."""
        self._whole(head + _indented(body.strip("\n")))

    async def write(self, head: Callable[[bool], str], chunks: AsyncIterator[str]) -> None:
        """Show a message while it comes, or once those before it are done; what breaks it off passes through.

        `head(False)` begins the message, `head(True)` takes it up again below other lines.
        """
        page = _Page(head)
        whole = False
        try:
            async for chunk in chunks:
                page.text += harmless(chunk)
                if page not in self._pages and page.text.strip("\n"):
                    self._pages.append(page)  # only now: who still thinks keeps nobody waiting
                if page in self._pages[:1]:
                    self._flow(page)
                await asyncio.sleep(0)  # a stream that never waits must not starve the keyboard
            whole = True
        finally:
            self._end(page, whole=whole)

    # --- one page after the other ---------------------------------------------------------

    def _flow(self, page: _Page) -> None:
        """Show what a live page has, but for line breaks that may be its last."""
        ready = page.text.rstrip("\n")
        if not self._open:
            ready = ready.lstrip("\n")
        if not ready:
            return
        page.text = page.text[len(page.text.rstrip("\n")) :]
        head = "" if self._open else page.head(page.begun)
        page.begun = self._open = True
        self._put(head + _indented(ready))

    def _end(self, page: _Page, *, whole: bool) -> None:
        """A page is complete, or broke off: close it and let the next one be live."""
        if page.begun:
            self._pages.remove(page)
            if self._open:
                self._put("\n")
                self._open = False
            if self._pages:
                self._flow(self._pages[0])
        elif page in self._pages:
            self._pages.remove(page)
            self._whole(page.head(False) + _indented(page.text.strip("\n")))
        elif whole:
            self._whole(page.head(False))

    def _whole(self, text: str) -> None:
        """Show a line between others: what is being written is taken up again below it."""
        self._put(f"\n{text}\n" if self._open else f"{text}\n")
        self._open = False

    def _put(self, text: str) -> None:
        data = memoryview(text.encode(errors="replace"))
        while data and not self._gone:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                select.select([], [self._fd], [])  # somebody else made it non-blocking, and its reader is slow
            except OSError:
                self._gone = True
                self._lost()


def _indented(text: str) -> str:
    return text.replace("\n", f"\n{INDENT}")
