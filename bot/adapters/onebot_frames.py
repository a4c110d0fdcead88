"""OneBot v11, one frame at a time: bytes to JSON and back, ids, answers to calls, heartbeats.

A platform's number becomes "qq:<number>"; a chat with one person is the group "qq:dm:<number>".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bot.errors import AdapterError

LARGEST: Final = 8 * 2**20
"""Bytes of a frame beyond which it is not read: parsing more would hold up every group."""

Body = dict[str, Any]


class Malformed(ValueError):
    """No rule reads this frame; the text names the field at fault, never its content."""


# --- frames -------------------------------------------------------------------------------

LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def load(data: bytes) -> Body:
    """Read one frame. Raises Malformed."""
    if len(data) > LARGEST:
        raise Malformed("size")
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        body = _mended(data)
    if type(body) is not dict:
        raise Malformed("object")
    return body


def _mended(data: bytes) -> Any:
    """Read a frame with half a character in it: a name cut in the middle must not hide a message."""
    mended = LONE_SURROGATE.sub(rb"\\ufffd", data.decode("utf-8", "replace").encode())
    if mended == data:
        raise Malformed("json")
    try:
        return orjson.loads(mended)
    except orjson.JSONDecodeError:
        raise Malformed("json") from None


def dump(body: Mapping[str, object]) -> bytes:
    """Write one frame; half characters become question marks."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def kind(body: Body) -> str:
    """Name what a frame is about, for counting: "notice.notify.poke"."""
    post = body.get("post_type")
    words = (post, body.get(f"{post}_type") if type(post) is str else None, body.get("sub_type"))
    return ".".join(word[:24] for word in words if type(word) is str) or "nameless"


# --- ids ----------------------------------------------------------------------------------

PREFIX: Final = "qq:"
DIRECT: Final = "qq:dm:"
IDENT = re.compile(r"[0-9A-Za-z_.-]{1,64}")
NUMBER = re.compile(r"-?[0-9]{1,18}")


def ident(value: object) -> str | None:
    """The id of a person or group as text; None where it is none."""
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return value if IDENT.fullmatch(value) else None
    return _whole(value)


def handle(value: object) -> str | None:
    """An opaque id (of a message, a request) as text; None where it is none."""
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return value if 0 < len(value) <= 256 else None
    return _whole(value)


def _whole(value: object) -> str | None:
    """A number beyond 64 bit, which JSON readers hand over as a float."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else None


def number(text: str) -> int | str:
    """An id as calls want it: a number where it is numeric."""
    if len(text) <= 18 and text.isdecimal() and text.isascii():
        return int(text)
    return int(text) if NUMBER.fullmatch(text) else text


def amount(value: object) -> float | None:
    """A finite number, also where it came as text; None where it is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return int(value) if type(value) is str and NUMBER.fullmatch(value) else None


def digits(id: str) -> str:
    """The platform's own id ("qq:20001" → "20001"). Raises AdapterError for another platform's."""
    if not id.startswith(PREFIX):
        raise AdapterError(f"{id[:40]!r} 不是 QQ 的号")
    return id.removeprefix(PREFIX)


def line(value: object, limit: int) -> str:
    """Text of the implementation as one line; empty where it is no text."""
    return " ".join(value[: 4 * limit].split())[:limit] if type(value) is str else ""


# --- answers ------------------------------------------------------------------------------

MUTED: Final = "本账号在该群被禁言"
UNSUPPORTED: Final = "这个 OneBot 实现不支持该操作"
LOST: Final = "QQ 网络异常，或本账号已掉线"
CHINESE = re.compile("[\u4e00-\u9fff]")
UNSURE = re.compile(r"tim(?:e|ed)[ -]?out|超时|no response", re.IGNORECASE)
"""An implementation waited for QQ in vain: it may have done what it was asked (LLBot: "waitForSelfEcho timeout")."""
UNTOLD: Final = 9000
"""Lagrange: sent, and no word came back of it."""
RESULT = re.compile(r'\bresult"?\s*[:=]\s*(-?[0-9]{1,12})')
HINTS: Final = {
    110: "本账号已经不在该群",
    120: MUTED,
    1006514: LOST,
    120101005: "本账号不是该群的管理员",
    404: UNSUPPORTED,
    1404: UNSUPPORTED,
}
TELLTALES: Final = {
    "ERR_NOT_GROUP_ADMIN": HINTS[120101005],
    "NOT_MANAGEABLE": HINTS[120101005],
    # go-cqhttp tells a mute and a restricted account in the same words.
    "blocked by server": f"{MUTED}，或者被风控",
    "rich media transfer failed": "图片被拦截，或者太大",
    "当前处于被禁言状态": MUTED,
    "Recall failed": "撤不回这条消息，可能太旧，或者没有权限",
    "user not in group": "这个人不在该群",
    "cannot ban owner": "群主不能禁言",
    "cannot ban admin": "只有群主能禁言管理员",
    "No such request": "没有这个申请，可能已经处理过",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a call: `data`, or the `reason` (one line) why it was refused."""

    data: Any = None
    reason: str = ""
    ambiguous: bool = False

    @property
    def muted(self) -> bool:
        return self.reason.startswith(MUTED)

    @property
    def lost(self) -> bool:
        """The implementation cannot reach QQ."""
        return self.reason.startswith(LOST)


def answer(body: Body) -> Answer:
    """Judge an answer: only "ok" with 0 is success; "async" with 1 succeeded without data."""
    status, told = body.get("status"), body.get("retcode")
    code = told if type(told) is int else amount(told)
    if status == "ok" and code == 0:
        return Answer(body.get("data"))
    if status == "async" and code in (0, 1):
        return Answer()
    words = [line(body.get(key), 4000) for key in ("message", "wording", "msg")]
    said, whole = next((text[:200] for text in words if text), ""), " ".join(words)
    if "Timeout: NTEvent" in whole:
        return Answer(reason=f"QQ 没有确认：{said}"[:200], ambiguous=True)
    found = RESULT.search(whole)
    hint = HINTS.get(int(found[1])) if found else HINTS.get(int(code)) if code is not None else None
    hint = hint or next((text for telltale, text in TELLTALES.items() if telltale in whole), None)
    if not hint and (code == UNTOLD or UNSURE.search(whole)):
        return Answer(reason=f"QQ 没有确认：{said}"[:200] if said else "QQ 没有确认", ambiguous=True)
    if hint:
        return Answer(reason=f"{hint}（{said}）"[:200] if said else hint)
    if said and not CHINESE.search(said):
        # Members read it: a foreign sentence alone would tell them nothing.
        return Answer(reason=f"QQ 没有接受（{said}）"[:200])
    return Answer(reason=said or f"没有说明原因（{code:g}）" if code is not None else said or "没有说明原因")


# --- heartbeats ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life: whether the account is online (None: not said) and the seconds to the next one."""

    online: bool | None = None
    interval: float | None = None


def beat(body: Body) -> Beat:
    """Read a meta event; all but heartbeats say nothing."""
    if body.get("meta_event_type") != "heartbeat":
        return Beat()
    status, interval = body.get("status"), amount(body.get("interval"))
    online = status.get("online") if type(status) is dict else None
    return Beat(
        online=online if type(online) is bool else None,
        interval=interval / 1000 if interval is not None and 0 < interval < 3_600_000 else None,
    )
