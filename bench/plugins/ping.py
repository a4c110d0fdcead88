"""Answers `/ping T`, and looks at every message first: the plugin that the benches measure our bot with."""

from __future__ import annotations

from pydantic import Field

from bot.api import Context, Message, Plugin, Reply, Verdict, command, screen


class Ping(Plugin, title="乒乓"):
    """答一声，好量快慢"""

    advert: str = Field("加微信领取内部优惠券", title="广告", description="含有这句话的消息撤回")

    @screen
    async def look(self, ctx: Context, message: Message) -> Verdict | None:
        """Take back what holds the advert."""
        return Verdict("广告", recall=True) if self.advert in message.text else None

    @command("乒", "ping")
    async def ping(self, ctx: Context, number: int) -> Reply:
        """答一声：/ping 17"""
        # Unquoted, as the bots beside it answer.
        return Reply(f"pong {number}", quote=False)
