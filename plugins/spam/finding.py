"""What goes into the engine, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["act", "review", "pass"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for or against an ad.

    rule    the stable name of what found it ("model", "contact", "flood"), by which precision is counted
    weight  its share of the score, in log-odds; negative: it speaks for the member
    words   for an admin, in Chinese, without anything of the message that could call or link
    """

    rule: str
    weight: float
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the engine thinks of a message: `score` from 0 to 1, and the reasons, the weightiest first.

    rule  the one that decided, and whose precision this counts for; empty where the message passes
    """

    score: float
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the engine sees it; quoted text is no part of it.

    text       the member's own words, mentions left out
    name       the member's name in the group, which adverts are put into, too
    links      addresses of cards and QR codes, not those in `text`
    cards      titles of cards
    forwarded  texts inside merged messages
    pictures   how many pictures, faces not counted
    everyone   it calls the whole group
    real       how many real messages the member has said here before
    trusted    an admin's word, or enough real messages: only the surest signs count
    time       Unix seconds
    """

    text: str
    group: str = ""
    member: str = ""
    name: str = ""
    links: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    pictures: int = 0
    everyone: bool = False
    real: int = 0
    trusted: bool = False
    time: float = 0.0
