"""Greets newcomers: those who come together are greeted together, each once a day."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlite_utils import Database, Migrations

from bot.api import Context, Db, Member, MemberJoined, Mention, Plugin, Reply, on

BLANK = re.compile(r"\{([^{}]*)\}")
KNOWN = ("name", "group", "count", "bot")
HIDDEN = ":0"
"""How an id ends that the platform does not tell: nobody to mention or to write to."""
MENTIONED = 10
"""More newcomers than this are greeted by their number, so that nobody can be made to mention a crowd."""
tables = Migrations("welcome")


@tables()
def create_welcomes(db: Database) -> None:
    db.table("welcomes").create(
        {"group_id": str, "member_id": str, "day": str}, pk=("group_id", "member_id"), not_null={"day"}
    )


def _template(text: str) -> str:
    unknown = [name for name in BLANK.findall(text) if name not in KNOWN]
    if unknown:
        raise ValueError(f"里不认识 {{{unknown[0]}}}，可以用 {{name}} {{group}} {{count}} {{bot}}")
    if set("{}") & set(BLANK.sub("", text)):
        raise ValueError("的花括号没有配对，要写成 {name} 这样")
    return text


Template = Annotated[str, Field(max_length=1000), AfterValidator(_template)]


@asynccontextmanager
async def arrivals(settings: Plugin, db: Db) -> AsyncIterator[dict[str, Member]]:
    """Who came in the last seconds and waits for a welcome, by id."""
    yield {}


class Welcome(Plugin, title="欢迎", tables=tables):
    """欢迎新成员"""

    text: Template = Field(
        "欢迎 {name} 加入{group}！我是群里的机器人{bot}，发 /帮助 看我会做什么。",
        title="欢迎词",
        description="可以用 {name} 名字、{group} 群名、{count} 人数、{bot} 我的名字",
    )
    rules: str = Field("", title="群规", description="跟在欢迎词后面的群规，空着就不发", max_length=1000)
    links: str = Field("", title="链接", description="常见问题和文档的链接，空着就不发", max_length=500)
    private: Template = Field("", title="私信词", description="另外私下对新成员说的话，空着就不发")
    wait: float = Field(3, title="等候", description="等几秒，把一起来的人一起欢迎", ge=0, le=60)

    @on(MemberJoined)
    async def gather(self, ctx: Context, event: MemberJoined) -> None:
        waiting = await ctx.keep(arrivals)
        first = not waiting
        waiting[event.member.id] = event.member
        if first and not ctx.later(partial(self.greet, ctx, waiting), after=self.wait):
            waiting.clear()

    async def greet(self, ctx: Context, waiting: dict[str, Member]) -> None:
        """Welcome those who waited, and write down whom."""
        came = list(waiting.values())
        waiting.clear()
        new = await ctx.db.write(partial(_first_today, ctx.group.id, came))
        if not new:
            return
        sent = None
        try:
            count = await ctx.size() if "{count}" in self.text + self.private else None
            blanks = {"group": ctx.group.name or "本群", "count": str(count) if count else "许多", "bot": ctx.bot_name}
            text = "\n".join(filter(None, (self.text, self.rules, self.links)))
            sent = await ctx.send(Reply(_filled(text, new, blanks), quote=False))
        finally:
            if sent is None:
                await ctx.db.write(partial(_not_welcomed, ctx.group.id, new))
        if sent is not None and self.private:
            for member in new:
                if member.id.endswith(HIDDEN):
                    continue
                body = _filled(self.private, [member], blanks, mention=False)
                await ctx.send(Reply(body, private=True, to=member.id))

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        db.table("welcomes").delete_where("member_id = ?", [member_id])


def _filled(
    text: str, members: list[Member], blanks: dict[str, str], *, mention: bool = True
) -> tuple[Mention | str, ...]:
    """The template with its blanks filled; {name} becomes a mention of each member."""
    parts: list[Mention | str] = []
    end = 0
    for blank in BLANK.finditer(text):
        parts.append(text[end : blank.start()])
        end = blank.end()
        if blank[1] != "name":
            # Rules and links are free text: what is no blank of ours stays as it is.
            parts.append(blanks.get(blank[1], blank[0]))
        elif len(members) > MENTIONED:
            parts.append(f"{len(members)} 位新朋友")
        elif mention:
            # Also without a name: the platform knows whom an id calls, and its join notices may carry no more.
            parts += ["新朋友" if m.id.endswith(HIDDEN) else Mention(m.id, m.name) for m in members]
        else:
            parts.append("、".join(member.name or "新朋友" for member in members))
    parts.append(text[end:])
    return tuple(part for part in parts if part)


def _first_today(group_id: str, members: list[Member], db: Database) -> list[Member]:
    """Those not yet welcomed today; they are marked so."""
    day = time.strftime("%Y-%m-%d")
    new = []
    for member in members:
        changed = db.conn.execute(
            "insert into welcomes (group_id, member_id, day) values (?, ?, ?)"
            " on conflict (group_id, member_id) do update set day = excluded.day where day != excluded.day",
            [group_id, member.id, day],
        ).rowcount
        if changed:
            new.append(member)
    return new


def _not_welcomed(group_id: str, members: list[Member], db: Database) -> None:
    """The welcome did not go out: let the next joining try again."""
    for member in members:
        db.table("welcomes").delete_where("group_id = ? and member_id = ?", [group_id, member.id])
