"""What is kept of a member, and forgetting it on their word."""

from __future__ import annotations

import secrets
import time

from sqlite_utils import Database

from bot.plugin import Context, Plugin, command
from bot.powers import powers
from bot.store import retention
from bot.types import Member


class Privacy(Plugin, title="隐私", fixed=True):
    """记了什么、记多久、怎么删"""

    @command("隐私", "privacy", inline=True)
    async def privacy(self, ctx: Context) -> str:
        """看我记了什么：/隐私"""
        kept = powers(ctx).keeping
        models = "、".join(ctx.models.names())
        third = f"提问会发给这些模型来回答：{models}。\n" if models else ""
        here = powers(ctx).board.view(ctx.group.id).plugins
        more = "".join(f"{kind.plugin_title}：{kind.plugin_privacy}\n" for kind in here if kind.plugin_privacy)
        return (
            f"群里的消息和我的回答，内容和谁说的保存 {kept.bodies_days} 天，之后只留时间和数量；"
            f"管理记录和 AI 标识日志保存 {kept.evidence_days} 天。\n"
            f"{third}{more}导出的数据里没有你的账号，只有打乱的代号。不用来训练别人的模型。\n"
            "想让我忘记你：/忘记我"
        )

    @command("忘记我", "forgetme", inline=True)
    async def forget_me(self, ctx: Context, confirmed: str = "") -> str:
        """删除我记下的关于你的内容：/忘记我 确认"""
        if confirmed not in {"确认", "yes"}:
            return "会删掉你的消息正文、和我的对话、各插件里关于你的数据，删了就回不来。确定的话发：/忘记我 确认"
        member_id, stand_in = ctx.member.id, f"deleted-{secrets.token_hex(6)}"

        def forget(db: Database) -> None:
            for kind in powers(ctx).board.catalog:
                kind.forget(db, member_id)
            retention.forget(db, member_id, stand_in)

        powers(ctx).forgotten[member_id] = time.time()
        await powers(ctx).store.write(forget, durable=True, limit=60)
        # What is written down of this command itself must not bring the member back.
        ctx.member = Member(stand_in)
        kept = powers(ctx).keeping.evidence_days
        return f"好，关于你的内容都删了。和你有关的管理记录还会留 {kept} 天，不带名字。"
