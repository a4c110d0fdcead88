"""Weights that are small and quickly made, for tests that need a model of any quality."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from plugins.spam.engine import Engine
from plugins.spam.model import Unreadable


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of weights trained on a part of the project's own texts."""
    pytest.importorskip("sklearn", reason="training needs scikit-learn")
    from plugins.spam.training.corpus import disguised, written
    from plugins.spam.training.weights import train

    dice = Random(1)
    rows = list(written(dice, 1))[::2]
    folder = tmp_path_factory.mktemp("weights")
    train([*rows, *disguised(rows[::3], dice)], folder, dice)
    return folder


@pytest.fixture(scope="session")
def small_engine(small_weights: Path) -> Engine:
    """An engine of these weights; it holds no state of any message."""
    return Engine.load(small_weights)


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of the weights that come along, or of small ones where there are none or they are of another make."""
    try:
        return Engine.load()
    except Unreadable:
        small: Engine = request.getfixturevalue("small_engine")
        return small
