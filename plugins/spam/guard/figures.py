"""The figures of some groups: their decisions as the measuring library counts them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from sqlite_utils import Database

from plugins.spam.precision import Decided


@dataclass(slots=True)
class Figures:
    """What happened in a span of time.

    seen            messages that were looked at
    acted, would    judged an ad: something was done, or would have been had the guard been on
    held            judged an ad while it was on, and the admins were asked (a rule that asks, a trusted member)
    asked, settled  doubted, and how many of these an admin has answered; `ads`: those that were ads
    pointed         ads that an admin or members found
    """

    seen: int = 0
    acted: int = 0
    would: int = 0
    held: int = 0
    asked: int = 0
    settled: int = 0
    ads: int = 0
    pointed: int = 0
    rows: list[Decided] = field(default_factory=list)


def read(db: Database, group_ids: Sequence[str], since: float, now: float) -> Figures:
    """The figures of groups since then; messages of admins, and of times when the guard was off, are none of them."""
    marks = ",".join("?" * len(group_ids))
    figures = Figures()
    query = f"select coalesce(sum(seen), 0) from spam_days where group_id in ({marks}) and day >= date(?, 'unixepoch', 'localtime')"  # noqa: S608, E501 - question marks
    figures.seen = int(db.execute(query, [*group_ids, since]).fetchone()[0])
    query = (
        "select rule, verdict, label, origin, score, chance, time, label_time, mode, step, outcome from spam_decisions"  # noqa: S608 - question marks
        f" where group_id in ({marks}) and time >= ? and mode != 'off'"
    )
    came = cache(_came)  # thousands of decisions came to one of a few ends
    for rule, verdict, label, origin, score, chance, at, labelled, mode, step, outcome in db.execute(
        query, [*group_ids, since]
    ).fetchall():
        spared, done = came(outcome)
        if spared:
            continue
        public = mode == "on" and done
        late = max(0.0, labelled - at) if label and labelled is not None else 0.0
        figures.rows.append(Decided(rule, verdict, label, origin, score, chance, max(0.0, now - at), late, public))
        if origin in ("admin", "report") and verdict != "act":
            figures.pointed += label == "spam"
        elif verdict == "act" and origin != "admin":
            figures.would += mode != "on"
            figures.acted += mode == "on" and (public or step in ("recall", "mute"))
            figures.held += mode == "on" and not (public or step in ("recall", "mute"))
        elif verdict == "review":
            figures.asked += 1
            figures.settled += label is not None
            figures.ads += label == "spam"
    return figures


def _came(outcome: str) -> tuple[bool, bool]:
    """Whether it was an admin's message, and whether something was done that all could see."""
    found = json.loads(outcome or "{}")
    return bool(found.get("spared")), not {"recall", "mute"}.isdisjoint(found.get("done", ()))
