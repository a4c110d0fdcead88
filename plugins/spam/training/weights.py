"""From texts to weights: hashed features, a logistic regression, thresholds from texts it did not learn from."""

from __future__ import annotations

import json
import os
import time
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random
from zlib import compress, crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, SGDClassifier

from plugins.spam.features import BITS
from plugins.spam.folding import Folding
from plugins.spam.model import FORMAT, Reader
from plugins.spam.nearest import Trace, common_pieces, save_common
from plugins.spam.replay import Example, Replay
from plugins.spam.training.corpus import OWN, Row

ALPHA = 1e-7
"""Strength of the penalty on large weights, and how often the corpus is gone through."""
EPOCHS = 12
WEIGHT_OWN = 0.5
"""Texts of our own, and those in disguise, count less than what people really wrote."""
WEIGHT_MADE = 0.5
NOISE = {False: 0.998, True: 0.02}
"""Real texts that look like the other label more than this share of their own does are left out: mostly they have
been labelled wrongly."""
ACT_RATE = {False: 0.0005, True: 0.012}
"""Share of the harmless texts above the threshold of acting: of the real ones, and of our own hard ones."""
REVIEW_RATE = {False: 0.01, True: 0.05}
"""The same above the threshold of asking."""
HANDICAPS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""What is tried: by how much a piece must be worse than a whole text to count as much."""
REPLAYED = 300
KEPT = 500
"""Examples of each label in the replay and in the frozen check."""
CHECKED = 25
"""One root in so many is kept for the frozen check, and not learnt from."""

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Read:
    """One row as numbers."""

    row: Row
    whole: array[int]
    pieces: list[array[int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights of one regression."""

    weights: Floats
    bias: float

    def margins(self, sets: Sequence[array[int]]) -> Floats:
        margins: Floats = matrix(sets) @ self.weights + self.bias
        return margins


_reader: Reader | None = None


def _read(rows: Sequence[Row]) -> list[tuple[array[int], list[array[int]]]]:
    global _reader  # noqa: PLW0603 - one reader a worker process, which loads its tables once
    _reader = _reader or Reader()
    found = []
    for row in rows:
        reading = _reader.read(row.text)
        # What was made is only learnt from, as a whole.
        pieces = [] if row.made else [array("i", sorted(piece)) for piece in reading.pieces]
        found.append((array("i", sorted(reading.whole)), pieces))
    return found


def read(rows: Sequence[Row]) -> list[Read]:
    """All rows as numbers, on all cores."""
    size = 2_000
    blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as workers:
        found = [pair for block in workers.map(_read, blocks) for pair in block]
    return [Read(row, whole, pieces) for row, (whole, pieces) in zip(rows, found, strict=True)]


def matrix(sets: Sequence[array[int]]) -> csr_matrix:
    """One line a text, of length one."""
    ends = np.cumsum([0, *map(len, sets)])
    columns = np.concatenate([np.frombuffer(some, dtype=np.int32) for some in sets])
    values = np.concatenate([np.full(len(some), len(some) ** -0.5, dtype=np.float32) for some in sets])
    return csr_matrix((values, columns, ends), shape=(len(sets), 1 << BITS))


@dataclass(frozen=True, slots=True)
class Lines:
    """What is learnt from: one line a text, whether it is an ad, and how much it counts."""

    features: csr_matrix
    spam: NDArray[np.bool_]
    count: Floats

    def only(self, chosen: NDArray[np.bool_]) -> Lines:
        return Lines(self.features[chosen], self.spam[chosen], self.count[chosen])


def lines(known: Sequence[Read]) -> Lines:
    """Texts as lines."""
    counts = [(WEIGHT_OWN if _is_own(one.row) else 1.0) * (WEIGHT_MADE if one.row.made else 1.0) for one in known]
    return Lines(matrix([one.whole for one in known]), np.array([one.row.spam for one in known]), np.array(counts))


