"""Looks at each message on its way: who may be left alone, what the engine says, what is to be done."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from loguru import logger

from bot.api import Context, Message, Role, StoreError, Verdict
from plugins.spam.finding import Finding, Said
from plugins.spam.guard import acting, appealing, audits, groups, ladder, pictures, samples, teaching, telling
from plugins.spam.guard.acting import Case
from plugins.spam.guard.decisions import Decision, Origin, Step
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.said import is_appeal, is_command, is_real, lost, said
from plugins.spam.guard.state import Guard, kept

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

AT_ONCE_SECONDS = 0.002
"""What the lane waits for a role: the platform is asked again beside it, before anything is done."""
DAY_SECONDS = 86_400.0
LONGEST_ORDER = 30
"""A command that is longer than this counts for what floods and what comes again, as any message."""
DUPLICATES = frozenset({"duplicate", "flood"})


async def watch(settings: Spam, ctx: Context, message: Message) -> Verdict | None:
    """Judge one message. A verdict ends its way: something is done about it, beside the lane."""
    member = message.member
    if message.group.direct or member.is_bot or member.id == message.account.id:
        return None
    guard = await kept(ctx)
    try:
        watched = guard.groups.get(message.group.id) or await guard.group(message.group.id)
    except StoreError as error:
        guard.complain(error)
        return None
    if watched.mode == "off":
        return None
    if not guard.school.knows(watched, share=settings.share):
        await teaching.ready(settings, ctx, guard, watched)
    order = is_command(message.text)
    if order and member.role >= Role.ADMIN:
        return None  # whoever corrects the guard writes about ads
    standing = watched.standing(member.id)
    appeals = standing.strikes > 0 and is_appeal(message.text)
    if appeals and watched.may_tell(f"appeal {member.id}", appealing.DAILY, DAY_SECONDS):
        return None  # whoever appeals has to say what it is about
    seen = said(message, watched, standing, settings.newcomer)
    finding = await judged(guard, watched, seen, remembered=not order or len(message.text) > LONGEST_ORDER)
    if finding is None:
        return None
    watched.count("seen")
    if finding.rule in DUPLICATES:
        watched.count("duplicates")
    if seen.pictures and finding.verdict != "act":
        found = partial(late, settings, ctx, message, origin="picture")
        await pictures.watch(ctx, guard, watched, message, seen, found, reads=settings.reads)
    if finding.verdict == "pass":
        _passed(settings, ctx, guard, watched, message, seen, finding)
        return None
    if member.role < Role.ADMIN and not watched.is_spared(member.id) and await _given(ctx, member.id) >= Role.ADMIN:
        watched.spare(member.id)
    case = settled(settings, watched, message, seen, finding)
    if finding.verdict == "act":
        # Of what is acted on some are asked about as well, lest only complaints are heard.
        case.decision = replace(case.decision, chance=audits.drawn(settings, watched, message, seen, finding))
    going = ctx.later(partial(_carry_out, settings, ctx, guard, watched, case))
    # A command finds its own end: who may give it is asked afresh, and admins must never be kept from theirs.
    stops = case.plan.acts and not order
    reason = f"像广告：{telling.because(finding.reasons)}"
    if going:
        return Verdict(reason) if stops else None
    # Too much waits beside the lane: the house acts at once, and the decision is written when there is time.
    if not stops or member.role is not Role.MEMBER:
        # Of these there is nothing that may be done without asking: the admins find them among what waits.
        acting.unstruck(watched, case.decision)
        step: Step = "ask" if case.plan.acts else case.decision.step
        guard.unwritten.append(replace(case.decision, step=step))
        return None
    outcome = case.decision.outcome
    outcome.unconfirmed.append("recall: 忙不过来，没有等结果")
    if case.plan.seconds:
        outcome.unconfirmed.append("mute: 忙不过来，没有等结果")
        outcome.until = time.time() + case.plan.seconds
    guard.unwritten.append(case.decision)
    return Verdict(reason, recall=True, mute_seconds=case.plan.seconds)


async def _given(ctx: Context, member_id: str) -> Role:
    """A role as far as it is told at once: the house knows its operators and helpers, the event may not."""
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            return await ctx.acts.role(member_id)
    except TimeoutError:
        return Role.UNKNOWN


async def judged(guard: Guard, watched: Watched, seen: Said, *, remembered: bool = True) -> Finding | None:
    """What the engine thinks of a message; None where it breaks, and the message passes.

    `remembered`: it counts for what floods and what comes again.
    """
    if watched.allowed and _bare(seen) and samples.key(seen.text) in watched.allowed:
        return Finding(0.0, "pass")
    try:
        engine, memory = await guard.engine()
        return engine.judge(seen, lists=watched.lists, memory=memory if remembered else None, local=watched.local)
    except Exception as error:  # noqa: BLE001 - a broken engine must not let the group fall silent
        guard.complain(error)
        return None


def _bare(seen: Said) -> bool:
    """Whether a message is its words and nothing else: an allowed text vouches for no card beside it."""
    return not (seen.links or seen.cards or seen.forwarded or seen.pictures or seen.everyone)


def _passed(
    settings: Spam, ctx: Context, guard: Guard, watched: Watched, message: Message, seen: Said, finding: Finding
) -> None:
    """Count a message that is none, for its author, too; now and then one is kept to ask the admins about."""
    watched.count("passed")
    teaching.passed(ctx, guard, watched, seen)
    member_id = message.member.id
    if not seen.trusted and not is_command(seen.text) and is_real(seen.text):
        mark = groups.digest(seen.text)
        if watched.last.get(member_id) != mark:
            watched.last[member_id] = mark
            standing = watched.standing(member_id)
            standing.real += 1
            watched.touch(member_id, standing)
    chance = audits.drawn(settings, watched, message, seen, finding)
    if chance is not None:
        decision = decided(watched, message, seen, finding, "audit", chance=chance)
        case = Case(decision, ladder.Plan("none", "none"), seen, message)
        if not ctx.later(partial(_carry_out, settings, ctx, guard, watched, case)):
            guard.unwritten.append(decision)


def settled(
    settings: Spam, watched: Watched, message: Message, seen: Said, finding: Finding, origin: Origin = "screen"
) -> Case:
    """What is to be done about a finding; from here on it counts, also for the member's very next message."""
    standing = watched.standing(message.member.id)
    plan = ladder.plan(finding, acting.situation(settings, watched, message.member, standing, seen))
    case = Case(decided(watched, message, seen, finding, origin, plan), plan, seen, message)
    case.decision.outcome.spared = ladder.spared(watched, message.member)
    if plan.acts:
        acting.struck(watched, case)
        watched.count("acted")
    elif plan.would in ("recall", "mute"):
        watched.count("would")
    elif plan.would == "ask":
        watched.count("reviewed")
    return case


