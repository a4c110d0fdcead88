"""Answers questions, and remembers the last few with each member."""

from __future__ import annotations

import time
from functools import partial

from pydantic import Field
from sqlite_utils import Database, Migrations

from bot.api import Answer, Context, Image, Plugin, Refusal, Turn, command

tables = Migrations("ask")
QUOTED = 2000
"""So many characters of a quoted message go along as context."""


@tables()
def create_restarts(db: Database) -> None:
    db.table("ask_restarts").create({"group_id": str, "member_id": str, "time": float}, pk=("group_id", "member_id"))


class Ask(Plugin, title="问答", tables=tables):
    """问我问题，可以引用一条消息一起问"""

    model: str | None = Field(None, title="模型", description="先请哪个模型回答，名字见 /状态，「无」是由我选")
    memory: int = Field(4, title="记忆", description="记住每个人最近几轮问答", ge=0, le=20)
    minutes: int = Field(30, title="记忆分钟", description="多久以后从头聊起", ge=1, le=1440)

    @command("问", "ask", addressed=True)
    async def ask(self, ctx: Context, *, question: str) -> Answer:
        """问我一个问题：/问 怎么安装"""
        if ctx.message is not None and any(isinstance(part, Image) for part in ctx.message.parts):
            raise Refusal("我还看不了图片，请用文字说说。")
        names = ctx.models.names()
        # Where no model is registered at all, the offline stand-in says so itself.
        if self.model and names and self.model not in names:
            raise Refusal(
                f"没有叫「{self.model}」的模型，有：{'、'.join(names)}。请管理员改：/设置 问答 模型 {names[0]}"
            )
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
