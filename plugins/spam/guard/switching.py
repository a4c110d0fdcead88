"""The guard's own state, by chat: off, shadow, on; what it did, what it would have done, what waits for an answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.api import Context, Role
from plugins.spam.guard import access, decisions, demoting, groups, joining, questions, telling
from plugins.spam.guard.groups import Mode
from plugins.spam.guard.state import Guard

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

DAYS = 7
DAY = 86_400.0
SHOWN = 8
UNDO = "弄错了：/误判 编号。想先看看不动手：/防广告 影子；不要了：/防广告 关闭。"


async def told(settings: Spam, ctx: Context, guard: Guard) -> str:
    """What `/防广告` says: the mode, what was or would have been done, and how to change that."""
    watched = await guard.group(ctx.group.id)
    lines = [f"防广告：{telling.MODES[watched.mode]}。{_meaning(settings, watched.mode)}"]
    if guard.failed and watched.mode != "off":
        lines.append("⚠ 判断用的数据没有加载上，现在消息都放过，请告诉运营者。")
    since = time.time() - DAYS * DAY
    counts = await ctx.db.read(lambda db: decisions.counts(db, ctx.group.id, since))
    lines.append(f"最近 {DAYS} 天：{_counted(counts)}")
    name = await joining.name(ctx, watched.admin_group)
    if name:
        lines.append(f"报告发到「{name}」。")
    reporting = await ctx.db.read(lambda db: groups.reporting_to(db, ctx.group.id))
    if reporting:
        lines.append(f"本群是 {len(reporting)} 个群的管理群。")
    if watched.demoted:
        lines.append(demoting.asked(watched.demoted))
    lines.append("可以发：/防广告 开启、影子、关闭、战绩、待审、名单、规则、回退、管理群")
    return "\n".join(lines)


def _meaning(settings: Spam, mode: Mode) -> str:
    if mode == "off":
        return "我不看消息。"
    if mode == "shadow":
        return "我只看不动手，开启后才会处理。"
    return f"最多做到{settings.highest}，管理员的消息我不动。"


def _counted(counts: dict[tuple[str, str, str], int]) -> str:
    acted = sum(number for (_, _, step), number in counts.items() if step in ("recall", "mute"))
    would = sum(number for (mode, verdict, _), number in counts.items() if mode != "on" and verdict == "act")
    doubted = sum(number for (_, verdict, _), number in counts.items() if verdict == "review")
    told = [f"处理了 {acted} 条" if acted else "", f"如果开启了会处理 {would} 条" if would else ""]
    told.append(f"拿不准 {doubted} 条（看：/防广告 待审）" if doubted else "")
    return "，".join(filter(None, told)) + "。" if any(told) else "没有看到像广告的。"


async def switched(settings: Spam, ctx: Context, guard: Guard, mode: Mode) -> str:
    """Set the mode of the group, and say what that means. Raises StoreError; nothing changes then."""
    watched = await guard.group(ctx.group.id)
    if watched.mode == mode:
        return f"防广告本来就是{telling.MODES[mode]}。{_meaning(settings, mode)}"
    before = watched.mode, watched.since, watched.by
    watched.mode, watched.since, watched.by = mode, time.time(), ctx.member.id
    try:
        await guard.put(watched)
    except BaseException:
        watched.mode, watched.since, watched.by = before
        raise
    if mode == "off":
        return "防广告关闭了，我不再看消息。再要时：/防广告 影子 或 /防广告 开启"
    if mode == "shadow":
        return "防广告进了影子模式：只看不动手，也不在群里说话。看我会怎么做：/防广告 战绩；正式用：/防广告 开启"
    return f"防广告开启了：{_ladder(settings)}管理员的消息我不动，移出群要你们说了才做。{UNDO}{await _weak(ctx)}"


def _ladder(settings: Spam) -> str:
    match settings.ceiling:
        case "note":
            return "按「最高一步」的设置，我只记下来。"
        case "ask":
            return "像广告的我问管理员，不自己动手。"
        case "recall":
            return "广告我撤回并说明，拿不准的问管理员。"
        case _:
            return f"广告先撤回并说明，再发就禁言 {settings.minutes} 分钟，再多禁言 1 天；拿不准的问管理员。"


async def _weak(ctx: Context) -> str:
    """A warning where the bot may not do what it is to do."""
    if ctx.message is None:
        return ""
    role = await ctx.acts.role(ctx.message.account.id)
    return "\n不过我现在不是管理员，撤不了别人的消息，请先把我设成管理员。" if role is Role.MEMBER else ""


async def queue(ctx: Context, guard: Guard) -> str:
    """What waits for an admin's answer, here and in the groups that report here."""
    waiting, asked = await _waiting(ctx), await questions.queue(ctx, guard)
    return "\n".join(filter(None, (waiting, asked))) or "没有等你们看的。"


async def _waiting(ctx: Context) -> str:
    watched = await access.overseen(ctx)
    found, count = await ctx.db.read(lambda db: decisions.waiting(db, watched, SHOWN))
    if not found:
        return ""
    lines = [f"等你们看的有 {count} 条{f'，最近 {len(found)} 条' if count > len(found) else ''}："]
    for one in found:
        place = f"「{telling.safe(one.group_name, 10)}」" if one.group_id != ctx.group.id else ""
        words = telling.safe(one.text, 40) or f"［{one.lost}］"
        lines.append(f"#{one.id} {place}{telling.safe(one.member_name, 10)}：{words}")
    lines.append("/误判 编号、/是广告 编号、/移除 编号、/为什么 编号")
    return "\n".join(lines)
