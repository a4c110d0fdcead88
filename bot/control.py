"""Control by chat: plugins, settings, undo, roles. A plugin that is given the switchboard.

It cannot be switched off, so no group can lock itself out. Its commands run in the group's
lane: the message after `/关闭` already finds the plugin closed.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import orjson
from pydantic import Field, StringConstraints
from sqlite_utils import Database

from bot import records, wording
from bot.binding import BadArguments, brief, called
from bot.errors import Refusal
from bot.plugin import Context, Plugin, command
from bot.powers import powers
from bot.store import audit
from bot.store.audit import Entry
from bot.switchboard import Kind
from bot.types import EVERYONE, Group, Member, Mention, Message, Role

ROLES = {Role.UNKNOWN: "未知", Role.MEMBER: "成员", Role.ADMIN: "管理员", Role.OWNER: "群主", Role.OPERATOR: "运营者"}
NAME_THE_GROUP = "私聊里请写明是哪个群：/在 群号 关闭 插件"
MemberId = Annotated[str, StringConstraints(pattern=r"^[a-z]+:\S+$")]


class Control(Plugin, title="控制", fixed=True):
    """开关插件、改设置、撤回改动"""

    admins: frozenset[MemberId] = Field(
        frozenset(), title="协管", description="群主或运营者请来帮忙的人，可以用管理员的命令（用 /权限 改）"
    )

    @command("插件", "plugins", inline=True)
    async def plugins(self, ctx: Context) -> str:
        """看有哪些插件：/插件"""
        lines = []
        for kind in powers(ctx).board.catalog:
            if kind.plugin_fixed:
                continue
            mark = "●" if powers(ctx).board.is_on(ctx.group.id, kind) else "○"
            lines.append(f"{mark} {kind.plugin_title}（{kind.plugin_name}）{kind.describe()}")
        lines.append("管理员可以：/开启 插件、/关闭 插件、/设置 插件")
        return "\n".join([*lines, *self._warnings(ctx)])

    @command("开启", "enable", role=Role.ADMIN, inline=True)
    async def enable(self, ctx: Context, plugin: str) -> str:
        """打开一个插件：/开启 插件"""
        return await self._switch(ctx, plugin, True)

    @command("关闭", "disable", role=Role.ADMIN, inline=True)
    async def disable(self, ctx: Context, plugin: str) -> str:
        """关掉一个插件：/关闭 插件"""
        return await self._switch(ctx, plugin, False)

    @command("设置", "set", role=Role.ADMIN, inline=True)
    async def set(self, ctx: Context, plugin: str = "", setting: str = "", *, value: str = "") -> str:
        """看或改设置：/设置 插件 项 值"""
        if not plugin:
            named = [kind.plugin_title for kind in powers(ctx).board.catalog if kind.model_fields]
            return f"可以设置的插件：{'、'.join(named)}。发 /设置 插件 看它的各项。"
        kind, board = self._kind(ctx, plugin), powers(ctx).board
        if not setting:
            return self._listing(ctx, kind)
        name = wording.find(kind, setting)
        if name is None and value.casefold() in wording.DEFAULT and board.stored(ctx.group.id, kind, setting):
            await self._put(ctx, kind, setting, None)
            return f"{kind.plugin_title}·{setting}：这一项已经没有了，旧值也清掉了。"
        if name is None:
            names = "、".join(wording.title(kind, name) for name in kind.model_fields) or "没有可改的项"
            raise Refusal(f"「{kind.plugin_title}」没有「{brief(setting)}」这一项，有：{names}。")
        settings = board.settings(ctx.group.id, kind)
        current = getattr(settings, name)
        if not value:
            field = kind.model_fields[name]
            return f"{wording.title(kind, name)}：{wording.show(current)}（{field.description or name}）"
        self._named(ctx.group)
        if kind is Control:
            raise Refusal("协管由群主用「/权限 @成员 管理」来加。")
        if value.casefold() in wording.DEFAULT:
            new, stored = getattr(kind(), name), None
        else:
            new = wording.read(settings, name, value)
            stored = wording.dump(new)
        await self._put(ctx, kind, name, stored)
        return f"{kind.plugin_title}·{wording.title(kind, name)}：{wording.show(current)} → {wording.show(new)}"

    @command("回退", "undo", role=Role.ADMIN, inline=True)
    async def undo(self, ctx: Context) -> str:
        """撤回上一次改动：/回退"""
        self._named(ctx.group)
        board = powers(ctx).board
        # What a plugin changed that is gone now needs no undoing.
        owner = await powers(ctx).roles.fresh(ctx.group, ctx.member) >= Role.OWNER
        known = {kind.plugin_name: kind for kind in board.catalog if owner or kind is not Control}
        entry = await audit.last_change(powers(ctx).store, ctx.group.id, known.keys())
        if entry is None:
            return "没有可以撤回的改动。"
        kind = known[entry.plugin]
        back = self._entry(ctx, entry.act, kind, entry.subject, entry.after, entry.before, undoes=entry.id)
        when = time.strftime("%m-%d %H:%M", time.localtime(entry.time))
        by = entry.member_name or entry.member_id
        if entry.act == "switch":
            enabled = None if entry.before is None else bool(orjson.loads(entry.before))
            await powers(ctx).board.switch(back, enabled)
            now = "开启" if powers(ctx).board.is_on(ctx.group.id, kind) else "关闭"
            return f"已撤回 {by} 在 {when} 的改动：{kind.plugin_title} 现在{now}。"
        await powers(ctx).board.put(back, entry.before)
        what = f"{kind.plugin_title}·{wording.title(kind, entry.subject)}"
        if entry.subject not in kind.model_fields:
            return f"已撤回 {by} 在 {when} 的改动：{what}，这一项现在已经没有了。"
        value = wording.show(getattr(board.settings(ctx.group.id, kind), entry.subject))
        return f"已撤回 {by} 在 {when} 的改动：{what} 现在是：{value}"

    @command("权限", "roles", inline=True)
    async def roles(self, ctx: Context, *, change: str = "") -> str:
        """看自己的权限，群主可请人协管：/权限 @成员 管理（或 普通）"""
        message = _message(ctx)
        mentioned = [
            part
            for part in message.parts
            if isinstance(part, Mention) and part.id not in (EVERYONE, message.account.id)
        ]
        if not change and not mentioned:
            return await self._own_role(ctx, powers(ctx).roles.known(ctx.group, ctx.member))
        grant = {"管理": True, "admin": True, "普通": False, "member": False}.get(change.strip().casefold())
        if grant is None or len(mentioned) != 1:
            raise BadArguments
        await powers(ctx).roles.demand(message, Role.OWNER)
        person = mentioned[0]
        admins = self.admins | {person.id} if grant else self.admins - {person.id}
        await self._put(ctx, Control, "admins", wording.dump(wording.checked(self, "admins", admins)))
        return f"{person.name or person.id} 现在{'可以用管理员的命令' if grant else '是普通成员'}了。"

    @command("记录", "audit", role=Role.ADMIN, inline=True)
    async def audit(self, ctx: Context) -> str:
        """看最近的改动：/记录"""
        self._named(ctx.group)
        entries = await audit.newest(powers(ctx).store, ctx.group.id)
        board = powers(ctx).board
        about = sorted({entry.subject for entry in entries if entry.act == "moderate" and ":" in entry.subject})
        names = await powers(ctx).store.read(partial(_names, ctx.group.id, about))
        called = dict(zip(about, names, strict=True))
        return "\n".join(records.line(entry, board.find(entry.plugin), called) for entry in entries) or "还没有改动。"

    @command("在", "in", role=Role.OPERATOR, inline=True)
    async def within(self, ctx: Context, group: str, *, line: str) -> str | None:
        """替一个群发管理命令：/在 群号 关闭 插件"""
        message = _message(ctx)
        group_id = group if ":" in group else f"{ctx.group.platform}:{group}"
        if group_id.partition(":")[0] != ctx.group.platform:
            raise Refusal("只能管这个平台上的群。")
        known = await powers(ctx).store.read(
            lambda db: next((row["name"] for row in db.query("select name from groups where id = ?", [group_id])), None)
        )
        if known is None:
            raise Refusal(f"我不认识群 {brief(group)}，它要先有人说过话。")
        view = powers(ctx).board.view(group_id)
        found = called(line.lstrip("/／"), view.commands)
        if found is None:
            raise BadArguments
        chosen, plugin = view.commands[found[0]]
        if not isinstance(plugin, Control) or chosen.handler == "within":
            raise Refusal("这样只能发管理命令：插件、开启、关闭、设置、回退、权限、记录。")
        there = Group(group_id, known)
        inside = _Inside(ctx, there, replace(message, group=there))
        try:
            reply: str | None = await getattr(plugin, chosen.handler)(inside, **chosen.binder.bind(found[1]))
        except BadArguments:
            reply = chosen.usage
        except Refusal as refusal:
            reply = str(refusal)
        return f"〔{known or group_id}〕{reply}"

    # --- parts of the above ---------------------------------------------------------------

    def _kind(self, ctx: Context, word: str) -> Kind:
        kind = powers(ctx).board.find(word)
        if kind is None:
            titles = "、".join(kind.plugin_title for kind in powers(ctx).board.catalog if not kind.plugin_fixed)
            raise Refusal(f"没有叫「{brief(word)}」的插件，有：{titles}。")
        return kind

    async def _switch(self, ctx: Context, word: str, enabled: bool) -> str:
        kind = self._kind(ctx, word)
        self._named(ctx.group)
        state = "开启" if enabled else "关闭"
        if kind.plugin_fixed:
            raise Refusal(f"{kind.plugin_title} 一直开着，不能关。")
        if powers(ctx).board.is_on(ctx.group.id, kind) is enabled:
            return f"{kind.plugin_title} 本来就是{state}的。"
        stored = powers(ctx).board.stored_switch(ctx.group.id, kind)
        before = None if stored is None else wording.dump(stored)
        await powers(ctx).board.switch(self._entry(ctx, "switch", kind, "", before, wording.dump(enabled)), enabled)
        return f"{kind.plugin_title} 已{state}。"

    async def _put(self, ctx: Context, kind: Kind, name: str, stored: str | None) -> None:
        before = powers(ctx).board.stored(ctx.group.id, kind, name)
        await powers(ctx).board.put(self._entry(ctx, "set", kind, name, before, stored), stored)

    def _named(self, group: Group) -> None:
        """In a direct chat there is nothing to switch: the group must be named."""
        if group.direct:
            raise Refusal(NAME_THE_GROUP)

    @staticmethod
    def _entry(
        ctx: Context,
        act: str,
        kind: Kind,
        subject: str,
        before: str | None,
        after: str | None,
        undoes: int | None = None,
    ) -> Entry:
        member = ctx.member
        return Entry(ctx.group.id, member.id, member.name, act, kind.plugin_name, subject, before, after, undoes)

    def _listing(self, ctx: Context, kind: Kind) -> str:
        settings = powers(ctx).board.settings(ctx.group.id, kind)
        lines = [f"{kind.plugin_title}（{kind.plugin_name}）的设置："]
        for name, field in kind.model_fields.items():
            changed = "" if powers(ctx).board.stored(ctx.group.id, kind, name) is None else "*"
            value = wording.show(getattr(settings, name))
            lines.append(
                f"{wording.title(kind, name)}（{name}）{changed}：{value} — {field.description or ''}".rstrip(" —")
            )
        if len(lines) == 1:
            return f"{kind.plugin_title} 没有可改的设置。"
        lines.append(f"改：/设置 {kind.plugin_title} 项 值；恢复：把值写成「默认」（* 是改过的）")
        return "\n".join([*lines, *self._warnings(ctx)])

    def _warnings(self, ctx: Context) -> list[str]:
        """For admins: stored settings that no longer fit; the old value is kept until they decide."""
        if powers(ctx).roles.known(ctx.group, ctx.member) < Role.ADMIN:
            return []
        broken = powers(ctx).board.view(ctx.group.id).broken
        return [
            f"⚠ {kind.plugin_title}·{wording.title(kind, name)} 的旧值 {value} 不再有效，现在用的是默认值"
            for (kind, name), value in broken.items()
        ]

    async def _own_role(self, ctx: Context, role: Role) -> str:
        lines = [f"你在这里是{ROLES[role]}。"]
        if role >= Role.ADMIN:
            lines.append("可以：开关插件、改设置、回退改动、看记录。")
        if role >= Role.OWNER:
            lines.append("可以请人协管：/权限 @成员 管理")
        if self.admins:
            names = await powers(ctx).store.read(partial(_names, ctx.group.id, sorted(self.admins)))
            lines.append(f"协管：{'、'.join(names)}")
        return "\n".join(lines)


class _Inside:
    """A context in which another group is at hand."""

    def __init__(self, ctx: Context, group: Group, message: Message) -> None:
        self._ctx = ctx
        self.group = group
        self.member: Member = ctx.member
        self.message = message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def _message(ctx: Context) -> Message:
    if ctx.message is None:
        raise Refusal("这个命令要由人来发。")
    return ctx.message


def _names(group_id: str, member_ids: list[str], db: Database) -> list[str]:
    """The names that members last went by; the id of who has not spoken."""
    last = (
        "select member_name from messages where group_id = ? and member_id = ? and member_name != ''"
        " order by id desc limit 1"
    )
    return [next((row["member_name"] for row in db.query(last, [group_id, id])), id) for id in member_ids]