def decided(
    watched: Watched,
    message: Message,
    seen: Said,
    finding: Finding,
    origin: Origin,
    plan: ladder.Plan | None = None,
    *,
    chance: float | None = None,
) -> Decision:
    """A decision that is still to be written."""
    return Decision(
        group_id=watched.id,
        group_name=message.group.name,
        member_id=message.member.id,
        member_name=message.member.name,
        message_id=message.id,
        text=seen.text,
        time=message.time,
        finding=finding,
        mode=watched.mode,
        origin=origin,
        step=plan.step if plan is not None else "none",
        lost=lost(message),
        chance=chance,
    )


async def late(settings: Spam, ctx: Context, message: Message, finding: Finding, origin: Origin) -> Decision | None:
    """Carry out what was found of a message that has gone its way: a picture that took long, reports of members.

    None: it was decided about already, or there is nothing to be done.
    """
    guard = await kept(ctx)
    watched = await guard.group(message.group.id)
    if finding.verdict == "pass" or watched.mode == "off":
        return None
    seen = said(message, watched, watched.standing(message.member.id), settings.newcomer)
    case = settled(settings, watched, message, seen, finding, origin)
    if finding.verdict == "act":
        case.decision = replace(case.decision, chance=audits.drawn(settings, watched, message, seen, finding))
    return await acting.carry_out(settings, ctx, guard, watched, case)


async def _carry_out(settings: Spam, ctx: Context, guard: Guard, watched: Watched, case: Case) -> None:
    try:
        await acting.carry_out(settings, ctx, guard, watched, case)
    except Exception:
        if not case.decision.outcome.done:
            # What was planned in the lane counts against the member, and came to nothing.
            acting.unstruck(watched, case.decision)
        logger.error("spam: nothing came of a finding in {}", watched.id)
        raise
