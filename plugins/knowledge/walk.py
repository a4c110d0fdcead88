"""Which files of a folder are documents, and by what name each is known."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from plugins.knowledge.documents import Unreadable

SKIPPED = frozenset({"node_modules"})
"""Folders that hold other people's documents; hidden ones are skipped by their name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document's file; `source` is its name on every machine. What has a `trouble` cannot be read.

    The source of a folder that cannot be listed ends in a slash.
    """

    path: Path
    source: str
    trouble: str = ""


def name(path: Path) -> str:
    """What a file or folder is called, `.` and `..` too; empty for the root of a disk."""
    return printed(Path(os.path.normpath(path.absolute())).name)


def printed(text: str) -> str:
    """A file's name as text that can be stored: one form on all systems, and no bytes that mean nothing."""
    return unicodedata.normalize("NFC", os.fsencode(text).decode("utf-8", "replace"))


def walk(folder: Path, top: str, suffixes: Collection[str]) -> Iterator[Found]:
    """The documents below `folder` in the order of their names; each source begins with `top` and a slash.

    Hidden files and folders and `node_modules` are left out. So are links: what one inside the folder leads to is
    met in its own place, and what is outside does not belong to it.
    """
    waiting = [(folder, f"{top}/" if top else "")]
    while waiting:
        here, prefix = waiting.pop()
        try:
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(here, prefix, f"cannot be listed ({error.strerror})")
            continue
        inner = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            source = prefix + printed(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED:
                    inner.append((here / entry.name, f"{source}/"))
            elif PurePosixPath(entry.name).suffix.lower() in suffixes:
                if trouble := _trouble(entry):
                    yield Found(here / entry.name, source, trouble)
                elif not entry.is_symlink():
                    yield Found(here / entry.name, source)
        waiting += reversed(inner)


def _trouble(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "" if Path(entry.path).exists() else "is a link that leads nowhere"
    return "" if entry.is_file(follow_symlinks=False) else "is no ordinary file"


def contents(found: Found, limit: int) -> bytes:
    """What is in a file. Raises Unreadable, where it is more than `limit` bytes too."""
    if found.trouble:
        raise Unreadable(found.trouble)
    try:
        # It may have become a pipe since it was found: that would be waited for without an end.
        descriptor = os.open(found.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise Unreadable("is no ordinary file")
            data = file.read(limit + 1) if state.st_size <= limit else b""
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from error
    if max(state.st_size, len(data)) > limit:
        raise Unreadable(f"is larger than {limit // 2**20} MB: cut it into several files")
    return data


def gone(known: Collection[str], top: str, found: Collection[Found]) -> list[str]:
    """Which of the sources that are known lie below `top`, and were not found there.

    What lies in a folder that could not be listed is not gone.
    """
    there = {each.source for each in found}
    closed = tuple(source for source in there if source.endswith("/"))
    return [
        source for source in known
        if source.startswith(f"{top}/") and source not in there and not source.startswith(closed)
    ]  # fmt: skip
