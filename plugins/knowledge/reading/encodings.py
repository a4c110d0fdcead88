"""Bytes to text: UTF-8, UTF-16 with its mark, and GB18030, in which older Chinese files are written."""

from __future__ import annotations

import codecs
import re

from plugins.knowledge.documents import Unreadable

LINES = 200_000
"""A text of more lines is refused: it is data, and every line costs the parsers time."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# Characters that GB18030 makes of bytes which mean nothing in it.
_STRANGE = re.compile(r"[\x80-\x9f\ue000-\uf8ff\U000e0000-\U0010ffff]")
_DAMAGE = 0.001
"""The part of a UTF-8 text that may be broken: a cut download is still worth reading."""


def decode(data: bytes, declared: str = "") -> str:
    """The text with its lines ended by \\n.

    `declared` names the encoding that the file says it has, which is tried after UTF-8.
    """
    text = _decoded(data, declared).replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text or len(_CONTROLS.findall(text)) > len(text) // 1000:
        raise Unreadable("这不是文本文件，读不了。")
    if text.count("\n") > LINES:
        raise Unreadable(f"超过 {LINES // 10_000} 万行，请拆成几个文件。")
    return text


def _decoded(data: bytes, declared: str) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
    if text.count("\ufffd") <= 1 + len(text) * _DAMAGE and len(text) < len(data) - 2:
        return text
    for encoding in filter(None, (declared, "gb18030")):
        try:
            text = data.decode(encoding)
        except (LookupError, ValueError):
            continue
        if len(_STRANGE.findall(text)) <= len(text) // 100:
            return text
    raise Unreadable("看不懂它的编码，请另存为 UTF-8。")
