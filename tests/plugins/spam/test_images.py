"""What is seen in pictures: real ones, broken ones, and those that are made to cost."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from plugins.spam import codes, headers, images
from plugins.spam.images import Seen
from tests.plugins.spam.painted import (
    GROUP,
    code,
    empty_png,
    on,
    paper,
    photograph,
    saved,
    screenshot,
)

ROOT = Path(__file__).parents[3]


def texts(seen: Seen) -> list[str]:
    assert seen.reason == ""
    return [found.text for found in seen.codes]


# --- codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "options"),
    [("PNG", {}), ("JPEG", {"quality": 50}), ("GIF", {}), ("WEBP", {"quality": 60}), ("BMP", {})],
)
def test_reads_a_code_in_every_format(format: str, options: dict[str, int]) -> None:
    seen = images.look(saved(code(), format, **options))
    assert texts(seen) == [GROUP]
    assert (seen.format, seen.width, seen.height, seen.frames) == (format, *code().size, 1)
    assert seen.ms > 0


def faded(picture: Image.Image, dark: int, light: int) -> Image.Image:
    return picture.point(lambda value: dark if value < 128 else light)


def grained(picture: Image.Image, share: float) -> Image.Image:
    grain = Image.frombytes("L", picture.size, random.Random(4).randbytes(picture.width * picture.height))
    return Image.blend(picture, grain, share)


def with_logo() -> Image.Image:
    picture = code(level="H", scale=8)
    width, height = picture.size
    ImageDraw.Draw(picture).rectangle((width * 0.4, height * 0.4, width * 0.6, height * 0.6), fill=128)
    return picture


def sixteen_bits() -> Image.Image:
    picture = code()
    return Image.frombytes("I;16", picture.size, b"".join(struct.pack("<H", 3000 + 100 * v) for v in picture.tobytes()))


HARD = {
    "one pixel a module": code(scale=1),
    "inverted": ImageOps.invert(code()),
    "turned": code().rotate(30, expand=True, fillcolor=255),
    "upside down": code().rotate(180),
    "mirrored": ImageOps.mirror(code()),
    "with a logo": with_logo(),
    "faint": faded(code(), 120, 134),
    "grained": grained(code(scale=8), 0.65),
    "faint and grained": grained(faded(code(), 100, 160), 0.2),
    "blurred": code().filter(ImageFilter.GaussianBlur(2)),
    "small on a poster": on(photograph(1, 1500, 2000), code(scale=3), 1200, 1700),
    "far down a long screenshot": on(screenshot(2, 1080, 9000), code(), 400, 8000),
    "in sixteen bits of grey": sixteen_bits(),
}


@pytest.mark.parametrize("name", HARD)
def test_reads_a_code_that_is(name: str) -> None:
    assert texts(images.look(saved(HARD[name]))) == [GROUP]


@pytest.mark.parametrize("ink", [(0, 0, 0, 255), (255, 255, 255, 255)])
def test_reads_a_code_on_nothing(ink: tuple[int, int, int, int]) -> None:
    clear = Image.new("RGBA", code().size, (0, 0, 0, 0))
    clear.paste(ink, mask=ImageOps.invert(code()))
    assert texts(images.look(saved(clear))) == [GROUP]


def test_reads_several_codes() -> None:
    page = on(on(paper(900, 400), code("first")), code("第二个"), 450)
    assert sorted(texts(images.look(saved(page)))) == ["first", "第二个"]


def test_a_wall_of_codes_is_cut_off() -> None:
    page = paper(2000, 1200)
    for number in range(15):
        page.paste(code(f"code {number}", 4), (20 + number % 5 * 380, 20 + number // 5 * 380))
    assert len(texts(images.look(saved(page)))) == codes.MOST


@pytest.mark.parametrize("kind", ["DataMatrix", "Aztec", "MicroQRCode"])
def test_reads_rare_codes(kind: str) -> None:
    assert texts(images.look(saved(code("12345", kind=kind)))) == ["12345"]


@pytest.mark.slow
def test_no_code_is_seen_where_there_is_none() -> None:
    for seed in range(200):
        picture = photograph(seed) if seed % 4 else screenshot(seed, 500, 500)
        seen = images.look(saved(picture, "JPEG", quality=85))
        assert (seen.codes, seen.reason) == ((), ""), seed


def test_what_a_code_holds_stays_out_of_logs() -> None:
    seen = images.look(saved(code("otpauth://totp/me?secret=JBSWY3DPEHPK3PXP")))
    assert texts(seen)[0].startswith("otpauth://")
    assert "JBSWY3" not in repr(seen)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("at", [0, 4, 9])
def test_an_animation_is_seen_at_its_beginning_in_its_middle_and_at_its_end(format: str, at: int) -> None:
    frames = [paper(*code().size, shade=number * 20) for number in range(10)]
    frames[at] = code()
    moving = saved(frames[0], format, save_all=True, append_images=frames[1:], duration=80)
    seen = images.look(moving)
    assert texts(seen) == [GROUP]
    assert seen.frames == 6


def test_an_animation_without_end_is_left() -> None:
    """A frame of a GIF takes nine bytes more than its pixels: there may be millions."""
    frame = saved(paper(1, 1), "GIF")
    start = frame.index(b"\x2c")
    many = frame[:start] + frame[start:-1] * 100_000 + b";"
    assert len(many) < images.BYTES
    seen = images.look(many)
    assert seen.reason == ""
    assert seen.frames <= 11


# --- what is broken -----------------------------------------------------------------------


def test_an_empty_picture_is_refused() -> None:
    assert images.look(b"").reason == images.EMPTY


@pytest.mark.parametrize(
    "data",
    [b"\0", b"hello", b"<svg/>", b"%PDF-1.4", b"II*\0" + b"\0" * 99, b"8BPS" + b"\0" * 99, b"%!PS-Adobe-3.0 EPSF-3.0"],
)
def test_what_is_no_picture_of_a_chat_meets_no_decoder(data: bytes) -> None:
    assert images.look(data).reason == images.FOREIGN


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "BMP"])
def test_a_picture_that_is_cut_off_is_no_error(format: str) -> None:
    whole = saved(photograph(3), format)
    for length in (4, 12, 20, 31, 60, len(whole) // 2, len(whole) - 5):
        seen = images.look(whole[:length])
        assert seen.codes == ()
        assert seen.reason in (images.BROKEN, images.FOREIGN, ""), length


def test_a_jpeg_that_lacks_its_end_is_seen_as_far_as_it_goes() -> None:
    whole = saved(on(photograph(4, 900, 900), code()), "JPEG", quality=80)
    assert texts(images.look(whole[: len(whole) * 4 // 5])) == [GROUP]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_hangs_on_the_end_of_a_picture_is_nothing(format: str) -> None:
    assert texts(images.look(saved(code(), format) + b"PK\x03\x04" + b"<script>" * 1000)) == [GROUP]


def test_a_picture_under_another_flag_is_broken() -> None:
    assert images.look(b"\x89PNG\r\n\x1a\n" + saved(code(), "JPEG")).reason == images.FOREIGN
    assert images.look(saved(code())[:29] + saved(code(), "GIF")).reason == images.BROKEN


@given(at=st.integers(0, 10_000), value=st.integers(0, 255), format=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]))
def test_one_wrong_byte_breaks_nothing(at: int, value: int, format: str) -> None:
    data = bytearray(SOUND[format])
    data[at % len(data)] = value
    images.look(bytes(data))


SOUND = {
    format: saved(on(paper(120, 120), code(scale=3), 0, 0), format, **({"save_all": True} if format == "GIF" else {}))
    for format in ("PNG", "JPEG", "GIF", "WEBP")
}


# --- what costs ---------------------------------------------------------------------------


def test_a_png_of_thirty_megapixels_is_refused_before_it_is_decoded() -> None:
    seen = images.look(empty_png(6000, 5000))
    assert (seen.reason, seen.width, seen.height, seen.frames) == (images.LARGE, 6000, 5000, 0)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_of_thirty_megapixels_is_decoded_coarsely(progressive: bool) -> None:
    page = on(photograph(5, 1000, 750).resize((6000, 5000)).convert("L"), code(scale=20), 3000, 2000)
    seen = images.look(saved(page, "JPEG", quality=60, progressive=progressive))
    assert texts(seen) == [GROUP]
    assert (seen.width, seen.height) == (6000, 5000)


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "BMP"])
def test_a_size_that_only_the_header_knows_is_believed(format: str) -> None:
    data = bytearray(saved(paper(8, 8), format))
    sizes = {"PNG": (16, ">II"), "GIF": (6, "<HH"), "BMP": (18, "<ii"), "WEBP": (26, "<HH")}
    at, form = sizes[format]
    large = 16_000 if format == "WEBP" else 60_000
    struct.pack_into(form, data, at, large, large)
    assert images.look(bytes(data)).reason == images.LARGE


def test_a_jpeg_that_goes_over_its_pixels_a_thousand_times_is_refused() -> None:
    whole = saved(paper(4000, 3000), "JPEG", progressive=True)
    scan = whole.rindex(b"\xff\xda")
    often = whole[:scan] + whole[scan:-2] * 1000 + whole[-2:]
    assert images.look(often).reason == images.LARGE


def test_bytes_beyond_the_bound_are_refused() -> None:
    assert images.look(saved(code()) + b"\0" * images.BYTES).reason == images.LARGE


def test_decompression_bombs_take_little_memory() -> None:
    """In a process that may have 400 MB of addresses, where all of these together would be 700 MB."""
    script = """
