"""One lesson of a group: its samples become a version, and what speaks against that is set aside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from plugins.spam import learning
from plugins.spam.drift import Bounds, Check, odd, standing, unlikely
from plugins.spam.guard import lessons
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.lessons import Known, Taught
from plugins.spam.guard.school import increment_of
from plugins.spam.guard.state import Guard
from plugins.spam.learning import Outcome, Sample
from plugins.spam.model import Model
from plugins.spam.replay import Replay

TRIES: Final = 8
"""So often a lesson is tried again without what it was refused for."""
NEWEST: Final = 20
NUMBERS: Final = 5


@dataclass(slots=True)
class Lesson:
    """A group's samples on their way into a version; `give` may raise StoreError, OSError and ValueError.

    told      what came of it, in sentences
    refused   something was set aside
    needs     what it says while it waits for more ordinary messages
    harmless  what was no ad after all
    """

    guard: Guard
    watched: Watched
    model: Model
    told: list[str]
    refused: bool
    needs: str
    harmless: list[Taught]

    def __init__(self, guard: Guard, watched: Watched, model: Model) -> None:
        self.guard, self.watched, self.model = guard, watched, model
        self.told, self.refused, self.needs, self.harmless = [], False, "", []

    def line(self, *, needs: bool) -> str:
        """All that is to be told, in one line; empty where that is nothing."""
        refused = ""
        if self.harmless:
            known = sorted(self.harmless, key=lambda one: one.id)
            refused = f"{_numbers(known)}像平常话，教成广告会误伤，已不学。"
        return "".join([refused, *self.told, self.needs if needs else ""])

    async def give(self) -> None:
        db, school = self.guard.db, self.guard.school
        await school.flush(db)
        replay = None
        for _ in range(TRIES):
            known = await db.read(partial(lessons.read, group_id=self.watched.id), fresh=False)
            previous = increment_of(known, self.model)
            if not known.behind and (previous is not None or known.version is None):
                return
            if replay is None:
                replay = await asyncio.to_thread(Replay.load, school.folder / "replay.bin")
            own = known.learnable
            weak = await db.read(partial(lessons.passed, group_id=self.watched.id), fresh=False) if own else []
            texts = [Sample(text, False, weak=True) for text in weak]
            texts += [Sample(one.text, one.label == "spam") for one in own]
            outcome = await learning.learn(self.model, replay, texts, previous)
            if outcome.end in ("learnt", "nothing"):
                await self._written(outcome, own)
                return
            if outcome.end == "needs_ham":
                await self._waits(outcome, own, replay)
                return
            if not await self._set_aside(outcome, known, len(weak)):
                return

    async def _written(self, outcome: Outcome, own: Sequence[Taught]) -> None:
        checks = _json(outcome.before), _json(outcome.after)
        data, made_of = outcome.increment.to_bytes(), [one.id for one in own]
        why = outcome.words
        group_id = self.watched.id
        await self.guard.db.write(
            partial(lessons.put, group_id=group_id, why=why, data=data, checks=checks, made_of=made_of), durable=True
        )
        self.told.append(outcome.words)

    async def _waits(self, outcome: Outcome, own: Sequence[Taught], replay: Replay) -> None:
        """Nothing can be learnt yet; what is plainly harmless must not act by being alike meanwhile either."""
        self.guard.school.starve(self.watched.id)
        spam = [one for one in own if one.label == "spam"][-NEWEST:]
        doubted = await asyncio.to_thread(_harmless, self.model, replay, [one.text for one in spam])
        if doubted:
            await self._refuse([spam[place] for place in doubted])
            if len(doubted) == len(spam):
                return
        self.needs = outcome.words

    async def _set_aside(self, outcome: Outcome, known: Known, weak: int) -> bool:
        """Leave out what the refusal is due to. False: nothing can be named, and the version before stays."""
        own = known.learnable
        culprits = [own[place - weak] for place in outcome.culprits if place >= weak]
        if culprits and outcome.end == "unlikely":
            await self._refuse(culprits)
            return True
        learnt = known.version.samples if known.version is not None else frozenset()
        culprits = culprits or [one for one in own if one.id not in learnt][-1:]
        self.refused = True
        reason = outcome.words.partition("，已拒绝")[0] if outcome.end == "drift" else "拿不准是不是广告"
        if not culprits:
            self.told.append(f"{reason}，这次没有学。")
            return False
        ids = [one.id for one in culprits]
        await self.guard.db.write(
            partial(lessons.set_aside, group_id=self.watched.id, ids=ids, why="drift"), durable=True
        )
        still = "相似的照样认得" if culprits[0].label == "spam" else "原话照样放行"
        self.told.append(f"{_numbers(culprits)}{reason}，没有学，{still}。")
        return True

    async def _refuse(self, harmless: Sequence[Taught]) -> None:
        ids = [one.id for one in harmless]
        await self.guard.db.write(
            partial(lessons.set_aside, group_id=self.watched.id, ids=ids, why="unlikely"), durable=True
        )
        self.refused = True
        self.harmless += harmless


def _harmless(model: Model, replay: Replay, texts: Sequence[str]) -> list[int]:
    """The places of texts that stand where ordinary talk stands, if there is no telling them from it together."""
    ham = [model.margin(example.indices) for example in replay.check if not example.spam]
    standings = standing([model.margin(model.indices(text)) for text in texts], ham)
    doubted = unlikely(standings, Bounds().likely)
    return [place for place in odd(standings) if place >= len(texts) - doubted]


def _numbers(about: Sequence[Taught]) -> str:
    """ "#128、#129 ", or what stands for them."""
    numbers = [f"#{one.decision}" for one in about if one.decision]
    if not numbers:
        return "这句"
    return f"{'、'.join(numbers[:NUMBERS])}{f' 等 {len(about)} 条' if len(about) > NUMBERS else ' '}"


def _json(check: Check | None) -> str:
    return json.dumps(asdict(check) if check is not None else {})
