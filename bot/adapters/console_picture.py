"""Pictures, by their first bytes alone: what they are and how large, without decoding them."""

from __future__ import annotations

from bot.adapters import console_file
from bot.errors import Refusal

IMAGE_LIMIT = 5 * 1024 * 1024
"""Bytes of one picture."""
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG markers behind which the size stands."""


def sniff(data: bytes) -> str | None:
    """The MIME type of a picture; None where it is none that chats show."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def dimensions(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the header claims them; None where it does not."""
    match sniff(data):
        case "image/png" if len(data) >= 24:
            return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        case "image/gif" if len(data) >= 10:
            return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
        case "image/webp" if len(data) >= 30:
            return _webp(data)
        case "image/jpeg":
            return _jpeg(data)
        case _:
            return None


def described(data: bytes) -> str:
    """A picture in a few words: `640×480 120 KB`."""
    found = dimensions(data)
    size = f"{max(1, round(len(data) / 1024))} KB" if len(data) < 1024 * 1024 else f"{len(data) / 1024**2:.1f} MB"
    return f"{found[0]}×{found[1]} {size}" if found else size


def load(path: str) -> tuple[bytes, str]:
    """Read a picture's bytes and tell its MIME type. Blocks. Raises Refusal."""
    data = console_file.load(path, IMAGE_LIMIT, "图片文件", "图片太大了，最多 5 MB。")
    mime = sniff(data)
    if mime is None:
        raise Refusal("只能发 PNG、JPEG、WebP 或 GIF 图片。")
    return data, mime


def _webp(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
        case _:
            return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walk from marker to marker until the frame."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in FRAMES:
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
