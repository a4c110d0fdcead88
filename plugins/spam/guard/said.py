"""From a message to what the engine sees of it; what is quoted is no part of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.api import EVERYONE, Card, File, Forward, Image, Mention, Message, Other, Part, Text
from plugins.spam.finding import Said
from plugins.spam.guard.groups import Standing, Watched

DEEPEST = 4
"""Merged messages inside merged messages are read down to here."""
MOST_INSIDE = 200
LONGEST = 20_000
"""So many characters of a message are judged, the last quarter of them from its end."""
LONGEST_NAME = 60
REAL_LETTERS = 6
"""A message with fewer letters and digits earns no trust."""
_APPEAL = re.compile(r"\s*[/／](?:申诉|appeal)\s+#?\d", re.IGNORECASE)
_KINDS = {Image: "图片", Card: "卡片", Forward: "合并转发", File: "文件", Mention: "提到的人", Other: "别的内容"}


@dataclass(slots=True)
class _Read:
    links: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    forwarded: list[str] = field(default_factory=list)
    pictures: int = 0
    everyone: bool = False
    room: int = LONGEST
    inside: int = 0

    def part(self, part: Part, depth: int) -> str:
        """Take a part in; what it says beside a text, for a merged message to hold."""
        match part:
            case Text(text):
                return text
            case Image():
                self.pictures += 1
            case Mention(id):
                self.everyone |= id == EVERYONE
            case Card(title, url):
                self._card(title, url)
            case File(name):
                self._card(name, "")
            case Forward(messages=messages) if depth < DEEPEST:
                self._forward(messages, depth)
        return ""

    def _card(self, title: str, url: str) -> None:
        if self.room > 0 and title:
            self.cards.append(title[: self.room])
            self.room -= len(title)
        if self.room > 0 and url:
            self.links.append(url[:2000])
            self.room -= len(url)

    def _forward(self, messages: tuple[tuple[Part, ...], ...], depth: int) -> None:
        for message in messages:
            self.inside += 1
            if self.inside > MOST_INSIDE or self.room <= 0:
                return
            text = "".join([self.part(part, depth + 1) for part in message])[: max(0, self.room)]
            if text.strip():
                self.forwarded.append(text)
                self.room -= len(text)


def said(message: Message, watched: Watched, standing: Standing, needed: int) -> Said:
    """A message as the engine sees it; `needed` real messages make a member trusted."""
    member, text = message.member, message.text
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - LONGEST // 4]}\n{text[-LONGEST // 4 :]}"
    trusted = bool(standing.trusted_by) or standing.real >= needed
    parts = message.parts
    if len(parts) == 1 and isinstance(parts[0], Text):
        return Said(
            text, watched.id, member.id, member.name[:LONGEST_NAME], real=standing.real, trusted=trusted,
            time=message.time,
        )  # fmt: skip
    read = _Read()
    for part in parts:
        if not isinstance(part, Text):
            read.part(part, 0)
    return Said(
        text, watched.id, member.id, member.name[:LONGEST_NAME], tuple(read.links), tuple(read.cards),
        tuple(read.forwarded), read.pictures, read.everyone, standing.real, trusted, message.time,
    )  # fmt: skip


def lost(message: Message) -> str:
    """What stands in a message besides its words, and cannot be said again for its author."""
    kinds = (_KINDS.get(type(part)) for part in message.parts)
    return "、".join(dict.fromkeys(filter(None, kinds)))


def is_real(text: str) -> bool:
    """Whether a message says enough to earn trust by."""
    letters = 0
    for character in text[:200]:
        letters += character.isalnum()
        if letters >= REAL_LETTERS:
            return True
    return False


def is_command(text: str) -> bool:
    """Whether a message calls a command: many members send the same one, and that is no flood."""
    return text.lstrip()[:1] in ("/", "／")


def is_appeal(text: str) -> bool:
    """Whether a message is an appeal."""
    return _APPEAL.match(text) is not None
