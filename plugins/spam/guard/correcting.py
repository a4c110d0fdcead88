"""What an admin says to a decision, carried out: taken back, confirmed, or only removed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from sqlite_utils import Database

from bot.api import Context, Refusal, Reply, Role
from plugins.spam.finding import Finding, Said
from plugins.spam.guard import (
    acting,
    appealing,
    decisions,
    deeds,
    demoting,
    pictures,
    reporting,
    samples,
    teaching,
    telling,
    watching,
)
from plugins.spam.guard.access import Matter, demand
from plugins.spam.guard.decisions import LONGEST, Decision, Label
from plugins.spam.guard.ladder import DAY, Plan
from plugins.spam.guard.state import Guard
from plugins.spam.guard.tables import EVERYWHERE

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

QUOTE_IT = "请引用那条消息。"
UNHEARD = "我没有听到过这条消息，请在客户端里处理。"
OURS = "这是我自己说的，不用管。"
SPARED = "TA 是管理员，我不动。"
UNKNOWN = "平台没有说 TA 的身份，可能已经不在群里了，人我没有动。"
"""Whoever posts an ad and leaves is gone; the ad is not: on an admin's own word it is taken back all the same."""


# --- /误判 ------------------------------------------------------------------------------------------


async def ham(settings: Spam, ctx: Context, guard: Guard, matter: Matter) -> str:
    """Take a decision back as far as that can be done, and say what cannot."""
    async with guard.deciding(matter.decision.id):
        decision = await _again(ctx, guard, matter.decision)
        fresh = await _label(ctx, decision, "ham")
        if drawn(decision) and decision.label is None:
            # It passed, and nobody thought otherwise: there is nothing to take back, and nothing to be taught.
            await _answered(guard, matter, replace(decision, label="ham"), None)
            return f"好，#{decision.id} 不是广告，记下了。"
        done, left = await _undone(matter, guard, decision)
        if not fresh and not done and not left:
            return f"#{decision.id} 已经按误判处理过了。"
        acting.unstruck(matter.watched, decision)
        taught = await _labelled(ctx, guard, matter, decision, "ham") if fresh else ""
        await acting.conclude(guard, decision)
    if samples.key(decision.text) is not None:
        done.append("这样的话以后放行")
    told = [f"好，#{decision.id} 是误判{'：' if done else ''}{'、'.join(done)}。"]
    if left:
        told.append(f"{'；'.join(left)}。")
    return "".join([*told, taught])


async def _undone(matter: Matter, guard: Guard, decision: Decision) -> tuple[list[str], list[str]]:
    """What was taken back, and what could not be."""
    there, outcome = matter.there, decision.outcome
    done: list[str] = []
    left: list[str] = []
    if decision.step in ("recall", "mute") and not (outcome.done or outcome.failed or outcome.unconfirmed):
        # The bot was killed at it: the far end may well have done it.
        left.append("撤没撤成我没等到结果，所以再发一遍")
        outcome.done += ["recall", "mute"] if decision.step == "mute" else ["recall"]
    now = time.time()
    muted = any(one.startswith("mute") for one in outcome.done + outcome.unconfirmed) and "unmute" not in outcome.done
    # Of a mute that is over nothing is left: one that holds now is somebody else's word.
    if muted and decision.member_id and not 0 < outcome.until <= now:
        if await there.db.read(lambda db: decisions.muted_still(db, decision, now)):
            left.append("TA 另有一条被禁言的记录，禁言先留着")
        elif await deeds.attempted(outcome, "unmute", there.acts.mute(decision.member_id, 0)):
            done.append("禁言解除了")
        else:
            left.append(f"禁言没有解开（{_reason(outcome.failed + outcome.unconfirmed)}），请手动解除")
    if "recall" in outcome.done and "repost" not in outcome.done:
        done += await _reposted(there, decision, left)
    if any(one.startswith("recall") for one in outcome.unconfirmed):
        left.append("撤回那时没有确认，原话可能还在")
    if "kick" in outcome.done:
        left.append("TA 已经被移出群，我请不回来，要请 TA 重新加群")
    return done, left


