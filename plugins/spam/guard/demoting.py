"""Rules that are wrong too often in a group ask the admins, until they are shown to be right or an admin trusts them.

What is known of a rule is counted anew after each change, by the number of the last decision before it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from loguru import logger
from sqlite_utils import Database

from bot.api import Context, Refusal, Reply, StoreError
from plugins.spam.demotion import Counts, demoted
from plugins.spam.guard import names, telling
from plugins.spam.guard.groups import Watched

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam
    from plugins.spam.guard.state import Guard

FACT = "rules"
USAGE = "写规则的名字：/防广告 规则 模型 启用"


@dataclass(frozen=True, slots=True)
class Change:
    """The last that happened to a rule: `asks` from then on or not, what counts comes `after` this decision.

    right, wrong  what it was decided by; none where an admin said so
    told          the admins know of it
    """

    asks: bool
    after: int
    time: float
    right: int = 0
    wrong: int = 0
    told: bool = True


def load(watched: Watched) -> None:
    """Take up which rules ask."""
    watched.demoted = frozenset(rule for rule, change in changes(watched).items() if change.asks)


def changes(watched: Watched) -> dict[str, Change]:
    """What happened to the rules of a group, by their names."""
    found = watched.facts.get(FACT)
    return {rule: Change(**change) for rule, change in json.loads(found).items()} if found else {}


async def renew(ctx: Context, settings: Spam, guard: Guard, watched: Watched, rules: Iterable[str]) -> None:
    """Look at rules again, now that an admin said something of what they found; `ctx` is of the watched group."""
    for rule in rules:
        before = changes(watched).get(rule)
        after = before.after if before is not None else 0
        counts, last = await ctx.db.read(partial(_counted, watched.id, rule, after))
        was = rule in watched.demoted
        asks = demoted(counts, settings.precision, was=was)
        if asks == was or changes(watched).get(rule) != before:
            continue  # nothing changes, or somebody was faster
        right, wrong = counts.right, counts.wrong
        change = Change(asks, last, time.time(), right, wrong, told=False)
        await _put(guard, watched, {rule: change})
        logger.info("spam: {} {} in {}: {} right, {} wrong", rule, "asks" if asks else "acts", watched.id, right, wrong)
        if await _announced(ctx, settings, watched, rule, change):
            await _told(guard, watched, [rule])


async def _announced(ctx: Context, settings: Spam, watched: Watched, rule: str, change: Change) -> bool:
    """Tell the admin group. False: there is none that can be reached."""
    there = await ctx.elsewhere(watched.admin_group) if watched.admin_group is not None else None
    if there is None:
        return False
    words = _news(rule, change, settings.precision, ctx.group.name)
    return await there.send(Reply(words, quote=False, verbatim=True)) is not None


def _news(rule: str, change: Change, limit: float, place: str = "") -> str:
    where = f"在「{telling.safe(place, telling.NAME_SHOWN)}」" if place else ""
    counts = f"对 {change.right} 条、错 {change.wrong} 条"
    if change.asks:
        return (
            f"「{names.name(rule)}」这条规则{where}达不到 {limit:.0%} 的下限（{counts}），它认出的我以后先问你们，"
            f"不自己动手。对得多了会自动恢复；现在就恢复：/防广告 规则 {names.name(rule)} 启用"
        )
    return f"「{names.name(rule)}」这条规则{where}最近都很准（{counts}），又自己处理了。"


async def news(ctx: Context, settings: Spam, guard: Guard) -> str:
    """What the admins of this group were not told yet, which counts as told from here on."""
    watched = await guard.group(ctx.group.id)
    untold = {rule: change for rule, change in changes(watched).items() if not change.told}
    if untold:
        await _told(guard, watched, untold)
    return "\n".join(_news(rule, change, settings.precision) for rule, change in untold.items())


# --- an admin's word ------------------------------------------------------------------------------


async def command(guard: Guard, groups: Iterable[str], words: str) -> str:
    """`/防广告 规则 [名字 启用]`, given by an admin of these groups. Raises Refusal."""
    overseen = [await guard.group(group_id) for group_id in groups]
    first, _, deed = words.strip().partition(" ")
    if not first:
        asking = sorted({rule for watched in overseen for rule in watched.demoted})
        return f"{asked(asking)}恢复：/防广告 规则 名字 启用" if asking else "现在没有先问管理员的规则，都自己处理。"
    rule = names.rule(first)
    if rule is None:
        raise Refusal(f"没有这条规则。有：{'、'.join(names.NAMES.values())}")
    if deed.strip() not in ("启用", "on"):
        raise Refusal(USAGE)
    demoted_in = [watched for watched in overseen if rule in watched.demoted]
    if not demoted_in:
        return f"「{names.name(rule)}」本来就自己处理。"
    for watched in demoted_in:
        last = await guard.db.read(_last)
        await _put(guard, watched, {rule: Change(False, last, time.time())})
    return f"好，「{names.name(rule)}」又自己处理了；从现在起重新算它的对错。"


def asked(rules: Iterable[str]) -> str:
    """Which rules ask, in a line."""
    return f"先问管理员的规则：{'、'.join(map(names.name, sorted(rules)))}。"


# --- the tables -----------------------------------------------------------------------------------


def _counted(group_id: str, rule: str, after: int, db: Database) -> tuple[Counts, int]:
    """The counts of a rule since a decision, and the number of the last decision."""
    query = (
        "select label, chance is not null, count(*) from spam_decisions where group_id = ? and rule = ?"
        " and verdict = 'act' and origin != 'admin' and mode != 'off' and id > ?"
        " and json_extract(outcome, '$.spared') is null group by 1, 2"
    )
    found: dict[tuple[str | None, bool], int]
    found = {(label, bool(fair)): n for label, fair, n in db.execute(query, [group_id, rule, after]).fetchall()}

    def labelled(label: str | None) -> int:
        return found.get((label, True), 0) + found.get((label, False), 0)

    fair = found.get(("spam", True), 0), found.get(("ham", True), 0)
    return Counts(labelled("spam"), labelled("ham"), labelled(None), fair), _last(db)


def _last(db: Database) -> int:
    return int(db.execute("select coalesce(max(id), 0) from spam_decisions").fetchone()[0])


async def _told(guard: Guard, watched: Watched, rules: Iterable[str]) -> None:
    known = changes(watched)
    await _put(guard, watched, {rule: Change(**(asdict(known[rule]) | {"told": True})) for rule in rules})


async def _put(guard: Guard, watched: Watched, changed: dict[str, Change]) -> None:
    """Note what happened to rules; it holds at once, and is written now or with the next flush."""
    known = changes(watched) | changed
    value = json.dumps({rule: asdict(change) for rule, change in known.items()})
    watched.note(FACT, value)
    load(watched)
    row = [watched.id, FACT, value]
    try:
        await guard.db.write(
            lambda db: db.execute("insert or replace into spam_facts values (?, ?, ?)", row).rowcount, durable=True
        )
    except StoreError as error:
        logger.warning("spam: what happened to rules in {} is written later: {}", watched.id, error)
