"""Finds QR codes and their like in a greyscale picture; needs the extra `images`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

MOST: Final = 8
"""Codes of one picture; a wall of them says no more than a few."""
LONGEST: Final = 3000
"""Characters of one code: what the largest QR code holds in bytes."""
FIRST: Final = 1_200_000
"""Pixels at which nearly every code is found, in a few milliseconds."""
RARE: Final = 400_000
"""Pixels at which the codes that no chat shows are looked for: they cost five times as much."""
SMALL: Final = 160_000
"""Pixels up to which a picture is blown up, for codes of one or two pixels a module."""
SIDE: Final = 21
"""A QR code has no fewer modules than this a side."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code holds, and what kind of code it is. The text stays out of logs: it may be a secret."""

    text: str = field(repr=False)
    format: str


def find(picture: Image, until: float, *, passes: int | None = None) -> tuple[Code, ...]:
    """The codes of a picture in mode L, each once; the search stops between two passes after `until` (monotonic).

    The passes go from cheap to dear, and the first that finds something is the last; `passes` is how many at most.
    """
    if min(picture.size) < SIDE:
        return ()
    for attempt in islice(_passes(picture), passes):
        if found := attempt():
            return found
        if time.monotonic() >= until:
            break
    return ()


def _passes(picture: Image) -> Iterator[Callable[[], tuple[Code, ...]]]:
    from PIL import ImageFilter, ImageOps

    pixels = picture.width * picture.height
    first = fit(picture, FIRST)
    yield lambda: _codes(first)
    if pixels <= SMALL:
        larger = picture.resize((picture.width * 3, picture.height * 3))
        yield lambda: _codes(larger)
    elif pixels > FIRST:
        yield lambda: _codes(picture)
    # Faint codes, and those on grained paper: smoothing finds what is behind the grain, and stretching what is faint.
    yield lambda: _codes(ImageOps.autocontrast(first.filter(ImageFilter.BoxBlur(1)), cutoff=1))
    yield lambda: _codes(ImageOps.autocontrast(first.reduce(3), cutoff=1))
    yield lambda: _codes(fit(picture, RARE), rare=True)


def fit(picture: Image, pixels: int) -> Image:
    """The picture, made smaller until it has no more than so many pixels."""
    have = picture.width * picture.height
    if have <= pixels:
        return picture
    scale = (pixels / have) ** 0.5
    size = (max(1, int(picture.width * scale)), max(1, int(picture.height * scale)))
    return picture.resize(size, reducing_gap=2.0)


def _codes(picture: Image, rare: bool = False) -> tuple[Code, ...]:
    import zxingcpp

    kinds = zxingcpp.BarcodeFormat
    wanted = [kinds.DataMatrix, kinds.Aztec] if rare else [kinds.QRCode, kinds.MicroQRCode, kinds.RMQRCode]
    formats = zxingcpp.BarcodeFormats(wanted)
    found = zxingcpp.read_barcodes(picture, formats=formats, text_mode=zxingcpp.TextMode.Plain)
    # What no UTF-8 can carry is replaced: the text goes into JSON and into a database.
    texts = {_clean(code.text): str(code.format) for code in found if code.valid}
    return tuple(Code(text, kind) for text, kind in texts.items() if text.strip())[:MOST]


def _clean(text: str) -> str:
    return text[:LONGEST].encode("utf-8", "replace").decode()
