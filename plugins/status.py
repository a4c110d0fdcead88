"""Says what is up, what is down and since when, in members' words."""

from __future__ import annotations

import time

from bot.api import Context, Health, Plugin, command


class Status(Plugin, title="状态"):
    """现在什么能用、什么不能用"""

    @command("状态", "status")
    async def status(self, ctx: Context) -> str:
        """看我现在好不好：/状态"""
        found = ctx.health()
        down = [health for health in found if not health.up]
        head = "我很好，都能用。" if not down else "有的地方不太好："
        return "\n".join([head, *(_line(health) for health in [*down, *(h for h in found if h.up)])])


def _line(health: Health) -> str:
    if health.up:
        return f"● {health.name}：正常"
    # What is wrong is enough here; what to do about it is said to whoever asked.
    trouble = health.detail.partition("，请")[0].rstrip("。")
    return f"○ {health.name}：{trouble or '不能用'}（{_ago(time.time() - health.since)}）"


def _ago(seconds: float) -> str:
    """How long ago, as people say it."""
    if seconds < 90:
        return "刚刚开始"
    if seconds < 5400:
        return f"{seconds / 60:.0f} 分钟前开始"
    if seconds < 129_600:
        return f"{seconds / 3600:.0f} 小时前开始"
    return f"{seconds / 86400:.0f} 天前开始"
