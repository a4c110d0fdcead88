"""Answers questions, and remembers the last few with each member."""

from __future__ import annotations

import time
from functools import partial

from pydantic import Field
from sqlite_utils import Database, Migrations

from bot.api import Answer, Context, Plugin, Turn, command

tables = Migrations("ask")
QUOTED = 2000
"""So many characters of a quoted message go along as context."""


@tables()
def create_restarts(db: Database) -> None:
    db.table("ask_restarts").create({"group_id": str, "member_id": str, "time": float}, pk=("group_id", "member_id"))


class Ask(Plugin, title="问答", tables=tables):
    """问我问题，可以引用一条消息一起问"""

    model: str | None = Field(None, title="模型", description="先请哪个模型回答，「无」是由我选")
    memory: int = Field(4, title="记忆", description="记住每个人最近几轮问答", ge=0, le=20)
    minutes: int = Field(30, title="记忆分钟", description="多久以后从头聊起", ge=1, le=1440)

    @command("问", "ask", addressed=True)
    async def ask(self, ctx: Context, *, question: str) -> Answer:
        """问我一个问题：/问 怎么安装"""
        quoted = await ctx.quoted()
        history = await ctx.db.read(partial(self._history, ctx.group.id, ctx.member.id)) if self.memory else []
        return await ctx.models.ask(
            "ask",
            model=self.model,
            history=history,
            question=question,
            name=ctx.bot_name,
            group=ctx.group.name,
            quoted=quoted.text[:QUOTED] if quoted else "",
        )

    @command("重来", "restart")
    async def restart(self, ctx: Context) -> str:
        """忘掉刚才聊的，从头开始：/重来"""
        row = {"group_id": ctx.group.id, "member_id": ctx.member.id, "time": time.time()}
        await ctx.db.write(lambda db: db.table("ask_restarts").upsert(row, pk=("group_id", "member_id")))
        return "好，我们从头聊。"

    def _history(self, group_id: str, member_id: str, db: Database) -> list[Turn]:
        """The member's last questions and answers here, oldest first."""
        since = time.time() - self.minutes * 60
        key = [group_id, member_id]
        for row in db.query("select time from ask_restarts where group_id = ? and member_id = ?", key):
            since = max(since, row["time"])
        rows = db.query(
            "select question, text from answers where time > ? and group_id = ? and member_id = ? and plugin = 'ask'"
            " and error is null and text is not null and model != 'offline' order by time desc limit ?",
            [since, *key, self.memory],
        )
        turns: list[Turn] = []
        for row in reversed(list(rows)):
            turns += [Turn("user", row["question"]), Turn("assistant", row["text"])]
        return turns

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        db.table("ask_restarts").delete_where("member_id = ?", [member_id])
