"""reStructuredText: titles with lines under (and over) them, and the text of directives."""

from __future__ import annotations

import re
import textwrap

from plugins.knowledge.documents import Document
from plugins.knowledge.reading.encodings import decode
from plugins.knowledge.reading.outline import Outline, fenced

_LINE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")
_DIRECTIVE = re.compile(r"\.\.\s+(?:\|[^|\n]{1,80}\|\s+)?([\w:+.-]{1,60}?)::(?:\s+(.*))?$")
_EXPLICIT = re.compile(r"\.\.(?:\s|$)")
_OPTION = re.compile(r"\s*:[\w -]+:(?:\s|$)")
_ROLE = re.compile(r"(?::[\w:+.-]{1,60}:)?`([^`<]*?)(?:\s*<[^<>`]*>)?`_{0,2}")
_CODE = frozenset({"code", "code-block", "sourcecode", "parsed-literal", "prompt", "highlight", "math", "literal"})
_WITHOUT_TEXT = frozenset(
    [
        "contents",
        "currentmodule",
        "figure-md",
        "image",
        "include",
        "index",
        "literalinclude",
        "meta",
        "module",
        "py:module",
        "raw",
        "replace",
        "role",
        "sectnum",
        "tabularcolumns",
        "toctree",
        "unicode",
        "bibliography",
        "highlight",
        "default-role",
    ]
)
_DEPTH = 8
"""Directives inside one another that are opened; what is deeper stays as it is written."""


def read(name: str, data: bytes) -> Document:
    """A reStructuredText file."""
    outline = Outline()
    lines = decode(data).expandtabs(4).split("\n")
    levels: dict[tuple[str, bool], int] = {}
    at = _fields_end(lines)
    plain: list[str] = []
    while at < len(lines):
        found = _title(lines, at)
        if found is None:
            plain.append(lines[at])
            at += 1
            continue
        title, style, used = found
        outline.write("\n".join(_directives(plain)))
        plain = []
        # A style's level is the order in which it first appears.
        outline.heading(levels.setdefault(style, len(levels) + 1), _plain(title))
        at += used
    outline.write("\n".join(_directives(plain)))
    return outline.document(name)


def _title(lines: list[str], at: int) -> tuple[str, tuple[str, bool], int] | None:
    """The title at a line, its style (sign, whether there is a line above) and the lines it takes."""
    if at and lines[at - 1].strip() and not _is_line(lines[at - 1]):
        return None
    here, below, after = (lines[index] if index < len(lines) else "" for index in (at, at + 1, at + 2))
    if _is_line(here):
        if below.strip() and not _is_line(below) and _is_line(after) and after[0] == here[0]:
            return below, (here[0], True), 3
        return None
    if not here.strip() or here[0] == " " or not _is_line(below):
        return None
    long_enough = len(below.rstrip()) >= min(4, len(here.strip()))
    return (here, (below[0], False), 2) if long_enough else None


def _is_line(line: str) -> bool:
    return bool(line) and _LINE.fullmatch(line) is not None and line.rstrip() != "::"


def _fields_end(lines: list[str]) -> int:
    """The line behind the fields at the top (`:orphan:` and the like)."""
    at = 0
    while at < len(lines) and (not lines[at].strip() or _OPTION.match(lines[at])):
        at += 1
    return at


def _directives(lines: list[str], depth: int = 0) -> list[str]:
    """The lines with the text of their directives, without comments and link targets."""
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if not _EXPLICIT.match(lines[at]) or depth > _DEPTH:
            kept.append(lines[at])
            at += 1
            continue
        end = at + 1
        while end < len(lines) and (not lines[end].strip() or lines[end][0] == " "):
            end += 1
        kept += [*_directive(lines[at], lines[at + 1 : end], depth), ""]
        at = end
    return kept


def _directive(head: str, block: list[str], depth: int) -> list[str]:
    if note := re.match(r"\.\.\s+\[[^\]]{1,80}\]\s+(.*)", head):
        return [note[1], *block]
    found = _DIRECTIVE.match(head)
    if not found:
        return []
    kind, argument = found[1].lower(), (found[2] or "").strip()
    if kind in _WITHOUT_TEXT or kind.startswith("auto"):
        return []
    start = 0
    while start < len(block) and _OPTION.match(block[start]):
        start += 1
    body = textwrap.dedent("\n".join(block[start:])).strip("\n")
    if kind in _CODE:
        return [fenced(body, argument if argument.isalnum() else "")] if body else []
    inner = _directives(body.split("\n"), depth + 1)
    # An argument is the title of a note, and the file name of a figure.
    return inner if kind == "figure" or not argument else [argument, "", *inner]


def _plain(title: str) -> str:
    """A title without its markup."""
    return re.sub(r"[*|]{1,2}(\S[^*|]*?)[*|]{1,2}", r"\1", _ROLE.sub(r"\1", title[:400].replace("``", ""))).strip()
