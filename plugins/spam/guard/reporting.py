"""Reports by members: `/举报` quoting a message, weighed by how the reporter's earlier ones turned out.

Nobody learns from the bot who reported: not the group, not the one who was reported. Several accounts of one person
come cheap, so newcomers together never bring more than half of what it takes, and reports alone never act: they ask
the admins, unless the engine itself has doubts about the message.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlite_utils import Database

from bot.api import Context, Member, Message, Refusal, Reply, Role, Text
from plugins.spam.finding import Finding, Reason, Said
from plugins.spam.guard import acting, decisions, ladder, watching
from plugins.spam.guard.acting import Case
from plugins.spam.guard.decisions import Decision, Label
from plugins.spam.guard.groups import Standing, Watched
from plugins.spam.guard.said import said
from plugins.spam.guard.state import Guard, kept

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

RULE = "report"
USAGE = "引用那条广告，发：/举报"
THANKS = "收到，谢谢提醒。"
HOUR = 3600.0
MEMBER_HOURLY = 5
GROUP_HOURLY = 60
THANKED, THANKED_SECONDS = 5, 60.0
NEWCOMER = 0.5
"""What a newcomer's report weighs, that of a member being 1."""
NEWCOMERS_SHARE = 0.5
"""All newcomers together bring at most so much of the threshold."""
IGNORED = 0.3
"""Whose reports weigh less than this is thanked, and not counted."""
MOST_WEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Voice:
    """One report as it is counted."""

    weight: float
    newcomer: bool


def weight(standing: Standing) -> float:
    """What a member's reports have come to weigh: 1 at first; each false one costs more than a good one brings."""
    good, false = standing.good_reports, standing.false_reports
    found = (1 + good / 10) * (good + 2) / (good + 2 + 2 * false)
    return min(found, MOST_WEIGHT) if found >= IGNORED else 0.0


def voice(standing: Standing, needed: int) -> Voice:
    """How a report by a member who stands so is counted; `needed` real messages make a newcomer a member."""
    newcomer = not standing.trusted_by and standing.real < needed
    known = weight(standing)
    return Voice(known * NEWCOMER if newcomer else known, newcomer)


def total(voices: Iterable[Voice], threshold: float) -> float:
    """What the reports of one message weigh together."""
    voices = list(voices)
    members = sum(one.weight for one in voices if not one.newcomer)
    newcomers = sum(one.weight for one in voices if one.newcomer)
    return members + min(newcomers, threshold * NEWCOMERS_SHARE)


async def report(settings: Spam, ctx: Context) -> Reply | None:
    """What `/举报` does. Raises Refusal."""
    guard = await kept(ctx)
    message = await _reportable(ctx)
    watched = await guard.group(ctx.group.id)
    if watched.mode == "off":
        raise Refusal("本群没有开防广告，请直接告诉管理员。")
    reporter, now = ctx.member.id, time.time()
    reporters = await ctx.db.write(lambda db: _noted(db, watched.id, message.id, reporter, now))
    voices = [voice(watched.standing(one), settings.newcomer) for one in reporters]
    if total(voices, settings.reports) >= settings.reports:
        await _reached(settings, ctx, guard, watched, message)
    if not watched.may_tell("thanks", THANKED, THANKED_SECONDS):
        return None
    return Reply(THANKS, quote=False, verbatim=True)


async def _reportable(ctx: Context) -> Message:
    """The message that is reported, as far as the log remembers it. Raises Refusal."""
    if ctx.group.direct or ctx.message is None or ctx.message.quote is None:
        raise Refusal(USAGE)
    if ctx.member.role >= Role.ADMIN:
        raise Refusal("你是管理员，引用它发 /广告 就直接处理了。")
    quoted = await ctx.quoted()
    account = ctx.message.account
    if quoted is not None and (quoted.ours or quoted.member_id == account.id):
        raise Refusal("这是我说的。哪里不对，请告诉管理员。")
    if quoted is None or not quoted.member_id:
        raise Refusal("我没有听到过这条消息，请直接告诉管理员。")
    if quoted.member_id == ctx.member.id:
        raise Refusal("自己的消息，撤回就行。")
    role = await ctx.acts.role(quoted.member_id)
    if role >= Role.ADMIN:
        raise Refusal("这是管理员的消息，有意见请直接和管理员说。")
    author = Member(quoted.member_id, quoted.name, role)
    return Message(
        group=ctx.group, account=account, time=time.time(), id=ctx.message.quote, member=author,
        parts=(Text(quoted.text), *quoted.files),
    )  # fmt: skip


