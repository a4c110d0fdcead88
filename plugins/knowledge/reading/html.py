"""Web pages: what stands in their main part, under its headings."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from typing import Literal, NamedTuple

from lxml import etree

from plugins.knowledge.documents import Document, Unreadable
from plugins.knowledge.reading.encodings import decode
from plugins.knowledge.reading.outline import LONGEST_HEADING, Outline, fenced

DEPTH = 500
"""Elements inside one another; the parser's time grows with the square of it."""
ELEMENTS = 300_000
_PIECE = 1 << 16
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_UNSEEN = frozenset(
    [
        "aside",
        "button",
        "canvas",
        "footer",
        "iframe",
        "nav",
        "noscript",
        "object",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
    ]
)
_UNSEEN_ROLES = frozenset({"navigation", "search", "banner", "contentinfo", "complementary"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "caption",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "form",
        "head",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)
_ROWS = frozenset({"table", "thead", "tbody", "tfoot", "tr", "caption"})
_BULLET = "- "
_LINKS_TO_SELF = "¶#§🔗"
"""What documentation tools put behind a heading."""


def read(name: str, data: bytes) -> Document:
    """An HTML page; a part marked as its main one is taken alone if it has any text."""
    page = _Page()
    # Bytes, since lxml refuses text that names an encoding itself.
    parser = etree.HTMLParser(target=page, encoding="utf-8")
    text = decode(data, _declared(data)).encode()
    for at in range(0, len(text), _PIECE):
        parser.feed(text[at : at + _PIECE])
    if text.strip():
        parser.close()
    page.flush()
    outline = page.main if page.main.sections() else page.whole
    # Site generators write "heading — name of the site" there.
    outline.title = "" if outline.top and outline.top in page.title else page.title
    return outline.document(name)


def _declared(data: bytes) -> str:
    found = _CHARSET.search(data[:2048])
    if not found:
        return ""
    try:
        encoding = codecs.lookup(found[1].decode("ascii"))
        b"a".decode(encoding.name)  # "hex" and "zip" are codecs, and no encodings of text
    except (LookupError, ValueError):
        return ""
    return encoding.name


class _Element(NamedTuple):
    tag: str
    role: Literal["", "unseen", "main", "pre", "cell", "title"]


class _Page:
    """Hears of each element and each text in the order of the page, and keeps no tree."""

    def __init__(self) -> None:
        self.whole, self.main = Outline(), Outline()
        self.title = ""
        self._title = ""  # the one that is open
        self._open: list[_Element] = []
        self._tags: Counter[str] = Counter()  # of those that are open
        self._inside = {"unseen": 0, "main": 0, "pre": 0, "cell": 0, "title": 0, "": 0}
        self._words: list[str] = []
        self._count = 0
        self._heading = 0  # the level of the one that is open
        self._language = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if len(self._open) >= DEPTH:
            raise Unreadable("网页嵌套得太深，读不了。")
        self._count += 1
        if self._count > ELEMENTS:
            raise Unreadable("网页太大，读不了。")
        element = _Element(tag, _role(tag, attributes))
        self._open.append(element)
        self._tags[tag] += 1
        if not self._inside["unseen"] and element.role != "unseen":
            self._begin(tag, attributes)
        self._inside[element.role] += 1

    def end(self, tag: str) -> None:
        """An element ends, and with it all that were left open in it."""
        if not self._tags[tag]:
            return
        while self._open:
            element = self._open.pop()
            self._tags[element.tag] -= 1
            if not self._inside["unseen"]:
                self._finish(element)
            self._inside[element.role] -= 1
            if element.tag == tag:
                break

    def data(self, text: str) -> None:
        """A piece of text."""
        if self._inside["unseen"]:
            return
        if self._inside["title"]:
            self._title += text if len(self._title) < LONGEST_HEADING else ""
        else:
            self._words.append(text)

    def close(self) -> None:
        """The page ends."""

    def flush(self) -> None:
        """Write the line at hand."""
        if not self._words or self._words == [_BULLET]:
            return
        text = "".join(self._words)
        self._words.clear()
        if self._inside["pre"]:
            text = fenced(text.strip("\n"), self._language) if text.strip() else ""
        else:
            text = "\n".join(" ".join(line.split()) for line in text.split("\f"))
        if text.strip("- |\n"):
            self._write(text)

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if self._inside["pre"]:
            self._words.append("\n" if tag in _BLOCKS or tag == "br" else "")
            self._language = self._language or _language(attributes)
            return
        if tag in _HEADINGS or tag == "pre" or (tag in _BLOCKS and self._breaks(tag)):
            self.flush()
        if self._words and (tag in _HEADINGS or tag == "pre"):
            self._words.clear()  # a bullet before it
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag == "pre":
            self._language = _language(attributes)
        elif tag in {"td", "th"}:
            self._part(" | ")
        elif tag == "li" and not self._inside["cell"]:
            self._words[:] = [_BULLET]
        elif tag == "br":
            self._words.append(" " if self._inside["cell"] or self._heading else "\f")
        elif tag in _BLOCKS:
            self._part(" ")

    def _part(self, sign: str) -> None:
        if self._words:
            self._words.append(sign)

    def _finish(self, element: _Element) -> None:
        tag = element.tag
        if tag in _HEADINGS and self._heading:
            title = "".join(self._words).strip().rstrip(_LINKS_TO_SELF)
            self._words.clear()
            for outline in self._outlines():
                outline.heading(self._heading, title)
            self._heading = 0
        elif element.role == "title":
            self.title = self.title or " ".join(self._title.split())[:LONGEST_HEADING]
            self._title = ""
        elif element.role == "pre":
            if self._inside["pre"] == 1:
                self.flush()
        elif tag in _BLOCKS and not self._inside["pre"]:
            if not self._breaks(tag):
                return
            self.flush()
            if tag in {"p", "table", "ul", "ol", "dl"}:
                self._write("")

    def _breaks(self, tag: str) -> bool:
        """Whether a block ends the line: one in a table's cell does not, for a row is a line."""
        return not self._heading and (not self._inside["cell"] or tag in _ROWS)

    def _write(self, text: str) -> None:
        for outline in self._outlines():
            outline.write(text)

    def _outlines(self) -> tuple[Outline, ...]:
        return (self.whole, self.main) if self._inside["main"] else (self.whole,)


def _role(tag: str, attributes: dict[str, str]) -> Literal["", "unseen", "main", "pre", "cell", "title"]:
    kinds = attributes["class"].split() if "class" in attributes else ()
    if (
        tag in _UNSEEN
        or attributes.get("role") in _UNSEEN_ROLES
        or "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or "headerlink" in kinds
        or "linenos" in kinds
    ):
        return "unseen"
    if tag in {"main", "article"} or attributes.get("role") == "main":
        return "main"
    return "cell" if tag in {"td", "th"} else "pre" if tag == "pre" else "title" if tag == "title" else ""


def _language(attributes: dict[str, str]) -> str:
    found = re.search(r"\blang(?:uage)?-(\w{1,20})", attributes.get("class", ""))
    return found[1] if found else ""
