"""Messages as an implementation writes and reads them: segments, CQ codes, the plain text of both."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]
Segments = list[Body]


def encode(segments: Segments) -> str:
    """Write segments as a CQ string."""
    written = []
    for segment in segments:
        data = segment.get("data") or {}
        if segment["type"] == "text":
            written.append(escape(str(data["text"])))
        else:
            pairs = "".join(f",{key}={escape(str(value)).replace(',', '&#44;')}" for key, value in data.items())
            written.append(f"[CQ:{segment['type']}{pairs}]")
    return "".join(written)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("[", "&#91;").replace("]", "&#93;")


def plain(segments: Segments) -> str:
    """What a member reads of a message; what is no text shows as its type."""
    return "".join(str(s["data"]["text"]) if s["type"] == "text" else f"[{s['type']}]" for s in segments)


def text(said: str | Segments) -> Segments:
    """Words as segments; segments stay as they are."""
    return [{"type": "text", "data": {"text": said}}] if isinstance(said, str) else said


def number(text: str) -> int | str:
    """An id as frames carry it."""
    return int(text) if text.lstrip("-").isdecimal() else text