def fit(some: Lines) -> Fitted:
    """A logistic regression by averaged stochastic descent."""
    regression = SGDClassifier(loss="log_loss", alpha=ALPHA, average=True, max_iter=EPOCHS, tol=None, random_state=1)
    regression.fit(some.features, some.spam, sample_weight=some.count)
    return Fitted(regression.coef_[0], float(regression.intercept_[0]))


def _is_own(row: Row) -> bool:
    return row.source.startswith(f"{OWN} ")


def _fold(row: Row, folds: int) -> int:
    return crc32(row.root.encode("utf-8", "surrogatepass")) % folds


@dataclass(frozen=True, slots=True)
class Unseen:
    """Margins of texts by a regression that had not learnt from them."""

    spam: NDArray[np.bool_]
    own: NDArray[np.bool_]
    whole: Floats
    piece: Floats
    """Of the worst piece; minus infinity where a text is one piece."""

    def only(self, chosen: NDArray[np.bool_]) -> Unseen:
        return Unseen(self.spam[chosen], self.own[chosen], self.whole[chosen], self.piece[chosen])


def _unseen(fitted: Fitted, some: Sequence[Read]) -> Unseen:
    whole = fitted.margins([one.whole for one in some])
    piece = np.full(len(some), -np.inf)
    several = [place for place, one in enumerate(some) if one.pieces]
    if several:
        margins = fitted.margins([piece for place in several for piece in some[place].pieces])
        starts = np.cumsum([0, *(len(some[place].pieces) for place in several)])[:-1]
        piece[several] = np.maximum.reduceat(margins, starts)
    spam = np.array([one.row.spam for one in some])
    own = np.array([_is_own(one.row) for one in some])
    return Unseen(spam, own, whole, piece)


def _held_out(known: Sequence[Read], everything: Lines, chosen: NDArray[np.bool_]) -> Unseen:
    """Every text by a regression of the chosen ones of the other half of the roots."""
    halves = np.array([_fold(one.row, 2) for one in known])

    def other(half: int) -> tuple[NDArray[np.intp], Unseen]:
        fitted = fit(everything.only((halves != half) & chosen))
        places = np.flatnonzero(halves == half)
        return places, _unseen(fitted, [known[int(place)] for place in places])

    # The descent lets other threads run.
    with ThreadPoolExecutor(2) as threads:
        parts = list(threads.map(other, (0, 1)))
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    columns = zip(*((part.spam, part.own, part.whole, part.piece) for _, part in parts), strict=True)
    return Unseen(*(np.concatenate(column)[order] for column in columns))


def _believed(known: Sequence[Read], unseen: Unseen) -> NDArray[np.bool_]:
    """Which rows are learnt from: all but those whose label a regression that has not seen them finds absurd."""
    real = np.array([not one.row.made and not _is_own(one.row) for one in known])
    absurd = np.zeros(len(known), dtype=bool)
    for spam, share in NOISE.items():
        those = real & (unseen.spam == spam)
        if those.any():
            edge = np.quantile(unseen.whole[those], share)
            beyond = unseen.whole < edge if spam else unseen.whole > edge
            absurd |= (unseen.spam == spam) & ~unseen.own & beyond
    return ~absurd


def _above(margins: Floats, rate: float) -> float:
    """The margin above which this share of them lies."""
    return float(np.quantile(margins, 1 - rate)) if len(margins) else 0.0


