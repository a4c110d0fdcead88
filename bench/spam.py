"""How good the spam filter is on rows it has not learnt from: by source, by evasion, and without each of its parts.

Each figure is a recall at a fixed false-positive rate over all the harmless rows of the second file.
"""

from __future__ import annotations

import argparse
import json
import os
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from plugins.spam.features import Hashing, cut
from plugins.spam.folding import Folding
from plugins.spam.training.corpus import OWN, Row, corpus
from plugins.spam.training.weights import WEIGHT_MADE, WEIGHT_OWN, Lines, fit, matrix

LAYERS = ("written", "read", "heard", "traits")
RATES = (0.001, 0.005)
LEFT_OUT = 600
"""Harmless rows of a source that was left out, which stand among the others where the rate is set."""

Layers: TypeAlias = "dict[str, array[int]]"
_hashing: Hashing | None = None


def _layers(rows: Sequence[Row]) -> list[Layers]:
    global _hashing  # noqa: PLW0603 - one a worker process, which loads its tables once
    _hashing = _hashing or Hashing(Folding())
    found = []
    for row in rows:
        folded = _hashing.folding.fold(cut(row.text.encode("utf-8", "replace").decode()))
        found.append({name: array("i", sorted(set(getattr(_hashing, name)(folded)))) for name in LAYERS})
    return found


def layers(rows: Sequence[Row]) -> list[Layers]:
    """The hashed features of each row, by layer, on all cores."""
    blocks = [rows[start : start + 2_000] for start in range(0, len(rows), 2_000)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as workers:
        return [one for block in workers.map(_layers, blocks) for one in block]


class Trial:
    """What is learnt from and what it is tried on."""

    def __init__(self, rows: Sequence[Row], tried: Sequence[Row]) -> None:
        self.rows, self.tried = rows, tried
        self._layers, self._tried = layers(rows), layers(tried)
        self.source = np.array([row.source for row in rows])
        self.own = np.array([row.source.startswith(f"{OWN} ") for row in rows])
        self.made = np.array([row.made for row in rows])
        self.ways = [row.ways.split("+") for row in rows]
        self.spam = np.array([row.spam for row in rows])

    def scores(
        self, chosen: NDArray[np.bool_], without: str = "", others: Sequence[int] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores of the tried rows, and of some of the others, by what was learnt from the chosen ones."""
        names = [name for name in LAYERS if name != without]

        def joined(some: Sequence[Layers]) -> list[array[int]]:
            return [array("i", sorted({index for name in names for index in one[name]})) for one in some]

        places = np.flatnonzero(chosen)
        count = np.where(self.own, WEIGHT_OWN, 1.0) * np.where(self.made, WEIGHT_MADE, 1.0)
        learnt = matrix(joined([self._layers[int(place)] for place in places]))
        fitted = fit(Lines(learnt, self.spam[places], count[places]))
        rest = fitted.margins(joined([self._layers[place] for place in others])) if len(others) else np.empty(0)
        return fitted.margins(joined(self._tried)), rest


def recalls(spam: NDArray[np.float64], ham: NDArray[np.float64]) -> str:
    """Recall at each rate, in percent."""
    ordered = np.sort(ham)[::-1]
    return " / ".join(f"{100 * np.mean(spam > ordered[int(rate * len(ordered))]):5.1f}" for rate in RATES)


def report(train: Path, dev: Path, say: Callable[[str], None]) -> None:
    """Fit about twenty times, each some ten seconds on a core of its own."""
    rows = corpus([train], Random(1))
    tried: list[Row] = []
    kinds: list[list[str]] = []
    for line in dev.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        tried.append(Row(row["text"], row["label"] == "spam", row["source"], row["text"]))
        kinds.append(str(row.get("kind", "")).split("+"))
    trial = Trial(rows, tried)
    spam = np.array([row.spam for row in tried])
    source = np.array([row.source for row in tried])
    hidden = np.array([row.source.startswith("adv") for row in tried])
    hiding = sorted({kind for some, of in zip(kinds, hidden, strict=True) if of for kind in some})
    everything = np.ones(len(rows), dtype=bool)
    say(f"{len(rows)} texts learnt from, {len(tried)} tried; recall in % at a false-positive rate of 0.1 / 0.5 %")

    whole, _ = trial.scores(everything)
    say(f"all                       {recalls(whole[spam], whole[~spam])}")
    for name in sorted(set(source[spam])):
        say(f"  {name:24}{recalls(whole[spam & (source == name)], whole[~spam])}")
    for kind in hiding:
        those = hidden & np.array([kind in some for some in kinds])
        say(f"  ads, {kind:19}{recalls(whole[those], whole[~spam])}   ({those.sum()})")

    say("without a layer           all              obfuscated")
    for name, chosen, layer in (
        *((f"features as {name}", everything, name) for name in LAYERS),
        ("texts of our own", ~trial.own, ""),
        ("disguised texts", ~trial.made, ""),
    ):
        found, _ = trial.scores(chosen, layer)
        say(f"  {name:24}{recalls(found[spam], found[~spam])}    {recalls(found[hidden], found[~spam])}")

    say("a source left out         its ads")
    for name in sorted(set(trial.source[trial.spam & ~trial.own])):
        those = np.flatnonzero((trial.source == name) & ~trial.made)
        found, rest = trial.scores(trial.source != name, others=[int(place) for place in those])
        of = trial.spam[those]
        ham = np.concatenate([found[~spam & (source != name)], rest[~of][:LEFT_OUT]])
        say(f"  {name:24}{recalls(rest[of], ham)}")

    say("an evasion left out       ads hidden so")
    twins = {"contact": "words", "trad": "traditional"}
    for kind in hiding:
        if kind == "plain":
            continue
        way = twins.get(kind, kind)
        found, _ = trial.scores(np.array([way not in ways for ways in trial.ways]))
        those = hidden & np.array([kind in some for some in kinds])
        say(f"  {kind:24}{recalls(found[those], found[~spam])}   ({those.sum()})")


def main() -> None:
    """`python -m bench.spam train.jsonl dev.jsonl`"""
    parser = argparse.ArgumentParser(prog="python -m bench.spam", description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    options = parser.parse_args()
    report(options.train, options.dev, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
