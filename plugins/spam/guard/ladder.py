"""What to do about a finding: note, ask, recall, mute. A pure function of what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from bot.api import Member, Role
from plugins.spam.finding import Finding
from plugins.spam.guard.decisions import Step
from plugins.spam.guard.groups import Mode, Watched

Highest = Literal["note", "ask", "recall", "mute"]
HEIGHT: Final = ("note", "ask", "recall", "mute")
SUREST: Final = frozenset({"duplicate", "denied", "known", "picture"})
"""Rules that do not go by what they think of the words: by these a trusted member is acted against.

Whoever is known here may write fast: a flood of theirs is asked about.
"""
DAY = 86_400
IN_FLIGHT_SECONDS = 30.0
"""What came so soon after a member was muted was under way before they could know."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when something is found.

    strikes  how often the member was acted against within the window
    since    seconds since the last time
    demoted  rules that are wrong too often here
    minutes  how long the first mute lasts
    """

    mode: Mode
    role: Role
    trusted: bool
    strikes: int
    since: float
    demoted: frozenset[str]
    highest: Highest
    minutes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: `step`, a mute of `seconds`, and what this would be if the guard were switched on.

    strike   it counts against the member; `again`: on top of what counts already
    removal  the admins are asked whether the member is to be removed
    why      why less is done than the finding says, for an admin; empty where that is not so
    """

    step: Step
    would: Step
    seconds: int = 0
    strike: bool = False
    again: bool = False
    removal: bool = False
    why: str = ""

    @property
    def acts(self) -> bool:
        return self.step in ("recall", "mute")


def spared(watched: Watched, member: Member) -> bool:
    """Whether nothing is done about a member: an admin, as far as is known."""
    return member.role >= Role.ADMIN or watched.is_spared(member.id)


def plan(finding: Finding, known: Situation) -> Plan:
    """What to do about a finding that is no `pass`."""
    if known.role >= Role.ADMIN:
        return Plan("note", "note", why="管理员的消息，我只记下")
    if finding.verdict == "pass":
        return Plan("none", "none")
    would, seconds, why = _would(finding, known)
    if known.mode != "on":
        return Plan("note", would, seconds)
    late = known.strikes >= 2 and known.since < IN_FLIGHT_SECONDS
    acts = would in ("recall", "mute")
    counts = acts and not late
    return Plan(would, would, seconds, counts, counts and known.strikes > 0, counts and known.strikes >= 2, why)


def _sure(finding: Finding) -> bool:
    """Whether more than an opinion of the words speaks against a member: a text that came again and again is more."""
    repeated = finding.rule == "model" and any(one.rule == "duplicate" and one.weight > 0 for one in finding.reasons)
    return repeated or finding.rule in SUREST


def _would(finding: Finding, known: Situation) -> tuple[Step, int, str]:
    """The step, the seconds of a mute, and why it is no higher."""
    height = HEIGHT.index(known.highest)
    why = ""
    if finding.verdict == "review":
        step: Step = "ask"
    elif finding.rule in known.demoted:
        step, why = "ask", "这条规则在本群错得多了，先问管理员"
    elif known.trusted and not _sure(finding):
        step, why = "ask", "TA 是老成员，先问管理员"
    elif not known.strikes:
        step = "recall"
    else:
        step = "mute"
    if HEIGHT.index(step) > height:
        return known.highest, 0, why or "本群设了「最高一步」"
    if step != "mute":
        return step, 0, why
    # While a mute is under way, what follows does not make it longer.
    once = known.strikes == 1 or (known.strikes == 2 and known.since < IN_FLIGHT_SECONDS)
    return "mute", known.minutes * 60 if once else DAY, why