def _noted(db: Database, group_id: str, message_id: str, reporter_id: str, now: float) -> list[str]:
    """Write a report down; returns all who reported this message. Raises Refusal where somebody reports too much."""
    key = [group_id, message_id]
    query = "select reporter_id from spam_reports where group_id = ? and message_id = ?"
    known = [row[0] for row in db.execute(query, key).fetchall()]
    if reporter_id in known:
        return known
    query = "select count(*) from spam_reports where reporter_id = ? and time > ?"
    if db.execute(query, [reporter_id, now - HOUR]).fetchone()[0] >= MEMBER_HOURLY:
        raise Refusal("你举报得太勤了，过一小时再来；急的话请直接找管理员。")
    query = "select count(*) from spam_reports where group_id = ? and time > ?"
    if db.execute(query, [group_id, now - HOUR]).fetchone()[0] >= GROUP_HOURLY:
        raise Refusal("这会儿举报太多了，请直接找管理员。")
    decision = decisions.of_message(db, group_id, message_id)
    row = [*key, reporter_id, decision.id if decision is not None else None, now]
    db.execute(
        "insert into spam_reports (group_id, message_id, reporter_id, decision_id, time) values (?, ?, ?, ?, ?)", row
    )
    return [*known, reporter_id]


# --- where the threshold is reached -----------------------------------------------------------


async def _reached(settings: Spam, ctx: Context, guard: Guard, watched: Watched, message: Message) -> None:
    """Ask the admins, or go up the ladder where the engine has doubts of its own."""
    known = await ctx.db.read(lambda db: decisions.of_message(db, watched.id, message.id))
    if known is not None:
        await _further(settings, ctx, guard, watched, message, known)
        return
    seen = said(message, watched, watched.standing(message.member.id), settings.newcomer)
    own = await watching.judged(guard, watched, seen, remembered=False) or Finding(0.0, "pass")
    decision = await watching.late(settings, ctx, message, raised(own, seen), "report")
    if decision is not None and decision.id:
        change = "update spam_reports set decision_id = ? where group_id = ? and message_id = ?"
        await ctx.db.write(lambda db: db.execute(change, [decision.id, watched.id, message.id]).rowcount)


async def _further(
    settings: Spam, ctx: Context, guard: Guard, watched: Watched, message: Message, known: Decision
) -> None:
    """What was decided about a message that is reported now: an open doubt goes on, all else stands."""
    if known.label is not None or known.step in ("recall", "mute", "remove") or watched.mode != "on":
        return
    if RULE in (known.finding.rule, *(one.rule for one in known.finding.reasons)):
        return  # it was the reports that brought it here
    standing = watched.standing(message.member.id)
    seen = said(message, watched, standing, settings.newcomer)
    finding = raised(known.finding, seen)
    plan = ladder.plan(finding, acting.situation(settings, watched, message.member, standing, seen))
    if not plan.acts and known.step == "ask":
        return  # the admins know of it
    case = Case(replace(known, finding=finding, step=plan.step), plan, seen, message)
    # What was chosen by lot stays what the lot found: the figures are made of it.
    await acting.conclude(guard, case.decision, finding=known.origin != "audit")
    case.decision = replace(case.decision, origin="report", mode=watched.mode)
    if plan.acts:
        acting.struck(watched, case)
        # It is the bot that acts: the audit is not to name who reported.
        ctx.member = Member(message.account.id, ctx.bot_name, is_bot=True)
        await acting.act(ctx, guard, watched, case)
    await acting.told(ctx, guard, watched, case)


def raised(own: Finding, seen: Said) -> Finding:
    """What the engine found, with the reports counted in.

    Its own doubt and the members' together are enough to act, except against a trusted member; without a doubt of
    its own, admins are asked.
    """
    if own.verdict == "act":
        return own
    doubt = own.verdict == "review" and not seen.trusted
    reasons = (Reason(RULE, 1.0, "有成员举报"), *own.reasons)
    return Finding(own.score, "act" if doubt else "review", reasons, RULE)


# --- what becomes of the reporters --------------------------------------------------------------


async def settle(guard: Guard, watched: Watched, decision: Decision, before: Label | None) -> None:
    """Credit or debit those who reported a message, now that an admin has said what it is (`decision.label`).

    `before` is what an admin said earlier, which is taken back.
    """
    if not decision.message_id or decision.label == before:
        return
    query = "select reporter_id from spam_reports where group_id = ? and message_id = ?"
    key = [decision.group_id, decision.message_id]
    reporters = await guard.db.read(lambda db: [row[0] for row in db.execute(query, key).fetchall()])
    for reporter in reporters:
        standing = watched.standing(reporter)
        _credit(standing, before, -1)
        _credit(standing, decision.label, 1)
        watched.touch(reporter, standing)


def _credit(standing: Standing, label: Label | None, number: int) -> None:
    if label == "spam":
        standing.good_reports = max(0, standing.good_reports + number)
    elif label == "ham":
        standing.false_reports = max(0, standing.false_reports + number)
