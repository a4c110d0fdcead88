"""An admin's own list of ads: lines of text, a table or JSON lines, of which what can be learnt from is kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from plugins.spam.drift import odd, standing
from plugins.spam.guard import samples
from plugins.spam.guard.decisions import LONGEST, storable
from plugins.spam.model import SHIPPED, Model
from plugins.spam.nearest import Known, Trace, load_common
from plugins.spam.replay import Replay

BYTES: Final = 10_000_000
MOST: Final = 500
"""So many ads of one file are taken: what a group goes by has a bound (`lessons.TEXTS`), its own words included."""
LINES: Final = 100_000
KINDS: Final = (".txt", ".csv", ".jsonl")
SHORTEST: Final = 8
"""Pieces of three syllables, numbers left out, with which a text can be known again."""


class Unreadable(Exception):
    """The file holds no list of ads; it says why."""


@dataclass(slots=True)
class Sorted:
    """The ads of a file that are new, by line, and what was left out: line, why, text; `known`: how many of these
    are there already."""

    ads: dict[int, str] = field(default_factory=dict)
    left: list[tuple[int, str, str]] = field(default_factory=list)
    known: int = 0


def read(path: Path) -> Iterator[tuple[int, str | None, str]]:
    """The line, the text and, where there is none that can be used, the reason. Raises Unreadable."""
    kind = path.suffix.casefold()
    if kind not in KINDS:
        raise Unreadable(f"the name has to end in {', '.join(KINDS)}")
    if not path.is_file():
        raise Unreadable("there is no such file")
    try:
        with path.open("rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        raise Unreadable(error.strerror or "it cannot be read") from error
    if len(data) > BYTES:
        raise Unreadable(f"it is longer than {BYTES // 1_000_000} MB")
    text = _decoded(data)
    rows = {".txt": _lines, ".csv": _table, ".jsonl": _objects}[kind](text)
    for count, row in enumerate(rows):
        if count >= LINES:
            raise Unreadable(f"it has more than {LINES} lines")
        yield row


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # what spreadsheets write in China
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(text.count(chr(control)) for control in range(32) if chr(control) not in "\t\n\r\f\v"):
            return text
    raise Unreadable("it is no text")


def _lines(text: str) -> Iterator[tuple[int, str | None, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip(), ""


def _table(text: str) -> Iterator[tuple[int, str | None, str]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        head = [name.strip().casefold() for name in next(reader, [])]
        if "text" not in head:
            raise Unreadable("its first line names no column text")
        place, labels = head.index("text"), head.index("label") if "label" in head else None
        for row in reader:
            if not any(row):
                continue
            if len(row) <= place:
                yield reader.line_num, None, "no text"
            else:
                label = row[labels].strip() if labels is not None and labels < len(row) else "spam"
                yield _labelled(reader.line_num, row[place], label or "spam")
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num} is no table: {error}") from error


def _objects(text: str) -> Iterator[tuple[int, str | None, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            yield number, None, "no JSON"
            continue
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            yield number, None, "no text"
        else:
            yield _labelled(number, row["text"], row.get("label", "spam"))


def _labelled(number: int, text: str, label: object) -> tuple[int, str | None, str]:
    return (number, text, "") if label == "spam" else (number, None, "not labelled spam")


def sort(path: Path, known: Collection[bytes], harmless: Collection[bytes]) -> Sorted:
    """Sort out what can be learnt from a file. Raises Unreadable.

    known, harmless  `samples.key` of the ads that are there, and of what admins called harmless
    """
    model, ham, common = _shipped()
    result, index = Sorted(), Known(common)
    first: dict[frozenset[str] | bytes, int] = {}

    def objection(number: int, text: str, key: bytes) -> str:
        if key in known:
            result.known += 1
            return "there already"
        if key in harmless:
            return "an admin said that it is no ad"
        if len(result.ads) >= MOST:
            return f"more than {MOST} ads in one file"
        reading = model.read(text)
        trace = Trace.of(reading.folded)
        same = first.get(key) or first.get(trace.grams)
        if same is not None:
            return f"the same as line {same}"
        if len(trace.grams) < SHORTEST:
            return "too short to be known by"
        if odd(standing([model.weigh(reading)], ham)) or not index.add(number, trace):
            return "it reads like ordinary talk"
        first[key] = first[trace.grams] = number
        return ""

    for number, read_text, reason in read(path):
        text = storable(read_text or "")[:LONGEST].strip()
        key = samples.key(text)
        why = (reason or "no text") if key is None else objection(number, text, key)
        if why:
            result.left.append((number, why, text))
        else:
            result.ads[number] = text
    return result


def _shipped() -> tuple[Model, list[float], frozenset[str]]:
    """The model, where ordinary messages stand with it, and the pieces that these share. Raises model.Unreadable."""
    model, folder = Model.load(), Path(str(files("plugins.spam") / SHIPPED))
    ham = sorted(
        model.margin(example.indices) for example in Replay.load(folder / "replay.bin").check if not example.spam
    )
    return model, ham, load_common(folder / "common.bin")
