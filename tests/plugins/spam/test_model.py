"""Weights are read as they were written, or refused in a sentence; a text weighs what its worst part weighs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from zlib import compress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.spam.engine import Engine
from plugins.spam.features import BITS
from plugins.spam.model import REMEMBERED, Model, Unreadable

AD = "长期招聘兼职，在家就能做，日结三百到五百，有意加微信：xiaoming8866 咨询"


@pytest.fixture
def folder(small_weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_weights, tmp_path / "weights"))


def test_weights_are_read_as_they_were_written(small_weights: Path) -> None:
    one, two = Model.load(small_weights), Model.load(small_weights)
    assert one.name == two.name
    assert one.act > one.review
    assert one.margin(one.indices(AD)) == two.margin(two.indices(AD)) > one.act


def test_other_weights_have_another_name(small_weights: Path, folder: Path) -> None:
    (folder / "weights.bin").write_bytes(compress(bytes(2 << BITS)))
    assert Model.load(folder).name != Model.load(small_weights).name


@pytest.mark.parametrize("name", ["model.json", "weights.bin"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"{}", b"[]", b"null", b"\0" * 1_000])
def test_broken_weights_are_refused_in_a_sentence(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(Unreadable, match="weights"):
        Model.load(folder)


def test_cut_off_weights_are_refused(folder: Path) -> None:
    packed = (folder / "weights.bin").read_bytes()
    (folder / "weights.bin").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(Unreadable):
        Model.load(folder)
    (folder / "weights.bin").write_bytes(compress(bytes(100)))
    with pytest.raises(Unreadable, match="holds 50 weights"):
        Model.load(folder)


@pytest.mark.parametrize(
    ("key", "value"), [("format", 99), ("bits", 3), ("act", "much"), ("act", None), ("slope", [1]), ("handicap", {})]
)
def test_a_card_of_another_make_is_refused(folder: Path, key: str, value: object) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {key: value}))
    with pytest.raises(Unreadable):
        Model.load(folder)


@pytest.mark.parametrize("key", ["format", "bits", "act", "review", "scale", "bias", "slope", "offset", "handicap"])
def test_a_card_that_lacks_something_is_refused(folder: Path, key: str) -> None:
    card = json.loads((folder / "model.json").read_text())
    del card[key]
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(Unreadable, match=key):
        Model.load(folder)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="nowhere"):
        Model.load(tmp_path / "nowhere")


@given(st.floats(-1e6, 1e6))
def test_a_probability_is_one(small_engine: Engine, margin: float) -> None:
    assert 0 <= small_engine.model.probability(margin) <= 1


def test_more_like_an_ad_is_more_probable(small_engine: Engine) -> None:
    probabilities = [small_engine.model.probability(margin) for margin in range(-20, 20)]
    assert probabilities == sorted(probabilities)
    assert len(set(probabilities)) > 30


@given(st.text(st.characters(codec=None), max_size=300))
@settings(deadline=None)
def test_a_text_weighs_no_less_than_its_whole(small_engine: Engine, text: str) -> None:
    model = small_engine.model
    reading = model.read(text)
    assert model.weigh(reading) >= model.margin(reading.whole)
    assert reading.whole == model.indices(text)
    assert model.weigh(reading, {}, 2.0) == pytest.approx(model.weigh(reading) + 2.0)


def test_what_a_group_has_learnt_counts_where_its_features_are(small_engine: Engine) -> None:
    model = small_engine.model
    indices = model.indices("你好")
    assert model.margin(indices, {indices[0]: 5.0}) > model.margin(indices)
    assert model.margin(indices, {-1: 5.0}) == model.margin(indices)
    assert model.margin(()) == pytest.approx(model.margin((), {1: 1.0}))


def test_only_short_texts_are_remembered(small_engine: Engine) -> None:
    model = small_engine.model
    assert model.read("你好" * 10) is model.read("你好" * 10)
    long = "你好" * REMEMBERED
    assert model.read(long) == model.read(long)
    assert model.read(long) is not model.read(long)


def test_half_a_character_is_read(small_engine: Engine) -> None:
    assert small_engine.weigh("\ud83d加微信\udc00") == small_engine.weigh("?加微信?")


def test_telling_pieces_are_of_the_text(small_engine: Engine) -> None:
    reading = small_engine.model.read(AD)
    pieces = small_engine.model.telling(reading, 3)
    assert 0 < len(pieces) <= 3
    assert all(piece in reading.folded.text for piece in pieces)
    assert small_engine.model.telling(small_engine.model.read(""), 3) == []
