"""What admins do to members, by chat: recall, mute, remove, rename."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bot.api import EVERYONE, Context, Mention, Plugin, Refusal, Role, command

UNITS = {
    "": 60, "秒": 1, "秒钟": 1, "s": 1, "分": 60, "分钟": 60, "m": 60, "min": 60,
    "时": 3600, "小时": 3600, "个小时": 3600, "h": 3600, "天": 86400, "日": 86400, "d": 86400,
}  # fmt: skip
LONGEST = 30 * 86400
SPAN = re.compile(rf"(\d{{1,7}})\s*({'|'.join(sorted(filter(None, UNITS), key=len, reverse=True))})?", re.IGNORECASE)
NAME_THEM = "要管谁？@ 一下，或者引用 TA 的一条消息。"


def seconds(words: object) -> object:
    """A time as members write it ("10分钟", "2 小时", "30"), in seconds; minutes where no unit is given."""
    if not isinstance(words, str):
        return words
    found = SPAN.fullmatch(unicodedata.normalize("NFKC", words).strip())
    if found is None:
        raise ValueError("要写成 10分钟、2小时 这样")
    return int(found[1]) * UNITS[(found[2] or "").lower()]


def lasting(number: int) -> str:
    """Seconds as members read them."""
    for size, unit in ((86400, "天"), (3600, "小时"), (60, "分钟")):
        if number % size == 0:
            return f"{number // size} {unit}"
    return f"{number} 秒"


Span = Annotated[int, BeforeValidator(seconds), Field(ge=1, le=LONGEST)]


@dataclass(frozen=True, slots=True)
class Target:
    """The member whom a command is about."""

    id: str
    name: str


class Manage(Plugin, title="群管", default=False):
    """管理员用命令撤回、禁言、移出、改名片"""

    @command("撤回", "recall", role=Role.ADMIN)
    async def recall(self, ctx: Context) -> str:
        """引用一条消息，把它撤回：/撤回"""
        if ctx.message is None or ctx.message.quote is None:
            raise Refusal("请引用要撤回的那条消息。")
        quoted = await ctx.quoted()
        if quoted is None or not (quoted.ours or quoted.member_id):
            raise Refusal("我没有听到过这条消息，请在客户端里撤回。")
        if not quoted.ours:
            await _spare(ctx, quoted.member_id)
        await ctx.acts.recall(ctx.message.quote)
        return "已撤回。"

    @command("禁言", "mute", role=Role.ADMIN)
    async def mute(self, ctx: Context, *, span: Span = 600) -> str:
        """禁言一个成员，最多 30 天：/禁言 @某人 10分钟"""
        target = await _target(ctx)
        await _spare(ctx, target.id)
        await ctx.acts.mute(target.id, span)
        return f"{target.name} 已被禁言 {lasting(span)}。"

    @command("解禁", "unmute", role=Role.ADMIN)
    async def unmute(self, ctx: Context) -> str:
        """让被禁言的成员说话：/解禁 @某人"""
        target = await _target(ctx)
        await ctx.acts.mute(target.id, 0)
        return f"{target.name} 可以说话了。"

    @command("全员禁言", "muteall", role=Role.ADMIN)
    async def mute_all(self, ctx: Context, state: Literal["开", "关", "on", "off"] = "开") -> str:
        """开关全员禁言：/全员禁言 开"""
        on = state in ("开", "on")
        await ctx.acts.mute_all(on)
        return "全员禁言已开启。" if on else "全员禁言已关闭，大家可以说话了。"

    @command("踢", "kick", role=Role.ADMIN)
    async def kick(self, ctx: Context, forever: Literal["", "永久", "forever"] = "") -> str:
        """把一个成员移出群：/踢 @某人（加「永久」就不再接受 TA 的申请）"""
        target = await _target(ctx)
        await _spare(ctx, target.id)
        await ctx.acts.kick(target.id, forever=bool(forever))
        return f"{target.name} 已被移出本群{'，不再接受申请' if forever else ''}。"

    @command("名片", "card", role=Role.ADMIN)
    async def card(self, ctx: Context, *, card: Annotated[str, Field(max_length=60)]) -> str:
        """改一个成员的群名片：/名片 @某人 新名片（写「清空」就去掉）"""
        target = await _target(ctx)
        await _spare(ctx, target.id)
        new = "" if card.strip() == "清空" else " ".join(card.split())
        await ctx.acts.rename(target.id, new)
        return f"{target.name} 的名片改成了「{new}」。" if new else f"{target.name} 的名片清空了。"


async def _target(ctx: Context) -> Target:
    """Whom the message at hand is about: the member it mentions, else the author of what it quotes. Raises Refusal."""
    message = ctx.message
    if message is None:
        raise Refusal(NAME_THEM)
    mentions = {part.id: part.name for part in message.parts if isinstance(part, Mention)}
    if EVERYONE in mentions:
        raise Refusal("一次只能管一个人，要管所有人用 /全员禁言。")
    mentions.pop(message.account.id, None)
    quoted = await ctx.quoted()
    if quoted is not None and quoted.ours and not mentions:
        raise Refusal("这是我自己，动不了。")
    author = quoted.member_id if quoted is not None else ""
    if len(mentions) > 1:
        # Some platforms mention the author of a quoted message on their own.
        mentions.pop(author, None)
    if len(mentions) > 1:
        raise Refusal("一次只能管一个人。")
    found = next(iter(mentions), author)
    if not found:
        raise Refusal(NAME_THEM)
    profile = await ctx.acts.profile(found)
    known = profile.member.name if profile is not None else ""
    return Target(found, known or mentions.get(found) or (quoted.name if quoted is not None else "") or "TA")


async def _spare(ctx: Context, member_id: str) -> None:
    """Raises Refusal for whom no command may touch: admins, owners, operators, and whoever is unknown."""
    role = await ctx.acts.role(member_id)
    if role is Role.UNKNOWN:
        raise Refusal("平台没有说 TA 的身份，可能已经不在群里了，我先不动。")
    if role >= Role.ADMIN:
        raise Refusal("TA 是管理员，我不动。")
