"""An admin's answer: it joins the group's knowledge, and reaches whoever asked, once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from loguru import logger
from sqlite_utils import Database

from bot.api import Context, Member, Mention, Refusal, Reply
from plugins.knowledge import adding, finding, paper, pending, showing
from plugins.knowledge.adding import Placed

MENTIONED = 10
"""More askers than this are told by their number, so that one answer does not call a crowd."""
RETRY_SECONDS = 540.0
"""A little less than the time between two runs of the job that tries again."""
GIVE_UP_SECONDS = 86_400.0
HIDDEN = ":0"
"""How an id ends that the platform does not tell: nobody to mention."""
LIKELY = "%可能已送达%"
"""What the log says of a message that may have arrived: saying it again could be saying it twice."""


@dataclass(frozen=True, slots=True)
class News:
    """An answer that somebody waits for."""

    pending: int
    question: str
    answer: str
    ref: str
    askers: tuple[Member, ...]


async def answer(ctx: Context, number: int, text: str) -> str:
    """Answer a question of the list: keep the answer, tell whoever asked. What the admin hears. Raises Refusal."""
    text = _checked(text)
    placed, news = await ctx.db.write(partial(_keep, ctx.group.id, number, text, ctx.member), durable=True)
    logger.info("knowledge: {} answered question {} in {}", ctx.member.id, number, ctx.group.id)
    return f"{placed.told()}\n{await _said(ctx, news)}" if news.askers else placed.told()


async def better(ctx: Context, number: int, text: str) -> str:
    """Put another answer in the place of one that was given. What the admin hears. Raises Refusal."""
    text = _checked(text)

    def keep(db: Database) -> tuple[Placed, News | None]:
        known = finding.answered(db, ctx.group.id, number)
        if known is None:
            raise Refusal("那个回答太久了，我已经不记得它答的是什么。请用：/知识 添加 标题：正文")
        title, also = _instead(db, ctx.group.id, known)
        listed = pending.open_like(db, ctx.group.id, known.question)
        if listed is not None:
            return _keep(ctx.group.id, listed, text, ctx.member, db, title=title, also=also)
        words = paper.spoken(title, text, ctx.member, also)
        return adding.place(db, ctx.group.id, words, ctx.member.id), None

    placed, news = await ctx.db.write(keep, durable=True)
    logger.info("knowledge: {} answered anew what answer {} in {} was about", ctx.member.id, number, ctx.group.id)
    return f"{placed.told()}\n{await _said(ctx, news)}" if news is not None and news.askers else placed.told()


def _checked(text: str) -> str:
    text = showing.storable(text.strip())
    if len(text) > paper.TEXT:
        raise Refusal(f"太长了，请压到 {paper.TEXT} 个字以内。")
    return text


def _instead(db: Database, group_id: str, known: finding.Answered) -> tuple[str, list[str]]:
    """The title under which a better answer stands, and what else it was asked by.

    It takes the place of a short document of the group's own that asks the same; else it stands under the question.
    """
    query = (
        "select d.title, k.also from knowledge_chunks k join knowledge_documents d on d.id = k.document"
        " join knowledge_collections c on c.id = d.collection"
        " where k.id = ? and k.title = ? and c.name = ? and d.chunks = 1"
    )
    for passage in known.passages[:1]:
        row = db.execute(query, [passage.chunk, passage.title, group_id]).fetchone()
        if row is not None and pending.asks_same(known.question, (row[0], *row[1].splitlines())):
            return row[0], [*row[1].splitlines(), known.question]
    return known.question, [known.question]


def _keep(
    group_id: str, number: int, text: str, admin: Member, db: Database, *, title: str = "", also: Sequence[str] = ()
) -> tuple[Placed, News]:
    """The answer on the shelf and on the list; the admin themselves need not be told."""
    found = pending.find(db, group_id, number)
    if found is None:
        raise Refusal(f"没有第 {number} 个待答的问题，看有哪些：/待答")
    query = "select distinct question from knowledge_askers where pending = ?"
    asked = [row[0] for row in db.execute(query, [number]).fetchall()]
    wordings = dict.fromkeys((*also, found.question, *asked))
    words = paper.spoken(title or found.question, text, admin, list(wordings))
    placed = adding.place(db, group_id, words, admin.id)
    row = db.execute("select id, title from knowledge_chunks where document = ?", [placed.entry.id]).fetchone()
    of = [finding.Kept(row[1], showing.source(words.source, words.title), row[0])] if row else []
    ref = f"knowledge:answer:{finding.write(group_id, found.question, of, None, None, db)}"
    db.execute(
        "update knowledge_pending set state = 'answered', note = '', answer = ?, answered = ?, document = ?,"
        " answer_ref = ? where id = ?",
        [text, time.time(), placed.entry.id, ref, number],
    )
    db.execute("update knowledge_askers set told = 1 where pending = ? and member_id = ?", [number, admin.id])
    return placed, News(number, found.question, text, ref, _claimed(db, number))


def _claimed(db: Database, number: int) -> tuple[Member, ...]:
    """Who has not heard the answer and is not being told by anybody else; from now on that is the caller's to do."""
    now = time.time()
    query = "select member_id, name from knowledge_askers where pending = ? and not told and tried < ? order by id"
    found = dict(db.execute(query, [number, now - RETRY_SECONDS]).fetchall())
    change = "update knowledge_askers set tried = ? where pending = ? and not told and tried < ?"
    db.execute(change, [now, number, now - RETRY_SECONDS])
    return tuple(Member(id, name) for id, name in found.items())


