"""The words of a reply on their way out: made into parts, defused, labelled, cut into messages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from bot.types import EVERYONE, Forward, Image, Mention, Part, Stream, Text

SENTENCE_END = re.compile(r"[。！？；…!?;\n]+[」』”’）)\]]*")
LONGEST_CALL = 16
"""No call to everybody is longer, from its @ on."""
TO_EVERYONE = re.compile(r"[@＠](?=\s*(?:全体成员|所有人|全体|everyone|all\b|here\b))", re.IGNORECASE)


def parts_of(body: str | Image | tuple[Part | str, ...]) -> tuple[Part, ...]:
    """The parts of a reply; texts that touch become one."""
    if isinstance(body, str):
        return (Text(body),)
    if isinstance(body, Image):
        return (body,)
    parts: list[Part] = []
    for part in body:
        text = part if isinstance(part, str) else part.text if isinstance(part, Text) else None
        if text is None:
            assert not isinstance(part, str)
            parts.append(part)
        elif parts and isinstance(last := parts[-1], Text):
            parts[-1] = Text(last.text + text)
        else:
            parts.append(Text(text))
    return tuple(parts)


def plain(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Mention(_, name):
            return f"@{name} "
        case Image():
            return "[图片]"
        case Forward(messages=messages):
            return "\n".join("".join(map(plain, inside)) for inside in messages)
        case _:
            return ""


def defused(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """What a model wrote calls nobody, least of all everybody."""
    return tuple(
        Text(TO_EVERYONE.sub("＠ ", part.text)) if isinstance(part, Text) else part
        for part in parts
        if not (isinstance(part, Mention) and part.id == EVERYONE)
    )


async def defused_stream(pieces: Stream) -> AsyncIterator[str]:
    """The pieces, defused also where a call to everybody is spread over several: what may become one waits."""
    held = ""
    async for piece in pieces:
        held += piece
        at = max(held.rfind("@"), held.rfind("＠"))
        ready = len(held) if at < 0 or len(held) - at > LONGEST_CALL else at
        if ready:
            yield TO_EVERYONE.sub("＠ ", held[:ready])
            held = held[ready:]
    if held:
        yield TO_EVERYONE.sub("＠ ", held)


def labelled(parts: tuple[Part, ...], label: str) -> tuple[Part, ...]:
    if parts and isinstance(parts[-1], Text):
        return (*parts[:-1], Text(f"{parts[-1].text}\n{label}"))
    return (*parts, Text(label))


def split_parts(parts: tuple[Part, ...], limit: int) -> list[tuple[Part, ...]]:
    """Several messages of at most `limit` characters of text each."""
    messages: list[tuple[Part, ...]] = []
    current: list[Part] = []
    room = limit
    for part in parts:
        if not isinstance(part, Text) or len(part.text) <= room:
            current.append(part)
            room -= len(part.text) if isinstance(part, Text) else 0
            continue
        pieces = split_text(part.text, limit, room)
        for piece in pieces[:-1]:
            if piece:
                current.append(Text(piece))
            if current:
                messages.append(tuple(current))
            current = []
        current = [Text(pieces[-1])]
        room = limit - len(pieces[-1])
    if current or not messages:
        messages.append(tuple(current))
    return messages


def split_text(text: str, limit: int, first: int | None = None) -> list[str]:
    """Pieces of at most `limit` characters (the first: of `first`), cut after sentences where there are any."""
    pieces: list[str] = []
    room = limit if first is None else first
    while len(text) > room:
        window = text[:room]
        ends = [match.end() for match in SENTENCE_END.finditer(window)]
        cut = ends[-1] if ends and ends[-1] > room // 3 else window.rfind(" ") + 1
        if cut <= room // 3:
            cut = room
        pieces.append(text[:cut].rstrip("\n "))
        text = text[cut:].lstrip("\n ")
        room = limit
    pieces.append(text)
    return pieces
