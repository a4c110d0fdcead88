"""Carries a plan out beside the lane: writes the decision down, acts, writes what came of it, and tells."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loguru import logger
from sqlite_utils import Database

from bot.api import Context, Member, Message, Reply, Role, StoreError
from plugins.spam.finding import Said
from plugins.spam.guard import audits, decisions, deeds, groups, ladder, opinion, telling
from plugins.spam.guard.decisions import Decision, Step
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.ladder import Plan
from plugins.spam.guard.state import Guard

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

WRITE_SECONDS = 1.0
"""No ad stays longer than this for the sake of its number."""
REPORTS, REPORT_SECONDS = 20, 300.0
LINES, LINE_SECONDS = 4, 300.0
UNNAMED = "平台没有说 TA 的身份，我没敢动手"


@dataclass(slots=True)
class Case:
    """A finding on its way: what is decided and planned, of what was said."""

    decision: Decision
    plan: Plan
    said: Said
    message: Message | None = None


async def carry_out(settings: Spam, ctx: Context, guard: Guard, watched: Watched, case: Case) -> Decision | None:
    """Everything about one finding, from its number to the report. None: the message was dealt with already."""
    decision, new = await recorded(guard, watched, case.decision)
    if not new:
        if not goes_further(decision, case):
            unstruck(watched, case.decision)
            return None
        found = case.decision
        # A lot stands for messages that passed, and this one does no longer. Reports change nothing about that.
        lot = decision.origin == "audit" and found.origin == "report"
        if not lot:
            decision = replace(decision, finding=found.finding, origin=found.origin, chance=found.chance)
        decision = replace(decision, step=case.plan.step, outcome=found.outcome)
        await conclude(guard, decision, finding=not lot)
    case.decision = decision
    if case.message is not None:
        # It is the bot that acts: the audit is not to say that the member did it to themselves.
        ctx.member = Member(case.message.account.id, ctx.bot_name, is_bot=True)
    if case.plan.step == "ask" and await _raised(settings, ctx, guard, watched, case):
        return case.decision
    if case.plan.acts:
        await act(ctx, guard, watched, case)
    await told(ctx, guard, watched, case)
    return case.decision


def goes_further(known: Decision, case: Case) -> bool:
    """Whether what was found later of a message goes beyond what was decided, which no admin has spoken on yet."""
    if known.label is not None or case.decision.origin == "screen":
        return False
    heights = ("none", "note", "ask", "recall", "mute")
    return known.step in heights[:3] and heights.index(case.plan.step) > heights.index(known.step)


async def _raised(settings: Spam, ctx: Context, guard: Guard, watched: Watched, case: Case) -> bool:
    """Ask for a second opinion; where it makes the plan another one, carry that out. False: admins are asked."""
    decision, message = case.decision, case.message
    if not settings.opinion or message is None or decision.finding.verdict != "review" or not opinion.served(ctx):
        return False
    said = await opinion.ask(ctx, case.said, decision.finding, message)
    async with guard.deciding(decision.id):
        if await _spoken(guard, decision):
            return True
        return await _joined(settings, ctx, guard, watched, case, message, said)


async def _spoken(guard: Guard, decision: Decision) -> bool:
    """Whether an admin has said by now what it is."""
    if not decision.id:
        return False
    try:
        known = await guard.db.read(lambda db: decisions.find(db, decision.id))
    except StoreError as error:
        logger.warning("spam: whether #{} was answered cannot be read: {}", decision.id, error)
        return False
    return known is not None and known.label is not None


async def _joined(
    settings: Spam,
    ctx: Context,
    guard: Guard,
    watched: Watched,
    case: Case,
    message: Message,
    said: opinion.Opinion,
) -> bool:
    """Count an opinion in, and act where that is enough. False: admins are asked."""
    decision = case.decision
    finding = opinion.joined(decision.finding, said)
    standing = watched.standing(decision.member_id)
    plan = ladder.plan(finding, situation(settings, watched, message.member, standing, case.said))
    case.decision = replace(decision, finding=finding, step=plan.step)
    case.plan = plan
    if finding.verdict == "act":
        chance = audits.drawn(settings, watched, message, case.said, finding)
        case.decision = replace(case.decision, chance=chance)
    await conclude(guard, case.decision, finding=True)
    if not plan.acts:
        return False
    struck(watched, case)
    await act(ctx, guard, watched, case)
    await told(ctx, guard, watched, case)
    return True


def situation(
    settings: Spam, watched: Watched, member: Member, standing: groups.Standing, said: Said
) -> ladder.Situation:
    """What the ladder needs to know of a member now. Strikes that are past the window count no more."""
    since = said.time - standing.last_strike
    strikes = standing.strikes if since < settings.window * 3600 else 0
    role = Role.ADMIN if ladder.spared(watched, member) else member.role
    return ladder.Situation(
        watched.mode, role, said.trusted, strikes, since, watched.demoted, settings.ceiling, settings.minutes
    )


def struck(watched: Watched, case: Case) -> None:
    """Take from the member what an act takes: the trust they had earned; and count a strike where it is one."""
    member_id = case.decision.member_id
    standing, outcome = watched.standing(member_id), case.decision.outcome
    outcome.real, outcome.seconds = standing.real, case.plan.seconds
    standing.real = 0
    if case.plan.strike:
        outcome.struck = True
        standing.strikes = standing.strikes + 1 if case.plan.again else 1
        standing.last_strike = case.said.time
    watched.touch(member_id, standing)


def unstruck(watched: Watched, decision: Decision) -> None:
    """Give a member back what `struck` took."""
    outcome, standing = decision.outcome, watched.standing(decision.member_id)
    if not decision.member_id or not (outcome.struck or outcome.real):
        return
    standing.real += outcome.real
    if outcome.struck:
        standing.strikes = max(0, standing.strikes - 1)
        standing.last_strike = standing.last_strike if standing.strikes else 0.0
    outcome.struck, outcome.real = False, 0
    watched.touch(decision.member_id, standing)


# --- the tables -----------------------------------------------------------------------------------


async def recorded(guard: Guard, watched: Watched, decision: Decision) -> tuple[Decision, bool]:
    """A decision with its number, and whether it is new; without a number where the database does not take it now."""
    changes = watched.changes()

    def write(db: Database) -> tuple[Decision, bool]:
        changes.write(db)
        return decisions.write(db, decision)

    try:
        writing = asyncio.ensure_future(guard.db.write(write))
        done, _ = await asyncio.wait({writing}, timeout=WRITE_SECONDS)
        if done:
            written, new = writing.result()
            # The outcome goes on being filled in by whoever holds the one that was given in.
            return (replace(written, outcome=decision.outcome) if new else written), new
        writing.add_done_callback(_late)
        reason = f"not within {WRITE_SECONDS:g} s"
    except StoreError as error:
        reason = str(error)
    except Exception:  # noqa: BLE001 - a row that cannot be written is no reason to leave an ad where it is
        logger.exception("spam: a decision in {} cannot be written", watched.id)
        return decision, True
    logger.warning("spam: a decision in {} is kept in memory: {}", watched.id, reason)
    watched.again(changes)
    guard.unwritten.append(decision)
    return decision, True


def _late(writing: asyncio.Future[tuple[Decision, bool]]) -> None:
    """Nobody waits any more for this write; what it missed is written again by the next flush."""
    if not writing.cancelled() and (error := writing.exception()) is not None:
        logger.warning("spam: a decision could not be written: {}", error)


async def conclude(guard: Guard, decision: Decision, *, finding: bool = False) -> None:
    """Write down what came of a decision. One that has no number yet is written with it, later."""
    if not decision.id:
        for place, waiting in enumerate(guard.unwritten):
            if waiting.outcome is decision.outcome:
                guard.unwritten[place] = decision
        return
    more = decision.finding if finding else None
    try:
        await guard.db.write(
            lambda db: decisions.concluded(db, decision, step=decision.step, finding=more), durable=True
        )
    except StoreError as error:
        logger.warning("spam: what came of #{} is not written: {}", decision.id, error)
        guard.concluded[decision.id] = decision
    else:
        guard.concluded.pop(decision.id, None)  # what waited to be written is older than this


# --- acts -----------------------------------------------------------------------------------------


async def act(ctx: Context, guard: Guard, watched: Watched, case: Case) -> None:
    """Recall and mute whoever is surely a mere member; who turns out to be more is asked about or spared."""
    decision, plan = case.decision, case.plan
    role = await ctx.acts.role(decision.member_id)
    if role is not Role.MEMBER:
        unstruck(watched, decision)
        step: Step = "ask"
        if role >= Role.ADMIN:
            watched.spare(decision.member_id)
            decision.outcome.spared = True
            step = "note"
        case.decision = replace(decision, step=step)
        case.plan = Plan(step, plan.step, why="管理员的消息，我不动" if step == "note" else UNNAMED)
        await conclude(guard, case.decision)
        return
    try:
        await deeds.removed(ctx, watched, decision)
        if plan.step == "mute":
            await deeds.muted(ctx, decision, plan.seconds)
        if not decision.outcome.done:
            # Nothing was seen to happen: it waits for the admins, like a doubt.
            decision = case.decision = replace(decision, step="ask")
    finally:  # what the end of the bot breaks off is written down, too
        await conclude(guard, decision)
    if decision.outcome.failed:
        watched.count("failed")


# --- words ----------------------------------------------------------------------------------------


async def told(ctx: Context, guard: Guard, watched: Watched, case: Case) -> None:
    """Tell the group in one line, and the admins where they read, as far as there is something to tell."""
    decision, plan = case.decision, case.plan
    if decision.origin == "audit":
        return  # the admins are asked later, when they had time to see it for themselves
    ref = f"spam:{decision.id}" if decision.id else None
    recalled = "recall" in decision.outcome.done or "mute" in decision.outcome.done
    in_admins = await reported(ctx, guard, watched, case)
    if decision.mode != "on":
        return
    line = ""
    if decision.step in ("recall", "mute"):
        if recalled:
            line = telling.notice(decision, removal=plan.removal and not in_admins)
    elif decision.step == "ask" and not in_admins:
        line = telling.powerless(decision) if plan.acts else telling.question(decision)
    if not line:
        return
    if not watched.may_tell("line", LINES, LINE_SECONDS):
        if decision.id:
            watched.silent.append(decision.id)
        return
    silent = telling.silent(watched.silent)
    watched.silent.clear()
    await ctx.send(Reply(f"{line}{silent}", ref=ref, quote=False, verbatim=True))


async def reported(ctx: Context, guard: Guard, watched: Watched, case: Case) -> bool:
    """Report to the admin group. False: there is none that can be reached."""
    decision, plan = case.decision, case.plan
    if watched.admin_group is None:
        return False
    there = await ctx.elsewhere(watched.admin_group)
    if there is None:
        return False
    if decision.step == "note" and plan.would == "note":
        return True
    if not watched.may_tell("report", REPORTS, REPORT_SECONDS):
        watched.untold += 1
        return True
    untold, watched.untold = watched.untold, 0
    words = telling.report(decision, would=plan.would, why=plan.why, untold=untold, removal=plan.removal)
    ref = f"spam:{decision.id}" if decision.id else None
    return await there.send(Reply(words, ref=ref, quote=False, verbatim=True)) is not None
