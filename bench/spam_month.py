"""`python -m bench.spam_month [months]`: months of groups of known truth, and whether the guard's figures hold it.

Nothing is judged here: what a filter of a given quality makes of ads and of others is drawn, with all that makes labels
misleading: admins who undo mistakes and rarely confirm hits, days of raids, and days on which nobody answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import NamedTuple

from bench.figures import Figure, table
from plugins.spam.auditing import Auditor
from plugins.spam.finding import Verdict
from plugins.spam.intervals import UNKNOWN, Interval
from plugins.spam.precision import WAIT, Decided, Label, Origin, precision, recall

DAYS = 30
FATES: Mapping[str, tuple[str, Verdict, float]] = {
    "low": ("", "pass", 0.001),
    "middle": ("", "pass", 0.1),
    "high": ("", "pass", 0.3),
    "review": ("model", "review", 0.6),
    "model": ("model", "act", 0.95),
    "contact": ("contact", "act", 0.99),
}
"""What may become of a message: the rule, the verdict and the score."""
ACTS = ("model", "contact")


@dataclass(frozen=True, slots=True)
class Filter:
    """The chances of each of `FATES`, for ads and for others."""

    ads: Sequence[float]
    others: Sequence[float]


@dataclass(frozen=True, slots=True)
class Admins:
    """What admins do with what they see; shares.

    confirm, undo  label an action that was right, or wrong, by their own wish
    point          point at an ad that passed
    review         answer what they are asked in the review band
    answer         answer a question of the audit; `by_day`: all those of a day, or none
    """

    confirm: float
    undo: float
    point: float
    review: float
    answer: float
    by_day: bool = False


GOOD = Filter((0.02, 0.03, 0.03, 0.12, 0.5, 0.3), (0.975, 0.015, 0.004, 0.003, 0.002, 0.001))
WEAK = Filter((0.15, 0.15, 0.1, 0.1, 0.4, 0.1), (0.9, 0.04, 0.02, 0.02, 0.015, 0.005))
ALL = Admins(confirm=1, undo=1, point=1, review=1, answer=1)
SOME = Admins(confirm=0.3, undo=0.8, point=0.3, review=0.6, answer=0.6)
FEW = Admins(confirm=0.03, undo=0.9, point=0.1, review=0.3, answer=0.4, by_day=True)
SILENT = Admins(confirm=0.02, undo=0.5, point=0, review=0, answer=0)


@dataclass(frozen=True, slots=True)
class Month:
    """A group's month: messages a day, the share of ads among them, and who looks after it."""

    name: str
    messages: int
    spam: float
    filter: Filter
    admins: Admins
    daily: float = 5


MONTHS = (
    Month("good, all labelled", 30, 0.1, GOOD, ALL),
    Month("good, some labelled", 30, 0.1, GOOD, SOME),
    Month("good, few labelled, rare ads", 40, 0.03, GOOD, FEW),
    Month("weak, some labelled", 30, 0.15, WEAK, SOME),
    Month("weak, few labelled, many ads", 30, 0.3, WEAK, FEW),
    Month("weak, no audit answered", 30, 0.1, WEAK, SILENT),
)


class Share(NamedTuple):
    """A true share: of this month's messages, and the rate behind it."""

    month: float | None
    rate: float


class Truth(NamedTuple):
    precision: Share
    recall: Share


Shown = tuple[Interval, Interval]
"""The precision and the recall that are shown."""


def shown(rows: Sequence[Decided]) -> Shown:
    """What the guard shows."""
    return precision(rows).shown, recall(rows).shown


def naive(rows: Sequence[Decided]) -> Shown:
    """What is often shown instead: labelled hits over all labels, no weights, and Wald's interval."""
    right = sum(r.verdict == "act" and r.label == "spam" for r in rows)
    wrong = sum(r.verdict == "act" and r.label == "ham" for r in rows)
    missed = sum(r.verdict != "act" and r.label == "spam" for r in rows)
    return _wald(right, right + wrong), _wald(right, right + missed)


def _wald(hits: int, total: int) -> Interval:
    if not total:
        return UNKNOWN
    share = hits / total
    wide = 1.96 * (share * (1 - share) / total) ** 0.5
    return Interval(share - wide, share, share + wide)


