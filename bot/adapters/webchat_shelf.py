"""The files that members of the web chat share: in memory, by unguessable ids, bounded in number and size."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass

LARGEST = 20_000_000
"""Bytes of one file."""
SPACE = 5 * LARGEST
MOST = 200
NAME_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Held:
    name: str
    data: bytes


class Shelf:
    """The files; the oldest go when they outgrow `space` bytes or are more than `most`."""

    def __init__(self, space: int = SPACE, most: int = MOST) -> None:
        self._space = space
        self._most = most
        self._size = 0
        self._files: OrderedDict[str, Held] = OrderedDict()

    def add(self, name: str, data: bytes) -> str:
        """Keep a file and return its id."""
        key = secrets.token_urlsafe(18)
        self._files[key] = Held(clean_file_name(name), data)
        self._size += len(data)
        while len(self._files) > 1 and (self._size > self._space or len(self._files) > self._most):
            self.drop(next(iter(self._files)))
        return key

    def get(self, key: str) -> Held | None:
        return self._files.get(key)

    def drop(self, key: str) -> None:
        held = self._files.pop(key, None)
        self._size -= len(held.data) if held else 0


def clean_file_name(name: str) -> str:
    """A file's name without folders and without characters that hide or turn the writing around; never empty.

    Of a name that is too long the end stays, because it tells what kind of file it is.
    """
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(c for c in last if unicodedata.category(c)[0] != "C" and (c == " " or not c.isspace()))
    return seen.strip(" .")[-NAME_LIMIT:].strip() or "文件"
