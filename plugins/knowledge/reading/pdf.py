"""PDF files, page by page, under their bookmarks; needs the extra `documents`."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from plugins.knowledge.documents import Document, Section, Unreadable
from plugins.knowledge.reading.outline import LONGEST_HEADING, called

if TYPE_CHECKING:
    from pypdf import PdfReader

PAGES = 2000
SECONDS = 60
"""For one file: what a page costs is known only when it has been read."""
BOOKMARKS = 2000
UNPACKED = 32_000_000
"""Bytes of one stream."""
_JOINED = re.compile(r"(?<=[\u3400-\u9fff，、])\n(?=[\u3400-\u9fff])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def read(name: str, data: bytes) -> Document:
    """A .pdf file that holds text; a scanned one has none."""
    try:
        import pypdf
    except ImportError as error:
        raise Unreadable("读不了 pdf：请先安装 ouxiaopeng[documents]。") from error
    # It warns of every oddity, up to a line per byte of a hostile file.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    # Its own bounds are for files larger than ours.
    with pypdf.apply_configuration(
        array_based_stream_maximum_output_length=UNPACKED,
        lzw_maximum_output_length=UNPACKED,
        run_length_maximum_output_length=UNPACKED,
        zlib_maximum_output_length=UNPACKED,
    ):
        try:
            return _document(pypdf.PdfReader(BytesIO(data)), name)
        except pypdf.errors.LimitReachedError as error:
            raise Unreadable("解压后太大，读不了。") from error
        except pypdf.errors.PyPdfError as error:
            raise Unreadable("这个 pdf 坏了，读不了。") from error


def _document(reader: PdfReader, name: str) -> Document:
    if reader.is_encrypted:
        raise Unreadable("这个 pdf 加了密，请另存一份不加密的。")
    if len(reader.pages) > PAGES:
        raise Unreadable(f"这个 pdf 超过 {PAGES} 页，请拆成几个文件。")
    title = reader.metadata.title if reader.metadata else None
    sections = tuple(_sections(reader))
    if not sections:
        raise Unreadable("里面没有文字，扫描的 pdf 要先做文字识别。")
    return Document(" ".join(title.split())[:LONGEST_HEADING] if isinstance(title, str) else called(name), sections)


def _sections(reader: PdfReader) -> Iterator[Section]:
    deadline = time.monotonic() + SECONDS

    def hurry(*_: object) -> None:
        if time.monotonic() > deadline:
            raise Unreadable(f"读了 {SECONDS} 秒还没读完，请拆成几个文件。")

    marks = _bookmarks(reader)
    path: tuple[str, ...] = ()
    for number, page in enumerate(reader.pages):
        hurry()
        path = marks.get(number, path)
        text = page.extract_text(visitor_operand_before=hurry)
        text = _JOINED.sub("", _CONTROLS.sub("", text.replace("\r", "\n"))).strip()
        if text:
            yield Section((*path, f"第 {number + 1} 页"), text)


def _bookmarks(reader: PdfReader) -> dict[int, tuple[str, ...]]:
    """For each page on which bookmarks stand, the path of the first of them."""
    try:
        return dict(reversed(list(islice(_walk(reader, reader.outline, ()), BOOKMARKS))))
    except Exception:  # noqa: BLE001 - broken bookmarks come as any error, and the text is worth having without them
        return {}


def _walk(reader: PdfReader, marks: Iterable[object], path: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Page numbers with paths; a list in the list holds what stands below the mark before it."""
    from pypdf.generic import Destination

    below = path
    for mark in marks:
        if isinstance(mark, list):
            yield from _walk(reader, mark, below)
        elif isinstance(mark, Destination):
            title = " ".join(str(mark.title).split())[:LONGEST_HEADING]
            below = (*path, title) if title else path
            number = reader.get_destination_page_number(mark)
            if number is not None and number >= 0:
                yield number, below
