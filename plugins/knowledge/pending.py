"""The questions that found no answer: who asked them, in which words, and what became of them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from bot.api import Member
from plugins.knowledge import showing
from plugins.knowledge.asking import asked
from plugins.knowledge.finding import plain
from plugins.knowledge.shelf import tables
from plugins.knowledge.terms import fold

OPEN_MOST = 500
"""So many questions of a group may be open; the oldest is dropped then, until somebody asks it again."""
ASKED_MOST = 20
"""So many open questions one member may bring up in a day."""
ALIKE = 0.6
"""The share of their terms that two questions have in common, from which on they are one."""
DAY = 86_400.0
CLOSED_DAYS = 30
OPEN_DAYS = 90
DISLIKED = "答得不好"
LONGEST = 500

_TALK_WORDS = """
你好 您好 大家好 早上好 中午好 下午好 晚上好 晚安 早 好的 好呀 好
hello hey hi 嗨 哈喽 在吗 在不在 谢谢 感谢 多谢 谢
thanks thankyou thx 辛苦了 辛苦 哈 呵 嘿 嘻 嗯 哦 行 可以 okay ok 收到
再见 拜拜 bye 测试 test 厉害 不错 牛 你 您 吗 么 啦 啊 呀 了 呢 吧 6
"""
# Without a way back: members write what they like.
_TALK = re.compile(rf"(?:{'|'.join(_TALK_WORDS.split())})*+")
_KINDS = {
    "when": re.compile(r"什么时候|啥时候|何时|几点|多久|哪天|哪年|几号|多长时间|\bwhen\b"),
    "where": re.compile(r"哪里|哪儿|在哪|何处|\bwhere\b"),
    "who": re.compile(r"谁|哪位|\bwho\b"),
    "many": re.compile(r"多少|几个|几种|多大|how (?:many|much)"),
    "why": re.compile(r"为什么|为何|为啥|\bwhy\b"),
}
"""Words that a search does without, and that tell two questions about one thing apart."""
LITTLE = 1
"""So many terms may differ where one answer takes the place of another."""
MARK = "!"
_DECISIVE = re.compile(
    r"[a-z]*\d[a-z\d.]*|[a-z]{2,}|周[一二三四五六日天末]|星期[一二三四五六日天]|礼拜[一二三四五六日天]|第[一二三四五六七八九十百]+"
    r"|[一二三四五六七八九十]+[月号期届年级]|今天|明天|后天|昨天|上午|下午|晚上|早上|不|没|无|非|线上|线下|免费|付费|收费|上传|下载"
    r"|打开|关闭|开启|关掉|增加|删除|安装|卸载|导入|导出|奖金|奖品|男|女|春|夏|秋|冬|本科|硕士|博士|老师|学生|新手|老手"
)
"""What changes a question although nearly all its words stay."""


@tables()
def create_pending(db: Database) -> None:
    db.execute(
        "create table knowledge_pending (id integer primary key autoincrement, group_id text not null,"
        " question text not null, terms text not null, note text not null, state text not null, times integer not null,"
        " answer text, answered real, document integer, answer_ref text, time real not null)"
    )
    db.execute("create index knowledge_pending_group on knowledge_pending (group_id, state)")
    db.execute(
        "create table knowledge_askers (id integer primary key, pending integer not null, group_id text not null,"
        " member_id text not null, name text not null, message_id text, question text not null,"
        " told integer not null default 0, tried real not null default 0, time real not null)"
    )
    db.execute("create index knowledge_askers_pending on knowledge_askers (pending)")
    db.execute("create index knowledge_askers_member on knowledge_askers (member_id, time)")
    db.execute("create index knowledge_askers_message on knowledge_askers (group_id, message_id)")


@dataclass(frozen=True, slots=True)
class Pending:
    """A question on the list. `state` is open, ignored, dropped or answered; `note` says why it is there again."""

    id: int
    question: str
    note: str
    state: str
    times: int
    time: float


def is_talk(question: str) -> bool:
    """Whether this asks for nothing that an admin could answer: a greeting, thanks, laughter, signs."""
    return _TALK.fullmatch(re.sub(r"[\W_]+", "", fold(question))) is not None


def terms_of(question: str) -> frozenset[str]:
    """What a question is told from others by."""
    folded = fold(question)
    kinds = {f"?{kind}" for kind, pattern in _KINDS.items() if pattern.search(folded)}
    marks = {f"{MARK}{mark}" for mark in _DECISIVE.findall(folded)}
    return frozenset(asked(question.replace("的", ""))) | kinds | marks


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if {mark for mark in one ^ other if mark.startswith(MARK)}:
        return False  # what is otherwise the same differs in what matters
    return bool(one and other) and len(one & other) / len(one | other) >= ALIKE


def asks_same(question: str, wordings: Sequence[str]) -> bool:
    """Whether a question is, in other words, one of these."""
    words, folded = terms_of(question), plain(question)
    return any(
        plain(wording) == folded or (alike(words, terms_of(wording)) and len(words ^ terms_of(wording)) <= LITTLE)
        for wording in wordings
    )


def note(
    db: Database, group_id: str, question: str, asker: Member | None, message_id: str | None, remark: str = ""
) -> int | None:
    """Put a question on a group's list, or its asker behind one that is there. Its number; None: it is not listed."""
    question, now = showing.storable(question.strip()[:LONGEST]), time.time()
    if message_id is not None:
        # One message may be asked in two ways, alone and with what it quotes.
        query = (
            "select p.id from knowledge_askers a join knowledge_pending p on p.id = a.pending"
            " where a.group_id = ? and a.message_id = ? and p.state = 'open'"
        )
        row = db.execute(query, [group_id, message_id]).fetchone()
        if row is not None:
            return int(row[0])
    if asker is not None and not remark and _asks_too_much(db, asker.id, now):
        return None
    words = terms_of(question)
    known = _known(db, group_id, question, words)
    if known is not None and known[1] == "ignored":
        return None
    if known is None:
        made = db.execute(
            "insert into knowledge_pending (group_id, question, terms, note, state, times, time)"
            " values (?, ?, ?, ?, 'open', 1, ?)",
            [group_id, question, " ".join(sorted(words)), remark, now],
        ).lastrowid
        assert made is not None
        number = made
        _drop_oldest(db, group_id)
    else:
        number = known[0]
        change = "update knowledge_pending set time = ?, state = 'open', note = max(note, ?) where id = ?"
        db.execute(change, [now, remark, number])
        if asker is not None:
            change = "update knowledge_askers set message_id = ?, time = ? where pending = ? and member_id = ?"
            if db.execute(change, [message_id, now, number, asker.id]).rowcount:
                return number
        db.execute("update knowledge_pending set times = times + 1 where id = ?", [number])
    if asker is not None:
        db.execute(
            "insert into knowledge_askers (pending, group_id, member_id, name, message_id, question, time)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            [number, group_id, asker.id, showing.storable(asker.name), message_id, question, now],
        )
    return number


