"""The files of old examples and the bytes of increments: exact, small, and safe to read when broken."""

from __future__ import annotations

import zlib
from pathlib import Path
from random import Random

import pytest

from plugins.spam.increment import Increment, rounded
from plugins.spam.replay import Example, Replay


def examples(count: int, features: int, seed: int = 1) -> list[Example]:
    dice = Random(seed)
    return [Example(tuple(sorted(dice.sample(range(1 << 21), features))), dice.random() < 0.4) for _ in range(count)]


def test_examples_come_back_as_they_were(tmp_path: Path) -> None:
    replay = Replay(
        [*examples(20, 50), Example((), True)], [*examples(9, 7, seed=2), Example((0, (1 << 21) - 1), False)]
    )
    replay.save(tmp_path / "replay.bin")
    assert Replay.load(tmp_path / "replay.bin") == replay


def test_fifteen_hundred_examples_take_little_room(tmp_path: Path) -> None:
    Replay(examples(1000, 200), examples(500, 200, seed=2)).save(tmp_path / "replay.bin")
    assert (tmp_path / "replay.bin").stat().st_size < 1_000_000


def test_none_are_no_mistake(tmp_path: Path) -> None:
    Replay([], []).save(tmp_path / "replay.bin")
    assert Replay.load(tmp_path / "replay.bin") == Replay([], [])


@pytest.mark.parametrize("harm", ["empty", "foreign", "cut", "short", "bomb", "odd"])
def test_a_broken_file_is_named(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "replay.bin"
    Replay(examples(5, 20), []).save(path)
    whole = path.read_bytes()
    plain = zlib.decompress(whole[4:])
    path.write_bytes(
        {
            "empty": b"",
            "foreign": b"PK\3\4" + whole,
            "cut": whole[:-20],
            "short": whole[:4] + zlib.compress(plain[: len(plain) // 8 * 4]),
            "bomb": whole[:4] + zlib.compress(bytes(65_000_000)),
            "odd": whole[:4] + zlib.compress(b"\1\2\3"),
        }[harm]
    )
    with pytest.raises(ValueError, match=r"replay\.bin holds no examples"):
        Replay.load(path)


def increment(features: int = 8000) -> Increment:
    dice = Random(3)
    delta = rounded(((dice.randrange(1 << 21), dice.gauss(0, 0.5)) for _ in range(features)), features)
    return Increment("abc", 7, delta, -0.125, {"spam": 40, "ham": 3, "weak": 197})


def test_an_increment_comes_back_exactly() -> None:
    assert Increment.from_bytes(increment().to_bytes(), "abc") == increment()
    assert Increment.from_bytes(Increment("abc").to_bytes(), "abc") == Increment("abc")


def test_an_increment_takes_little_room() -> None:
    assert len(increment().to_bytes()) < 40_000


def test_an_increment_of_other_weights_is_not_applied() -> None:
    assert Increment.from_bytes(increment().to_bytes(), "other") is None


@pytest.mark.parametrize(
    "data", [b"", b"XPI1", b"XPI1" + zlib.compress(b"{}"), b"nonsense", increment().to_bytes()[:-9]]
)
def test_broken_bytes_are_no_increment(data: bytes) -> None:
    with pytest.raises(ValueError, match="no increment"):
        Increment.from_bytes(data, "abc")


def test_rounding_keeps_the_weightiest_and_what_is_kept_is_exact() -> None:
    assert rounded([(5, 0.25), (3, -1.0), (9, 0.00001), (1, 0.125)], 3) == {3: -1.0, 5: 0.25, 1: 0.125}
    assert rounded([(5, 1e9), (6, 1e-9)], 9) == {5: 32767 / 4096}
    with pytest.raises(ValueError, match="no number"):
        rounded([(1, float("nan"))], 3)
