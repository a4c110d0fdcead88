"""A second opinion on a message that the engine is not sure of: a model's, which can raise a doubt and lift none.

What is asked about was written by somebody who may want the answer to be no. So the answer can only make it worse
for them: `review` becomes `act`, or stays as it is; that a model finds nothing is told to the admins, who are asked
all the same. A message that talks the model out of its job gains what it had before.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from loguru import logger
from sqlite_utils import Database

from bot.api import Answer, ConfigError, Context, Db, Message, ModelError, Plugin, Refusal
from plugins.spam.finding import Finding, Reason, Said

PURPOSE = "judge"
RULE = "judge"
REPORTED = "report"
"""What members brought up is for the admins: reports that talk to a model are no second sign."""
SECONDS = 8.0
AT_ONCE = 2
DAILY = 60
"""So many opinions a group gets in a day, lest a flood of doubtful messages spends its quota of answers."""
MEMBER_DAILY = 6
LONGEST_ANSWER = 400
LONGEST_WHY = 30
BEFORE = 8
BEFORE_SECONDS = 1800.0
LATEST = 500
"""How many of the newest messages of all groups are looked through for those before one."""
_FENCED = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL)
_CALLING = re.compile(r"[@＠#<>\[\]{}\\/:：|`\"\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
_NUMBER = re.compile(r"[A-Za-z_\-]*\d[\w\-]{4,}", re.ASCII)
_HOST_DOT = re.compile(r"(?<=[A-Za-z0-9])[.。](?=[A-Za-z])")
_FAILURES = {
    "ModelFiltered": "没有通过模型方的内容审核",
    "ModelBusy": "模型太忙",
    "ModelUnavailable": "模型连不上",
    "ModelAuth": "模型的密钥不对",
    "ModelQuota": "模型账户没有额度了",
}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model thinks: an ad, none, or None where it cannot tell; or why there is no opinion (`trouble`)."""

    ad: bool | None = None
    why: str = ""
    trouble: str = ""


class Bench:
    """How many opinions one group is waiting for, and had today."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(AT_ONCE)
        self._day = ""
        self._counts: Counter[str] = Counter()

    def spend(self, member_id: str, daily: int) -> str:
        """Take one opinion of today's; returns why there is none to take, else nothing."""
        today = time.strftime("%Y-%m-%d")
        if today != self._day:
            self._day = today
            self._counts.clear()
        if self._counts.total() >= daily:
            return "今天的次数用完了"
        if self._counts[member_id] >= MEMBER_DAILY:
            return "今天已经问过这位成员很多次了"
        self._counts[member_id] += 1
        return ""


@asynccontextmanager
async def bench(_settings: Plugin, _db: Db) -> AsyncIterator[Bench]:
    """For `Context.keep`: one for each group."""
    yield Bench()


def served(ctx: Context) -> bool:
    """Whether a model is there to be asked; the offline stand-in has no opinion."""
    return bool(ctx.models.names())


async def ask(
    ctx: Context, said: Said, finding: Finding, message: Message, *, daily: int = DAILY, seconds: float = SECONDS
) -> Opinion:
    """Ask for an opinion on a message under review; it takes at most `seconds`, waiting for its turn included.

    Whatever goes wrong is an `Opinion` without one.
    """
    if not served(ctx):
        return Opinion(trouble="没有登记模型")
    kept = await ctx.keep(bench)
    if refused := kept.spend(message.member.id, daily):
        return Opinion(trouble=refused)
    try:
        async with asyncio.timeout(seconds), kept.slots:
            before = await ctx.db.read(lambda db: _before(db, message))
            answer = await ctx.models.ask(
                PURPOSE, nonce=secrets.token_hex(8), material=material(said, finding.reasons, before)
            )
            return parsed(await _text(answer)) if answer.generated else Opinion(trouble="没有登记模型")
    except TimeoutError:
        return Opinion(trouble=f"{seconds:g} 秒内没有答复")
    except ModelError as failed:
        return Opinion(trouble=_FAILURES.get(type(failed).__name__, "模型没有答上来"))
    except Refusal:
        return Opinion(trouble="今天的提问次数用完了")
    except ConfigError as failed:
        logger.error("No second opinion: {}", failed)
        return Opinion(trouble="提示词 judge.md 有问题")


