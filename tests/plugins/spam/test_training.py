"""From texts to weights: the same twice, tried on what was not learnt from, and described."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from plugins.spam.engine import Engine
from plugins.spam.features import BITS
from plugins.spam.nearest import load_common
from plugins.spam.replay import Replay

pytest.importorskip("sklearn", reason="training needs scikit-learn")

from plugins.spam.training.corpus import Row, disguised, written
from plugins.spam.training.weights import fit, lines, matrix, read


def _rows(seed: int) -> list[Row]:
    dice = Random(seed)
    known = list(written(dice, 1))[::30]
    return [*known, *disguised(known, dice)]


def test_the_same_rows_give_the_same_weights() -> None:
    one, two = (fit(lines(read(_rows(3)))) for _ in range(2))
    assert np.array_equal(one.weights, two.weights)
    assert one.bias == two.bias
    assert np.count_nonzero(one.weights) > 1_000


def test_a_text_is_a_line_of_length_one() -> None:
    known = read(_rows(3)[:20])
    features = matrix([one.whole for one in known])
    assert features.shape == (20, 1 << BITS)
    assert np.allclose(features.multiply(features).sum(axis=1), 1, atol=1e-4)


def test_the_trained_weights_describe_themselves(small_weights: Path) -> None:
    card = (small_weights / "CARD.md").read_text(encoding="utf-8")
    assert "| own |" in card
    assert "xiaopeng spam train" in card
    figures = json.loads((small_weights / "model.json").read_text(encoding="utf-8"))
    assert figures["act"] > figures["review"]
    assert figures["slope"] > 0
    assert 0 < figures["recall"] <= figures["recall_review"] <= 1
    assert sum(path.stat().st_size for path in small_weights.iterdir()) < 10_000_000


def test_what_lies_beside_the_weights_can_be_read(small_weights: Path) -> None:
    replay = Replay.load(small_weights / "replay.bin")
    assert {example.spam for example in replay.replay} == {True, False}
    assert {example.spam for example in replay.check} == {True, False}
    assert isinstance(load_common(small_weights / "common.bin"), frozenset)


def test_the_trained_weights_tell_ads_they_have_not_seen(small_engine: Engine) -> None:
    known = [row for row in written(Random(77), 1) if len(row.text) > 12][::7]
    spam = [small_engine.weigh(row.text)[1] for row in known if row.spam]
    ham = [small_engine.weigh(row.text)[1] for row in known if not row.spam]
    line = sorted(ham)[int(len(ham) * 0.95)]
    assert sum(margin > line for margin in spam) > 0.7 * len(spam)
