"""Answers unasked, where a group has switched it on and the knowledge is sure."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Literal

from pydantic import Field
from sqlite_utils import Database

from bot.api import Context, Mention, Message, Plugin, Reaction, Recalled, Refusal, Reply, Role, command, every, on
from plugins.knowledge import finding, pending, showing, spoken
from plugins.knowledge.gate import SPEAKS
from plugins.knowledge.memory import Memory, memory
from plugins.knowledge.reactions import praises
from plugins.knowledge.search import Hit
from plugins.knowledge.shelf import SHARED, tables

SHORTEST, LONGEST = 6, 500
"""Characters of a line that is looked into."""
LATEST = 500
"""So many of the newest messages are looked through for what happened while the bot waited."""
SPOKEN = "knowledge:spoken:"
DONE = re.compile(
    r"(?:哦|噢|喔|嗯|啊|呃|ok|谢谢|自己|已经|[\s，,。.！!~～])*"
    r"(?:好了|好啦|解决|搞定|没事了|没事啦|弄好|修好|知道了|明白了|懂了|找到了|不用了|solved|fixed|nvm)(?!了?[吗么没])",
    re.IGNORECASE,
)
DONE_LONGEST = 20
"""Characters of a line that only says that all is well again."""
FIRST = "也许有用（资料原文）："
LAST = "答得不对就点 👎，我会少说些。"

Collection = Annotated[str, Field(pattern=r"^[^:\s]{1,40}$")]
"""The name of a collection; a colon would make it the own one of another group."""


class Volunteer(Plugin, title="主动答", name="volunteer", tables=tables, default=False):
    """没人叫我，也在有把握时用资料接话"""

    collections: tuple[Collection, ...] = Field(
        (SHARED,), title="资料集", description="除了本群自己的，还查哪些资料", max_length=20
    )
    wait: float = Field(20, title="等待", description="先等几秒，看有没有人接话", ge=0, le=120)
    hourly: int = Field(4, title="每小时", description="一小时最多主动答几次", ge=0, le=60)

    @on(Message)
    async def hear(self, ctx: Context, message: Message) -> None:
        if message.group.direct or message.member.is_bot:
            return
        (await ctx.keep(spoken.lines, scope="bot")).hear(ctx.group.id)
        text = message.text.strip()
        if not self.hourly or message.recovered or message.quote is not None or not SHORTEST <= len(text) <= LONGEST:
            return
        if any(isinstance(part, Mention) for part in message.parts):
            return
        known = await ctx.keep(memory, scope="bot")
        found = await ctx.db.read(partial(self._known, ctx.group.id, text, known), fresh=False)
        if found is not None:
            ctx.later(partial(self.speak, ctx, message, *found), after=self.wait)

    def _known(self, group_id: str, text: str, known: Memory, db: Database) -> tuple[Hit, float] | None:
        """The passage that answers a line, and how surely; None where the bot had better be silent."""
        look = finding.look(db, (group_id, *self.collections), text, unasked=True, memory=known)
        if look.topical < spoken.LOWEST or look.topical < spoken.threshold(db, group_id):
            return None
        hit = look.hits[0]
        if spoken.lately(db, group_id) >= self.hourly or spoken.said_already(db, group_id, hit.id):
            return None
        return hit, look.topical

    async def speak(self, ctx: Context, message: Message, hit: Hit, topical: float) -> None:
        """Say a passage, unless the talk has gone on without it."""
        if await ctx.db.read(partial(_settled, message)):
            return
        text, source = showing.storable(message.text.strip()), showing.source_of(hit)

        def claim(db: Database) -> int | None:
            if spoken.said_already(db, ctx.group.id, hit.id):
                return None
            passage = (hit.id, hit.title, source)
            return spoken.claim(db, ctx.group.id, message.member.id, text, topical, passage, self.hourly)

        number = await ctx.db.write(claim)
        if number is None:
            return
        body = f"{FIRST}\n{showing.excerpt(hit.text)}\n\n依据：{showing.place(source, hit.title)}\n{LAST}"
        sent = await ctx.send(Reply(body, ref=f"{SPOKEN}{number}", verbatim=True))
        await ctx.db.write(partial(spoken.went_out, number=number, message_id=sent.id if sent else None))

    # --- what members make of it ----------------------------------------------------------

    @on(Reaction)
    async def weigh(self, ctx: Context, event: Reaction) -> None:
        ref, good = event.ref or "", praises(event.emoji)
        if not ref.startswith(SPOKEN) or good is None or event.member.is_bot or event.member.id == event.account.id:
            return
        number, member = int(ref.removeprefix(SPOKEN)), event.member.id
        if event.added:
            weight = 1 if good else await _weight(ctx, member)
            await ctx.db.write(lambda db: spoken.judged(db, number, member, good, weight))
            if not good:
                await ctx.db.write(partial(_listed, ctx.group.id, number))
        else:
            await ctx.db.write(lambda db: spoken.unjudged(db, number, member, good))

    @on(Recalled)
    async def recalled(self, ctx: Context, event: Recalled) -> None:
        number = await ctx.db.read(partial(spoken.by_message, group_id=ctx.group.id, message_id=event.message_id))
        if number is None:
            return
        member = (event.operator or event.member).id
        # Our own account takes a message back when an admin has it do so.
        weight = 2 if member == event.account.id else await _weight(ctx, member)
        await ctx.db.write(lambda db: spoken.judged(db, number, member, False, weight))

    # --- how it goes ----------------------------------------------------------------------

    @command("主动答", "volunteer")
    async def report(self, ctx: Context, word: Literal["", "重来", "reset"] = "") -> str:
        """看主动答的表现：/主动答（管理员发「/主动答 重来」就从头学）"""
        if word:
            if await ctx.acts.role(ctx.member.id) < Role.ADMIN:
                raise Refusal("只有管理员可以这样做。")
            await ctx.db.write(partial(spoken.start_over, group_id=ctx.group.id), durable=True)
            return f"好，从头学：把握到 {showing.percent(SPEAKS)} 才开口。"
        await (await ctx.keep(spoken.lines, scope="bot")).save(ctx.db)
        seen = await ctx.db.read(partial(spoken.report, group_id=ctx.group.id))
        rate = f"，沉默率 {1 - seen.answered / seen.heard:.1%}" if seen.heard else ""
        return (
            f"把握到 {showing.percent(seen.threshold)} 我才主动开口（{_manner(seen.threshold)}）。\n"
            f"最近 {spoken.SHOWN_DAYS} 天听到 {seen.heard} 句，主动答了 {seen.answered} 次{rate}。\n"
            f"👍 {seen.good}，👎 和撤回 {seen.bad}。从头学：/主动答 重来"
        )

    @every(minutes=10)
    async def note(self, ctx: Context) -> None:
        await (await ctx.keep(spoken.lines, scope="bot")).save(ctx.db)

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        spoken.forget(db, member_id)


def _manner(at: float) -> str:
    if abs(at - SPEAKS) < 0.005:
        return "和出厂时一样"
    return "比出厂时谨慎" if at > SPEAKS else "比出厂时爱说"


def _listed(group_id: str, number: int, db: Database) -> None:
    """An answer that was no good leaves its question for the admins."""
    said = spoken.find(db, group_id, number)
    if said is not None:
        pending.note(db, group_id, said.question, None, None, pending.DISLIKED)


async def _weight(ctx: Context, member_id: str) -> int:
    """How often a bad word counts: an admin's twice."""
    return 2 if await ctx.acts.role(member_id) >= Role.ADMIN else 1


def _closes(text: str) -> bool:
    """Whether an author who goes on in these words is helped already, or asks the bot by a command."""
    return text[:1] in ("/", "／") or (len(text) <= DONE_LONGEST and DONE.match(text) is not None)


def _settled(message: Message, db: Database) -> bool:
    """Whether somebody has taken the line up, or its author has no more need of an answer."""
    newest = "select * from messages order by id desc limit ?"
    asked = "select coalesce(max(id), 0) from messages where group_id = ? and message_id = ?"
    query = f"select member_id, text, quote from ({newest}) where group_id = ? and id > ({asked})"  # noqa: S608 - a constant
    since = [LATEST, message.group.id, message.group.id, message.id]
    for member, text, quote in db.execute(query, since).fetchall():
        if quote == message.id:
            return True
        if member == message.member.id and _closes((text or "").strip()):
            return True
    newest = "select * from events order by id desc limit ?"
    query = (
        f"select 1 from ({newest}) where group_id = ? and kind = 'Recalled'"  # noqa: S608 - a constant
        " and json_extract(detail, '$.message_id') = ?"
    )
    return db.execute(query, [LATEST, message.group.id, message.id]).fetchone() is not None
