"""The lists of a group, by chat: what its admins let through and what they stop, and the operator's for all groups."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from bot.api import EVERYONE, Context, Mention, Refusal, Reply, Role
from plugins.spam import lists
from plugins.spam.folding import Folding
from plugins.spam.guard.decisions import storable
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.tables import EVERYWHERE
from plugins.spam.lists import FORMS, Entry, Form, Kind, Lists, Unfit
from plugins.spam.patterns import STAR

if TYPE_CHECKING:
    from plugins.spam.guard.state import Guard

USAGE = (
    "看名单：/防广告 名单；加一条：/防广告 名单 拦截（或 放行）[成员|域名|原文|通配] 内容；"
    "删一条：/防广告 名单 删除 2。通配里用 * 代表任意字。"
)
KINDS: dict[str, Kind] = {
    "放行": "allow",
    "白": "allow",
    "allow": "allow",
    "拦截": "deny",
    "黑": "deny",
    "deny": "deny",
}
SHAPES: dict[str, Form] = {
    **{name: form for form, name in FORMS.items()},
    "exact": "exact", "pattern": "pattern", "member": "member", "domain": "domain",
}  # fmt: skip
ALL = ("全部群", "所有群")
PAGE = 30
NEWEST = 20_000
"""So many of the newest messages of all groups are looked through for what a group says ordinarily."""
ORDINARY = 1_000
_DOT = re.compile(r"(?<=\w)\.(?=\w)")


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with the group that it is written for, EVERYWHERE for all of them."""

    group_id: str
    entry: Entry


def load(db: Database, group_id: str) -> Lists:
    """What holds in a group: its own entries and the operator's."""
    return Lists([line.entry for line in lines(db, group_id)])


def lines(db: Database, group_id: str) -> list[Line]:
    """The entries that hold in a group in the order of their numbers, the operator's first."""
    query = (
        "select group_id, kind, form, value from spam_lists where group_id in (?, ?)"
        " order by group_id != ?, time, kind, form, value"
    )
    rows = db.execute(query, [group_id, EVERYWHERE, EVERYWHERE]).fetchall()
    return [Line(group, Entry(kind, form, value)) for group, kind, form, value in rows]


async def command(ctx: Context, guard: Guard, watched: Watched, words: str) -> Reply:
    """What `/防广告 名单 …` does in the group of `watched`; whoever gives it is an admin there. Raises Refusal."""
    word, _, rest = words.strip().partition(" ")
    if not word or (word.isascii() and word.isdigit()):
        return await _shown(ctx, watched, int(word or 1) if len(word) < 6 else 1)
    if word in ("删除", "删", "del", "remove"):
        return await _removed(ctx, guard, watched, rest.strip())
    kind = KINDS.get(word.lower())
    if kind is None:
        raise Refusal(USAGE)
    group_id, rest = await _where(ctx, watched, rest.strip())
    head, _, tail = rest.partition(" ")
    form = SHAPES.get(head.lower(), "folded")
    if head.lower() in SHAPES:
        rest = tail.strip()
    elif STAR in rest:
        form = "pattern"
    if form == "member":
        rest = await _member(ctx, rest)
        # The admins' own group may be the one at hand, where the member is nobody.
        there = ctx if ctx.group.id == watched.id else await ctx.elsewhere(watched.id)
        if kind == "deny" and there is not None and await there.acts.role(rest) >= Role.ADMIN:
            raise Refusal("管理员不能进拦截名单。")
    try:
        return await _added(ctx, guard, watched, group_id, (kind, form, rest))
    except Unfit as unfit:
        raise Refusal(str(unfit)) from None


async def _where(ctx: Context, watched: Watched, rest: str) -> tuple[str, str]:
    """The group that an entry is for, and the words behind that. Raises Refusal."""
    head, _, tail = rest.partition(" ")
    if head not in ALL:
        return watched.id, rest
    await _operator(ctx)
    return EVERYWHERE, tail.strip()


async def _operator(ctx: Context) -> None:
    if await ctx.acts.role(ctx.member.id) < Role.OPERATOR:
        raise Refusal("对所有群都算的名单，只有运营者可以改。")


async def _member(ctx: Context, words: str) -> str:
    """The id of the member who is meant: by a mention, by quoting, or by their number. Raises Refusal."""
    message = ctx.message
    named = [part for part in message.parts if isinstance(part, Mention)] if message is not None else []
    ours = message.account.id if message is not None else ""
    for mention in named:
        if mention.id not in (ours, EVERYONE):
            return mention.id
    quoted = await ctx.quoted()
    if quoted is not None and quoted.member_id:
        return quoted.member_id
    number = words.strip()
    if re.fullmatch(r"[A-Za-z0-9_@.\-]{2,64}", number) and not number.startswith("@"):
        return f"{ctx.group.platform}:{number}"
    raise Refusal("要说是谁：@ 一下，引用 TA 的一条消息，或者写上 TA 的账号。")


