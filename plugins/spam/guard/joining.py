"""The group that reports go to: two groups are linked by a word that is carried from one to the other."""

from __future__ import annotations

from sqlite_utils import Database

from bot.api import Context, Refusal
from plugins.spam.guard import groups, telling
from plugins.spam.guard.state import Guard

OFF = ("取消", "off", "cancel")
NOT_HERE = "请在群里用这个命令。"
WRONG = "这个口令不对或者过期了。请在管理群里再发一次 /防广告 管理群，拿新的口令。"


async def join(ctx: Context, guard: Guard, words: str) -> str:
    """`/防广告 管理群 [口令|取消]`, given by an admin. Raises Refusal."""
    if ctx.group.direct:
        raise Refusal(NOT_HERE)
    word = words.strip()
    if not word:
        return await _offered(ctx, guard)
    if word in OFF:
        return await _parted(ctx, guard)
    admin_group = guard.redeem(word, ctx.group.id)
    if admin_group is None:
        raise Refusal(WRONG)
    if admin_group == ctx.group.id:
        raise Refusal("口令要发到被看管的那个群里，不是这里。")
    there = await ctx.elsewhere(admin_group)
    if there is None:
        raise Refusal("管理群里关掉了防广告，先在那里发 /开启 防广告。")
    watched = await guard.group(ctx.group.id)
    before, watched.admin_group = watched.admin_group, admin_group
    try:
        await guard.put(watched)
    except BaseException:
        watched.admin_group = before
        raise
    here = telling.safe(ctx.group.name, telling.NAME_SHOWN) or ctx.group.id
    await there.send(
        f"「{here}」的防广告报告以后发到这里。引用一条报告回「误判」「是广告」「移除」「为什么」就行，本群和那个群的管理员说了算。"
    )
    name = telling.safe(there.group.name, telling.NAME_SHOWN) or admin_group
    return f"好，防广告的报告以后发到「{name}」，那里的管理员也能处理。要断开：/防广告 管理群 取消"


async def _offered(ctx: Context, guard: Guard) -> str:
    watched = await guard.group(ctx.group.id)
    known = await name(ctx, watched.admin_group)
    now = f"（本群的报告现在发到「{known}」。）" if known else ""
    word = guard.code(ctx.group.id)
    return (
        f"要让本群当管理群，请被看管的那个群的管理员在那边发：\n/防广告 管理群 {word}\n10 分钟内有效，只能用一次。{now}"
    )


async def _parted(ctx: Context, guard: Guard) -> str:
    """Undo the link: of this group to its admins' one, and of all that report to this one."""
    here = ctx.group.id
    reporting = await ctx.db.read(lambda db: groups.reporting_to(db, here))
    watched = await guard.group(here)
    if watched.admin_group is None and not reporting:
        raise Refusal("本群没有管理群，也不是别的群的管理群。")

    def part(db: Database) -> None:
        change = "update spam_groups set admin_group = null where group_id = ? or admin_group = ?"
        db.execute(change, [here, here])

    await ctx.db.write(part, durable=True)
    watched.admin_group = None
    for group_id in reporting:
        known = guard.groups.get(group_id)
        if known is not None:
            known.admin_group = None
    if reporting:
        return f"好，{len(reporting)} 个群的报告不再发到这里。"
    return "好，报告不再发到管理群。"


async def name(ctx: Context, group_id: str | None) -> str:
    """A group's name as it may be shown; empty where there is no such group."""
    if group_id is None:
        return ""
    there = await ctx.elsewhere(group_id)
    return telling.safe(there.group.name, telling.NAME_SHOWN) or group_id if there is not None else group_id
