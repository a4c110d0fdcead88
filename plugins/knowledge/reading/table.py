"""FAQ tables: a question and its answer in every row; and plain text, which may be such a table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from plugins.knowledge.documents import Document, Section
from plugins.knowledge.reading.encodings import decode
from plugins.knowledge.reading.outline import called, trimmed

QUESTION = frozenset({"问题", "标准问", "标准问题", "标题", "提问", "question", "questions", "q", "title"})
ANSWER = frozenset({"答案", "回答", "回复", "标准答案", "答复", "内容", "answer", "answers", "a", "response"})
ALSO = frozenset({"相似问", "相似问题", "相似问法", "又问", "similar", "also", "similar questions"})
COLUMNS = 64
"""Columns of a row that are looked at."""
_SPAN = 100
"""Lines that one quoted field may take: an open quote must not swallow the rows behind it."""


def read(name: str, data: bytes) -> Document:
    """A .csv or .tsv file; rows without a question or an answer are left out."""
    lines = decode(data).split("\n")
    delimiter = "\t" if name.lower().endswith(".tsv") else _sniffed(lines)
    return Document(called(name), tuple(_sections(_rows(lines, delimiter))))


def read_text(name: str, data: bytes) -> Document:
    """A .txt file: question TAB answer in nearly every line, or else plain text."""
    text = decode(data)
    filled = [line for line in text.split("\n") if line.strip()]
    pairs = sum(1 for line in filled if line.strip().count("\t") in (1, 2))
    if filled and pairs >= 0.9 * len(filled):
        return Document(called(name), tuple(_sections(re.split(r"\t+", line.strip()) for line in filled)))
    whole = trimmed(text)
    return Document(called(name), (Section((), whole),) if whole else ())


def _sections(rows: Iterator[list[str]]) -> Iterator[Section]:
    asked, answered, other = 0, 1, -1
    for number, row in enumerate(rows):
        if number == 0 and (columns := _columns(row)):
            asked, answered, other = columns
            continue
        if len(row) <= max(asked, answered):
            continue
        question, answer = " ".join(row[asked].split()), trimmed(row[answered])
        if question and answer:
            also = row[other] if 0 <= other < len(row) else ""
            yield Section((question,), answer, tuple(filter(None, map(str.strip, re.split(r"[|；;\n]", also)))))


def _columns(row: list[str]) -> tuple[int, int, int] | None:
    """Where a header has the question, the answer and other wordings (-1 for none); nothing if it is no header."""
    words = [cell.strip().casefold() for cell in row]

    def place(of: frozenset[str]) -> int:
        return next((at for at, word in enumerate(words) if word in of), -1)

    asked, answered, also = place(QUESTION), place(ANSWER), place(ALSO)
    return (asked, answered, also) if min(asked, answered) >= 0 else None


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    at = 0
    while at < len(lines):
        row, used = _row(lines, at, delimiter)
        at += used
        if any(cell.strip() for cell in row):
            yield row


def _row(lines: list[str], at: int, delimiter: str) -> tuple[list[str], int]:
    """One row and the lines it takes; a row whose quotes do not match is split where its delimiters are."""
    if '"' in lines[at]:
        reader = csv.reader(
            (f"{lines[here]}\n" for here in range(at, min(at + _SPAN, len(lines)))),
            delimiter=delimiter,
            strict=True,
        )
        try:
            return next(reader)[:COLUMNS], reader.line_num
        except (csv.Error, StopIteration):
            pass  # read as plain below: its neighbours must not suffer
    return [cell.strip('"') for cell in lines[at].split(delimiter, COLUMNS)], 1


def _sniffed(lines: list[str]) -> str:
    """The delimiter that gives the most rows of one width; a header that is understood decides alone."""
    best, most = ",", 0
    for delimiter in ("\t", ",", ";"):
        rows = list(islice(_rows(lines[:200], delimiter), 50))
        if rows and _columns(rows[0]):
            return delimiter
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if (count := max(widths.values(), default=0)) > most:
            best, most = delimiter, count
    return best