def live(month: Month, random: Random) -> tuple[list[Decided], Truth]:
    """Live through one month: the decisions as the guard's table has them, and the truth."""
    admins, rows = month.admins, []
    auditor = Auditor(month.daily, random)
    fates = list(FATES)
    sums = {True: 0, False: 0}
    acted = {True: 0, False: 0}
    for day in range(DAYS):
        # A raid brings many ads on one day, when the audit's chance for each is small.
        ads = round(month.messages * month.spam * (5 if random.random() < 0.07 else 0.83) + random.random())
        others = round(month.messages * (1 - month.spam) * random.uniform(0.6, 1.4))
        today = [(True, fate) for fate in random.choices(fates, month.filter.ads, k=ads)]
        today += [(False, fate) for fate in random.choices(fates, month.filter.others, k=others)]
        random.shuffle(today)
        answering = random.random() < admins.answer
        sums[True] += ads
        sums[False] += others
        for ad, fate in today:
            rule, verdict, score = FATES[fate]
            acted[ad] += verdict == "act"
            chance = auditor.choose(verdict, score, str(day))
            if chance is None and fate == "low" and not ad:
                continue
            label, late = _labelled(admins, ad, verdict, random)
            if chance is not None and label is None:
                said = answering if admins.by_day else random.random() < admins.answer
                label, late = (_label(ad), 1.5 * WAIT) if said else (None, 0.0)
            if verdict != "pass" or chance is not None:
                origin: Origin = "screen" if verdict != "pass" else "audit"
                rows.append(Decided(rule, verdict, label, origin, score, chance, WAIT * (DAYS - day), late))
            elif label:
                rows.append(Decided(rule, verdict, label, "admin", score, None, WAIT * (DAYS - day), late))
    return rows, _truth(month, sums, acted)


def _label(ad: bool) -> Label:
    return "spam" if ad else "ham"


def _labelled(admins: Admins, ad: bool, verdict: Verdict, random: Random) -> tuple[Label | None, float]:
    """What an admin says unasked, and how many seconds after the message; None where nobody does."""
    if verdict == "act":
        chance = admins.confirm if ad else admins.undo
    elif verdict == "review":
        chance = admins.review
    else:
        chance = admins.point if ad else 0.0
    return (_label(ad), 3_600.0) if random.random() < chance else (None, 0.0)


def _truth(month: Month, sums: Mapping[bool, int], acted: Mapping[bool, int]) -> Truth:
    reach = sum(month.filter.ads[-len(ACTS) :])
    hits, slips = sums[True] * reach, sums[False] * sum(month.filter.others[-len(ACTS) :])
    total = sum(acted.values())
    return Truth(
        Share(acted[True] / total if total else None, hits / (hits + slips)),
        Share(acted[True] / sums[True] if sums[True] else None, reach),
    )


class Held(NamedTuple):
    """How often an interval held the month's share and the rate behind it, its mean length, how often it was known."""

    month: float
    rate: float
    length: float
    known: float


def held(month: Month, months: int, seed: int, way: Callable[[Sequence[Decided]], Shown] = shown) -> tuple[Held, Held]:
    """Live the month so many times: how the shown precision and recall held."""
    random = Random(seed)
    lived = [live(month, random) for _ in range(months)]
    results = [(way(rows), truth) for rows, truth in lived]
    return (
        _held([(told[0], truth.precision) for told, truth in results]),
        _held([(told[1], truth.recall) for told, truth in results]),
    )


def _held(pairs: Sequence[tuple[Interval, Share]]) -> Held:
    return Held(
        fmean(share.month is None or share.month in told for told, share in pairs),
        fmean(share.rate in told for told, share in pairs),
        fmean(told.high - told.low for told, _ in pairs),
        fmean(told != UNKNOWN for told, _ in pairs),
    )


def main() -> None:
    """Print how often the shown and the naive intervals hold the truth, of 95 % that are promised."""
    parser = argparse.ArgumentParser(prog="python -m bench.spam_month", description=__doc__)
    parser.add_argument("months", nargs="?", type=int, default=400, help="months of each kind (default: 400)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = []
    for month in MONTHS:
        for way in (shown, naive):
            for what, told in zip(("precision", "recall"), held(month, options.months, options.seed, way), strict=True):
                name = f"{month.name}: {way.__name__} {what}"
                target = 0.95 if way is shown else None
                figures.append(Figure(f"{name}, month held", told.month, "share", target, least=True))
                figures.append(Figure(f"{name}, rate held", told.rate, "share", target, least=True))
                figures.append(Figure(f"{name}, mean length", told.length, "share"))
    print(table(figures))


if __name__ == "__main__":
    main()
