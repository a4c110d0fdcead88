"""What a vendor's failure means: its status and body, sorted into the errors of the house."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from bot.errors import (
    ModelAuth,
    ModelBadInput,
    ModelBusy,
    ModelFiltered,
    ModelQuota,
    ModelUnavailable,
)
from bot.models.presets import WORDS, Kind, Preset

DETAIL = 300
"""The longest detail of an error, in characters."""

_STATUSES: Mapping[int, Kind] = {
    401: ModelAuth,
    402: ModelQuota,
    403: ModelAuth,
    407: ModelUnavailable,
    408: ModelUnavailable,
    409: ModelBusy,
    425: ModelBusy,
    429: ModelBusy,
    451: ModelFiltered,
    529: ModelBusy,
}
_FINE = frozenset({"", "0", "200", "ok", "success", "none"})
"""Values of a `code` that report no failure."""

_FILTER = re.compile(
    r"inappropriate content|sensitive (content|info|word)|contain sensitive|considered high risk"
    r"|content (management )?policy"
    r"|敏感|违规|内容安全|不合规",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"insufficient (account )?(balance|credit)|balance is (insufficient|not enough)|exceeded your current quota"
    r"|arrears|余额|欠费|额度(已)?(用|耗)",
    re.IGNORECASE,
)
_KEY = re.compile(r"api[ _-]?key|access[ _-]?token|鉴权|密钥", re.IGNORECASE)
_HINTS: tuple[tuple[re.Pattern[str], Kind, frozenset[int]], ...] = (
    (_MONEY, ModelQuota, frozenset({200, 400, 403, 429})),
    (_FILTER, ModelFiltered, frozenset({200, 400, 403, 422})),
    (_KEY, ModelAuth, frozenset({200, 400})),
)
"""Sentences that tell where no code does, and the statuses under which they are believed."""

_SECRETS = re.compile(
    r"(?i:\b(?:bearer|basic)\s+)[^\s\"'<>]+|\bsk-[\w*-]{6,}|\bbce-v3/[\w/*-]+|(?i:authorization[\"']?\s*[:=]\s*)[^\r\n,}<>]+"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure, sorted; `text` is the vendor's own words and may hold secrets until `tidy` saw it."""

    kind: Kind
    text: str


def sort(preset: Preset, status: int | None, body: object) -> Fault:
    """Sort a failed answer; `status` is None for an error inside a stream, `body` is JSON or text."""
    codes = list(_codes(body))
    message = _message(body)
    text = " ".join(
        filter(None, (f"HTTP {status}" if status else "", f"[{' '.join(codes)}]" if codes else "", message))
    )
    for code in codes:
        for part in (code, *code.split(".")):
            if kind := preset.codes.get(part.lower()) or WORDS.get(part.lower()):
                return Fault(kind, text)
    seen = status or 200
    for pattern, kind, statuses in _HINTS:
        if seen in statuses and pattern.search(message[:DETAIL]):
            return Fault(kind, text)
    if seen < HTTPStatus.BAD_REQUEST:
        # The transport said "fine", so a status may stand in the body.
        seen = next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), seen)
        if seen < HTTPStatus.BAD_REQUEST and "invalid_request_error" in codes:
            seen = HTTPStatus.BAD_REQUEST
    return Fault(by_status(seen), text)


def by_status(status: int) -> Kind:
    """What an HTTP status means by itself."""
    if kind := _STATUSES.get(status):
        return kind
    is_ours = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return ModelBadInput if is_ours else ModelUnavailable


def is_failure(body: Mapping[str, object]) -> bool:
    """Whether a JSON object that came with a good status reports a failure."""
    if body.get("error"):
        return True
    if body.get("choices") or body.get("data"):
        return False
    if body.get("object") == "error" or _word(body.get("error_code")) not in _FINE:
        return True
    return _word(body.get("code")).lower() not in _FINE and ("message" in body or "msg" in body)


def tidy(text: str, secrets: Sequence[str]) -> str:
    """One printable line of at most `DETAIL` characters that holds none of `secrets`, nor what looks like one."""
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _SECRETS.sub("***", text[: 20 * DETAIL])
    line = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text.strip())
    return line if len(line) <= DETAIL else line[: DETAIL - 1] + "…"


def _codes(body: object) -> Iterator[str]:
    """Every code and type that a body carries, the telling ones first."""
    if not isinstance(body, Mapping):
        return
    error = body.get("error")
    places = (error, body) if isinstance(error, Mapping) else (body,)
    for key in ("code", "error_code", "type", "status"):
        for place in places:
            word = _word(place.get(key))
            if word.lower() not in _FINE:
                yield word[:80]


def _message(body: object) -> str:
    """The sentence in a body; the body itself where it is only text."""
    if isinstance(body, str):
        return body
    if not isinstance(body, Mapping):
        return ""
    error = body.get("error")
    if isinstance(error, str) and error:
        return error
    for place in (error, body):
        if isinstance(place, Mapping):
            for key in ("message", "error_msg", "msg", "detail"):
                if isinstance(sentence := place.get(key), str) and sentence:
                    return sentence
    return ""


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
