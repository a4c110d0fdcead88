"""Looks at a picture: its codes and its perceptual hash, in bounded time and memory; needs the extra `images`."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Final

from plugins.spam import codes, headers, phash
from plugins.spam.codes import Code
from plugins.spam.headers import Header

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

BYTES: Final = 20_000_000
PIXELS: Final = 12_000_000
"""What is decoded at most; a larger JPEG is decoded at a half, a quarter or an eighth."""
DRAFT: Final = 64_000_000
"""Pixels of a JPEG that is still read, coarsely."""
COEFFICIENTS: Final = 100_000_000
"""What a progressive JPEG may keep in memory while it is decoded, at two bytes each."""
WORK: Final = 320_000_000
"""Pixels times scans of a JPEG: real ones have about ten scans."""
MOVING: Final = 48_000_000
"""Pixels of an animation that are decoded to reach its middle and its end."""
FRAMES: Final = 500
"""Frames of an animation that are decoded at most."""
SECONDS: Final = 2.0
"""When no further pass is begun."""
MISSING: Final = "没装图片支持：运营者要装 ouxiaopeng[images]，才能看图里的二维码。"

COPY: Final = 1_000_000
"""Pixels of a copy that is sent on."""
FAILURES: Final = (
    OSError, ValueError, SyntaxError, EOFError, ArithmeticError, LookupError, TypeError, RuntimeError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip
"""What decoders raise for bytes that are no picture."""

EMPTY, LARGE, FOREIGN, BROKEN, LATE = "empty", "large", "format", "broken", "late"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a picture.

    codes   what its QR codes hold, over all frames that were looked at
    hash    64 bits that are near those of a like picture; None where the picture is too plain to be told from others
    reason  why it was not looked into, "" where it was: empty, large, format, broken, late, missing
    frames  how many frames were looked at
    ms      what it took
    """

    codes: tuple[Code, ...] = ()
    hash: int | None = None
    format: str = ""
    width: int = 0
    height: int = 0
    frames: int = 0
    reason: str = ""
    ms: float = 0.0


def available() -> str | None:
    """Why no picture can be looked into, in a sentence for the operator; None where all is there."""
    return None if find_spec("PIL") and find_spec("zxingcpp") else MISSING


def look(data: bytes, seconds: float = SECONDS) -> Seen:
    """Look at a picture, whatever it is. Runs in a thread: it blocks, for little more than `seconds` at worst.

    It never raises for what the bytes hold: what cannot be looked into has a `reason`.
    """
    began = time.monotonic()
    header = headers.read(data)
    if reason := _refusal(data, header):
        width, height = (header.width, header.height) if header else (0, 0)
        return Seen(reason=reason, width=width, height=height, format=header.format if header else "")
    assert header is not None
    found: dict[str, Code] = {}
    hash, frames, reason = None, 0, ""
    coming = _frames(data, header, began + seconds)
    while True:
        try:
            frame = next(coming, None)
        except MemoryError:
            reason = LARGE
            break
        except FAILURES:
            reason = "" if frames else BROKEN  # what was seen before it broke stays
            break
        if frame is None:
            break
        if not frames:
            hash = phash.of(frame)
        frames += 1
        # A code in an animation is there to be read: it is no faint one.
        read = codes.find(frame, began + seconds, passes=None if frames == 1 else 2)
        found.update((code.text, code) for code in read)
    ms = (time.monotonic() - began) * 1000
    return Seen(
        tuple(found.values())[: codes.MOST], hash, header.format, header.width, header.height, frames, reason, ms
    )


def copy(data: bytes, seconds: float = SECONDS) -> bytes | None:
    """A grey JPEG of the first frame, of at most a million pixels, without what a camera wrote into it.

    None where the picture cannot be looked into. Blocks as `look` does.
    """
    header = headers.read(data)
    if _refusal(data, header):
        return None
    assert header is not None
    out = BytesIO()
    try:
        frame = next(_frames(data, header, time.monotonic() + seconds))
        codes.fit(frame, COPY).save(out, "JPEG", quality=80)
    except FAILURES:
        return None
    return out.getvalue()


def _refusal(data: bytes, header: Header | None) -> str:
    """Why these bytes are not decoded; empty where they are."""
    if available():
        return "missing"
    if not data:
        return EMPTY
    if header is None:
        return FOREIGN
    if header.format == "JPEG":
        coefficients = header.pixels * header.layers if header.progressive else 0
        heavy = coefficients > COEFFICIENTS or header.pixels * header.scans > WORK
        return LARGE if heavy or header.pixels > DRAFT or len(data) > BYTES else ""
    return LARGE if header.pixels > PIXELS or len(data) > BYTES else ""


def _frames(data: bytes, header: Header, until: float) -> Iterator[Image]:
    """Some frames in mode L, the first and the last among them; of a still picture the one. Raises as decoders do."""
    from PIL import Image as Pictures

    # A picture that lacks its end is shown by every chat as far as it goes: with an end, the decoder does so too.
    stream = BytesIO(data + b"\xff\xd9" if header.format == "JPEG" else data)
    with Pictures.open(stream, formats=(header.format,)) as picture:
        if header.format == "JPEG":
            _coarsen(picture, header)
        if picture.width * picture.height > PIXELS:
            raise MemoryError
        if header.format in ("JPEG", "BMP"):
            yield _grey(picture)
            return
        yield from _moving(picture, until)


def _coarsen(picture: ImageFile, header: Header) -> None:
    """Have a JPEG decoded in grey, and no finer than is needed."""
    scale = next(scale for scale in (1, 2, 4, 8) if header.pixels <= PIXELS * scale * scale)
    picture.draft("L", (max(1, header.width // scale), max(1, header.height // scale)))


def _moving(picture: ImageFile, until: float) -> Iterator[Image]:
    """The frames 0, 1, 2, 4, 8 … and the last, as far as the time and the bounds go.

    Frames build on each other and their number stands nowhere, so that each is reached through all before it.
    """
    latest: Image | None = None
    for number in range(min(FRAMES, 1 + MOVING // (picture.width * picture.height))):
        try:
            picture.seek(number)
        except EOFError:
            break
        frame = _grey(picture)
        latest = None if number & (number - 1) == 0 else frame
        if latest is None:
            yield frame
        if time.monotonic() >= until:
            break
    if latest is not None:
        yield latest


def _grey(picture: Image) -> Image:
    """The picture in mode L, on white where one can see through it, or on black."""
    from PIL import Image as Pictures

    if picture.mode in ("L", "RGB", "CMYK", "YCbCr", "1"):
        if "transparency" not in picture.info:
            return picture.convert("L")
    elif picture.mode.startswith("I"):  # 16 bits of grey, which would be cut off at 255
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    clear = picture.convert("LA")
    grey, seen = clear.getchannel("L"), clear.getchannel("A")
    white, black = (Pictures.new("L", clear.size, shade) for shade in (255, 0))
    white.paste(grey, mask=seen)
    low, high = white.getextrema()
    if low != high:
        return white
    black.paste(grey, mask=seen)  # what is white on nothing shows here alone
    return black
