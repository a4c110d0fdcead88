"""What `/防广告 战绩` says: how often the guard was right, and how sure that is; in a few lines for a chat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from math import ceil, floor
from typing import TYPE_CHECKING

from loguru import logger

from bot.api import Context, Refusal, Role, StoreError
from plugins.spam.guard import access, demoting, figures, names, telling
from plugins.spam.guard.figures import Figures
from plugins.spam.guard.groups import Mode
from plugins.spam.guard.state import kept
from plugins.spam.guard.tables import DAY
from plugins.spam.intervals import UNKNOWN, Interval
from plugins.spam.precision import Precision, Recall, precision, precisions, recall

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

DAYS = 30
MOST_DAYS = 365
RULES = 5
"""So many rules are shown one by one, those first that found the most."""
USAGE = f"写最近多少天，1 到 {MOST_DAYS}：/防广告 战绩 30"


async def record(settings: Spam, ctx: Context, words: str) -> str:
    """The figures of the group; an admin also reads here those of the groups that report here. Raises Refusal."""
    days = _days(words)
    if ctx.group.direct:
        raise Refusal("请在群里用这个命令。")
    guard = await kept(ctx)
    watched = await guard.group(ctx.group.id)
    groups = [ctx.group.id]
    if await ctx.acts.role(ctx.member.id) >= Role.ADMIN:
        groups = await access.overseen(ctx)
    now = time.time()
    try:
        await guard.flush()
    except StoreError as error:
        logger.warning("spam: the figures lack the last minute: {}", error)
    found = await ctx.db.read(lambda db: figures.read(db, groups, now - days * DAY, now))
    asking = {rule for group_id in groups for rule in (await guard.group(group_id)).demoted}
    # Thousands of decisions take some tenths of a second, and other groups go on meanwhile.
    return await asyncio.to_thread(told, found, watched.mode, days, len(groups), asking)


def _days(words: str) -> int:
    number = words.strip().removesuffix("天").strip()
    if not number:
        return DAYS
    if not (number.isdecimal() and len(number) <= 3 and 1 <= int(number) <= MOST_DAYS):
        raise Refusal(USAGE)
    return int(number)


def told(found: Figures, mode: Mode, days: int, groups: int = 1, asking: Collection[str] = ()) -> str:
    """The figures in at most twelve lines."""
    # The mode is that of the group at hand, and says nothing of those that report here.
    which = f"（{groups} 个群合计）" if groups > 1 else f"，现在是{telling.MODES[mode]}"
    lines = [f"防广告最近 {days} 天{which}：看过 {found.seen} 条消息。"]
    whole = precision(found.rows)
    lines += _acts(found, whole)
    if whole.acted:
        lines.append(f"准不准：{_share(whole.shown, '对的')}。")
        lines += _rules(list(precisions(found.rows).values()))
    lines.append(_missed(recall(found.rows), found))
    if asking:
        lines.append(f"{demoting.asked(asking)}")
    return "\n".join(lines)


def _acts(found: Figures, whole: Precision) -> list[str]:
    parts = [f"处理了 {found.acted} 条广告" if found.acted else ""]
    parts.append(f"影子模式没动手，开启的话会处理 {found.would} 条" if found.would else "")
    parts.append(f"像广告但先问了管理员 {found.held} 条" if found.held else "")
    lines = ["；".join(filter(None, parts)) + "。" if any(parts) else "没有看到我认得出的广告。"]
    if whole.acted:
        accepted = f"，其中 {whole.silent} 条已静默接受，不算作对" if whole.silent else ""
        lines.append(f"管理员确认 {whole.right} 条，撤销 {whole.wrong} 条，没人说 {whole.unlabelled} 条{accepted}。")
    if found.asked:
        lines.append(f"拿不准问了管理员 {found.asked} 条，答了 {found.settled} 条，是广告的 {found.ads} 条。")
    return lines


def _rules(each: list[Precision]) -> list[str]:
    each.sort(key=lambda one: (-one.acted, one.rule))
    lines = [f"· {names.name(one.rule)} {one.acted} 条：{_rule(one)}" for one in each[:RULES]]
    if rest := each[RULES:]:
        several = "、".join(names.name(one.rule) for one in rest)
        lines[-1] += f"（另外 {sum(one.acted for one in rest)} 条：{several}）"
    return lines


def _rule(one: Precision) -> str:
    if not one.right + one.wrong:
        return "还没人说对错"
    return f"对 {one.right}、错 {one.wrong}，{_between(one.shown)}"


def _missed(told: Recall, found: Figures) -> str:
    pointed = f"你们指出漏了 {found.pointed} 条" if found.pointed else ""
    if told.shown == UNKNOWN:
        answers = f"抽查答了 {told.answered} 条" if told.answered else "抽查还没有人答"
        return f"漏没漏：还不知道，{answers}{f'；{pointed}' if pointed else ''}。"
    tail = f"（抽查答了 {told.answered}/{told.chosen} 条{f'，{pointed}' if pointed else ''}）"
    return f"漏没漏：{_share(told.shown, '广告里找到的')}{tail}。"


def _share(interval: Interval, what: str) -> str:
    """A share in words; the ends are rounded outwards, so that nothing is claimed that was not shown."""
    if interval.low <= 0 and interval.high >= 1:
        return f"{what}占多少还不知道"
    if interval.point is None:
        return f"{what}占多少还说不准，95% 的把握在 {_between(interval)} 之间"
    return f"{what}约 {interval.point:.0%}，95% 的把握在 {_between(interval)} 之间"


def _between(interval: Interval) -> str:
    return f"{floor(interval.low * 100 + 1e-9)}%–{ceil(interval.high * 100 - 1e-9)}%"
