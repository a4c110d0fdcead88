"""Whose word counts about which decision: admins of the group it was made in, or of the group its reports go to."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.api import Context, Refusal, Role
from plugins.spam.guard import decisions, groups
from plugins.spam.guard.decisions import Decision
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.state import Guard

ONLY_ADMINS = "只有管理员可以这样做。"
UNSURE = "暂时无法确认你的身份，请稍后再试。"
AWAY = "那个群现在不归我管（我不在群里，或者防广告关了）。"
REF = "spam:"
NUMBER = re.compile(r"[#＃]?\s*(\d{1,15})(?:号)?(?:[\s，、：:,.]+(.*))?", re.DOTALL)

NUMBERS = re.compile(r"[#＃]?\d{1,15}(?:[\s,，、;；]+[#＃]?\d{1,15}){0,19}")
"""Up to twenty numbers of decisions."""


@dataclass(frozen=True, slots=True)
class Matter:
    """A decision, and the context of the group it was made in, on behalf of who is at hand.

    rest  the words behind the number
    """

    decision: Decision
    there: Context
    watched: Watched
    rest: str = ""


async def demand(ctx: Context) -> None:
    """Raises Refusal for whoever is no admin here this moment."""
    role = await ctx.acts.role(ctx.member.id)
    if role < Role.ADMIN:
        raise Refusal(UNSURE if role is Role.UNKNOWN else ONLY_ADMINS)


def numbered(words: str) -> tuple[int | None, str]:
    """The number that words begin with, and the words behind it."""
    found = NUMBER.fullmatch(words.strip())
    return (int(found[1]), (found[2] or "").strip()) if found else (None, words.strip())


async def meant(ctx: Context, guard: Guard, words: str, usage: str) -> tuple[Decision | None, str]:
    """The decision that words or what is quoted name, whoever asks; None: none there is. Raises Refusal: none named."""
    number, rest = numbered(words)
    if number is not None:
        return await ctx.db.read(lambda db: decisions.find(db, number)), rest
    if ctx.message is None or ctx.message.quote is None:
        raise Refusal(usage)
    quote = ctx.message.quote
    quoted = await ctx.quoted()
    ref = (quoted.ref or "") if quoted is not None and quoted.ours else ""
    said = numbered(ref.removeprefix(REF))[0] if ref.startswith(REF) else None
    if said is not None:
        return await ctx.db.read(lambda db: decisions.find(db, said)), rest
    return await ctx.db.read(lambda db: decisions.of_message(db, ctx.group.id, quote)), rest


async def matter(ctx: Context, guard: Guard, words: str, usage: str) -> Matter:
    """The decision that an admin names by number or by quoting. Raises Refusal.

    Whoever is no admin learns nothing of what there is.
    """
    decision, rest = await meant(ctx, guard, words, usage)
    return await allowed(ctx, guard, decision, words, rest)


async def allowed(ctx: Context, guard: Guard, decision: Decision | None, words: str = "", rest: str = "") -> Matter:
    """What an admin may decide about. Raises Refusal where they may not, or there is nothing."""
    number = numbered(words)[0]
    nothing = f"没有 #{number}。" if number is not None else "这条我没有记过。"
    if decision is None or decision.group_id == ctx.group.id:
        await demand(ctx)
        if decision is None:
            raise Refusal(nothing)
        return Matter(decision, ctx, await guard.group(ctx.group.id), rest)
    watched = await guard.group(decision.group_id)
    if watched.admin_group != ctx.group.id:
        await demand(ctx)
        raise Refusal(nothing)
    there = await ctx.elsewhere(decision.group_id)
    role = await ctx.acts.role(ctx.member.id)
    if role < Role.ADMIN and there is not None:
        role = max(role, await there.acts.role(ctx.member.id))
    if role < Role.ADMIN:
        raise Refusal(UNSURE if role is Role.UNKNOWN else ONLY_ADMINS)
    if there is None:
        raise Refusal(AWAY)
    return Matter(decision, there, watched, rest)


async def each(numbers: str, do: Callable[[str], Awaitable[str]]) -> str:
    """Do something to each of the numbers, and tell of each in a line. Raises Refusal where there is but one."""
    each = list(dict.fromkeys(re.findall(r"\d+", numbers)))
    if len(each) < 2:
        return await do(numbers)
    told = []
    for number in each:
        try:
            told.append(await do(number))
        except Refusal as refusal:
            told.append(str(refusal))
    return "\n".join(told)


async def overseen(ctx: Context) -> list[str]:
    """The groups whose decisions are shown here: this one, and those that report to it."""
    return [ctx.group.id, *await ctx.db.read(lambda db: groups.reporting_to(db, ctx.group.id))]
