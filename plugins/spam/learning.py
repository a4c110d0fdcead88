"""A group teaches the guard: its samples become an increment, where the frozen set allows it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from plugins.spam.drift import Bounds, Check, objections, odd, standing, unlikely
from plugins.spam.fitting import Fit, Row
from plugins.spam.increment import Increment, rounded
from plugins.spam.replay import Replay

End = Literal["learnt", "needs_ham", "unlikely", "drift", "nothing"]
_LONGEST = 2000
"""Characters of a sample that are read; a decision keeps no more either."""
_STRENGTHS = (1.0, 0.6, 0.35)
"""A lesson that the frozen set refuses is tried in part: an honest one errs by a message or two at the threshold."""
_QUIET = 4.0
"""So far below the question to the admins, unjudged talk is content with where it is."""
_CONTENT = 1.0
"""Old talk is at rest where the shipped weights are right about it, or would be, by this margin…"""
_HELD = 4.0
"""…and old ads by this one: many are missed, and all of them together would pull up whatever is said."""
_CROWD = 5
"""So many weak samples weigh in full for each judged one; more of them share that weight."""
_LEAST = 1e-6
_WIDEST = 2500
"""Features of an example that are looked at."""


class Weights(Protocol):
    """The shipped model, as learning needs it; margins and thresholds are log-odds."""

    act: float
    review: float

    @property
    def name(self) -> str:
        """Tells these weights from all others."""

    def indices(self, text: str) -> tuple[int, ...]:
        """The features of a text, each once."""

    def margin(self, indices: Collection[int], delta: Mapping[int, float] | None = None, shift: float = 0.0) -> float:
        """bias + (sum of weights and delta) / √n + shift."""


class Sample(NamedTuple):
    """A message of the group with its label; weak: nobody judged it, a trusted member said it and it passed."""

    text: str
    spam: bool
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How a group learns.

    ham       so many ham messages must have been seen before spam is learnt, two weak ones counted as one
    each      the latest so many samples of spam, of ham and of weak ham are used
    features  the most that an increment holds
    stiff     how hard the weights hold to the shipped ones: one sample moves no margin by more than 1 / stiff
    lean      how freely all margins may shift together
    weak      what a weak sample weighs, beside 1 for a judged one
    old       what a replayed example weighs
    rounds    how often each example is looked at
    """

    ham: int = 20
    each: int = 250
    features: int = 8000
    stiff: float = 0.1
    lean: float = 0.01
    weak: float = 0.5
    old: float = 0.5
    rounds: int = 8
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a lesson ended.

    end        "learnt" (and "nothing", where no samples are left): `increment` is the next version; else it is the
               one from before
    words      for an admin, in Chinese, quoting nothing
    before     the frozen set under the shipped weights, None where it was not asked
    after      the same under what was, or would have been, learnt
    culprits   places in `samples` of what the refusal is due to, where that can be told
    """

    end: End
    increment: Increment
    words: str
    before: Check | None = None
    after: Check | None = None
    culprits: tuple[int, ...] = ()


def teach(
    model: Weights,
    replay: Replay,
    samples: Sequence[Sample],
    previous: Increment | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """Learn from all samples of a group, the newest last; about 0.4 s of work, twice that where it refuses."""
    steps = lesson(model, replay, samples, previous, limits or Limits())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


async def learn(
    model: Weights,
    replay: Replay,
    samples: Sequence[Sample],
    previous: Increment | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """The same in the event loop, in slices of about 2 ms with pauses as long: a thread would hold it up for 5."""
    steps = lesson(model, replay, samples, previous, limits or Limits())
    while True:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until:
            try:
                next(steps)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
        await asyncio.sleep(0.002)


def lesson(
    model: Weights, replay: Replay, samples: Sequence[Sample], previous: Increment | None, limits: Limits
) -> Generator[None, None, Outcome]:
    """A lesson step by step, each far below a millisecond; the same samples give the same increment everywhere."""
    old = previous or Increment(model.name)
    read = yield from _read(model, samples, limits)
    if not read:
        return Outcome("nothing", Increment(model.name, old.version + 1), "没有样本了，回到出厂的判断。")
    seen = sum(0.5 if samples[place].weak else 1.0 for place in read if not samples[place].spam)
    if seen < limits.ham and any(samples[place].spam for place in read):
        words = f"还没见过足够的本群正常消息（{int(seen)}/{limits.ham}），先不学。样本记下了，攒够了再学。"
        return Outcome("needs_ham", old, words)
    frozen = []
    for example in replay.check:
        frozen.append((example, model.margin(example.indices)))
        yield
    trial = Trial(model, replay, samples, limits, [margin for example, margin in frozen if not example.spam])
    before = Check.of([(margin, example.spam) for example, margin in frozen], model.act, model.review)
    outcome = yield from trial.of(read, before, old, gently=False)
    if outcome.end == "drift":
        outcome = yield from trial.of(read, before, old, gently=True)
    if outcome.end == "drift" and len(read) > 1:
        newest = max(read)
        rest = {place: indices for place, indices in read.items() if place != newest}
        if (yield from trial.of(rest, before, old, gently=True)).end == "learnt":
            return Outcome("drift", old, outcome.words, before, outcome.after, (newest,))
    return outcome


@dataclass(frozen=True, slots=True)
class Trial:
    """Learning from some of the samples, and the judgement of it."""

    model: Weights
    replay: Replay
    samples: Sequence[Sample]
    limits: Limits
    ham: Sequence[float]

    def of(
        self, read: Mapping[int, tuple[int, ...]], before: Check, old: Increment, gently: bool
    ) -> Generator[None, None, Outcome]:
        """Learn from the samples at these places.

        gently  old examples weigh double, unjudged talk holds back but pulls nothing, and a part may do
        """
        model, limits = self.model, self.limits
        places: dict[int, int] = {}
        for place, indices in read.items():
            # What only unjudged talk says stays as it is: it is asked what the judged words may weigh, and no more.
            for index in () if self.samples[place].weak else indices:
                places.setdefault(index, len(places))
        rows = yield from self._rows(read, places, gently)
        fit = Fit(rows, len(places), limits.stiff, limits.lean)
        yield from fit.steps(limits.rounds)

        own = dict(zip(read, rows, strict=False))
        spam = [place for place in read if self.samples[place].spam]
        other = [fit.left_out(row) for place, row in own.items() if not self.samples[place].spam]
        shipped = standing([own[place].base for place in spam], self.ham)
        among = standing([fit.left_out(own[place]) for place in spam], other)
        standings = list(map(min, shipped, among))
        yield
        doubted = unlikely(standings, limits.bounds.likely)
        if doubted:
            strange = [spam[place] for place in odd(standings) if place >= len(spam) - doubted]
            words = f"标为广告的最近 {doubted} 条里有 {len(strange)} 条更像平常聊天，已拒绝，什么都没改。"
            if doubted == 1:
                words = "刚标为广告的这条更像平常聊天，已拒绝，什么都没改。"
            return Outcome("unlikely", old, words, before, None, tuple(strange))

        counts = {
            "spam": len(spam),
            "ham": sum(not self.samples[place].spam and not self.samples[place].weak for place in read),
            "weak": sum(self.samples[place].weak for place in read),
        }
        refused: Outcome | None = None
        for strength in _STRENGTHS if gently else _STRENGTHS[:1]:
            learnt = ((index, fit.weights[place] * strength) for index, place in places.items())
            delta, shift = rounded(learnt, limits.features), round(fit.shift * strength, 6)
            increment = Increment(model.name, old.version + 1, delta, shift, counts)
            margins = []
            for example in self.replay.check:
                margins.append((model.margin(example.indices, delta, shift), example.spam))
                yield
            after = Check.of(margins, model.act, model.review)
            against = list(objections(before, after, model.act, limits.bounds))
            if not against:
                return Outcome("learnt", increment, _learnt(counts, strength), before, after)
            words = f"学了{'，还'.join(against)}，已拒绝，什么都没改。"
            refused = refused or Outcome("drift", old, words, before, after)
        assert refused is not None
        return refused

    def _edge(self, spam: bool) -> float:
        """An ad is to be acted on; talk is to be nearer to talk than to ads, and never asked about."""
        return self.model.act if spam else min(self.model.review, 0.0)

    def _rows(
        self, read: Mapping[int, tuple[int, ...]], places: Mapping[int, int], gently: bool
    ) -> Generator[None, None, list[Row]]:
        rows = []
        weak = sum(self.samples[place].weak for place in read)
        # A crowd of unjudged talk would pull down whatever it has in common with ads that nobody spoke of.
        unjudged = self.limits.weak * min(1.0, _CROWD * (len(read) - weak) / max(1, weak))
        for place, indices in read.items():
            sample = self.samples[place]
            own = [places[index] for index in indices if index in places]
            cost = (unjudged or _LEAST) if sample.weak else 1.0
            base = self.model.margin(indices)
            if gently and sample.weak:
                base = min(base, self.model.review - _QUIET)
            rows.append(Row(base, own, len(indices) ** -0.5, 1 if sample.spam else -1, cost, self._edge(sample.spam)))
            yield
        for example in self.replay.replay:
            # Only what the samples speak of may change: the rest was weighed on far more than is replayed here.
            own = [places[index] for index in example.indices if index in places]
            scale = 1 / math.sqrt(len(example.indices) or 1)
            base = self.model.margin(example.indices)
            # It holds what is known, and teaches nothing anew.
            edge = self._edge(example.spam)
            base = max(base, edge + _HELD) if example.spam else min(base, edge - _CONTENT)
            rows.append(Row(base, own, scale, 1 if example.spam else -1, self.limits.old * (1 + gently), edge))
            yield
        return rows


def _read(
    model: Weights, samples: Sequence[Sample], limits: Limits
) -> Generator[None, None, dict[int, tuple[int, ...]]]:
    """Place → features of the samples that count: the latest of each kind, and the last word on a text."""
    left = {(True, False): limits.each, (False, False): limits.each, (False, True): limits.each}
    read: dict[int, tuple[int, ...]] = {}
    known: set[tuple[int, ...]] = set()
    for place in range(len(samples) - 1, -1, -1):
        sample = samples[place]
        kind = (sample.spam, sample.weak and not sample.spam)
        if not left[kind]:
            continue
        indices = tuple(sorted(model.indices(sample.text[:_LONGEST]))[:_WIDEST])
        yield
        if indices and indices not in known:
            known.add(indices)
            left[kind] -= 1
            read[place] = indices
    ads = [frozenset(index for index in read[place] if not index & 7) for place in read if samples[place].spam]
    for place in [place for place in read if samples[place].weak and not samples[place].spam]:
        # An ad that nobody reported at first lies among what passed: its likeness to a confirmed one tells.
        some = frozenset(index for index in read[place] if not index & 7)
        yield
        if any(len(some & ad) * 5 > 3 * len(some | ad) for ad in ads):
            del read[place]
    return dict(sorted(read.items()))


def _learnt(counts: Mapping[str, int], strength: float) -> str:
    used = f"用了 {counts['spam']} 条广告、{counts['ham'] + counts['weak']} 条正常消息"
    return f"学会了{'' if strength == 1 else '一部分'}：{used}，固定检查没有变差。"
