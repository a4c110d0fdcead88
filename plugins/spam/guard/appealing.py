"""What a member says against a decision about their message, and what they hear of it in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlite_utils import Database

from bot.api import Context, Mention, Refusal, Reply, Text
from plugins.spam.guard import decisions, telling
from plugins.spam.guard.decisions import Decision
from plugins.spam.guard.state import Guard, kept
from plugins.spam.guard.tables import DAY

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

USAGE = "写上编号和理由：/申诉 128 这是群里活动的链接"
LONGEST = 300
DAILY = 3
"""So many appeals a member may make in a day."""
LINES, LINE_SECONDS = 4, 300.0


async def appeal(settings: Spam, ctx: Context, number: int, words: str) -> Reply:
    """Take a member's words to the admins; also from a direct chat, since they may be muted. Raises Refusal."""
    words = " ".join(decisions.storable(words).split())[:LONGEST]
    decision = await ctx.db.read(lambda db: decisions.find(db, number))
    # Whose message it was not, and of what nobody noticed anything, there is none.
    if decision is None or decision.member_id != ctx.member.id or decision.step in ("none", "note"):
        raise Refusal(f"没有 #{number}。")
    if not words:
        raise Refusal(USAGE)
    if decision.label == "ham":
        raise Refusal(f"#{number} 管理员已经改判为误判了。")
    member_id = ctx.member.id
    await ctx.db.write(lambda db: _noted(db, number, member_id, words), durable=True)
    guard = await kept(ctx)
    if await _told_admins(ctx, guard, decision, words):
        return Reply("收到，转给管理员了，有结果会告诉你。", verbatim=True)
    there = ctx if ctx.group.id == decision.group_id else await ctx.elsewhere(decision.group_id)
    if there is None:
        return Reply("记下了，可是那个群现在不归我管，请直接联系管理员。", verbatim=True)
    watched = await guard.group(decision.group_id)
    if there is not ctx and watched.may_tell("appeal", LINES, LINE_SECONDS):
        # The words stay out of the group: they may be the advert once more.
        await there.send(Reply(_line(decision), ref=f"spam:{decision.id}", quote=False, verbatim=True))
    line = "" if there is not ctx else f"\n{_line(decision)}"
    return Reply(f"收到，请管理员来看，有结果会告诉你。{line}", ref=f"spam:{decision.id}", verbatim=True)


def _noted(db: Database, number: int, member_id: str, words: str) -> None:
    """Write an appeal down. Raises Refusal where there were enough."""
    query = "select 1 from spam_appeals where decision_id = ? and member_id = ?"
    if db.execute(query, [number, member_id]).fetchone() is not None:
        raise Refusal(f"#{number} 你已经申诉过了，请等管理员的答复。")
    now = time.time()
    query = "select count(*) from spam_appeals where member_id = ? and time > ?"
    if db.execute(query, [member_id, now - DAY]).fetchone()[0] >= DAILY:
        raise Refusal(f"一天最多申诉 {DAILY} 次，请明天再来，或者直接联系管理员。")
    row = [number, member_id, words, now]
    db.execute("insert into spam_appeals (decision_id, member_id, words, time) values (?, ?, ?, ?)", row)


async def _told_admins(ctx: Context, guard: Guard, decision: Decision, words: str) -> bool:
    """Tell the admin group, with the report. False: there is none that can be reached."""
    watched = await guard.group(decision.group_id)
    there = await ctx.elsewhere(watched.admin_group) if watched.admin_group is not None else None
    if there is None:
        return False
    said = f"#{decision.id} 有申诉：{telling.safe(words)}\n{telling.report(decision)}"
    return await there.send(Reply(said, ref=f"spam:{decision.id}", quote=False, verbatim=True)) is not None


def _line(decision: Decision) -> str:
    return f"#{decision.id} 有申诉，请管理员看一下：弄错了发 /误判 {decision.id}，没弄错发 /是广告 {decision.id}"


def words(db: Database, number: int) -> str:
    """What was said against a decision; empty where nothing was."""
    row = db.execute("select words from spam_appeals where decision_id = ? order by time desc", [number]).fetchone()
    return row[0] if row is not None else ""


async def answered(there: Context, decision: Decision) -> bool:
    """Tell whoever appealed what an admin has said now (`decision.label`), once; `there` is the decision's group.

    False: nobody waits for an answer.
    """
    if decision.label is None:
        return False
    change = "update spam_appeals set answered = ? where decision_id = ? and member_id = ? and answered is null"
    values = [time.time(), decision.id, decision.member_id]
    if not await there.db.write(lambda db: db.execute(change, values).rowcount):
        return False
    result = "管理员认定是误判，已经改过来了。" if decision.label == "ham" else "管理员看过了，维持原来的处理。"
    said = f"你对 #{decision.id} 的申诉有结果了：{result}"
    private = Reply(said, private=True, to=decision.member_id, verbatim=True)
    if await there.send(private) is None:
        # Not every platform lets a bot write to whoever is no friend of it.
        called = (Mention(decision.member_id, telling.safe(decision.member_name, telling.NAME_SHOWN)), Text(f" {said}"))
        await there.send(Reply(called, quote=False, verbatim=True))
    return True
