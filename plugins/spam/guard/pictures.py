"""Looks at the pictures of a message beside the lane: codes, known ads, and what is written in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final

from loguru import logger
from sqlite_utils import Database

from bot.api import (
    Answer,
    ConfigError,
    Context,
    FetchError,
    Forward,
    Image,
    Message,
    ModelError,
    Part,
    Refusal,
    Role,
    fetch,
)
from plugins.spam import images, pictured, targets
from plugins.spam.codes import Code
from plugins.spam.finding import Finding, Said
from plugins.spam.guard import decisions, gallery
from plugins.spam.guard.gallery import Print
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.sight import Key, Sight, sight
from plugins.spam.guard.state import Guard
from plugins.spam.guard.tables import EVERYWHERE

PURPOSE: Final = "read_picture"
MOST: Final = 4
"""Pictures of one message that are looked at."""
DEEPEST: Final = 4
BYTES: Final = 10_000_000
SECONDS: Final = 15.0
READ_SECONDS: Final = 30.0
LONGEST: Final = 1500
NOTHING: Final = frozenset({"", "（无字）", "(无字)", "无字", "无"})
"""What a model says of a picture without words."""

Found = Callable[[Finding], Awaitable[object]]
"""What is to be done with a finding that is no `pass`."""


async def watch(
    ctx: Context, guard: Guard, watched: Watched, message: Message, seen: Said, found: Found, *, reads: bool = False
) -> None:
    """Have the pictures of a message looked at, if it has any that matter; it returns at once.

    found  called beside the lane with a finding that is no `pass`
    reads  the group lets a model read what is written in the pictures of newcomers
    """
    pictures = pictures_of(message.parts)
    if not pictures or message.member.role >= Role.ADMIN:
        return
    kept = await ctx.keep(sight, scope="bot")
    if images.available():
        return
    kept.heard((watched.id, message.id), pictures)
    shelf = kept.shelves.get((watched.id, _shares(ctx)))
    if seen.trusted and shelf is not None and not shelf:
        return
    ctx.later(partial(_look, ctx, guard, watched, message, seen, found, kept, pictures, reads))


def pictures_of(parts: Iterable[Part], depth: int = 0) -> list[Image]:
    """The first pictures of a message, those in merged messages included."""
    found: list[Image] = []
    for part in parts:
        if isinstance(part, Image) and (part.data or part.url):
            found.append(part)
        elif isinstance(part, Forward) and depth < DEEPEST:
            for inner in part.messages[:50]:
                found += pictures_of(inner, depth + 1)
        if len(found) >= MOST:
            break
    return found[:MOST]


async def teach(ctx: Context, message_id: str, decision_id: int | None, *, share: bool = False) -> int:
    """Know the pictures of a message as ads from now on; returns how many of them can be known again."""
    if images.available():
        return 0
    kept = await ctx.keep(sight, scope="bot")
    prints = await _prints(kept, (ctx.group.id, message_id))
    if not prints:
        return 0
    groups = [EVERYWHERE if share else ctx.group.id]
    known: int = await ctx.db.write(lambda db: gallery.add(db, groups, prints, decision_id))
    kept.shelves.clear()
    return known


async def unteach(ctx: Context, message_id: str, decision_id: int | None) -> None:
    """Know the pictures of a message no longer as ads, nor what a decision taught."""
    kept = await ctx.keep(sight, scope="bot")
    prints, _ = kept.remembered((ctx.group.id, message_id))
    share = _shares(ctx)
    await ctx.db.write(lambda db: gallery.drop(db, ctx.group.id, prints, decision_id, share=share))
    kept.shelves.clear()


def _shares(ctx: Context) -> bool:
    """Whether the group goes by what other groups confirmed."""
    return bool(getattr(ctx.settings, "share", False))


# --- beside the lane ------------------------------------------------------------------------------


async def _look(
    ctx: Context,
    guard: Guard,
    watched: Watched,
    message: Message,
    seen: Said,
    found: Found,
    kept: Sight,
    pictures: Sequence[Image],
    reads: bool,
) -> None:
    shelf = await kept.shelf(ctx.db, watched.id, share=_shares(ctx))
    if seen.trusted and not shelf:
        return
    codes, prints, copy = await _seen(kept, watched.id, pictures, copied=reads and not seen.trusted)
    kept.saw((watched.id, message.id), prints)
    finding = await judged(guard, watched, seen, codes)
    if hit := next(filter(None, map(shelf.known, prints)), None):
        finding = pictured.with_known(finding, hit[1])
    elif copy is not None and finding.verdict != "act" and kept.may_read(watched.id, message.member.id):
        written = await read(ctx, copy)
        after = await judged(guard, watched, seen, codes, (written,)) if written else finding
        finding = pictured.with_read(finding, after)
    if finding.verdict == "pass" or await ctx.db.read(partial(_decided, watched.id, message.id)):
        return
    await found(finding)


def _decided(group_id: str, message_id: str, db: Database) -> bool:
    known = decisions.of_message(db, group_id, message_id)
    # Whatever the lot fell on passed, and is no more settled than what it did not fall on.
    return known is not None and (known.origin != "audit" or known.label is not None)


async def judged(
    guard: Guard, watched: Watched, seen: Said, codes: Sequence[Code], written: Sequence[str] = ()
) -> Finding:
    """What is thought of a message with what its pictures hold; it counts for no flood, as its words did already."""
    engine, _ = await guard.engine()
    said = pictured.said_with(seen, codes, written)
    finding = engine.judge(said, lists=watched.lists, memory=None, local=watched.local)
    return pictured.with_codes(finding, [targets.kind(code.text) for code in codes], trusted=seen.trusted)


async def _seen(
    kept: Sight, group_id: str, pictures: Sequence[Image], *, copied: bool
) -> tuple[list[Code], list[Print], bytes | None]:
    """The codes and prints of the pictures, and a small copy of the first one without codes."""
    codes: list[Code] = []
    prints: list[Print] = []
    copy: bytes | None = None
    for picture in pictures:
        if not kept.may_look(group_id):
            logger.info("spam: too many pictures in {}, some are not looked at", group_id)
            break
        async with kept.eyes.turn() as mine:
            data = await _bytes(picture, group_id) if mine else None
            if data is None:
                continue
            seen = await kept.eyes.look(data)
            if seen.reason:
                logger.info("spam: a picture in {} cannot be looked into: {}", group_id, seen.reason)
            codes += seen.codes
            prints.append(gallery.print_of(seen))
            if copied and copy is None and not seen.codes and not seen.reason:
                copy = await kept.eyes.copy(data)
    return codes, prints, copy


async def _bytes(picture: Image, group_id: str) -> bytes | None:
    """What a picture holds; None where it cannot be had."""
    if picture.data is not None:
        return picture.data
    try:
        return (await fetch(picture.url or "", limit=BYTES, seconds=SECONDS)).data
    except FetchError as error:  # what it says holds no address
        logger.info("spam: a picture in {} cannot be fetched: {}", group_id, error)
        return None


async def _prints(kept: Sight, key: Key) -> tuple[Print, ...]:
    """The prints of a message, which is looked at now where it was not before."""
    prints, sources = kept.remembered(key)
    if not prints and sources:
        _, found, _ = await _seen(kept, key[0], sources, copied=False)
        prints = tuple(found)
        kept.saw(key, prints)
    return prints


async def read(ctx: Context, copy: bytes) -> str:
    """What a model reads in a picture; empty where there is none, or where no model reads it.

    Whoever made the picture may have written anything into it: what comes back is judged, and obeyed by nobody.
    """
    if not ctx.models.sees():
        return ""
    try:
        async with asyncio.timeout(READ_SECONDS):
            answer = await ctx.models.ask(PURPOSE, images=[Image(data=copy, mime="image/jpeg")])
            text = await _text(answer)
    except (ModelError, Refusal, TimeoutError) as error:
        logger.info("spam: no model reads a picture now: {}", type(error).__name__)
        return ""
    except ConfigError as error:
        logger.error("spam: pictures are not read: {}", error)
        return ""
    return "" if text.strip() in NOTHING else text


async def _text(answer: Answer) -> str:
    text = ""
    try:
        async for piece in answer:
            text += piece
            if len(text) > LONGEST:
                break
    finally:
        await answer.aclose()
    return text[:LONGEST]
