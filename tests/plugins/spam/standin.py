"""A small model of the shipped one's interface, trained on texts of our own, to learn upon in tests."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from zlib import crc32

from plugins.spam.replay import Example, Replay
from plugins.spam.training.grammar import read

TEXTS = Path(__file__).parents[3] / "plugins/spam/training/texts"
OLD_HAM = ("everyday", "tech_chat", "support", "docs", "about_ads", "telegram")
OLD_SPAM = ("accounts", "loans", "courses", "papers", "jobs", "proxies", "gambling", "goods")


def texts(kind: str, topic: str, count: int, seed: int = 1) -> list[str]:
    """`count` different own texts of a topic: "ham" or "spam", the name of its file."""
    spoken, dice = read(TEXTS / kind / f"{topic}.txt"), Random(seed)
    found: dict[str, None] = {}
    for _ in range(20 * count):
        text = spoken.say(dice.choice(spoken.templates), dice)
        if text:
            found[text] = None
        if len(found) == count:
            break
    return list(found)


class Standin:
    """Logistic regression over hashed pieces of one to three characters."""

    name = "standin"

    def __init__(self) -> None:
        self.weights: dict[int, float] = {}
        self.bias = 0.0
        self.act = 0.0
        self.review = 0.0

    def indices(self, text: str) -> tuple[int, ...]:
        text = text.lower()
        pieces = {text[at : at + size] for size in (1, 2, 3) for at in range(len(text) - size + 1)}
        return tuple({crc32(piece.encode()) & 0x1FFFFF for piece in pieces})

    def margin(self, indices: Collection[int], delta: Mapping[int, float] | None = None, shift: float = 0.0) -> float:
        total = sum([self.weights.get(index, 0.0) for index in indices])
        if delta:
            total += sum([delta.get(index, 0.0) for index in indices])
        return self.bias + total / math.sqrt(len(indices) or 1) + shift

    def train(self, examples: Iterable[Example]) -> None:
        """AdaGrad, five times over."""
        rows, squares = list(examples), dict[int, float]()
        for turn in range(5):
            Random(turn).shuffle(rows)
            for indices, spam in rows:
                scale = 1 / math.sqrt(len(indices) or 1)
                wrong = spam - 1 / (1 + math.exp(-max(-30.0, min(30.0, self.margin(indices)))))
                self.bias += 0.02 * wrong
                step = wrong * scale
                for index in indices:
                    squares[index] = squares.get(index, 1e-4) + step * step
                    self.weights[index] = self.weights.get(index, 0.0) + 0.3 * step / math.sqrt(squares[index])


@cache
def school() -> tuple[Standin, Replay]:
    """The stand-in with its replay and frozen set; it acts on none of the frozen ham and asks about 2 %."""
    model = Standin()
    topics = [("ham", topic) for topic in OLD_HAM] + [("spam", topic) for topic in OLD_SPAM]
    rows = [
        Example(model.indices(text), kind == "spam")
        for kind, topic in topics
        for text in texts(kind, topic, 450 if kind == "ham" else 220)
    ]
    Random(5).shuffle(rows)
    replay = Replay(rows[:200], rows[200:600])
    model.train([*rows[:200], *rows[600:]])
    ham = sorted((model.margin(indices) for indices, spam in replay.check if not spam), reverse=True)
    model.act, model.review = ham[0] + 0.5, ham[len(ham) // 50]
    return model, replay
