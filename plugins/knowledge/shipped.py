"""The questions and answers that come with the bot, put on the shelf when they are first looked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from loguru import logger
from sqlite_utils import Database

from bot.api import Db, Plugin
from plugins.knowledge.chunks import Chunk, chunks
from plugins.knowledge.shelf import SHIPPED, drop, entries, held, is_outdated, put, reindex

SMALL_ENOUGH = 5_000
"""So many chunks are indexed anew well within the time of one write."""
FOLDER = Path(__file__).parent / "faq"


@asynccontextmanager
async def shipped(settings: Plugin, db: Db) -> AsyncIterator[None]:
    """On the shelf while entered: what has changed since the last time is read and put there anew."""
    files, digests = await asyncio.to_thread(_files)
    standing = {entry.source: entry.digest for entry in await db.read(partial(entries, name=SHIPPED))}
    if standing != digests or await db.read(is_outdated):
        changed = {name: data for name, data in files.items() if standing.get(name) != digests[name]}
        read = await asyncio.to_thread(_read, changed)
        gone = [name for name in standing if name not in digests]

        def store(db: Database) -> None:
            if is_outdated(db):
                renew(db)
            drop(db, SHIPPED, gone)
            for name, (title, pieces) in read.items():
                put(db, SHIPPED, source=name, title=title, digest=digests[name], chunks=pieces)

        await db.write(store)
    yield


def renew(db: Database) -> None:
    """Index a shelf anew that an earlier version has indexed by other terms; a large one is the operator's to renew."""
    if held(db) <= SMALL_ENOUGH:
        reindex(db)
    else:
        logger.error("The knowledge was indexed by an earlier version: run `xiaopeng knowledge add` once")


def _files() -> tuple[dict[str, bytes], dict[str, str]]:
    """The files and their digests, by their names."""
    from plugins.knowledge.filling import digest  # the parsers behind it take a while to load

    files = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.md"))}
    return files, {name: digest(data) for name, data in files.items()}


def _read(files: Mapping[str, bytes]) -> dict[str, tuple[str, list[Chunk]]]:
    from plugins.knowledge.reading import read

    documents = {name: read(name, data) for name, data in files.items()}
    return {name: (document.title, list(chunks(document))) for name, document in documents.items()}
