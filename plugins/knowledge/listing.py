"""What members are shown of the shelf: what stands there, where an answer came from, how a question fares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlite_utils import Database

from bot.api import Context, Refusal
from plugins.knowledge import finding, pending, showing, spoken
from plugins.knowledge.finding import Kept, Look
from plugins.knowledge.shelf import SHIPPED, entries

PAGE = 20
WORDINGS = 3
"""So many other wordings of an open question are shown: the answer is for them, too."""
TRIED = 3


def page_of(words: str) -> int:
    """A page's number as members write it. Raises Refusal."""
    word = words.strip().strip("第页 ")
    if not word:
        return 1
    if not (word.isascii() and word.isdigit() and len(word) <= 6 and int(word)):
        raise Refusal("页数要写成数字。")
    return int(word)


def pages(count: int) -> int:
    return max(1, -(-count // PAGE))


async def listed(ctx: Context, names: Sequence[str], page: int) -> str:
    """A page of the group's own documents, the newest first, and how much more is searched."""
    own = await ctx.db.read(partial(entries, name=ctx.group.id))
    more = await ctx.db.read(partial(_counted, [name for name in names if name != ctx.group.id]))
    others = f"另外还查：{'、'.join(more)}。" if more else ""
    if not own:
        return f"本群还没有自己的资料。{others}\n管理员可以添加：/知识 添加 标题：正文"
    last = pages(len(own))
    if page > last:
        raise Refusal(f"一共 {last} 页。")
    shown = own[::-1][(page - 1) * PAGE : page * PAGE]
    lines = [
        f"{entry.id}. {entry.title}（{showing.source(entry.source, entry.title)}，{entry.chunks} 段）"
        for entry in shown
    ]
    head = f"本群的资料 {len(own)} 条" + (f"，第 {page}/{last} 页：" if last > 1 else "：")
    foot = f"下一页：/知识 列表 {page + 1}" if page < last else ""
    return "\n".join(filter(None, (head, *lines, others, foot)))


def _counted(names: Sequence[str], db: Database) -> list[str]:
    """How many documents stand in each collection that is not empty."""
    counts = []
    for name in dict.fromkeys(names):
        query = (
            "select count(*) from knowledge_documents d join knowledge_collections c on c.id = d.collection"
            " where c.name = ?"
        )
        count = db.execute(query, [name]).fetchone()[0]
        if count and name != SHIPPED:
            counts.append(f"{name} {count} 条")
        elif count:
            counts.append(showing.FAQ)
    return counts


async def sources(ctx: Context) -> str:
    """Where an answer came from, and its first passage whole. Raises Refusal."""
    quoted = await ctx.quoted()
    ref = (quoted.ref or "") if quoted is not None and quoted.ours else ""
    kind, _, number = ref.rpartition(":")
    if kind not in ("knowledge:answer", "knowledge:spoken"):
        raise Refusal("请引用我的一条有依据的回答，再发 /知识 来源。")
    found, text = await ctx.db.read(partial(_made_of, ctx.group.id, kind, int(number)))
    if not found:
        raise Refusal("那个回答太久了，我已经不记得它的来源。")
    first, *rest = (showing.place(kept.source, kept.title) for kept in found)
    others = ["", "也找到了：", *(f"- {place}" for place in rest)] if rest else []
    return "\n".join([f"最贴切的资料：{first}", text if text is not None else "原文后来删了或改了。", *others])


def _made_of(group_id: str, kind: str, number: int, db: Database) -> tuple[Sequence[Kept], str | None]:
    found: Sequence[Kept] = ()
    if kind == "knowledge:answer":
        answered = finding.answered(db, group_id, number)
        found = answered.passages if answered is not None else ()
    elif (said := spoken.find(db, group_id, number)) is not None:
        found = (Kept(said.title, said.source, said.chunk),)
    return found, finding.whole(db, found[0]) if found else None


async def tried(ctx: Context, names: Sequence[str], question: str) -> str:
    """What a question finds, whether it is answered when asked and when not, and why not."""

    def look(db: Database) -> tuple[Look, Look, float, bool]:
        unasked = finding.look(db, [name for name in names if name != SHIPPED], question, unasked=True)
        # What the switches say is the house's own table; a plugin's context tells nothing of other plugins.
        query = "select enabled from switches where group_id = ? and plugin = 'volunteer'"
        switch = db.execute(query, [ctx.group.id]).fetchone()
        at = spoken.threshold(db, ctx.group.id)
        return finding.look(db, names, question, finding.WEIGHED), unasked, at, bool(switch and switch[0])

    asked, unasked, at, on = await ctx.db.read(look)
    if not asked.hits:
        return "什么也没找到。问我会答没找到，没人叫我时我不说话。"
    hits = await finding.ordered(ctx, question, asked.hits)
    lines = [
        f"{place}. {showing.place(showing.source_of(hit), hit.title)}（把握 {showing.percent(sure)}）："
        f"{showing.brief(hit.text)}"
        for place, (hit, sure) in enumerate(zip(hits[:TRIED], asked.sures(), strict=False), 1)
    ]
    return "\n".join([_when_asked(asked), _when_unasked(unasked, at, on), *lines])


def _when_asked(look: Look) -> str:
    if look.answers:
        return "问我：会答。"
    return f"问我：答没找到，把握 {showing.percent(look.sure)}，要 {showing.percent(look.enough)}。"


def _when_unasked(look: Look, at: float, on: bool) -> str:
    off = "" if on else "（本群没有开主动答）"
    if not look.hits:
        return f"没人叫我：不说话，自带问答不主动说{off}。"
    if look.topical >= at:
        return f"没人叫我：会接话{off}。"
    if look.topical == 0:
        return f"没人叫我：不说话，这不像是在提问{off}。"
    return f"没人叫我：不说话，主动开口的把握 {showing.percent(look.topical)}，要 {showing.percent(at)}{off}。"


async def open_questions(ctx: Context, page: int) -> str:
    """A page of the list, the newest last."""
    found, count = await ctx.db.read(partial(pending.opened, group_id=ctx.group.id, size=PAGE, page=page))
    if not count:
        return "没有待答的问题。"
    last = pages(count)
    if page > last:
        raise Refusal(f"一共 {last} 页。")
    lines, asked = [], await ctx.db.read(partial(pending.wordings, numbers=[one.id for one in found]))
    for one in found:
        about = "，".join(
            filter(None, (f"{one.times} 人问过" if one.times > 1 else "", one.note, showing.day(one.time)))
        )
        lines.append(f"{one.id}. {showing.brief(one.question, 60)}（{about}）")
        others = [showing.brief(other) for other in asked.get(one.id, ()) if other != one.question][:WORDINGS]
        lines += [f"   也问：{'；'.join(others)}"] if others else []
    head = f"待答 {count} 个" + (f"，第 {page}/{last} 页：" if last > 1 else "：")
    foot = (
        f"下一页：/待答 页 {page + 1}"
        if page < last
        else "回答：引用我说的「没找到」直接写，或 /待答 编号 答案；不答：/待答 忽略 编号"
    )
    return "\n".join([head, *lines, foot])
