"""How often the guard is right, and how much it misses: what is known, what is estimated, and what nobody knows.

Three ideas hold everything here together.

*Looked at is not chosen at random.* Admins undo the mistakes that they see, and confirm now and then: the labels say
more of mistakes than of hits. So what was labelled is told apart from what is claimed of all.

*Known, sampled, open.* A message that was labelled within `WAIT` was labelled by somebody's own wish: it is known, and
stands for itself. Of the rest a random audit chose some, asked later, and each answer stands for 1/chance messages.
What neither tells is open, and counts once wholly for and once wholly against.

*The one assumption* of the audit: whether a chosen message of a band is answered does not depend on what it is. Answers
that never come then make an interval longer and not wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from plugins.spam.auditing import Band, band
from plugins.spam.finding import Verdict
from plugins.spam.intervals import UNKNOWN, Interval, interval, lower_end, typical, weighted

Label = Literal["spam", "ham"]
Origin = Literal["screen", "report", "admin", "picture", "judge", "audit"]

WAIT = 86_400.0
"""Seconds after a message before an audit may ask about it."""
SILENT = 3 * 86_400.0
"""Seconds after which an action that all could see, and that nobody undid, is called silently accepted."""
OWN: frozenset[Origin] = frozenset(("screen", "picture", "judge", "audit"))
"""Where the guard itself judged; a report or an admin's word shows what it had missed."""
ENDLESS = 1e6
"""So many times a sample is without end."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision; of passed messages there are those that an audit chose, and those somebody pointed at.

    verdict  what the engine judged, also where less was done (shadow, a demoted rule)
    chance   with which an audit chose it; None: it was not chosen
    age      seconds since the message
    late     seconds from the message to its label; 0 without one
    public   something was done that the group could see
    """

    rule: str
    verdict: Verdict
    label: Label | None = None
    origin: Origin = "screen"
    score: float = 0.0
    chance: float | None = None
    age: float = 0.0
    late: float = 0.0
    public: bool = True

    @property
    def known(self) -> bool:
        """Somebody labelled it unasked, before an audit could have asked."""
        return self.label is not None and self.late <= WAIT


