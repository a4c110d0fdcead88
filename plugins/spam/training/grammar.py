"""Texts made from templates: every line of a topic file is one way to say something.

    = name: this | that            a slot of the file; its values may hold slots
    {name} and [one|another|]      filled at random

Slots that are the same everywhere (contacts, prices) come from `slots`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from plugins.spam.training.slots import SLOTS

DEEPEST = 6
"""How many slots may stand inside each other, so that a slot that holds itself comes to an end."""
_PIECE = re.compile(r"\\([\[\]{}\\n|])|\{([a-z_0-9]+)\}|\[([^\[\]]*)\]")
_SLOT = re.compile(r"^= *([a-z_0-9]+) *: *(.*)$")


class Unfit(ValueError):
    """A topic file that cannot be read: says the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One file: its templates, and the slots of its own."""

    name: str
    templates: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]

    def say(self, template: str, dice: Random) -> str:
        """One text of a template."""
        return self._fill(template, dice, 0).strip()

    def texts(self, count: int, dice: Random) -> Iterator[tuple[str, str]]:
        """`count` different texts, each with its template, all as often; fewer where they have no more to say."""
        seen: set[str] = set()
        tries = 0
        while len(seen) < count and tries < 4 * count + len(self.templates):
            for template in dice.sample(self.templates, len(self.templates)):
                tries += 1
                text = self.say(template, dice)
                if text and text not in seen and len(seen) < count:
                    seen.add(text)
                    yield template, text

    def _fill(self, template: str, dice: Random, depth: int) -> str:
        if depth > DEEPEST:
            return ""

        def piece(found: re.Match[str]) -> str:
            escaped, slot, choice = found.groups()
            if escaped is not None:
                return "\n" if escaped == "n" else escaped
            if slot is not None:
                made: Callable[[Random], str] | None = SLOTS.get(slot) if slot not in self.slots else None
                return made(dice) if made else self._fill(dice.choice(self.slots[slot]), dice, depth + 1)
            return self._fill(dice.choice(choice.split("|")), dice, depth + 1)

        return _PIECE.sub(piece, template)


def read(path: Path) -> Topic:
    """A topic file. Raises Unfit."""
    templates: list[str] = []
    slots: dict[str, tuple[str, ...]] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        found = _SLOT.match(line)
        if found:
            slots[found[1]] = tuple(value.strip() for value in found[2].split(" | "))
        else:
            templates.append(line.strip())
    known = slots.keys() | SLOTS.keys()
    for number, line in enumerate(lines, 1):
        for piece in _PIECE.finditer(line):
            wanted = [piece[2]] if piece[2] else re.findall(r"\{([a-z_0-9]+)\}", piece[3] or "")
            missing = [name for name in wanted if name not in known]
            if missing:
                raise Unfit(f"{path.name}:{number}: no slot named {missing[0]}")
        if not line.startswith("#") and re.search(r"[\[\]{}]", _PIECE.sub("", line)):
            raise Unfit(f"{path.name}:{number}: a bracket or brace is left open (a literal one is written \\[)")
    if not templates:
        raise Unfit(f"{path.name}: no templates")
    return Topic(path.stem, tuple(templates), slots)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        topic = read(Path(name))
        sys.stdout.write(f"{name}: {len(topic.templates)} templates, {len(topic.slots)} slots\n")
        for _, text in topic.texts(12, Random()):
            sys.stdout.write("  " + text.replace("\n", "⏎") + "\n")
