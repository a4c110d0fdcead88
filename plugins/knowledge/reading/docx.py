"""Word files (.docx): paragraphs under headings, tables as lines, read from the archive as a stream."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Protocol

from lxml import etree

from plugins.knowledge.documents import Document, Unreadable
from plugins.knowledge.reading.outline import Outline

INFLATED = 32_000_000
"""Bytes of a part after unpacking; a book of a thousand pages has fewer."""
ELEMENTS = 1_000_000
DEPTH = 200
_PIECE = 1 << 16
_MAIN = re.compile(rb"<Relationship\b[^>]*?/officeDocument\"[^>]*>")
_TARGET = re.compile(rb"Target=\"/?([^\"]+)\"")
_OUTLINE = frozenset("012345678")
_HEADING = re.compile(r"(?:heading|标题) ?([1-9])", re.IGNORECASE)


def read(name: str, data: bytes) -> Document:
    """A .docx file; deleted text, text boxes' twins, notes and headers are left out."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("这是旧版 Word 文件或设了密码，请另存为不加密的 .docx。")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            main = _main(archive)
            styles = _Styles()
            folder = main.rpartition("/")[0]
            if (listed := f"{folder}/styles.xml".lstrip("/")) in archive.NameToInfo:
                _parse(archive, listed, styles)
            body = _Body(styles.levels())
            _parse(archive, main, body)
    except (zipfile.BadZipFile, KeyError) as error:
        raise Unreadable("这个 docx 不完整，读不了。") from error
    except etree.LxmlError as error:
        raise Unreadable("这个 docx 里的内容坏了，读不了。") from error
    return body.outline.document(name)


class _Target(Protocol):
    def start(self, tag: str, attributes: Mapping[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...
    def doctype(self, name: str, public: str, system: str) -> None: ...
    def close(self) -> None: ...


def _main(archive: zipfile.ZipFile) -> str:
    """The part that holds the text, which some programs call otherwise than word/document.xml."""
    if "_rels/.rels" in archive.NameToInfo:
        with archive.open("_rels/.rels") as part:
            relation = _MAIN.search(part.read(_PIECE))
        if relation and (target := _TARGET.search(relation[0])):
            return target[1].decode("utf-8", errors="replace")
    return "word/document.xml"


def _parse(archive: zipfile.ZipFile, name: str, target: _Target) -> None:
    parser = etree.XMLParser(target=target, resolve_entities=False, no_network=True, load_dtd=False)
    left = INFLATED
    with archive.open(name) as part:
        while piece := part.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise Unreadable("解压后太大，读不了。")
            parser.feed(piece)
    parser.close()


def _value(attributes: Mapping[str, str], key: str = "}val") -> str:
    return next((value for name, value in attributes.items() if name.endswith(key)), "")


class _Part:
    """What both parts share: names without their namespace, and no document type, which bombs need."""

    def __init__(self) -> None:
        self.within: list[str] = []
        self._count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._count += 1
        if self._count > ELEMENTS or len(self.within) > DEPTH:
            raise Unreadable("这个 docx 里的内容太多或嵌套太深，读不了。")
        tag = tag.rpartition("}")[2]
        self.within.append(tag)
        self.begin(tag, attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        self.within.pop()
        self.finish(tag.rpartition("}")[2])

    def data(self, text: str) -> None:
        """Text, which only the body wants."""

    def doctype(self, name: str, public: str, system: str) -> None:
        """No program for writing declares one."""
        raise Unreadable("这个 docx 里有不该有的声明，读不了。")

    def close(self) -> None:
        """The part ends."""

    def begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        raise NotImplementedError

    def finish(self, tag: str) -> None:
        raise NotImplementedError


class _Styles(_Part):
    """Which styles are headings; their ids differ between languages, and their names do not."""

    def __init__(self) -> None:
        super().__init__()
        self._levels: dict[str, int] = {}
        self._based: dict[str, str] = {}
        self._id = ""

    def begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "style":
            self._id = _value(attributes, "}styleId")
        elif tag == "basedOn":
            self._based[self._id] = _value(attributes)
        elif tag == "name":
            value = _value(attributes)
            if value.casefold() in {"title", "标题"}:
                self._levels[self._id] = 0
            elif found := _HEADING.fullmatch(value):
                self._levels[self._id] = int(found[1])
        elif tag == "outlineLvl" and _value(attributes) in _OUTLINE:
            self._levels.setdefault(self._id, int(_value(attributes)) + 1)

    def finish(self, tag: str) -> None:
        pass

    def levels(self) -> dict[str, int]:
        """The level of each style that is a heading or is made from one; 0 is the document's title."""
        levels = dict(self._levels)
        for style in self._based:
            above, seen = style, 0
            while above not in self._levels and above in self._based and seen < 20:
                above, seen = self._based[above], seen + 1
            if above in self._levels:
                levels.setdefault(style, self._levels[above])
        return levels


class _Body(_Part):
    def __init__(self, levels: dict[str, int]) -> None:
        super().__init__()
        self.outline = Outline()
        self._levels = levels
        self._level: int | None = None
        self._words: list[str] = []
        self._rows: list[list[str]] = []  # of the tables that are open, the innermost last
        self._unseen = 0
        self._item = False

    def begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._unseen or tag in {"Fallback", "moveFrom", "del"}:
            self._unseen += 1
        elif tag == "pStyle":
            self._level = self._levels.get(_value(attributes), self._level)
        elif tag == "outlineLvl" and _value(attributes) in _OUTLINE:
            self._level = int(_value(attributes)) + 1
        elif tag == "numPr":
            self._item = True
        elif tag == "tr":
            self._rows.append([])
        elif tag == "tc" and self._rows:
            self._rows[-1].append("")
        elif tag in {"tab", "br", "cr"} and self.within[-2:-1] == ["r"]:
            self._words.append("\t" if tag == "tab" else "\n")

    def data(self, text: str) -> None:
        """Text, if it is a run's own."""
        if not self._unseen and self.within and self.within[-1] == "t":
            self._words.append(text)

    def finish(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
        elif tag == "p":
            self._paragraph()
        elif tag == "tr" and self._rows:
            row = " | ".join(cell.strip() for cell in self._rows.pop())
            if row.strip(" |"):
                self._put(row, "")
        elif tag == "tbl" and not self._rows:
            self.outline.write("")

    def _paragraph(self) -> None:
        text = "".join(self._words).strip()
        level, item = self._level, self._item
        self._words, self._level, self._item = [], None, False
        if not text:
            return
        if level is None or self._rows:
            self._put(f"- {text}" if item else text, "" if item else "\n")
        elif level == 0:
            self.outline.title = self.outline.title or " ".join(text.split())
        else:
            self.outline.heading(level, text)

    def _put(self, text: str, behind: str = "\n") -> None:
        """Into the cell that is open, else into the document."""
        if self._rows and self._rows[-1]:
            self._rows[-1][-1] += f" {' '.join(text.split())}"
        else:
            self.outline.write(f"{text}{behind}")
