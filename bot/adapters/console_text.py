"""Texts as a terminal may show them: nothing in them acts, hides or turns the writing around."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from bot.adapters.console_picture import described
from bot.types import EVERYONE, Card, Face, File, Forward, Image, Mention, Part, Text

NAME_LIMIT = 32
JOINERS = "\u200c\u200d"
"""Invisible, but emoji and some scripts are put together with them."""


def harmless(text: str) -> str:
    """The text without anything that a terminal would obey; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else _stand_in(c) for c in text)


def in_line(text: str) -> str:
    """A name or an address: harmless, and on one line."""
    return " ".join(harmless(text).split())


def clean_name(name: str) -> str:
    """A name as a member may bear it, without what is invisible; may come out empty."""
    return " ".join("".join(c for c in in_line(name) if c not in JOINERS).split())[:NAME_LIMIT].strip()


def clean_text(text: str) -> str:
    """What a member typed, without control characters; line breaks and tabs stay."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def joined(parts: Sequence[Part]) -> str:
    """A message as the terminal shows it, harmless; a mention stands apart from what follows it."""
    pieces: list[str] = []
    for before, part in zip((None, *parts), parts, strict=False):
        piece = _shown(part)
        pieces.append(f" {piece}" if isinstance(before, Mention) and not piece[:1].isspace() else piece)
    return "".join(pieces)


def _shown(part: Part) -> str:
    """One part of a message as the terminal shows it; harmless."""
    match part:
        case Text(text):
            return harmless(text)
        case Mention(id, name):
            return f"@{in_line(name or ('所有人' if id == EVERYONE else id))}"
        case Image(data=bytes(data)):
            return f"[图片 {described(data)}]"
        case Image(url=url):
            return f"[图片 {in_line(url)}]" if url else "[图片]"
        case Face():
            return "[表情]"
        case Card(title, url):
            return f"[卡片 {in_line(f'{title} {url}')}]"
        case File(name, url):
            return f"[文件 {in_line(f'{name} {url}')}]"
        case Forward():
            return "[聊天记录]"
        case _:
            return f"[{in_line(part.kind)}]"


def _stand_in(c: str) -> str:
    """For a character that is not plainly printable: a picture of it, nothing where it only hides, or itself."""
    match unicodedata.category(c):
        case "Cc":
            picture = "␡" if c == "\x7f" else "\ufffd" if c > "\x7f" else chr(0x2400 + ord(c))
            return {"\t": " ", "\r": ""}.get(c, picture)
        case "Cf":
            return c if c in JOINERS else ""
        case "Cs":
            return "\ufffd"
        case "Zl" | "Zp":
            return "\n"
        case _:
            return c