async def _text(answer: Answer) -> str:
    """What the model says, as far as it is short: nothing that is longer was asked for."""
    try:
        text = ""
        async for piece in answer:
            text += piece
            if len(text) > LONGEST_ANSWER:
                break
        return text
    finally:
        await answer.aclose()


def parsed(text: str) -> Opinion:
    """The opinion in an answer; anything but the one object that was asked for is none."""
    nothing = Opinion(trouble="答复不合格式")
    text = text.strip()
    if len(text) > LONGEST_ANSWER:
        return nothing
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return nothing
    if not isinstance(found, dict) or found.keys() != {"ad", "why"}:
        return nothing
    ad, why = found["ad"], found["why"]
    if not isinstance(why, str) or not (ad is None or isinstance(ad, bool)):
        return nothing
    return Opinion(ad, quiet(why))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("one key, two values")
    return found


def quiet(words: str) -> str:
    """A model's words for an admin: short, and nothing in them calls, links or can be added as a contact."""
    words = _CALLING.sub(" ", words)
    words = _HOST_DOT.sub("[.]", words)
    words = " ".join(_NUMBER.sub("…", words).split())
    return words if len(words) <= LONGEST_WHY else f"{words[:LONGEST_WHY]}…"


def joined(finding: Finding, opinion: Opinion) -> Finding:
    """What is found with the opinion counted in; the score stays the engine's own.

    Only `review` is ever changed, and only to `act`. The model's own words are no part of it (see `told`), as the
    reasons of a finding may be read in the group.
    """
    if opinion.trouble:
        return _with(finding, f"第二意见没有拿到：{opinion.trouble}")
    if opinion.ad is None:
        return _with(finding, "第二意见：看不出来")
    if not opinion.ad:
        return _with(finding, "第二意见：不像广告（只供参考，放不放行由管理员定）")
    agreed = _with(finding, "第二意见：也像广告")
    may = finding.verdict == "review" and finding.rule != REPORTED
    return replace(agreed, verdict="act", rule=RULE) if may else agreed


def _with(finding: Finding, words: str) -> Finding:
    # Without weight: it is neither part of the score nor one of the reasons that a group is told.
    return replace(finding, reasons=(*finding.reasons, Reason(RULE, 0.0, words)))


def told(opinion: Opinion) -> str:
    """The opinion with the model's words, for the admins' own group and nowhere else, and to be labelled there."""
    if opinion.trouble:
        return f"第二意见没有拿到：{opinion.trouble}"
    said = {True: "也像广告", False: "不像广告", None: "看不出来"}[opinion.ad]
    return f"第二意见：{said}{f'（{opinion.why}）' if opinion.why else ''}"


# --- what the model is given ----------------------------------------------------------------


def material(said: Said, reasons: Sequence[Reason], before: Sequence[tuple[str, str]]) -> str:
    """All that a model is given to judge, as one line of JSON: whatever a member wrote stays inside its strings."""
    found: dict[str, object] = {"message": _cut(said.text, 900), "name": said.name[:60]}
    if said.links:
        found["links"] = [link[:200] for link in said.links[:5]]
    if said.cards:
        found["cards"] = [card[:100] for card in said.cards[:5]]
    if said.forwarded:
        found["forwarded"] = [_cut(text, 200) for text in said.forwarded[:4]]
    if said.pictures:
        found["pictures"] = said.pictures
    found["history"] = [{"who": who, "text": text[:80]} for who, text in before]
    found["reasons"] = [reason.words[:80] for reason in reasons[:6]]
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "replace").decode()


def _cut(text: str, most: int) -> str:
    """A text's beginning and its end, between which adverts put their padding or their bait."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]}…{text[-most // 3 :]}"


def _before(db: Database, message: Message) -> list[tuple[str, str]]:
    """Who said what before a message, oldest first; members by letters, as their names are nobody's business."""
    newest = "select * from messages order by id desc limit ?"
    query = (
        f"select member_id, text from ({newest}) where group_id = ? and message_id != ? and time between ? and ?"  # noqa: S608 - a constant
        " and trim(text) != '' order by id desc limit ?"
    )
    span = [LATEST, message.group.id, message.id, message.time - BEFORE_SECONDS, message.time, BEFORE]
    rows = db.execute(query, span).fetchall()[::-1]
    letters = {
        member: letter for letter, member in zip("ABCDEFGH", dict.fromkeys(row[0] for row in rows), strict=False)
    }
    letters[message.member.id] = "发言人自己"
    return [(letters[member], text) for member, text in rows]
