"""How what stands on the shelf is shown: where it comes from, and as much of it as fits into a message."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from plugins.knowledge.chunks import JOIN
from plugins.knowledge.search import Hit
from plugins.knowledge.shelf import SHIPPED

LONGEST = 600
"""Characters of a passage that are shown at most."""
ALSO = 2
"""So many headings are named that came near."""
CUT = "……（节选）"
FAQ = "自带问答"
FRIEND = "群友"
"""Who said something whose author has asked to be forgotten."""
_END = re.compile(r"[。！？；…!?;]+[」』”’）)\]]*|\.(?=\s)|\n")


def said(name: str, title: str) -> str:
    """The source of what somebody said today: a shelf has each only once, so the title is a part of it."""
    return f"{brief(name, 30) or FRIEND} {time.strftime('%Y-%m-%d')}{tail(title)}"


def tail(title: str) -> str:
    return f"：{title}"


def source(stored: str, document: str, collection: str = "") -> str:
    """A stored source as members may read it; `document` is the title of what it is the source of."""
    return FAQ if collection == SHIPPED else stored.removesuffix(tail(document))


def source_of(hit: Hit) -> str:
    return source(hit.source, hit.document, hit.collection)


def place(shown: str, title: str) -> str:
    """Where a passage stands, in one line: its source, and the headings above it."""
    return " › ".join(filter(None, (" ".join(part.split()) for part in (shown, title))))


def near(hits: Sequence[Hit]) -> str:
    """A line that names the headings which came near; empty where they have none."""
    titles = dict.fromkeys(hit.title.rpartition(JOIN)[2] for hit in hits[:ALSO] if hit.title)
    return f"\n相近的有：{''.join(f'《{brief(title)}》' for title in titles)}" if titles else ""


def excerpt(text: str, longest: int = LONGEST) -> str:
    """The text, or as much of its beginning as fits, to the end of a sentence or line where there is one."""
    text = text.strip()
    if len(text) <= longest:
        return text
    ends = [end.end() for end in _END.finditer(text, 0, longest) if end.end() > longest // 2]
    return text[: ends[-1] if ends else longest].rstrip() + CUT


def storable(text: str) -> str:
    """The text without halves of characters, which can be received but not stored."""
    return text.encode("utf-8", "replace").decode()


def brief(text: str, longest: int = 40) -> str:
    """The text in one short line."""
    line = storable(" ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def day(moment: float) -> str:
    """A Unix time as members read it."""
    return time.strftime("%m-%d", time.localtime(moment))


def percent(share: float) -> str:
    return f"{share:.0%}"