async def _reposted(there: Context, decision: Decision, left: list[str]) -> list[str]:
    """Say again for its author what was recalled."""
    done = []
    if decision.text.strip():
        name = telling.safe(decision.member_name, telling.NAME_SHOWN) or "有人"
        words = telling.verbatim(decision.text)
        # Other bots obey what begins like a command, and this one may be an admin.
        name = name.lstrip("/／!！.。#＃\\、-") or "有人"
        sent = await there.send(Reply(f"{name} 说：{words}", quote=False, verbatim=True))
        if sent is None:
            left.append("原话没有发出去，可以再发一次 /误判 试试")
        else:
            decision.outcome.done.append("repost")
            done.append("原话发回群里了")
            if len(decision.text) >= LONGEST:
                left.append(f"原话太长，只补回了前 {LONGEST} 个字")
    elif not decision.lost:
        left.append("原话没有留底，补不回来了")
    if decision.lost:
        left.append(f"{decision.lost}补不回来，请 TA 重新发")
        if not done:
            decision.outcome.done.append("repost")
    return done


# --- /是广告, /广告 ----------------------------------------------------------------------------------


def drawn(decision: Decision) -> bool:
    """Whether it is a message that passed, and on which the lot fell."""
    return decision.origin == "audit" and decision.finding.verdict == "pass"


async def spam(settings: Spam, ctx: Context, guard: Guard, matter: Matter, *, acts: bool = True) -> str:
    """Confirm an ad: act where that was not done yet and `acts`, and learn."""
    async with guard.deciding(matter.decision.id):
        decision = await _again(ctx, guard, matter.decision)
        role = await matter.there.acts.role(decision.member_id) if decision.member_id else Role.MEMBER
        if role >= Role.ADMIN:
            matter.watched.spare(decision.member_id)
            raise Refusal(SPARED)
        fresh = await _label(ctx, decision, "spam")
        # What is gone already counted against its author when it went.
        told = await _acted(settings, matter, decision, role) if acts and not _is_gone(decision) else ""
        if not fresh and not told:
            return f"#{decision.id} 已经记作广告了。"
        taught = await _labelled(ctx, guard, matter, decision, "spam") if fresh else ""
        if "mute" in decision.outcome.done:
            decision = replace(decision, step="mute")
        elif _is_gone(decision):
            decision = replace(decision, step="recall")
        await acting.conclude(guard, decision)
    left = "" if acts or _is_gone(decision) else f"原话还在，要撤回：/移除 {decision.id}"
    return f"好，#{decision.id} 记作广告了{told.rstrip('。')}。{left}{taught}"


async def _acted(settings: Spam, matter: Matter, decision: Decision, role: Role) -> str:
    """Recall, and mute whoever does it again."""
    watched = matter.watched
    standing, now = watched.standing(decision.member_id), time.time()
    strikes = standing.strikes if now - standing.last_strike < settings.window * 3600 else 0
    mutes = bool(strikes and decision.member_id and settings.ceiling == "mute")
    seconds = (settings.minutes * 60 if strikes == 1 else DAY) if mutes else 0
    await deeds.removed(matter.there, watched, decision)
    if role is Role.UNKNOWN:
        return f"：{telling.done(decision)}。{UNKNOWN}"
    if decision.member_id:
        plan = Plan("mute" if mutes else "recall", "recall", seconds, strike=True, again=bool(strikes))
        seen = Said(decision.text, watched.id, decision.member_id, decision.member_name, time=now)
        acting.struck(watched, acting.Case(decision, plan, seen))
    if mutes:
        await deeds.muted(matter.there, decision, seconds)
    return f"：{telling.done(decision)}"


def _is_gone(decision: Decision) -> bool:
    return "recall" in decision.outcome.done or "gone" in decision.outcome.done


async def pointed(settings: Spam, ctx: Context, guard: Guard) -> Matter:
    """The decision about the message that an admin quotes, made now where there is none. Raises Refusal."""
    await demand(ctx)
    message = ctx.message
    if message is None or message.quote is None:
        raise Refusal(QUOTE_IT)
    quote = message.quote
    watched = await guard.group(ctx.group.id)
    known = await ctx.db.read(lambda db: decisions.of_message(db, ctx.group.id, quote))
    if known is not None:
        return Matter(known, ctx, watched)
    quoted = await ctx.quoted()
    if quoted is None or not (quoted.ours or quoted.member_id):
        raise Refusal(UNHEARD)
    if quoted.ours:
        raise Refusal(OURS)
    if await ctx.acts.role(quoted.member_id) >= Role.ADMIN:
        raise Refusal(SPARED)
    seen = Said(quoted.text, watched.id, quoted.member_id, quoted.name, time=message.time)
    finding = await watching.judged(guard, watched, seen, remembered=False)
    decision = Decision(
        group_id=watched.id,
        group_name=ctx.group.name,
        member_id=quoted.member_id,
        member_name=quoted.name,
        message_id=quote,
        text=quoted.text,
        time=message.time,
        finding=finding or Finding(0.0, "pass"),
        mode=watched.mode,
        origin="admin",
        lost="文件" if quoted.files else "",
    )
    written, _ = await ctx.db.write(lambda db: decisions.write(db, decision))
    return Matter(written, ctx, watched)


