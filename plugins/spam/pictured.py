"""What the pictures of a message say about it: a finding out of one, and never a milder one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from plugins.spam import targets
from plugins.spam.codes import Code
from plugins.spam.finding import Finding, Reason, Said
from plugins.spam.targets import Target

RULE, KNOWN_RULE, READ_RULE = "code", "picture", "read"
KNOWN_WEIGHT: Final = 5.0
READ_WORDS: Final = "图里写的字（由模型认出）像广告"
DOUBTFUL: Final = 0.35
"""The score of the words from which a code is the second sign, and enough to act on."""
LONGEST: Final = 2000
_RANK: Final = ("pass", "review", "act")


def said_with(said: Said, codes: Iterable[Code], written: Sequence[str] = ()) -> Said:
    """A message with what its codes hold and what is written in its pictures; secrets are left out.

    Text that somebody else may have written is put where merged messages stand.
    """
    links, texts = list(said.links), list(said.forwarded)
    for code in codes:
        target = targets.kind(code.text)
        if target.secret or target.kind == "harmless":
            continue
        link = targets.address(code.text)
        (links if link else texts).append((link or code.text)[:LONGEST])
    return replace(said, links=tuple(links), forwarded=(*texts, *(text[:LONGEST] for text in written if text.strip())))


def stronger(one: Finding, other: Finding) -> Finding:
    """Whichever finding says more for an ad: what is seen in a picture excuses nothing."""
    weights = [(_RANK.index(finding.verdict), finding.score) for finding in (one, other)]
    return other if weights[1] > weights[0] else one


def with_codes(finding: Finding, found: Iterable[Target], *, trusted: bool) -> Finding:
    """A finding with what the codes lead to. Of a trusted member's codes nothing is thought.

    One that leads to a group, a purse or a shop is for the admins to see; together with doubtful words it is an ad.
    """
    kinds = list(dict.fromkeys(target for target in found if target.kind in targets.WEIGHTS))
    if trusted or not kinds:
        return finding
    kinds.sort(key=lambda target: -targets.WEIGHTS[target.kind])
    reasons = [Reason(RULE, targets.WEIGHTS[target.kind], f"图里有{target.words}") for target in kinds]
    score = _shifted(finding.score, max(reason.weight for reason in reasons))
    joined = replace(finding, score=score, reasons=_sorted((*finding.reasons, *reasons)))
    if not kinds[0].strong or finding.verdict == "act":
        return joined
    if finding.verdict == "review" or finding.score >= DOUBTFUL:
        return replace(joined, verdict="act", rule=RULE)
    return replace(joined, verdict="review", rule=RULE)


def with_known(finding: Finding, words: str) -> Finding:
    """A finding about a picture that an admin called an ad before; this holds for everybody."""
    reason = Reason(KNOWN_RULE, KNOWN_WEIGHT, words)
    score = max(0.99, _shifted(finding.score, KNOWN_WEIGHT))
    return Finding(score, "act", _sorted((reason, *finding.reasons)), KNOWN_RULE)


def with_read(before: Finding, after: Finding) -> Finding:
    """The finding once the writing in the pictures was judged, too, where that says more for an ad.

    A model read it, and a model can be wrong: by itself it is for the admins to see.
    """
    if stronger(before, after) is before:
        return before
    verdict = after.verdict if after.verdict == before.verdict else "review"
    rule = before.rule if after.verdict == before.verdict else READ_RULE
    weight = max(0.0, _logit(after.score) - _logit(before.score))
    reason = Reason(READ_RULE, weight, READ_WORDS)
    return Finding(after.score, verdict, _sorted((*before.reasons, reason)), rule)


def _sorted(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.weight)))


def _shifted(score: float, weight: float) -> float:
    return 1 / (1 + math.exp(-(_logit(score) + weight)))


def _logit(score: float) -> float:
    score = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(score / (1 - score))
