"""Headings and text in the order of a file, gathered into sections."""

from __future__ import annotations

from pathlib import PurePosixPath

from plugins.knowledge.documents import Document, Section

LONGEST_HEADING = 200
"""Characters of a heading that are kept."""


class Outline:
    """Takes headings and text as a reader meets them; a heading without text of its own makes no section."""

    def __init__(self) -> None:
        self.title = ""
        self._top = ""
        self._headings: list[tuple[int, str]] = []
        self._also: tuple[str, ...] = ()
        self._text: list[str] = []
        self._sections: list[Section] = []

    def heading(self, level: int, text: str) -> None:
        """Begin a section under a heading of `level`, 1 being the outermost."""
        self._close()
        while self._headings and self._headings[-1][0] >= level:
            self._headings.pop()
        text = " ".join(text[: 2 * LONGEST_HEADING].split())[:LONGEST_HEADING]
        if text:
            self._headings.append((level, text))
        if level == 1 and not self._top:
            self._top = text

    def ask(self, also: tuple[str, ...]) -> None:
        """Give the heading at hand other wordings."""
        self._also = also

    def write(self, text: str) -> None:
        """Add lines to the section at hand."""
        self._text.append(text)

    def sections(self) -> tuple[Section, ...]:
        """What has been gathered so far."""
        self._close()
        return tuple(self._sections)

    def document(self, name: str) -> Document:
        """The document, called by its own title, else its first heading of level 1, else the file's name."""
        return Document(self.title or self._top or called(name), self.sections())

    @property
    def top(self) -> str:
        """The first heading of level 1, or nothing."""
        return self._top

    def _close(self) -> None:
        if text := trimmed("\n".join(self._text)):
            self._sections.append(Section(tuple(title for _, title in self._headings), text, self._also))
        self._text.clear()
        self._also = ()


def called(name: str) -> str:
    """A file's name without its folders and suffix."""
    return PurePosixPath(name.replace("\\", "/")).stem or name


def trimmed(text: str) -> str:
    """The text without blank lines around it; the indentation of its first line stays."""
    lines = text.rstrip()
    start = len(lines) - len(lines.lstrip())
    return lines[lines.rfind("\n", 0, start) + 1 :]


def fenced(code: str, language: str = "") -> str:
    """Code between fences that are longer than any run of backticks in it."""
    ticks, run = 3, 0
    for piece in code.split("`"):
        run = 1 if piece else run + 1
        ticks = max(ticks, run + 1)
    return f"{'`' * ticks}{language}\n{code}\n{'`' * ticks}"