# --- /移除 ------------------------------------------------------------------------------------------


async def remove(settings: Spam, ctx: Context, guard: Guard, matter: Matter, *, kick: bool) -> str:
    """Take a message away, and its author where an admin says so; nothing is learnt of it."""
    async with guard.deciding(matter.decision.id):
        decision = replace(await _again(ctx, guard, matter.decision), step="remove")
        there, outcome = matter.there, decision.outcome
        role = await there.acts.role(decision.member_id) if decision.member_id else Role.MEMBER
        if role >= Role.ADMIN:
            raise Refusal(SPARED)
        before = len(outcome.failed) + len(outcome.unconfirmed), len(outcome.done)
        try:
            if not _is_gone(decision):
                await deeds.removed(there, matter.watched, decision)
            if kick and decision.member_id and role is Role.MEMBER:
                await deeds.attempted(outcome, "kick", there.acts.kick(decision.member_id))
        finally:
            await acting.conclude(guard, decision)
    if (len(outcome.failed) + len(outcome.unconfirmed), len(outcome.done)) == before:
        return f"#{decision.id} 已经撤回过了。{'' if kick else f'要把人也移出：/移除 {decision.id} 踢出'}"
    return f"#{decision.id} {telling.done(decision)}。{UNKNOWN if kick and role is Role.UNKNOWN else ''}"


# --- parts of the above -----------------------------------------------------------------------------


async def _again(ctx: Context, guard: Guard, decision: Decision) -> Decision:
    """A decision as it stands now: another admin may have had their say meanwhile."""
    found = await ctx.db.read(lambda db: decisions.find(db, decision.id)) or decision
    waiting = guard.concluded.get(decision.id)
    return replace(found, step=waiting.step, outcome=waiting.outcome) if waiting is not None else found


async def _label(ctx: Context, decision: Decision, label: Label) -> bool:
    by = ctx.member.id
    return await ctx.db.write(lambda db: decisions.label(db, decision.id, label, by), durable=True)


async def _labelled(ctx: Context, guard: Guard, matter: Matter, decision: Decision, label: Label) -> str:
    """Learn from an admin's word; what is to be told of that."""
    watched, text, by = matter.watched, decision.text, matter.there.member.id
    share = teaching.shares(matter.there)

    def keep(db: Database) -> None:
        samples.put(db, watched.id, label, text, by, decision.id)
        if label == "spam" and share:
            samples.put(db, EVERYWHERE, "spam", text, by, decision.id)
        elif label == "ham":
            samples.withdraw(db, EVERYWHERE, decision.id)

    await matter.there.db.write(keep)
    key = samples.key(text)
    if key is not None:
        (watched.allowed.add if label == "ham" else watched.allowed.discard)(key)
    said = replace(decision, label=label, label_by=by)
    if decision.message_id:
        if label == "spam":
            await pictures.teach(matter.there, decision.message_id, decision.id, share=share)
        else:
            await pictures.unteach(matter.there, decision.message_id, decision.id)
    await _answered(guard, matter, said, decision.label)
    return await teaching.learn(ctx, matter.there, said, label)


async def _answered(guard: Guard, matter: Matter, said: Decision, before: Label | None) -> None:
    """Tell and credit whom an admin's word concerns, and look again at the rule that had decided."""
    await appealing.answered(matter.there, said)
    await reporting.settle(guard, matter.watched, said, before)
    own = cast("Spam", matter.there.settings)
    if said.finding.verdict == "act" and said.finding.rule:
        await demoting.renew(matter.there, own, guard, matter.watched, [said.finding.rule])


def _reason(entries: list[str]) -> str:
    return telling.safe(entries[-1].partition(": ")[2], 60) if entries else "平台拒绝了"
