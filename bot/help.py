"""The help, made from what is on in the group."""

from __future__ import annotations

from bot.binding import brief
from bot.errors import Refusal
from bot.plugin import Command, Context, Plugin, command
from bot.powers import powers
from bot.types import Role


class Help(Plugin, title="帮助", fixed=True):
    """有哪些命令，怎么用"""

    @command("帮助", "help", "菜单", "menu", inline=True)
    async def help(self, ctx: Context, topic: str = "") -> str:
        """看有哪些命令：/帮助，看一个命令：/帮助 问"""
        role = max(Role.MEMBER, powers(ctx).roles.known(ctx.group, ctx.member))
        if topic:
            return self._one(ctx, topic.lstrip("/／"), role)
        view = powers(ctx).board.view(ctx.group.id)
        lines = [f"我是{ctx.bot_name}，群里的机器人。"]
        for kind, plugin in view.plugins.items():
            names = [f"/{item.names[0]}" for item in plugin.plugin_commands if item.role <= role]
            if names:
                lines.append(f"{kind.plugin_title}：{' '.join(names)}")
        if view.broken and role >= Role.ADMIN:
            lines.append("⚠ 有设置的旧值失效了，发 /插件 看看。")
        lines.append("发「/帮助 命令」看用法。")
        return "\n".join(lines)

    def _one(self, ctx: Context, topic: str, role: Role) -> str:
        view = powers(ctx).board.view(ctx.group.id)
        found = view.commands.get(topic.casefold())
        if found is not None and found[0].role <= role:
            return self._told(found[0])
        kind = powers(ctx).board.find(topic)
        if kind is None or (found is not None and found[0].role > role):
            raise Refusal(f"没有「{brief(topic)}」这个命令或插件，发 /帮助 看有哪些。")
        state = "" if kind in view.plugins else "（本群没有开）"
        lines = [f"{kind.plugin_title}{state}：{kind.describe()}"]
        lines += [self._told(item) for item in kind.plugin_commands if item.role <= role]
        return "\n".join(lines)

    @staticmethod
    def _told(item: Command) -> str:
        others = "、".join(f"/{name}" for name in item.names[1:])
        return f"{item.usage}（也可以发 {others}）" if others else item.usage