async def _said(ctx: Context, news: News) -> str:
    if await _tell(ctx, news):
        return f"告诉了 {len(news.askers)} 位提问的人。"
    return f"消息没有发出去，稍后再试着告诉 {len(news.askers)} 位提问的人。"


async def _tell(ctx: Context, news: News) -> bool:
    """Say an answer in the group, and write down who has heard it."""
    body: list[Mention | str] = [_called(asker) for asker in news.askers[:MENTIONED]]
    if len(news.askers) > MENTIONED:
        body.append(f" 等 {len(news.askers)} 位")
    body.append(
        f" 你们问的「{_brief(news)}」有答案了：\n" if len(news.askers) > 1 else f" 你问的「{_brief(news)}」有答案了：\n"
    )
    body.append(news.answer)
    sent = await ctx.send(Reply(tuple(body), ref=news.ref, verbatim=True, quote=False))
    if sent is not None:
        await _note_told(ctx, news)
    return sent is not None


def _called(asker: Member) -> Mention | str:
    return f"{asker.name or showing.FRIEND} " if asker.id.endswith(HIDDEN) else Mention(asker.id, asker.name)


def _brief(news: News) -> str:
    return showing.brief(news.question, 60)


async def _note_told(ctx: Context, news: News) -> None:
    ids = [asker.id for asker in news.askers]

    def mark(db: Database) -> None:
        for id in ids:
            change = "update knowledge_askers set told = 1 where pending = ? and member_id = ?"
            db.execute(change, [news.pending, id])

    await ctx.db.write(mark, durable=True)


# --- again --------------------------------------------------------------------------------


async def tell_again(ctx: Context) -> None:
    """Say the answers that did not get out, as long as they are fresh; what the log knows as said is not said again."""
    now = time.time()
    waiting = (
        "select id, question, answer, answer_ref from knowledge_pending p where group_id = ? and state = 'answered'"
        " and answered > ? and exists"
        " (select 1 from knowledge_askers a where a.pending = p.id and not a.told and a.tried < ?)"
    )
    since = [ctx.group.id, now - GIVE_UP_SECONDS, now - RETRY_SECONDS]
    if not await ctx.db.read(lambda db: db.execute(waiting, since).fetchall()):
        return

    def claim(db: Database) -> list[News]:
        rows = db.execute(waiting, since).fetchall()
        return [News(id, question, answer, ref, _claimed(db, id)) for id, question, answer, ref in rows]

    for news in await ctx.db.write(claim):
        if await ctx.db.read(partial(_arrived, ctx.group.id, news.ref)):
            await _note_told(ctx, news)
        else:
            await _tell(ctx, news)


def _arrived(group_id: str, ref: str, db: Database) -> bool:
    query = "select 1 from said where group_id = ? and ref = ? and (failed is null or failed like ?) limit 1"
    return db.execute(query, [group_id, ref, LIKELY]).fetchone() is not None
