"""The group's own answers: found for whoever asks, added and corrected by its admins in chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from loguru import logger
from pydantic import Field
from sqlite_utils import Database

from bot.api import (
    Context,
    Findings,
    Plugin,
    Quoted,
    Reaction,
    Refusal,
    Reply,
    Role,
    StoreError,
    command,
    cron,
    every,
    on,
    source,
)
from plugins.knowledge import adding, answering, finding, listing, pending, showing, spoken
from plugins.knowledge.gate import NEAR
from plugins.knowledge.memory import memory
from plugins.knowledge.paper import taken
from plugins.knowledge.reactions import praises
from plugins.knowledge.search import Hit
from plugins.knowledge.shelf import SHARED, SHIPPED, is_littered, sweep, tables
from plugins.knowledge.shipped import shipped

MISSING = "没找到相关的资料。"
TALK = "我在。我会做什么，发 /帮助 看。"
NOTED = "没找到相关的资料，已记给管理员，有了答案我在这里告诉你。"
ONLY_ADMINS = "只有管理员可以这样做。"
UNSURE = "暂时无法确认你的身份，请稍后再试。"
HOW_TO_ANSWER = "要写成：/待答 编号 答案；不想答：/待答 忽略 编号。"
PENDING, ANSWER = "knowledge:pending:", "knowledge:answer:"
ASKS = re.compile(r"(?:[?？]|[吗么呢][。.~～…!！]*)$")
"""Who ends like this asks on, and gives no answer."""
WAITS = re.compile(
    r"^(?:稍等|等一下|等等|我(?:先|再|去|来)*(?:问|看|查)|不清楚|不知道|帮你问|回头|这个(?:前面|之前|早就|已经))|谁知道|有人知道|谁清楚|谁能答"
)
"""Who writes like this puts the asker off, or talks of the answer."""
NUMBERED = re.compile(r"#?(\d{1,12})(?:[\s，、：:.]+(.*))?", re.DOTALL)

Collection = Annotated[str, Field(pattern=r"^[^:\s]{1,40}$")]
"""The name of a collection; a colon would make it the own one of another group."""
Deed = Literal["添加", "列表", "删除", "来源", "试", "add", "list", "remove", "source", "try"]


PRIVACY = f"没答上的提问记给管理员，最多 {pending.OPEN_DAYS} 天。"


class Knowledge(Plugin, title="知识", tables=tables, privacy=PRIVACY):
    """本群的资料：问我时从里面找答案"""

    collections: tuple[Collection, ...] = Field(
        (SHARED,), title="资料集", description="除了本群自己的，还查哪些资料", max_length=20
    )
    faq: bool = Field(True, title="自带问答", description="也查关于我自己的问答")

    # --- what is known --------------------------------------------------------------------

    @source
    async def find(self, ctx: Context, question: str) -> Findings | None:
        if pending.is_talk(question):
            return Findings(missing=TALK)
        names = await self._names(ctx)
        known = await ctx.keep(memory, scope="bot")
        read = partial(finding.look, names=names, question=question, most=finding.WEIGHED, memory=known)
        look = await ctx.db.read(read, fresh=False)
        if not look.answers:
            return await self._missing(ctx, question, look)
        hits = await finding.ordered(ctx, question, look.hits)
        sures = look.sures()
        worth = [hit for place, (hit, sure) in enumerate(zip(hits, sures, strict=True)) if sure >= NEAR or not place]
        ref = await self._remember(ctx, question, worth)
        otherwise = partial(self._missing, ctx, question, look)
        return Findings(finding.passages(hits, sures), ref, own=look.own, otherwise=otherwise)

    async def _remember(self, ctx: Context, question: str, hits: Sequence[Hit]) -> str | None:
        """Write down what an answer is made of. Its ref; None where nothing can be written now."""
        message, asker = ctx.message, None if ctx.member.is_bot else ctx.member
        id = message.id if message is not None else None

        def keep(db: Database) -> int:
            if id is not None and message is not None and message.quote is not None:
                # Alone it may have found nothing, a moment ago.
                pending.withdraw(db, ctx.group.id, id)
            return finding.write(ctx.group.id, question, finding.kept(hits), asker, id, db)

        try:
            return f"{ANSWER}{await ctx.db.write(keep)}"
        except StoreError as error:
            logger.warning("knowledge: an answer is not remembered: {}", error)
            return None

    async def _names(self, ctx: Context) -> tuple[str, ...]:
        """The collections that are searched here; what comes along is on the shelf then."""
        if self.faq:
            try:
                await ctx.keep(shipped, scope="bot")
            except StoreError as error:
                logger.warning("knowledge: the shipped answers are not on the shelf: {}", error)
        return (ctx.group.id, *self.collections, *((SHIPPED,) if self.faq else ()))

    async def _missing(self, ctx: Context, question: str, look: finding.Look) -> Findings:
        """Nothing was found: name what comes near, and put it on the list, where that is of use to the group."""
        own, close = look.own, zip(look.hits, look.sures(), strict=True)
        near = showing.near([hit for hit, sure in close if sure >= NEAR])
        # Where a model answers and the group keeps no knowledge, most questions are for the model.
        useful = own or not ctx.models.names()
        if ctx.group.direct or ctx.message is None or not useful:
            return Findings(missing=MISSING + near, own=own)
        note = partial(
            pending.note, group_id=ctx.group.id, question=question, asker=ctx.member, message_id=ctx.message.id
        )
        try:
            number = await ctx.db.write(note)
        except StoreError as error:
            logger.warning("knowledge: a question is not listed: {}", error)
            number = None
        if number is None:
            return Findings(missing=MISSING + near, own=own)
        return Findings(ref=f"{PENDING}{number}", missing=NOTED + near, own=own)

    # --- /知识 ----------------------------------------------------------------------------

    @command("知识", "knowledge")
    async def knowledge(self, ctx: Context, deed: Deed, *, words: str = "") -> str | Reply:
        """本群的资料：/知识 添加 标题：正文（还有：列表、删除 编号、来源、试 问题）"""
        match deed:
            case "添加" | "add":
                return await self._add(ctx, words.strip())
            case "列表" | "list":
                return await listing.listed(ctx, await self._names(ctx), listing.page_of(words))
            case "删除" | "remove":
                return await self._remove(ctx, words.strip())
            case "来源" | "source":
                return Reply(await listing.sources(ctx), verbatim=True)
            case "试" | "try":
                if not words.strip():
                    raise Refusal("要试什么问题？例如：/知识 试 怎么报名")
                return await listing.tried(ctx, await self._names(ctx), words.strip())

    async def _add(self, ctx: Context, words: str) -> str:
        await _demand_admin(ctx)
        paper = await taken(ctx, words)
        placed = await ctx.db.write(
            partial(adding.place, group_id=ctx.group.id, paper=paper, added_by=ctx.member.id), durable=True
        )
        await _sweep(ctx)
        logger.info("knowledge: {} added document {} in {}", ctx.member.id, placed.entry.id, ctx.group.id)
        return placed.told()

    async def _remove(self, ctx: Context, words: str) -> str:
        await _demand_admin(ctx)
        found = NUMBERED.fullmatch(words.strip("第条 "))
        if found is None or found[2]:
            raise Refusal("要写编号，例如：/知识 删除 3。编号看：/知识 列表")
        number = int(found[1])
        entry = await ctx.db.write(partial(adding.remove, group_id=ctx.group.id, number=number), durable=True)
        if entry is None:
            raise Refusal(f"本群没有第 {number} 条资料，看有哪些：/知识 列表")
        await _sweep(ctx)
        logger.info("knowledge: {} removed document {} in {}", ctx.member.id, number, ctx.group.id)
        return f"已删除第 {number} 条《{entry.title}》。"

    # --- /待答 ----------------------------------------------------------------------------

    @command("待答", "pending", role=Role.ADMIN)
    async def pending(self, ctx: Context, *, words: str = "") -> str | Reply:
        """没找到答案的问题：/待答（回答：/待答 编号 答案，不答：/待答 忽略 编号）"""
        words = words.strip()
        first, _, rest = words.partition(" ")
        if not words or first in ("列表", "页", "list", "page"):
            return await listing.open_questions(ctx, listing.page_of(rest))
        if first in ("忽略", "ignore"):
            return await self._ignore(ctx, rest.strip())
        found = NUMBERED.fullmatch(words)
        if ctx.message is not None and ctx.message.quote is not None and not await self._is_open(ctx, found):
            told = await self._answer_quoted(ctx, ctx.message.quote, words)
            if told is not None:
                return told
        if found is None or not (found[2] or "").strip():
            raise Refusal(HOW_TO_ANSWER)
        return await answering.answer(ctx, int(found[1]), found[2])

    async def _is_open(self, ctx: Context, found: re.Match[str] | None) -> bool:
        """Whether words begin with the number of an open question, and answer it."""
        if found is None or not (found[2] or "").strip():
            return False
        return await ctx.db.read(partial(pending.is_open, group_id=ctx.group.id, number=int(found[1])))

    async def _ignore(self, ctx: Context, words: str) -> str:
        """Drop a question, by its number or by quoting it or what we said to it."""
        found = NUMBERED.fullmatch(words)
        number = int(found[1]) if found is not None and not found[2] else None
        if not words and ctx.message is not None and ctx.message.quote is not None:
            number = await self._quoted_question(ctx, ctx.message.quote)
        if number is None:
            raise Refusal(HOW_TO_ANSWER)
        if not await ctx.db.write(partial(pending.ignore, group_id=ctx.group.id, number=number)):
            raise Refusal(f"没有第 {number} 个待答的问题，看有哪些：/待答")
        return f"第 {number} 个问题不再列出，再有人问也不记了。"

    async def _quoted_question(self, ctx: Context, quote: str) -> int | None:
        """The question that is quoted, as it was asked or as we said that it found nothing."""
        quoted = await ctx.quoted()
        ref = (quoted.ref or "") if quoted is not None and quoted.ours else ""
        if ref.startswith(PENDING):
            return int(ref.removeprefix(PENDING))
        return await ctx.db.read(partial(pending.asked_by, group_id=ctx.group.id, message_id=quote))

    async def _answer_quoted(self, ctx: Context, quote: str, words: str) -> str | None:
        """What came of an answer to what is quoted; None where that is no question and no answer of ours."""
        quoted = await ctx.quoted()
        ref = (quoted.ref or "") if quoted is not None and quoted.ours else ""
        if ref.startswith(ANSWER):
            return await answering.better(ctx, int(ref.removeprefix(ANSWER)), words)
        number = await self._quoted_question(ctx, quote)
        return None if number is None else await answering.answer(ctx, number, words)

    @on(Quoted)
    async def answered(self, ctx: Context, event: Quoted) -> str | None:
        """An admin who quotes "not found" and simply writes the answer."""
        ref, text = event.ref or "", event.message.text.strip()
        # A model's answer may stand under such a ref: who quotes that talks to the group.
        if not ref.startswith(PENDING) or event.answer is not None or event.member.is_bot:
            return None
        if not text or ASKS.search(text) or WAITS.search(text) or pending.is_talk(text):
            return None
        number = int(ref.removeprefix(PENDING))
        if not await ctx.db.read(partial(pending.is_open, group_id=ctx.group.id, number=number)):
            return None
        if await ctx.acts.role(event.member.id) < Role.ADMIN:
            return None
        try:
            return await answering.answer(ctx, number, text)
        except Refusal as refusal:
            return str(refusal)

    @on(Reaction)
    async def disliked(self, ctx: Context, event: Reaction) -> None:
        ref = event.ref or ""
        if not ref.startswith(ANSWER) or not event.added or praises(event.emoji) is not False or event.member.is_bot:
            return
        number = int(ref.removeprefix(ANSWER))

        def note(db: Database) -> None:
            known = finding.answered(db, ctx.group.id, number)
            # What an admin wrote for the list was asked by others, whom it has reached: nobody waits for more.
            if known is not None:
                pending.note(db, ctx.group.id, known.question, known.asker, known.message_id, pending.DISLIKED)

        await ctx.db.write(note)

    # --- by the clock ---------------------------------------------------------------------

    @every(minutes=10)
    async def tell_again(self, ctx: Context) -> None:
        await answering.tell_again(ctx)
        if await ctx.db.read(is_littered):
            await _sweep(ctx)

    @cron("20 4 * * *")
    async def purge(self, ctx: Context) -> None:
        def drop(db: Database) -> None:
            for kept in (finding, pending, spoken):
                kept.purge(db)

        await ctx.db.write(drop)

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        adding.forget(db, member_id)
        pending.forget(db, member_id)
        db.execute("delete from knowledge_answers where member_id = ?", [member_id])


async def _sweep(ctx: Context) -> None:
    """Take what is left of dropped documents out of the index: it would stand in the way of what is searched for."""
    while await ctx.db.write(sweep):
        pass


async def _demand_admin(ctx: Context) -> None:
    """Raises Refusal for whoever is no admin this moment."""
    role = await ctx.acts.role(ctx.member.id)
    if role < Role.ADMIN:
        raise Refusal(UNSURE if role is Role.UNKNOWN else ONLY_ADMINS)
