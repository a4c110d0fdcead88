"""What is to be added to a group's knowledge, as a paper: from what is written, quoted, or in a file."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.api import Context, File, Member, Refusal
from plugins.knowledge import showing
from plugins.knowledge.chunks import Chunk, chunks
from plugins.knowledge.documents import Document, Section

TEXT = 20_000
"""Characters that one message may add."""
CHUNKS = 1_000
"""A document of more chunks is for the command line: one change of the database takes five seconds at most."""
TITLE = 100
TOO_LONG = "这份资料太长了，请拆开，或者请运营者用命令行收入。"
HOW_TO_ADD = "要写成：/知识 添加 标题：正文。也可以引用一条消息或文件，发 /知识 添加 标题。"
BY_A_MODEL = "这是模型写的回答，不能当资料。核对以后请自己写：/知识 添加 标题：正文"
BETWEEN = re.compile(r"：|:(?![/\d])")
"""What stands between a title and its text; the colons of addresses and times do not."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it is put on the shelf; `said_by` is the author of its words, where a member wrote them."""

    title: str
    source: str
    digest: str
    chunks: tuple[Chunk, ...]
    said_by: str | None = None


async def taken(ctx: Context, words: str) -> Paper:
    """What is to be added: a file here or in what is quoted, else the quoted text, else what is written.

    `words` are the title, or title and text. Raises Refusal.
    """
    message = ctx.message
    quoted = await ctx.quoted()
    files = [part for part in message.parts if isinstance(part, File)] if message is not None else []
    if not files and quoted is not None:
        files = list(quoted.files)
    if files:
        data = await ctx.fetch(files[0])
        return await asyncio.to_thread(filed, files[0].name, data, words)
    if message is not None and message.quote is not None:
        if quoted is None or not quoted.text.strip():
            raise Refusal("引用的那条消息我没有听到文字，请直接写：/知识 添加 标题：正文")
        text, author = quoted.text, Member(quoted.member_id, quoted.name)
        if quoted.answer_id is not None:
            # Shown as a passage it would pass for a person's words, without the label.
            raise Refusal(BY_A_MODEL)
        if quoted.ours:
            author = Member("", ctx.bot_name)
        title = words or next(line for line in text.splitlines() if line.strip())
        return spoken(showing.brief(title), _within(text), author)
    between = BETWEEN.search(words.partition("\n")[0])
    if between is None:
        title, _, text = words.partition("\n")
    else:
        title, text = words[: between.start()], words[between.end() :]
    if not title.strip() or not text.strip():
        raise Refusal(HOW_TO_ADD)
    if len(title) > TITLE:
        raise Refusal(f"标题最多 {TITLE} 个字。")
    return spoken(title, _within(text), ctx.member)


def _within(text: str) -> str:
    if len(text) > TEXT:
        raise Refusal(f"太长了，一条最多 {TEXT} 个字，请拆开或存成文件再加。")
    return text


def spoken(title: str, text: str, author: Member, also: Sequence[str] = ()) -> Paper:
    """What a member said, as a paper of its own. `also`: other wordings of the title."""
    title, text = showing.brief(title, TITLE), showing.storable(text)
    section = Section((), text.strip(), tuple(also))
    digest = hashlib.sha256(text.encode()).hexdigest()
    source = showing.said(author.name, title)
    return Paper(title, source, digest, tuple(chunks(Document(title, (section,)))), author.id or None)


def filed(name: str, data: bytes, title: str = "") -> Paper:
    """A file as it was read, which takes a while: call it in a thread. Raises Refusal."""
    from plugins.knowledge.documents import Unreadable
    from plugins.knowledge.reading import read  # its parsers take a while to load

    try:
        document = read(name, data)
    except Unreadable as error:
        raise Refusal(f"《{showing.brief(name)}》{error}") from error
    title = showing.brief(title or document.title or name, TITLE)
    pieces = []
    for piece in chunks(Document(title, document.sections)):
        pieces.append(piece)
        if len(pieces) > CHUNKS:
            raise Refusal(TOO_LONG)
    return Paper(title, showing.brief(name, 100) + showing.tail(title), hashlib.sha256(data).hexdigest(), tuple(pieces))