@dataclass(frozen=True, slots=True)
class Precision:
    """How often a rule was right where it would act; `rule` is empty for all together.

    right, wrong  labelled as an ad, and as none
    unlabelled    nobody said: neither right nor wrong
    silent        those of `unlabelled` that all could see, for `SILENT`, and nobody undid. No protest is no proof: it
                  is counted in no figure here
    fair          (right, wrong) among what an audit chose at random
    seen          right/(right + wrong), Clopper–Pearson: claims something of those that were looked at, and of no other
    audited       the estimate for all from the audit and what is known: unbiased under the one assumption, and
                  (0, None, 1) without answers. For these very decisions, without the chance of the next ones
    worst, best   the share if all unlabelled were wrong, and if all were right: true whatever admins look at
    shown         the one interval to show: at its level it holds both the share of these decisions and the rate behind
                  them (the latter as far as they are independent). With a sample its ends are approximate, and
                  `bench.spam_month` shows how often they hold. From the audit where it was answered; otherwise from
                  worst to best, lengthened by the chance that there is in any count
    """

    rule: str
    right: int
    wrong: int
    unlabelled: int
    silent: int
    fair: tuple[int, int]
    seen: Interval
    audited: Interval
    worst: float
    best: float
    shown: Interval

    @property
    def acted(self) -> int:
        return self.right + self.wrong + self.unlabelled


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of what an admin would have removed the guard caught.

    chosen, answered  audited messages that passed, and those that admins answered
    found             how many ads were caught
    reviewed, hidden  how many were not: admins were asked about these, and these just passed
    shown             found/(found + reviewed + hidden); (0, None, 1), unknown, where no audit of passed messages was
                      answered. `point` is None where a band, or what was caught, has no answer to estimate it from
    """

    chosen: int
    answered: int
    found: Interval
    reviewed: Interval
    hidden: Interval
    shown: Interval


def precision(rows: Iterable[Decided], level: float = 0.95, *, rule: str = "") -> Precision:
    """The precision over all rows that would act, or over those of one rule. What an admin found himself is none."""
    acted = [r for r in rows if r.verdict == "act" and r.origin != "admin" and (not rule or r.rule == rule)]
    total = len(acted)
    right = sum(r.label == "spam" for r in acted)
    wrong = sum(r.label == "ham" for r in acted)
    unlabelled = [r for r in acted if r.label is None]
    fair = [r for r in acted if r.chance is not None]
    sampled = any(not r.known and r.label for r in fair)
    ads = _ads(acted, level)
    return Precision(
        rule=rule,
        right=right,
        wrong=wrong,
        unlabelled=len(unlabelled),
        silent=sum(r.public and r.age >= SILENT for r in unlabelled),
        fair=(sum(r.label == "spam" for r in fair), sum(r.label == "ham" for r in fair)),
        seen=interval(right, right + wrong, level),
        audited=_share(ads, total) if sampled else UNKNOWN,
        worst=right / total if total else 0.0,
        best=1 - wrong / total if total else 1.0,
        shown=_of_all(ads, total, level),
    )


def precisions(rows: Iterable[Decided], level: float = 0.95) -> dict[str, Precision]:
    """The precision of each rule that acted, by its name."""
    rows = list(rows)
    rules = dict.fromkeys(r.rule for r in rows if r.verdict == "act" and r.origin != "admin")
    return {rule: precision(rows, level, rule=rule) for rule in rules if rule}


def recall(rows: Iterable[Decided], level: float = 0.95, *, caught: Sequence[Verdict] = ("act",)) -> Recall:
    """The recall of acting, or with `caught=("act", "review")` of noticing at all.

    Found: ads among what was caught, as in `precision`. Missed: those that somebody pointed at, what was reviewed and
    not caught, and the stratified Horvitz–Thompson estimate for the rest: an ad that the audit found stands for
    1/chance messages, times what the unanswered of its band stand for. A band without any answer may be all ads.
    """
    rows = list(rows)
    own = [r for r in rows if r.origin in OWN]
    pointed = [r for r in rows if r.origin not in OWN and r.label == "spam"]
    passed = [r for r in own if r.verdict == "pass"]
    chosen = [r for r in passed if r.chance is not None]
    answered = sum(r.label is not None and not r.known for r in chosen)
    found = _ads([r for r in own if r.verdict in caught], level)
    reviewed = _ads([r for r in own if r.verdict != "pass" and r.verdict not in caught], level)
    hidden = _hidden(passed, pointed, level)
    return Recall(
        chosen=len(chosen),
        answered=answered,
        found=found,
        reviewed=reviewed,
        hidden=hidden,
        shown=_caught(found, (reviewed, hidden), level) if answered else UNKNOWN,
    )


def _ads(rows: Sequence[Decided], level: float) -> Interval:
    """How many of these decisions are ads, all decisions of the kind being given: those that are not, turned round."""
    fewest, most = sum(r.label == "spam" for r in rows), sum(r.label != "ham" for r in rows)
    rest = [r for r in rows if not r.known]
    answers = [r for r in rest if r.chance is not None and r.label]
    if not answers:
        return Interval(fewest, fewest if fewest == most else None, most)
    weights = _weights(answers, len(rest))
    wrong = [weight for weight, row in zip(weights, answers, strict=True) if row.label == "ham"]
    hams = weighted(wrong, len(rest), typical(weights), level)
    all_spam = len(rest) + sum(r.known and r.label == "spam" for r in rows)
    point = min(max(all_spam - sum(wrong), fewest), most)
    return Interval(max(fewest, all_spam - hams.high), point, min(most, all_spam - hams.low))


def _hidden(passed: Iterable[Decided], pointed: Sequence[Decided], level: float) -> Interval:
    """How many ads passed: those known unasked, and what the audit's sample says of the rest, in one bound."""
    bands: dict[Band | None, list[Decided]] = {}
    known, certain = sum(r.known for r in pointed), len(pointed)
    for row in passed:
        certain += row.label == "spam"
        if row.known:
            known += row.label == "spam"
        elif row.chance is not None:
            bands.setdefault(band(row.verdict, row.score), []).append(row)
    hits: list[float] = []
    total = unseen = blank = 0.0
    for rows in bands.values():
        sizes = [1 / (row.chance or 1) for row in rows]
        answers = [row for row in rows if row.label]
        if not answers:
            # Nothing counts the messages of a band but the sample itself: as many as it may stand for.
            blank += weighted(sizes, ENDLESS * sum(sizes), typical(sizes), level).high
            continue
        weights = _weights(answers, sum(sizes))
        hits += [weight for weight, row in zip(weights, answers, strict=True) if row.label == "spam"]
        total, unseen = total + sum(sizes), max(unseen, typical(weights))
    guess = weighted(hits, total, unseen, level) if total else Interval(0, 0, 0)
    low = max(certain, known + guess.low)
    point = None if blank or not total else max(certain, known + sum(hits))
    return Interval(low, point, max(low, known + guess.high + blank))


def _weights(answers: Sequence[Decided], size: float) -> list[float]:
    """How many of `size` messages each answer stands for: 1/chance, and its part of what went unanswered."""
    weights = [1 / (row.chance or 1) for row in answers]
    scale = size / sum(weights)
    return [weight * scale for weight in weights]


def _of_all(ads: Interval, total: int, level: float) -> Interval:
    """The share of ads among `total` decisions, and the rate behind it."""
    if not total:
        return UNKNOWN
    few, many = (ads.low, ads.high) if ads.point is None else (ads.point, ads.point)
    low = lower_end(few, total - few, [(ads.low, total - ads.low)], level)
    high = 1 - lower_end(total - many, many, [(total - ads.high, ads.high)], level)
    return Interval(low, None if ads.point is None else ads.point / total, high)


def _caught(found: Interval, missed: Sequence[Interval], level: float) -> Interval:
    """The share of what was found among all, and the rate behind it."""
    few, many = (found.low, found.high) if found.point is None else (found.point, found.point)
    most = sum(part.high if part.point is None else part.point for part in missed)
    fewest = sum(part.low if part.point is None else part.point for part in missed)
    lower = [
        (found.low, most),
        *((few, most - (part.point or 0) + part.high) for part in missed if part.point is not None),
    ]
    upper = [
        (fewest, found.high),
        *((fewest - part.point + part.low, many) for part in missed if part.point is not None),
    ]
    low, high = lower_end(few, most, lower, level), 1 - lower_end(fewest, many, upper, level)
    known = found.point is not None and all(part.point is not None for part in missed)
    return Interval(low, many / (many + most) if known and many + most else None, high)


def _share(count: Interval, total: int) -> Interval:
    return Interval(count.low / total, None if count.point is None else count.point / total, count.high / total)