def _asks_too_much(db: Database, member_id: str, now: float) -> bool:
    query = (
        "select count(*) from knowledge_askers a join knowledge_pending p on p.id = a.pending"
        " where a.member_id = ? and a.time > ? and p.state = 'open'"
    )
    return int(db.execute(query, [member_id, now - DAY]).fetchone()[0]) >= ASKED_MOST


def _known(db: Database, group_id: str, question: str, words: frozenset[str]) -> tuple[int, str] | None:
    """The number and the state of a question that asks the same."""
    query = (
        "select id, state, terms, question from knowledge_pending"
        " where group_id = ? and state in ('open', 'ignored', 'dropped') order by state desc, id desc limit ?"
    )
    folded = plain(question)
    for id, state, terms, other in db.execute(query, [group_id, 3 * OPEN_MOST]).fetchall():
        if alike(words, frozenset(terms.split())) or plain(other) == folded:
            return id, state
    return None


def open_like(db: Database, group_id: str, question: str) -> int | None:
    """The number of an open question that asks the same."""
    known = _known(db, group_id, question, terms_of(question))
    return known[0] if known is not None and known[1] == "open" else None


def _drop_oldest(db: Database, group_id: str) -> None:
    query = (
        "select id from knowledge_pending where group_id = ? and state = 'open' order by time desc limit -1 offset ?"
    )
    change = f"update knowledge_pending set state = 'dropped' where id in ({query})"  # noqa: S608 - a constant
    db.execute(change, [group_id, OPEN_MOST])


