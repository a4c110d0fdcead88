"""When a rule is wrong too often to act by itself, and when it may again."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Protocol

from plugins.spam.intervals import proof

SURE = log(20)
"""Evidence of 20 to 1: wrong at most once in 20, over all times together."""
PROMOTED = log(100)
"""More is asked of a rule that failed."""
MISTAKES = 3
"""A rule has had its chance where it would have been surely above the limit with so many mistakes."""
LOOKED = 0.25
"""Labels of a smaller part of what a rule did are those of its mistakes."""


class Counted(Protocol):
    """What is counted of a rule, as `plugins.spam.precision.Precision` has it, too; `fair`: (right, wrong) by lot."""

    @property
    def right(self) -> int: ...
    @property
    def wrong(self) -> int: ...
    @property
    def unlabelled(self) -> int: ...
    @property
    def fair(self) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True)
class Counts:
    """The bare counts of a rule: labelled as an ad and as none, not labelled, and the labels of what a lot chose."""

    right: int = 0
    wrong: int = 0
    unlabelled: int = 0
    fair: tuple[int, int] = (0, 0)


def demoted(counts: Counted, limit: float, *, was: bool = False, evidence: int = 20) -> bool:
    """Whether a rule only reviews from now on, as its precision is not, or no longer, shown to reach `limit`.

    counts    of this rule, since it was last demoted or promoted: an admin's word starts anew
    was       it is demoted now; what it would do still counts, with the verdict `act`
    evidence  so many labels, at the least, before the labelled alone can demote

    Asked after every label, so each bound holds at all times together (`intervals.proof`); with a bound for one look, a
    good rule falls under any limit near its precision if one only looks often enough, and a bad one gets promoted. It
    is demoted
    - where even the best case, all unlabelled right, is surely under the limit;
    - where the evidence is surely under the limit;
    - where there was evidence enough for a rule with `MISTAKES` to be surely above the limit, and it is not.
    The evidence is the audit's sample, where it has `evidence` answers. Otherwise it is all labels, if a quarter of the
    decisions have one: fewer are those that somebody minded. Both lean against the rule where admins label mistakes
    rather than hits: it asks sooner than it must. A rule that is as good as the limit is demoted as surely bad with a
    chance of at most 5 % for each of the first two; one that is not is promoted with one of at most 1 %, which takes
    more than one mistake less than being demoted: so it does not go to and fro.
    """
    right, wrong = _evidence(counts, evidence)
    if was:
        return proof(right, wrong, limit) < PROMOTED
    if proof(counts.wrong, counts.right + counts.unlabelled, 1 - limit) >= SURE:
        return True
    if right + wrong < evidence:
        return False
    if proof(wrong, right, 1 - limit) >= SURE:
        return True
    return proof(right + wrong - MISTAKES, MISTAKES, limit) >= SURE > proof(right, wrong, limit)


def _evidence(counts: Counted, needed: int) -> tuple[int, int]:
    """What speaks for and against a rule: what was chosen fairly, else all labels where they are not a few of many."""
    if sum(counts.fair) >= needed:
        return counts.fair
    labelled = counts.right + counts.wrong
    return (counts.right, counts.wrong) if labelled >= LOOKED * (labelled + counts.unlabelled) else (0, 0)
