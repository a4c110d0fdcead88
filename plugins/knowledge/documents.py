"""What a reader makes of a file: sections under their headings."""

from __future__ import annotations

from dataclasses import dataclass


class Unreadable(Exception):
    """A file that cannot be read; the message is one sentence for whoever added it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document.

    path  its headings, the outermost first; the question itself in a FAQ
    text  what stands there, as it was written
    also  other wordings of its heading, which are searched and never shown
    """

    path: tuple[str, ...]
    text: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read; `title` is its own, or its name where it has none."""

    title: str
    sections: tuple[Section, ...]
