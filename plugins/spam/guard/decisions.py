"""What was decided about a message, why, what was done, and what an admin said to it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlite_utils import Database

from plugins.spam.finding import Finding, Reason

Origin = Literal["screen", "report", "admin", "picture", "judge", "audit"]
Step = Literal["none", "note", "ask", "recall", "mute", "remove"]
Label = Literal["spam", "ham"]
LONGEST = 2000
"""So much of a message is kept, in characters."""


@dataclass(slots=True)
class Outcome:
    """What was done, what the platform refused ("recall: why"), and what nobody saw happen.

    real, struck  what it took from the member, to be given back
    until   when the mute is over, in Unix seconds; 0: none is known of
    spared  its author is an admin: it counts in no figure
    """

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)
    real: int = 0
    struck: bool = False
    seconds: int = 0
    until: float = 0.0
    spared: bool = False

    def dumped(self) -> str:
        found = {name: value for name in self.__slots__ if (value := getattr(self, name))}
        return _json(found)


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of spam_decisions; `id` is 0 as long as it could not be written.

    text     the member's words, without mentions
    lost     what stood there besides the words and cannot be said again ("图片、卡片")
    chance   of an audit: the probability with which it was chosen
    version  of the weights that judged
    """

    group_id: str
    group_name: str
    member_id: str
    member_name: str
    message_id: str
    text: str
    time: float
    finding: Finding
    mode: str
    origin: Origin
    step: Step = "none"
    outcome: Outcome = field(default_factory=Outcome)
    lost: str = ""
    label: Label | None = None
    label_by: str | None = None
    label_time: float | None = None
    chance: float | None = None
    version: str = ""
    id: int = 0


def write(db: Database, decision: Decision) -> tuple[Decision, bool]:
    """Write a decision down. Returns it with its number, and whether it is new.

    Where the message has one already, that one is returned as it stands.
    """
    finding = decision.finding
    row = {
        "group_id": decision.group_id,
        "group_name": storable(decision.group_name),
        "member_id": storable(decision.member_id),
        "member_name": storable(decision.member_name)[:60],
        "message_id": storable(decision.message_id),
        "text": storable(decision.text)[:LONGEST],
        "lost": decision.lost,
        "time": decision.time,
        "score": finding.score,
        "verdict": finding.verdict,
        "rule": finding.rule,
        "reasons": _reasons(finding.reasons),
        "mode": decision.mode,
        "origin": decision.origin,
        "step": decision.step,
        "outcome": decision.outcome.dumped(),
        "label": decision.label,
        "label_by": decision.label_by,
        "label_time": decision.label_time,
        "chance": decision.chance,
        "version": decision.version,
    }
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    made = db.execute(
        f"insert into spam_decisions ({columns}) values ({marks}) on conflict do nothing returning id",  # noqa: S608 - the columns above
        list(row.values()),
    ).fetchone()
    if made is None:
        known = of_message(db, decision.group_id, decision.message_id)
        assert known is not None
        return known, False
    written = find(db, int(made[0]))
    assert written is not None
    return written, True


def find(db: Database, number: int) -> Decision | None:
    if not 0 < number < 1 << 62:
        return None
    return next(map(_read, db.query("select * from spam_decisions where id = ?", [number])), None)


def of_message(db: Database, group_id: str, message_id: str) -> Decision | None:
    query = "select * from spam_decisions where group_id = ? and message_id = ? and message_id != ''"
    return next(map(_read, db.query(query, [group_id, storable(message_id)])), None)


def concluded(db: Database, decision: Decision, *, step: Step | None = None, finding: Finding | None = None) -> None:
    """Write down what came of a decision (`decision.outcome`), and where it went further: its step.

    With another `finding`, also where that came from, and with what chance a decision like that was chosen by lot.
    """
    change = "update spam_decisions set outcome = ?, step = coalesce(?, step) where id = ?"
    db.execute(change, [decision.outcome.dumped(), step, decision.id])
    if finding is not None:
        change = (
            "update spam_decisions set score = ?, verdict = ?, rule = ?, reasons = ?, origin = ?, chance = ?"
            " where id = ?"
        )
        found = [finding.score, finding.verdict, finding.rule, _reasons(finding.reasons)]
        db.execute(change, [*found, decision.origin, decision.chance, decision.id])


def label(db: Database, number: int, label: Label, by: str) -> bool:
    """Write an admin's word down. False: it was said already.

    The time of the first word stays: it tells whether somebody looked by their own wish, or was asked.
    """
    change = (
        "update spam_decisions set label = ?, label_by = ?, label_time = coalesce(label_time, ?)"
        " where id = ? and label is not ?"
    )
    return bool(db.execute(change, [label, by, time.time(), number, label]).rowcount)


def muted_still(db: Database, decision: Decision, now: float) -> bool:
    """Whether its author is muted by another decision that holds and is not over."""
    query = "select * from spam_decisions where group_id = ? and member_id = ? and id != ?"
    rows = db.query(query, [decision.group_id, decision.member_id, decision.id])
    return any(one.label != "ham" and one.outcome.until > now for one in map(_read, rows))


def waiting(db: Database, group_ids: Sequence[str], most: int) -> tuple[list[Decision], int]:
    """The newest decisions that admins were asked about and have not answered, and how many there are."""
    marks = ",".join("?" * len(group_ids))
    where = f"group_id in ({marks}) and label is null and step = 'ask'"
    count = db.execute(f"select count(*) from spam_decisions where {where}", list(group_ids)).fetchone()[0]  # noqa: S608 - question marks
    query = f"select * from spam_decisions where {where} order by id desc limit ?"  # noqa: S608 - question marks
    return [_read(row) for row in db.query(query, [*group_ids, most])], int(count)


def counts(db: Database, group_id: str, since: float) -> dict[tuple[str, str, str], int]:
    """How many decisions there were since then, by mode, verdict and step."""
    query = (
        "select mode, verdict, step, count(*) from spam_decisions where group_id = ? and time >= ?"
        " and origin in ('screen', 'picture', 'judge') group by 1, 2, 3"
    )
    rows = db.execute(query, [group_id, since]).fetchall()
    return {(mode, verdict, step): count for mode, verdict, step, count in rows}


def storable(text: str) -> str:
    """A text that SQLite takes: half a character is received now and then."""
    return text.encode("utf-8", "replace").decode()


def _read(row: dict[str, Any]) -> Decision:
    reasons = tuple(Reason(found["rule"], found["weight"], found["words"]) for found in json.loads(row.pop("reasons")))
    finding = Finding(row.pop("score"), row.pop("verdict"), reasons, row.pop("rule"))
    outcome = Outcome(**json.loads(row.pop("outcome") or "{}"))
    return Decision(finding=finding, outcome=outcome, **row)


def _reasons(reasons: Sequence[Reason]) -> str:
    return _json([{"rule": one.rule, "weight": round(one.weight, 3), "words": one.words} for one in reasons])


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False))