def thresholds(unseen: Unseen) -> dict[str, float]:
    """The handicap of pieces, the calibration and the thresholds, all from texts not learnt from."""
    ham = ~unseen.spam

    def threshold(rates: Mapping[bool, float], margins: Floats) -> float:
        return max(_above(margins[ham & (unseen.own == own)], rate) for own, rate in rates.items())

    alone = threshold(ACT_RATE, unseen.whole)
    handicap = HANDICAPS[-1]
    for tried in HANDICAPS:
        if threshold(ACT_RATE, np.maximum(unseen.whole, unseen.piece - tried)) <= alone + 0.25:
            handicap = tried
            break
    margins = np.maximum(unseen.whole, unseen.piece - handicap)
    act, review = (threshold(rates, margins) for rates in (ACT_RATE, REVIEW_RATE))
    calibration = LogisticRegression(C=1e6).fit(margins.reshape(-1, 1), unseen.spam)
    return {
        "handicap": handicap,
        "slope": float(calibration.coef_[0][0]),
        "offset": float(calibration.intercept_[0]),
        "act": act,
        "review": review,
        "recall": float(np.mean(margins[unseen.spam] > act)),
        "recall_review": float(np.mean(margins[unseen.spam] > review)),
    }


def _examples(some: Sequence[Read], dice: Random, most: int) -> list[Example]:
    found: list[Example] = []
    for spam in (False, True):
        those = [one for one in some if one.row.spam == spam and not one.row.made]
        found += [Example(tuple(one.whole), spam) for one in dice.sample(those, min(most, len(those)))]
    return found


def train(rows: Sequence[Row], out: Path, dice: Random, *, note: str = "") -> dict[str, float]:
    """Learn from rows and write the weights, their card and the replay into a folder. Returns the card's figures."""
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    everything = read(rows)
    frozen = [one for one in everything if _fold(one.row, CHECKED) == 0]
    known = [one for one in everything if _fold(one.row, CHECKED)]
    learnt = lines(known)
    believed = _believed(known, _held_out(known, learnt, np.ones(len(known), dtype=bool)))
    real = np.array([not one.row.made for one in known])
    figures = thresholds(_held_out(known, learnt, believed).only(believed & real))
    fitted = fit(learnt.only(believed))
    scale = float(np.abs(fitted.weights).max()) / 32_767 or 1.0
    # The smallest weights say nothing, and would be most of the file.
    weights = np.where(np.abs(fitted.weights) < 40 * scale, 0, np.round(fitted.weights / scale)).astype("<i2")
    (out / "weights.bin").write_bytes(compress(weights.tobytes(), 9))
    Replay(_examples(known, dice, REPLAYED), _examples(frozen, dice, KEPT)).save(out / "replay.bin")
    folding = Folding()
    ham = (row.text for row in rows if not row.spam and not row.made and not _is_own(row))
    save_common(out / "common.bin", common_pieces(Trace.of(folding.fold(text)) for text in ham))
    figures |= {"format": FORMAT, "bits": BITS, "scale": scale, "bias": fitted.bias}
    (out / "model.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (out / "CARD.md").write_text(_card(rows, figures, note), encoding="utf-8")
    return figures | {"seconds": time.monotonic() - started, "rows": len(rows)}


def _card(rows: Sequence[Row], figures: dict[str, float], note: str) -> str:
    counts = Counter((OWN if _is_own(row) else row.source, row.spam) for row in rows if not row.made)
    made = sum(row.made for row in rows)
    lines = [
        "# Weights of the spam filter",
        "",
        "A logistic regression over hashed characters, as written, read and heard. Made by `xiaopeng spam train`.",
        "",
        "| learnt from | ads | harmless |",
        "|---|---|---|",
        *(
            f"| {source} | {counts[source, True]} | {counts[source, False]} |"
            for source in sorted({s for s, _ in counts})
        ),
        f"| the same again, disguised or padded | {made} in all | |",
        "",
        "Thresholds come from texts that the regression had not learnt from (two halves, by origin). There it acts on"
        f" {figures['recall']:.1%} of the ads, and asks about {figures['recall_review']:.1%} or acts, while it acts on"
        f" {ACT_RATE[False]:.2%} of the real and at most {ACT_RATE[True]:.1%} of our own hard harmless texts.",
    ]
    return "\n".join([*lines, *(["", note] if note else []), ""])
