"""How a passage is shown: word for word, cut at the end of a sentence, with where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.api import Passage

LONGEST = 600
"""Characters of a passage that are shown at most."""
CUT = "……（节选）"
QUOTING = "资料里这样写："
END = re.compile(r"[。！？；…!?;]+[」』”’）)\]]*|\.(?=\s)|\n")
FENCE = "```"


def shown(passage: Passage, first: str = QUOTING) -> str:
    """The passage after a line that declares it, with its source in the last line."""
    return f"{first}\n{cut(passage.text)}\n\n依据：{place(passage)}"


def place(passage: Passage) -> str:
    """Where a passage stands: its source, and the headings above it."""
    return " › ".join(filter(None, (_line(passage.source), _line(passage.title))))


def listed(passages: Iterable[tuple[int, Passage]]) -> str:
    """The sources of an answer, one in a line, under the numbers that the answer gives them."""
    return "依据：" + "\n".join(f"[{number}] {place(passage)}" for number, passage in passages)


def cut(text: str, longest: int = LONGEST) -> str:
    """The text, or as much of its beginning as fits, to the end of a sentence or line where there is one."""
    text = text.strip()
    if len(text) <= longest:
        return text
    ends = [end.end() for end in END.finditer(text, 0, longest) if end.end() > longest // 2]
    kept = text[: ends[-1] if ends else longest].rstrip()
    if kept.count(FENCE) % 2:
        kept += f"\n{FENCE}"
    return kept + CUT


def _line(text: str) -> str:
    return " ".join(text.split())
