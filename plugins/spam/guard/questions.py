"""What the admins are asked of the messages that the lot fell on: in their own group, never in the members'."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlite_utils import Database

from bot.api import Context, Reply
from plugins.spam.guard import access, decisions, telling
from plugins.spam.guard.decisions import Decision
from plugins.spam.guard.state import Guard, kept
from plugins.spam.precision import WAIT

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

FACT = "asked"
SEVERAL = f"{access.REF}several"
"""What a question about several messages is known by, when it is quoted."""
WHICH = "这里有好几条，写上编号：误判 128 131，或 是广告 140"
ASKABLE = 7 * 86_400.0
"""Seconds after which nobody is asked about a message any more."""
MOST = 20
SHOWN = 60


async def due(settings: Spam, ctx: Context) -> None:
    """Ask, in the admin group, about what was chosen a day ago or longer and is not labelled yet."""
    guard = await kept(ctx)
    watched = await guard.group(ctx.group.id)
    if watched.admin_group is None or watched.mode == "off" or not settings.audits:
        return
    there = await ctx.elsewhere(watched.admin_group)
    if there is None:
        return
    since = float(watched.facts.get(FACT, 0))
    found = await ctx.db.read(lambda db: open_ones(db, [ctx.group.id], time.time(), since))
    if not found:
        return
    ref = f"{access.REF}{found[0].id}" if len(found) == 1 else SEVERAL
    if await there.send(Reply(_asked(found), ref=ref, quote=False, verbatim=True)) is not None:
        watched.note(FACT, repr(found[-1].time))


async def queue(ctx: Context, guard: Guard) -> str:
    """The questions that are open, for `/防广告 待审`; an admin of a group without an admin group reads them alone."""
    here = ctx.group.id
    watched = await guard.group(here)
    overseen = await access.overseen(ctx)
    found = await ctx.db.read(lambda db: open_ones(db, overseen, time.time()))
    own = [one for one in found if one.group_id == here]
    others = [one for one in found if one.group_id != here]
    told = [_asked(others)] if others else []
    if own and watched.admin_group is not None:
        told.append(f"还有 {len(own)} 条抽查，在管理群里。")
    elif own and await ctx.send(Reply(_asked(own), private=True, verbatim=True)) is not None:
        told.append(f"还有 {len(own)} 条抽查，私聊发你了。")
    elif own:
        told.append(f"还有 {len(own)} 条抽查，私聊发不到你；设一个管理群我就在那里问：/防广告 管理群")
    return "\n".join(told)


def open_ones(db: Database, group_ids: Sequence[str], now: float, since: float = 0.0) -> list[Decision]:
    """What was chosen, can be asked about by now and has no label, oldest first; `since`: only later messages."""
    marks = ",".join("?" * len(group_ids))
    where = (
        f"group_id in ({marks}) and time > ? and time <= ? and chance is not null and label is null"
        " and (text != '' or lost != '')"
    )
    numbers = f"select id from spam_decisions where {where} order by time, id limit ?"  # noqa: S608 - question marks
    row = [*group_ids, max(since, now - ASKABLE), now - WAIT, MOST]
    found = [decisions.find(db, number) for (number,) in db.execute(numbers, row).fetchall()]
    return [one for one in found if one is not None]


def _asked(found: Sequence[Decision]) -> str:
    lines = [f"抽查 {len(found)} 条，帮我看看判得对不对，答了我才知道自己有多准、漏了多少："]
    lines += [_line(one) for one in found]
    first = found[0].id
    if len(found) == 1:
        lines.append(f"引用这条回 误判 或 是广告，也可以发：/误判 {first} 或 /是广告 {first}")
    else:
        lines.append(f"不是广告的发：/误判 {first} {found[1].id} …；是广告的发：/是广告 {found[-1].id}")
    return "\n".join(lines)


def _line(one: Decision) -> str:
    words = telling.safe(one.text, SHOWN)
    lost = f"［{one.lost}］" if one.lost else ""
    place, who = telling.safe(one.group_name, 10), telling.safe(one.member_name, 10)
    return f"#{one.id} 「{place}」{who}：{words}{lost}（{'判为广告' if one.finding.verdict == 'act' else '放过了'}）"