import resource, sys
from plugins.spam import images
from tests.plugins.spam.painted import empty_png, saved, paper
bombs = [empty_png(10_000, 10_000), empty_png(12_100, 1000), empty_png(12_000_001, 1)]
heavy = [empty_png(4000, 3000), saved(paper(8000, 4000), "JPEG", progressive=True)]
first = images.look(saved(paper(64, 64)))
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 400_000_000, now + 400_000_000))
print([images.look(bomb).reason for bomb in bombs], [images.look(one).reason for one in heavy], first.reason == "")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )
    assert done.stdout.strip() == "['large', 'large', 'large'] ['', ''] True", done.stderr


def test_without_the_extra_it_says_so() -> None:
    """In a process that finds neither library."""
    script = """
import sys
sys.modules["PIL"] = sys.modules["zxingcpp"] = None
from plugins.spam import images
print(images.available(), images.look(b"GIF89a").reason, images.copy(b"GIF89a"))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"{images.MISSING} missing None", done.stderr
    assert images.available() is None


# --- copies and headers -------------------------------------------------------------------


def test_a_copy_is_small_and_keeps_nothing_of_the_camera() -> None:
    picture = photograph(6, 3000, 2000)
    exif = Image.Exif()
    exif[0x010F] = "a secret place"
    whole = saved(picture, "JPEG", exif=exif)
    assert b"a secret place" in whole
    copy = images.copy(whole)
    assert copy is not None
    assert b"secret" not in copy
    with Image.open(BytesIO(copy)) as opened:
        assert opened.width * opened.height <= images.COPY
    assert images.copy(b"no picture") is None


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_the_header_says_what_the_decoder_says(format: str) -> None:
    for size in ((1, 1), (37, 211), (200, 90)):
        for lossless in (False, True):
            options = {"lossless": lossless} if format == "WEBP" else {}
            header = headers.read(saved(photograph(1, 200, 200).resize(size), format, **options))
            assert header is not None
            assert (header.format, header.width, header.height) == (format, *size)


@given(st.binary(max_size=60))
def test_a_header_of_anything_is_a_header_or_none(tail: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBPVP8X"):
        header = headers.read(start + tail)
        assert header is None or header.pixels > 0
