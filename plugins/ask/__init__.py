"""Answers questions, from what the group knows where it does, and remembers the last few with each member."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from loguru import logger
from pydantic import Field
from sqlite_utils import Database, Migrations

from bot.api import (
    Answer,
    Context,
    Findings,
    Image,
    ModelError,
    Plugin,
    Refusal,
    Reply,
    StoreError,
    Stream,
    Turn,
    command,
)
from plugins.ask import citing, extract

tables = Migrations("ask")
QUOTED = 2000
"""So many characters of a quoted message go along as context."""
SOUGHT = 200
"""So many of them are looked for, where the question alone finds nothing."""
MISSING = "没找到相关的资料。"
UNVERIFIED = "模型的回答对不上资料，这里是原文："
UNGROUNDED = "资料里没找到，下面是模型自己的回答，请留意核对：\n"
DAY = 86_400.0


@tables()
def create_restarts(db: Database) -> None:
    db.table("ask_restarts").create({"group_id": str, "member_id": str, "time": float}, pk=("group_id", "member_id"))


@tables()
def create_unsaid(db: Database) -> None:
    """Answers that no member has seen, and that are not remembered for that reason."""
    db.table("ask_unsaid").create({"answer_id": str, "time": float}, pk="answer_id")


class Ask(Plugin, title="问答", tables=tables):
    """问我问题，可以引用一条消息一起问"""

    model: str | None = Field(None, title="模型", description="先请哪个模型回答，名字见 /状态，「无」是由我选")
    memory: int = Field(4, title="记忆", description="记住每个人最近几轮问答", ge=0, le=20)
    minutes: int = Field(30, title="记忆分钟", description="多久以后从头聊起", ge=1, le=1440)
    ungrounded: Literal["照答", "不答"] = Field(
        "照答", title="无依据", description="资料里没有的：照答 是由模型自己答，不答 是只说没找到"
    )

    @command("问", "ask", addressed=True)
    async def ask(self, ctx: Context, *, question: str) -> Answer | Reply:
        """问我一个问题：/问 怎么安装"""
        if ctx.message is not None and any(isinstance(part, Image) for part in ctx.message.parts):
            raise Refusal("我还看不了图片，请用文字说说。")
        names = ctx.models.names()
        # Where no model is registered at all, the offline stand-in says so itself.
        if self.model and names and self.model not in names:
            raise Refusal(
                f"没有叫「{self.model}」的模型，有：{'、'.join(names)}。请管理员改：/设置 问答 模型 {names[0]}"
            )
        found = await ctx.quoted()
        quoted = found.text[:QUOTED] if found else ""
        findings, history = await asyncio.gather(ctx.consult(question), self._recent(ctx, names))
        if findings is not None and not findings.passages and quoted:
            findings = await ctx.consult(f"{question}\n{quoted[:SOUGHT]}")
        if findings is not None and findings.passages:
            if not names:
                return _passage(findings)
            reply = await self._grounded(ctx, findings, question, quoted, history)
            if reply is not None:
                return reply
            findings = await findings.otherwise() if findings.otherwise else replace(findings, ref=None)
        if findings is not None and (not names or self.ungrounded == "不答"):
            return _missing(findings)
        answer = await self._asked(ctx, "ask", question, quoted, history)
        if findings is None:
            return answer
        return Reply(Preceded(UNGROUNDED, answer) if findings.own else answer, ref=findings.ref)

    async def _grounded(
        self, ctx: Context, findings: Findings, question: str, quoted: str, history: Sequence[Turn]
    ) -> Reply | None:
        """What a model makes of the passages, where it holds; else the best one as it stands.

        None: the model finds that they do not answer the question.
        """
        passages = [f"{extract.place(passage)}\n{passage.text}" for passage in findings.passages]
        try:
            answer = await self._asked(ctx, "ground", question, quoted, history, passages=passages)
            text = (await answer.text()).strip()
        except ModelError as error:
            logger.warning("ask: {} ({}); the passage is shown instead", type(error).__name__, error.detail)
            return _passage(findings, f"{error.said}先看资料里的原文：")
        except Refusal as refusal:
            return _passage(findings, f"{refusal}先看资料里的原文：")
        if citing.says_nothing(text):
            await self._unsaid(ctx, answer)
            return None
        # In a thread: with long passages it takes some hundredths of a second.
        reason = await asyncio.to_thread(citing.unverified, text, findings.passages, f"{question}\n{quoted}")
        if reason:
            logger.warning("ask: the answer {} of {} is not shown: {}", answer.id, answer.model, reason)
            await self._unsaid(ctx, answer)
            return _passage(findings, UNVERIFIED)
        sources = extract.listed((number, findings.passages[number - 1]) for number in citing.cited(text))
        return Reply(f"{text}\n\n{sources}", ref=findings.ref)

    async def _recent(self, ctx: Context, names: Sequence[str]) -> Sequence[Turn]:
        """What a model is to remember; nothing where there is none."""
        if not self.memory or not names:
            return ()
        return await ctx.db.read(partial(self._history, ctx.group.id, ctx.member.id))

    async def _asked(
        self,
        ctx: Context,
        purpose: str,
        question: str,
        quoted: str,
        history: Sequence[Turn],
        passages: Sequence[str] = (),
    ) -> Answer:
        return await ctx.models.ask(
            purpose,
            model=self.model,
            history=history,
            question=question,
            name=ctx.bot_name,
            group=ctx.group.name,
            quoted=quoted,
            passages=passages,
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
            "select question, text, purpose from answers where time > ? and group_id = ? and member_id = ?"
            " and plugin = 'ask' and error is null and text is not null and model != 'offline'"
            " and id not in (select answer_id from ask_unsaid) order by time desc limit ?",
            [since, *key, self.memory],
        )
        turns: list[Turn] = []
        for row in reversed(list(rows)):
            # The numbers of an earlier answer would be read as those of the passages at hand.
            text = citing.unmarked(row["text"]) if row["purpose"] == "ground" else row["text"]
            turns += [Turn("user", row["question"]), Turn("assistant", text)]
        return turns

    async def _unsaid(self, ctx: Context, answer: Answer) -> None:
        """Keep an answer that is not shown out of what the member and the bot have said."""
        now = time.time()

        def keep(db: Database) -> None:
            # No history reaches further back than `minutes` may be set to.
            db.table("ask_unsaid").delete_where("time < ?", [now - DAY])
            db.table("ask_unsaid").upsert({"answer_id": answer.id, "time": now}, pk="answer_id")

        try:
            await ctx.db.write(keep)
        except StoreError as error:
            # The passage is what the member waits for; at worst the answer is remembered.
            logger.error("ask: the answer {} cannot be marked as not shown: {}", answer.id, error)

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        db.table("ask_restarts").delete_where("member_id = ?", [member_id])


class Preceded:
    """An answer after a sentence of ours, in one message: it streams on and keeps the answer's id."""

    def __init__(self, first: str, answer: Stream) -> None:
        self.id = answer.id
        self._first = first
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[str]:
        yield self._first
        async for piece in self._answer:
            yield piece

    async def text(self) -> str:
        return self._first + await self._answer.text()


def _passage(findings: Findings, first: str = extract.QUOTING) -> Reply:
    return Reply(extract.shown(findings.passages[0], first), ref=findings.ref, verbatim=True)


def _missing(findings: Findings) -> Reply:
    return Reply(findings.missing or MISSING, ref=findings.ref, verbatim=True)
