"""What a picture says of itself in its first bytes: format, size, and what decoding it would cost.

It is read by hand, so that a picture which is too large is refused before any decoder has seen it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

Format = Literal["JPEG", "PNG", "GIF", "WEBP", "BMP"]

FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""The JPEG frames that decoders know: baseline, extended, progressive."""
ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length."""
SEGMENTS: Final = 2000
"""A camera writes a dozen of them in front of the picture."""


@dataclass(frozen=True, slots=True)
class Header:
    """Size in pixels; `layers` how many colours a JPEG has, and `scans` how often its pixels are gone over."""

    format: Format
    width: int
    height: int
    progressive: bool = False
    layers: int = 3
    scans: int = 1

    @property
    def pixels(self) -> int:
        return self.width * self.height


def read(data: bytes) -> Header | None:
    """The header of a picture; None where the bytes begin like none of the formats, or say no size."""
    try:
        header = _read(data)
    except (struct.error, IndexError):
        return None
    return header if header and header.width > 0 and header.height > 0 else None


def _read(data: bytes) -> Header | None:
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return Header("PNG", *struct.unpack_from(">II", data, 16))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Header("GIF", *struct.unpack_from("<HH", data, 6))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if data.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", data, 18)
        return Header("BMP", width, abs(height))
    return None


def _jpeg(data: bytes) -> Header | None:
    at = 2
    for _ in range(SEGMENTS):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # any number of these may stand before a marker
            at += 1
        elif marker in ALONE:
            at += 2
        elif marker in FRAMES:
            height, width, layers = struct.unpack_from(">HHB", data, at + 5)
            # Inside the coded pixels 0xFF is followed by 0: what looks like the start of a scan mostly is one.
            return Header("JPEG", width, height, marker == 0xC2, layers, data.count(b"\xff\xda", at))
        else:
            length: int = struct.unpack_from(">H", data, at + 2)[0]
            at += 2 + length
    return None


def _webp(data: bytes) -> Header | None:
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = (1 + int.from_bytes(data[start : start + 3], "little") for start in (24, 27))
        return Header("WEBP", width, height) if len(data) >= 30 else None
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits: int = struct.unpack_from("<I", data, 21)[0]
        return Header("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WEBP", width & 0x3FFF, height & 0x3FFF)
    return None
