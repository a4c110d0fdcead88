"""Pictures for tests: codes, posters, photographs that never were, and what only calls itself a picture."""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from typing import Any

import zxingcpp
from PIL import Image, ImageDraw, ImageFilter

GROUP = "https://weixin.qq.com/g/AwYAAAbcDEF123ghiJKL"


def code(text: str = GROUP, scale: int = 6, level: str = "M", kind: str = "QRCode") -> Image.Image:
    """A code in mode L, with its quiet zone."""
    options = {"ec_level": level} if kind == "QRCode" else {}
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **options)
    view = memoryview(made.to_image(scale=scale, add_quiet_zones=True))  # type: ignore[arg-type]  # it has a buffer
    height, width = view.shape or (0, 0)
    return Image.frombytes("L", (width, height), bytes(view))


def saved(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def on(paper: Image.Image, picture: Image.Image, x: int = 20, y: int = 20) -> Image.Image:
    done = paper.copy()
    done.paste(picture, (x, y))
    return done


def paper(width: int, height: int, shade: int = 255) -> Image.Image:
    return Image.new("L", (width, height), shade)


def photograph(seed: int, width: int = 480, height: int = 360) -> Image.Image:
    """Blurred shapes under a coarse noise: as busy as a photograph, and each another."""
    dice = random.Random(seed)
    picture = Image.new("RGB", (width, height), (dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    pen = ImageDraw.Draw(picture)
    for _ in range(dice.randrange(8, 40)):
        x, y = dice.randrange(width), dice.randrange(height)
        box = (x, y, x + dice.randrange(20, width), y + dice.randrange(20, height))
        shape = pen.ellipse if dice.random() < 0.5 else pen.rectangle
        shape(box, fill=(dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    grain = Image.frombytes("RGB", (width // 8, height // 8), dice.randbytes(width // 8 * (height // 8) * 3))
    soft = picture.filter(ImageFilter.GaussianBlur(dice.randrange(1, 6)))
    return Image.blend(soft, grain.resize((width, height)), 0.3)


def screenshot(seed: int, width: int = 700, height: int = 900) -> Image.Image:
    """Black lines of text on white, as documents and chats are; each another."""
    dice = random.Random(seed)
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    y = 30
    while y < height - 30:
        for x in range(30, dice.randrange(100, width - 30), 9):
            pen.text((x, y), chr(dice.randrange(0x61, 0x7A)), fill=(20, 20, 20))
        y += dice.choice((18, 18, 18, 40))
    return picture


def empty_png(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, all black: a few kilobytes, whatever its size."""
    row = b"\0" * (1 + (width + 7) // 8)
    pack = zlib.compressobj(9)
    body = b"".join(pack.compress(row) for _ in range(height)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
