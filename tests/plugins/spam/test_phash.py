"""Pictures that are the same to the eye are known again, and others are not."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from plugins.spam import phash
from plugins.spam.phash import Hashes, Near
from tests.plugins.spam.painted import on, paper, photograph, saved, screenshot

BITS = st.integers(0, (1 << 64) - 1)


def hashed(picture: Image.Image) -> int:
    found = phash.of(picture.convert("L"))
    assert found is not None
    return found


def apart(one: Image.Image, other: Image.Image) -> int:
    return (hashed(one) ^ hashed(other)).bit_count()


@pytest.mark.parametrize("make", [photograph, screenshot])
@pytest.mark.parametrize("seed", range(5))
def test_a_copy_is_near_the_original(make: object, seed: int) -> None:
    picture = photograph(seed) if make is photograph else screenshot(seed)
    with Image.open(BytesIO(saved(picture, "JPEG", quality=30))) as again:
        assert apart(picture, again) <= phash.WITHIN
    assert apart(picture, picture.resize((picture.width // 2, picture.height // 2))) <= phash.WITHIN
    assert apart(picture, picture.point(lambda value: int(value * 0.9))) <= phash.WITHIN


@pytest.mark.parametrize("make", [photograph, screenshot])
def test_other_pictures_are_far(make: object) -> None:
    pictures = [photograph(seed) if make is photograph else screenshot(seed, 500, 500) for seed in range(25)]
    found = [hashed(picture) for picture in pictures]
    gaps = [(one ^ other).bit_count() for at, one in enumerate(found) for other in found[:at]]
    assert min(gaps) > phash.WITHIN


def lines(count: int) -> Image.Image:
    picture = paper(600, 400)
    for line in range(count):
        ImageDraw.Draw(picture).text((20, 20 + 20 * line), "hello, world", fill=0)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        paper(500, 500),
        paper(500, 500, 0),
        paper(500, 500, 127),
        Image.linear_gradient("L"),
        lines(1),
        on(paper(600, 600), paper(20, 20, 0), 300, 200),
        photograph(1, 320, 240).resize((30, 30)).convert("L"),
        paper(1, 1),
        paper(5000, 1),
    ],
    ids=["white", "black", "grey", "gradient", "one line", "a dot", "an icon", "a pixel", "a line"],
)
def test_plain_and_tiny_pictures_have_no_hash(picture: Image.Image) -> None:
    assert phash.of(picture) is None
    assert Hashes([("ad", 0)]).nearest(phash.of(picture)) is None


@given(known=st.lists(BITS, min_size=1, max_size=20), data=st.data())
def test_all_that_is_within_is_found_and_nothing_else(known: list[int], data: st.DataObject) -> None:
    start = data.draw(st.sampled_from(known))
    flips = data.draw(st.sets(st.integers(0, 63), max_size=9))
    asked = start
    for bit in flips:
        asked ^= 1 << bit
    hashes = Hashes((str(at), hash) for at, hash in enumerate(known))
    gaps = sorted(((hash ^ asked).bit_count(), str(at)) for at, hash in enumerate(known))
    expected = [Near(key, gap) for gap, key in gaps if gap <= phash.WITHIN]
    assert hashes.near(asked) == expected
    assert hashes.nearest(asked) == (expected[0] if expected else None)


def test_what_is_removed_or_known_anew_is_not_found_as_it_was() -> None:
    hashes = Hashes([("one", 5), ("two", 1 << 40)])
    hashes.remove("one")
    hashes.remove("never there")
    assert hashes.nearest(5) == Near("two", 3)
    hashes.add("two", (1 << 64) - 1)
    assert hashes.nearest(5) is None
    assert len(hashes) == 1


def test_of_thousands_few_are_compared() -> None:
    """Whatever is near shares a band but for a bit: the bands hold a handful of the thousands."""
    dice = random.Random(1)
    hashes = Hashes((str(number), dice.getrandbits(64)) for number in range(5000))
    ad = dice.getrandbits(64)
    hashes.add("ad", ad)
    assert hashes.nearest(ad ^ 0b111 ^ (0b111 << 40)) == Near("ad", 6)
    assert all(len(keys) < 10 for band in hashes._bands for keys in band.values())


@pytest.mark.parametrize("hash", [-1, 1 << 64])
def test_a_hash_has_64_bits(hash: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Hashes([("ad", hash)])
