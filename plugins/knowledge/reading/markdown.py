"""Markdown: the lines between headings, as they were written.

A scanner of its own: a full parser spends microseconds on every line, 25 seconds on a megabyte of short ones, and all
that is asked of it here is where headings, code and comments are.
"""

from __future__ import annotations

import re
from html import unescape

from plugins.knowledge.documents import Document
from plugins.knowledge.reading.encodings import decode
from plugins.knowledge.reading.outline import LONGEST_HEADING, Outline

# Fences may stand in lists and quotes. A heading may not, for it would belong to the item alone; and many write
# "##标题" without the space.
_MARK = re.compile(
    r"^(?:"
    r"[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]*)*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})"
    r"| ?(?P<sharps>#{1,6})(?P<title>[ \t][^\n]*|$|(?<=##)[\u3400-\u9fff][^\n]*)"
    r"| {0,3}(?P<under>={2,}|-{2,})[ \t]*$"
    r"| {0,3}<(?P<raw>pre|script|style|textarea)\b"
    r")|(?P<comment><!--)|`[^`\n]+`",
    re.MULTILINE,
)
_NO_PARAGRAPH = re.compile(r"\s*(?:$|[-*+>|#<]|\d+[.)]\s)|\s{4}")
_INDENTED = re.compile(r"(?: {4}|\t)\s*")
_ALSO = re.compile(r"<!--\s*(?:又问|also)\s*[:：]", re.IGNORECASE)
_CLOSED = re.compile(r"(?:^|[ \t])#+[ \t]*$")
_FRONT = re.compile(r"(---|\+\+\+)[ \t]*\n(?=[ \t]*(?:\n|#|[\w\"'-]+[ \t]*[:=]))")
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(.+)$", re.MULTILINE)
_MARKUP = re.compile(r"[*_`\[<&\\{]")
_CODE = re.compile(r"(`+)(.+?)\1")
_TAKEN_OFF = (
    ("{", re.compile(r"\s*\{[#.:][^{}]*\}\s*$"), ""),
    ("<", re.compile(r"<[^<>]*>"), ""),
    ("[", re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])"), r"\1"),
    ("[", re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])"), r"\1"),  # twice, for an image in a link
    ("*", re.compile(r"(?<!\\)(\*{1,3})(?=\S)([^*]+?)(?<=\S)\1"), r"\2"),
    ("_", re.compile(r"(?<![\w\\])(_{1,3})(?=\S)([^_]+?)(?<=\S)\1(?!\w)"), r"\2"),
    ("\\", re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


def read(name: str, data: bytes) -> Document:
    """A Markdown file."""
    outline = Outline()
    outline.title, text = _front(decode(data))
    scan(text, outline)
    return outline.document(name)


def scan(text: str, outline: Outline) -> None:
    """Add the headings and the text of a piece to the outline; a fence left open ends with its piece."""
    written = 0  # what stands before it is in the outline
    at = 0
    kept: list[str] = []  # of the section at hand, between its comments
    ends: dict[str, bool] = {}  # by sign: whether there is one further on, so that each is looked for in vain but once

    def close(end: int) -> None:
        kept.append(text[written:end])
        outline.write("".join(kept))
        kept.clear()

    while mark := _MARK.search(text, at):
        at = mark.end()
        if mark["fence"]:
            at = _fence_end(text, mark)
        elif mark["raw"]:
            at = _behind(text, f"</{mark['raw']}", at, ends)
        elif mark["comment"]:
            at = _behind(text, "-->", at, ends)
            line = text.rfind("\n", max(0, mark.start() - 40), mark.start()) + 1
            if at == mark.end() or (line and _INDENTED.fullmatch(text, line, mark.start())):
                continue
            before = text[written : mark.start()]
            if not kept and not before.strip():
                outline.ask(_also(mark, at))
            kept.append(before)
            written = at
        elif mark["sharps"]:
            close(mark.start())
            outline.heading(len(mark["sharps"]), _plain(_CLOSED.sub("", mark["title"][:400])))
            written = at
        elif mark["under"] and (start := _paragraph(text, written, mark.start())) >= 0:
            close(start)
            outline.heading(1 if mark["under"][0] == "=" else 2, _plain(text[start : mark.start()].strip()[:400]))
            written = at
    close(len(text))


def _fence_end(text: str, mark: re.Match[str]) -> int:
    """Where a fenced block ends: behind a fence that is at least as long, else at the end."""
    sign, length = mark["fence"][0], min(len(mark["fence"]), 100)
    closing = re.compile(rf"^[ \t>]*{sign}{{{length},}}[ \t]*$", re.MULTILINE).search(text, mark.end())
    return closing.end() if closing else len(text)


def _behind(text: str, sign: str, at: int, ends: dict[str, bool]) -> int:
    """Behind the next sign, or where we are if there is none."""
    end = text.find(sign, at) if ends.get(sign, True) else -1
    ends[sign] = end >= 0
    return end + len(sign) if end >= 0 else at


def _paragraph(text: str, written: int, underline: int) -> int:
    """Where the paragraph of one line above an underline starts, or -1 if there is none."""
    start = text.rfind("\n", written, max(underline - 1, written)) + 1 or written
    above = text[max(written, start - 200) : start]
    lonely = not above.strip() or re.search(r"\n[ \t]*\n$", above) is not None
    return start if start < underline and lonely and not _NO_PARAGRAPH.match(text, start, underline) else -1


def _also(mark: re.Match[str], end: int) -> tuple[str, ...]:
    """The other wordings that a comment gives."""
    text = mark.string
    opening = _ALSO.match(text, mark.start(), end)
    parts = re.split(r"[；;\n]", text[opening.end() : end - 3]) if opening else ()
    return tuple(filter(None, map(str.strip, parts)))


def _plain(title: str) -> str:
    """A heading without its markup."""
    title = title[: 2 * LONGEST_HEADING]
    if not _MARKUP.search(title):
        return title
    codes: list[str] = []

    def put_away(code: re.Match[str]) -> str:
        codes.append(code[2].strip())
        return f"\0{len(codes) - 1}\0"

    if "`" in title:
        title = _CODE.sub(put_away, title)
    for sign, markup, instead in _TAKEN_OFF:
        if sign in title:
            title = markup.sub(instead, title)
    title = unescape(title)
    return re.sub("\0(\\d+)\0", lambda place: codes[int(place[1])], title) if codes else title


def _front(text: str) -> tuple[str, str]:
    """The title in the front matter, and the text behind it."""
    opening = _FRONT.match(text)
    if not opening:
        return "", text
    start = opening.end() - 1
    end = text.find(f"\n{opening[1]}", start)
    if end < 0:
        return "", text
    title = _TITLE.search(text, start, end)
    behind = text.find("\n", end + 1)
    return title[1].strip().strip("\"'") if title else "", text[behind + 1 :] if behind >= 0 else ""