def withdraw(db: Database, group_id: str, message_id: str) -> None:
    """A message's question found an answer after all: take it off the list, unless others ask it, too."""
    key = [group_id, message_id]
    query = "select pending from knowledge_askers where group_id = ? and message_id = ?"
    for (number,) in db.execute(query, key).fetchall():
        db.execute("delete from knowledge_askers where group_id = ? and message_id = ?", key)
        change = "update knowledge_pending set times = times - 1 where id = ? and state = 'open'"
        db.execute(change, [number])
        db.execute("delete from knowledge_pending where id = ? and state = 'open' and times < 1", [number])


def opened(db: Database, group_id: str, size: int, page: int) -> tuple[list[Pending], int]:
    """A page of the open questions, in the order of their numbers, and how many there are in all."""
    count = db.execute(
        "select count(*) from knowledge_pending where group_id = ? and state = 'open'", [group_id]
    ).fetchone()[0]
    query = (
        "select id, question, note, state, times, time from knowledge_pending"
        " where group_id = ? and state = 'open' order by id limit ? offset ?"
    )
    return [Pending(**row) for row in db.query(query, [group_id, size, size * (page - 1)])], int(count)


def find(db: Database, group_id: str, number: int) -> Pending | None:
    query = "select id, question, note, state, times, time from knowledge_pending where id = ? and group_id = ?"
    return next((Pending(**row) for row in db.query(query, [number, group_id])), None)


def wordings(db: Database, numbers: Sequence[int]) -> dict[int, list[str]]:
    """How questions were asked, in all wordings."""
    marks = ",".join("?" * len(numbers))
    query = f"select distinct pending, question from knowledge_askers where pending in ({marks})"  # noqa: S608 - question marks
    found: dict[int, list[str]] = {}
    for number, question in db.execute(query, list(numbers)).fetchall():
        found.setdefault(number, []).append(question)
    return found


def is_open(db: Database, group_id: str, number: int) -> bool:
    query = "select 1 from knowledge_pending where id = ? and group_id = ? and state = 'open'"
    return db.execute(query, [number, group_id]).fetchone() is not None


def asked_by(db: Database, group_id: str, message_id: str) -> int | None:
    """The number of the question that a member's message asks."""
    query = "select pending from knowledge_askers where group_id = ? and message_id = ? order by id desc"
    row = db.execute(query, [group_id, message_id]).fetchone()
    return int(row[0]) if row else None


def ignore(db: Database, group_id: str, number: int) -> bool:
    """Take a question off the list for good. False: there is no such open one."""
    change = "update knowledge_pending set state = 'ignored', time = ? where id = ? and group_id = ? and state = 'open'"
    return bool(db.execute(change, [time.time(), number, group_id]).rowcount)


def forget(db: Database, member_id: str) -> None:
    """A member's questions go, where nobody else asked them; else another's words take the place of theirs."""
    query = "select distinct pending from knowledge_askers where member_id = ?"
    numbers = [row[0] for row in db.execute(query, [member_id]).fetchall()]
    db.execute("delete from knowledge_askers where member_id = ?", [member_id])
    for number in numbers:
        query = "select question from knowledge_askers where pending = ? order by id"
        row = db.execute(query, [number]).fetchone()
        if row is None:
            db.execute("delete from knowledge_pending where id = ?", [number])
        else:
            db.execute("update knowledge_pending set question = ? where id = ?", [row[0], number])


def purge(db: Database) -> None:
    """Drop what is past its time: what is done with, who asked it, and what nobody answers."""
    now = time.time()
    db.execute(
        "delete from knowledge_pending where (state in ('answered', 'ignored', 'dropped')"
        " and max(time, coalesce(answered, 0)) < ?) or time < ?",
        [now - CLOSED_DAYS * DAY, now - OPEN_DAYS * DAY],
    )
    db.execute(
        "delete from knowledge_askers where pending not in (select id from knowledge_pending) or time < ?",
        [now - OPEN_DAYS * DAY],
    )