async def _added(ctx: Context, guard: Guard, watched: Watched, group_id: str, wanted: tuple[Kind, Form, str]) -> Reply:
    """Raises Unfit or Refusal."""
    kind, form, words = wanted

    def check(db: Database) -> tuple[Entry, str | None]:
        folding = Folding()
        entry = lists.entry(kind, form, storable(words), folding)
        return entry, lists.too_common(entry, ordinary(db, watched.id), folding)

    # In a reader: reading a thousand messages would hold up the group.
    entry, common = await ctx.db.read(check)
    if common:
        raise Unfit(common)
    by = ctx.member.id

    def add(db: Database) -> bool:
        known = "select kind from spam_lists where group_id = ? and form = ? and value = ?"
        there = [row[0] for row in db.execute(known, [group_id, form, entry.value]).fetchall()]
        if entry.kind in there:
            return False
        query = "select count(*) from spam_lists where group_id = ?"
        if not there and db.execute(query, [group_id]).fetchone()[0] >= lists.MOST:
            raise Refusal(f"名单满了（{lists.MOST} 条），先删掉几条再加。")
        # What is on one list leaves the other.
        db.execute(
            "delete from spam_lists where group_id = ? and form = ? and value = ?", [group_id, form, entry.value]
        )
        row = [group_id, entry.kind, entry.form, entry.value, by, time.time()]
        db.execute("insert into spam_lists (group_id, kind, form, value, by, time) values (?, ?, ?, ?, ?, ?)", row)
        return True

    fresh = await ctx.db.write(add, durable=True)
    await refresh(guard, watched, group_id)
    shown = described(entry)
    where = "，对所有群都算" if group_id == EVERYWHERE else ""
    if not fresh:
        return Reply(f"名单里已经有了：{shown}。")
    return Reply(f"好，加进{'放行' if kind == 'allow' else '拦截'}名单了{where}：{shown}。{_meaning(entry)}")


def _meaning(entry: Entry) -> str:
    """What an entry does, where an admin may take it for more or for less."""
    if entry.kind == "deny":
        return "" if entry.form in ("member", "domain") else "含有它的消息都会被拦下。"
    if entry.form == "domain":
        return "只有指向它的链接不再算广告的迹象，别的话照样看。"
    return "" if entry.form == "member" else "整条消息就是它时才放行，前后多了别的话不算。"


def ordinary(db: Database, group_id: str) -> list[str]:
    """What members of a group said lately that nobody took for an ad."""
    newest = "select * from messages order by id desc limit ?"
    query = (
        f"select m.text from ({newest}) m where m.group_id = ? and m.text != '' and m.text not like '/%'"  # noqa: S608 - a constant
        " and not exists (select 1 from spam_decisions d where d.group_id = m.group_id and"
        " d.message_id = m.message_id and d.label is not 'ham' and (d.verdict != 'pass' or d.label = 'spam'))"
        " order by m.id desc limit ?"
    )
    return [row[0][:500] for row in db.execute(query, [NEWEST, group_id, ORDINARY]).fetchall()]


async def _removed(ctx: Context, guard: Guard, watched: Watched, words: str) -> Reply:
    if not (words.isascii() and words.isdigit() and len(words) < 6):
        raise Refusal("要删第几条？先看 /防广告 名单，再发 /防广告 名单 删除 2 这样。")
    known = await ctx.db.read(lambda db: lines(db, watched.id))
    number = int(words)
    if not 0 < number <= len(known):
        raise Refusal(f"没有第 {number} 条。")
    line = known[number - 1]
    if line.group_id == EVERYWHERE:
        await _operator(ctx)
    one = line.entry
    change = "delete from spam_lists where group_id = ? and kind = ? and form = ? and value = ?"
    key = [line.group_id, one.kind, one.form, one.value]
    await ctx.db.write(lambda db: db.execute(change, key).rowcount, durable=True)
    await refresh(guard, watched, line.group_id)
    return Reply(f"从{'放行' if one.kind == 'allow' else '拦截'}名单里删掉了：{described(one)}。后面的号码往前移了。")


async def refresh(guard: Guard, watched: Watched, group_id: str) -> None:
    """Let what was changed count from here on: in one group, or in all that are awake."""
    concerned = list(guard.groups.values()) if group_id == EVERYWHERE else [watched]
    ids = [one.id for one in concerned]
    read = await guard.db.read(lambda db: {id: load(db, id) for id in ids})
    for one in concerned:
        one.lists = read[one.id]


async def _shown(ctx: Context, watched: Watched, page: int) -> Reply:
    known = await ctx.db.read(lambda db: lines(db, watched.id))
    if not known:
        return Reply(f"名单是空的。\n{USAGE}")
    pages = -(-len(known) // PAGE)
    if not 0 < page <= pages:
        raise Refusal(f"名单只有 {pages} 页。")
    start = (page - 1) * PAGE
    numbered = enumerate(known[start : start + PAGE], start + 1)
    head = f"名单，共 {len(known)} 条" + (
        f"（第 {page}/{pages} 页，/防广告 名单 {page % pages + 1} 看别的）" if pages > 1 else ""
    )
    return Reply("\n".join([head, *(_line(number, line) for number, line in numbered)]))


def _line(number: int, line: Line) -> str:
    everywhere = "（所有群）" if line.group_id == EVERYWHERE else ""
    return f"{number}. {'放行' if line.entry.kind == 'allow' else '拦截'}{everywhere} {described(line.entry)}"


def described(entry: Entry) -> str:
    """An entry for an admin to read; nothing in it links or calls anybody."""
    return f"{FORMS[entry.form]}「{_quiet(entry.value)}」"


def _quiet(text: str) -> str:
    text = text.replace("://", "[:]//").replace("@", "＠").replace("[CQ:", "[CQ：")
    return " ".join(_DOT.sub("[.]", text).split())
