"""What the model learns from: rows of data, texts made from templates, and both again in disguise."""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from random import Random

from plugins.spam.training import grammar
from plugins.spam.training.evasions import Evasions

OWN = "own"
"""What the sources of our own templates begin with."""
MADE = 6
"""Texts of each template."""
DISGUISED = {True: 0.9, False: 0.15}
"""How many more texts there are in disguise: of the ads, and of the harmless ones."""
PADDED = 0.2
"""How many of the ads are hidden in harmless talk."""


class Unreadable(ValueError):
    """A data file that is not what it should be: says which line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text to learn from.

    root  what it was made from: texts of one root are not held apart
    ways  how it was disguised or padded, joined by +: such a text is no evidence of what is really said
    """

    text: str
    spam: bool
    source: str
    root: str
    ways: str = ""

    @property
    def made(self) -> bool:
        return bool(self.ways)


def rows(path: Path) -> Iterator[Row]:
    """The rows of a jsonl file with `text`, `label` (spam or ham) and `source`. Raises Unreadable."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.removeprefix(codecs.BOM_UTF8))
                text, label = row["text"], row["label"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise Unreadable(f"{path}:{number}: needs an object with text and label ({error})") from error
            if not isinstance(text, str) or label not in ("spam", "ham"):
                raise Unreadable(f"{path}:{number}: text must be a string, label spam or ham")
            if text.strip():
                yield Row(text, label == "spam", str(row.get("source", path.stem)), text)


def written(dice: Random, count: int = MADE) -> Iterator[Row]:
    """Texts of our own templates."""
    with as_file(files("plugins.spam.training").joinpath("texts")) as folder:
        for path in sorted(folder.glob("*/*.txt")):
            topic = grammar.read(path)
            for template, text in topic.texts(count * len(topic.templates), dice):
                yield Row(text, path.parent.name == "spam", f"{OWN} {topic.name}", template)


def disguised(known: Sequence[Row], dice: Random) -> Iterator[Row]:
    """Some of the rows once more, as somebody writes who hides from a filter; harmless ones, too, so that disguise
    alone condemns nobody."""
    evasions = Evasions()
    for spam, share in DISGUISED.items():
        some = [row for row in known if row.spam == spam]
        for row in dice.sample(some, int(share * len(some))):
            text, ways = evasions.evade(row.text, dice)
            yield replace(row, text=text, ways=ways)


def padded(known: Sequence[Row], dice: Random) -> Iterator[Row]:
    """Some of the ads, with harmless talk before or behind them."""
    ham = [row.text for row in known if not row.spam and len(row.text) < 80]
    ads = [row for row in known if row.spam and len(row.text) < 120]
    for row in dice.sample(ads, int(PADDED * len(ads))) if ham else ():
        before, behind = _talk(ham, dice), _talk(ham, dice)
        gap = dice.choice(["\n", " ", "。", "，", ""])
        kept = dice.choice([(before, row.text), (row.text, behind), (before, row.text, behind)])
        yield replace(row, text=gap.join(kept), ways="padded")


def _talk(ham: Sequence[str], dice: Random) -> str:
    return dice.choice(["，", "\n", " ", "。"]).join(dice.sample(ham, dice.randint(1, min(3, len(ham)))))


def corpus(data: Iterable[Path], dice: Random, sources: Collection[str] = ()) -> list[Row]:
    """Everything to learn from, no text twice; `sources` names those of the data that are taken, all where empty."""
    known = {row.text: row for path in data for row in rows(path) if not sources or row.source in sources}
    for row in written(dice):
        known.setdefault(row.text, row)
    real = list(known.values())
    return [*real, *disguised(real, dice), *padded(real, dice)]
