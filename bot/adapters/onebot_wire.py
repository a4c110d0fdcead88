"""OneBot v11 on the wire: frames become events, parts become segments; nothing here does I/O.

From the top: frames, ids, answers, heartbeats, events, parts received, parts sent.
A platform's number becomes "qq:<number>"; a chat with one person is the group "qq:dm:<number>".
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bot.types import (
    EVERYONE,
    Account,
    AccountChanged,
    Card,
    Event,
    Face,
    File,
    Forward,
    FriendRequest,
    Group,
    Image,
    JoinRequest,
    Member,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Muted,
    Other,
    Part,
    Reaction,
    Recalled,
    Role,
    Text,
)

PREFIX: Final = "qq:"
DIRECT: Final = "qq:dm:"
EVERYWHERE: Final = Group("qq:*")
"""The group of an `AccountChanged` that concerns the whole account."""

LARGEST: Final = 8 * 2**20
"""Bytes of a frame beyond which it is not read: parsing more would hold up every group."""

MUTED: Final = "本账号在该群被禁言"

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
    return int(text) if NUMBER.fullmatch(text) else text


def _amount(value: object) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return int(value) if type(value) is str and NUMBER.fullmatch(value) else None


def line(value: object, limit: int) -> str:
    """Text of the implementation as one line; empty where it is no text."""
    return " ".join(value[: 4 * limit].split())[:limit] if type(value) is str else ""


# --- answers ------------------------------------------------------------------------------

RESULT = re.compile(r'"result"\s*:\s*(-?[0-9]{1,12})')
HINTS: Final = {
    110: "本账号已经不在该群",
    120: MUTED,
    1006514: "QQ 网络异常，或本账号已掉线",
    120101005: "本账号不是该群的管理员",
    1404: "这个 OneBot 实现不支持该操作",
}
TELLTALES: Final = {
    "ERR_NOT_GROUP_ADMIN": HINTS[120101005],
    "rich media transfer failed": "图片被拦截，或者太大",
    "当前处于被禁言状态": MUTED,
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


def answer(body: Body) -> Answer:
    """Judge an answer: only "ok" with 0 is success; "async" with 1 succeeded without data."""
    status, code = body.get("status"), _amount(body.get("retcode"))
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
    if hint:
        return Answer(reason=f"{hint}（{said}）"[:200] if said else hint)
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
    status, interval = body.get("status"), _amount(body.get("interval"))
    online = status.get("online") if type(status) is dict else None
    return Beat(
        online=online if type(online) is bool else None,
        interval=interval / 1000 if interval is not None and 0 < interval < 3_600_000 else None,
    )


# --- events -------------------------------------------------------------------------------

ROLES: Final = {"owner": Role.OWNER, "admin": Role.ADMIN, "member": Role.MEMBER}


@dataclass(slots=True)
class View:
    """Who reads a frame: the account, how it is called in each group (by number), and all ids that are ours."""

    account: Account
    own: Collection[str]
    accounts: dict[str, Account] = field(default_factory=dict)


def parse(body: Body, view: View, now: float) -> Event | None:
    """Turn a frame into an event; None for our own messages and what no event of ours stands for.

    `now` (Unix seconds) stands in for a missing time. Raises Malformed.
    """
    post = body.get("post_type")
    if post == "message":
        return _message(body, view, now)
    if type(post) is not str:
        raise Malformed("post_type")
    if post not in READERS:
        return None
    word = body.get(f"{post}_type")
    if type(word) is not str:
        raise Malformed(f"{post}_type")
    reader = READERS[post].get(word)
    return reader(body, view, now) if reader else None


def role(value: object) -> Role:
    """A platform's word for a role; UNKNOWN for none and for words that are not of the standard."""
    return ROLES.get(value, Role.UNKNOWN) if type(value) is str else Role.UNKNOWN


def _time(body: Body, now: float) -> float:
    value = body.get("time")
    seconds = float(value) if type(value) is int else _amount(value)
    if seconds is None:
        return now
    if seconds > 1e11:
        seconds /= 1000
    return float(seconds) if 0 < seconds < 1e11 else now


def _message(body: Body, view: View, now: float) -> Event | None:
    sender = body.get("sender")
    if type(sender) is not dict:
        sender = {}
    user = ident(body.get("user_id")) or ident(sender.get("user_id"))
    message_id = handle(body.get("message_id"))
    if user is None or message_id is None:
        raise Malformed("user_id" if user is None else "message_id")
    member_id = PREFIX + user
    if member_id in view.own:
        return None
    name = sender.get("card")
    if type(name) is not str or not name.strip():
        name = sender.get("nickname")
    if type(anonymous := body.get("anonymous")) is dict:
        name = anonymous.get("name")
    if type(name) is not str:
        name = ""
    where = body.get("message_type")
    if where == "group":
        digits = _group_number(body)
        group, account = _group(digits, body), view.accounts.get(digits, view.account)
    elif where == "private":
        # A temporary session carries a group_id too: only message_type tells them apart.
        group, account = Group(DIRECT + user, name, direct=True), view.account
    else:
        raise Malformed("message_type")
    content = body.get("message")
    parts, quote = read(body.get("raw_message") if content is None else content, account)
    return Message(
        group=group,
        account=account,
        time=_time(body, now),
        id=message_id,
        member=Member(member_id, name, role(sender.get("role"))),
        parts=parts,
        quote=quote,
    )


def _group_number(body: Body) -> str:
    found = ident(body.get("group_id"))
    if found is None or found == "0":
        raise Malformed("group_id")
    return found


def _group(digits: str, body: Body) -> Group:
    name = body.get("group_name")
    return Group(PREFIX + digits, name if type(name) is str else "")


def source(body: Body) -> str | None:
    """The group (by number) through which a stranger writes; None where it is not told."""
    found = ident(body.get("group_id"))
    return None if found in ("0", "284840486") else found


def _scene(body: Body, view: View, now: float) -> dict[str, Any]:
    """The fields that every event of a group shares."""
    digits = _group_number(body)
    account = view.accounts.get(digits, view.account)
    return {"group": _group(digits, body), "account": account, "time": _time(body, now)}


def _direct(user: Member, body: Body, view: View, now: float) -> dict[str, Any]:
    group = Group(DIRECT + user.id.removeprefix(PREFIX), direct=True)
    return {"group": group, "account": view.account, "time": _time(body, now)}


def _member(body: Body, key: str = "user_id") -> Member:
    """The member in a field; 0, which stands for a hidden one, is a member too."""
    found = ident(body.get(key))
    if found is None:
        raise Malformed(key)
    return Member(PREFIX + found)


def _operator(body: Body, member: Member) -> Member | None:
    """Who did it, where it is known and somebody else."""
    found = ident(body.get("operator_id"))
    return None if found in (None, "0") or PREFIX + found == member.id else Member(PREFIX + found)


def _joined(body: Body, view: View, now: float) -> Event | None:
    member, scene = _member(body), _scene(body, view, now)
    if member.id == view.account.id:
        return AccountChanged(**scene, online=True, reason="加入了该群")
    return None if member.id in view.own else MemberJoined(**scene, member=member)


def _left(body: Body, view: View, now: float) -> Event | None:
    sub, scene = body.get("sub_type"), _scene(body, view, now)
    if sub == "disband" or body.get("notice_type") == "group_dismiss":
        return AccountChanged(**scene, online=False, reason="该群已解散")
    member = _member(body)
    if sub == "kick_me" or member.id == view.account.id:
        return AccountChanged(**scene, online=False, reason="退出了该群" if sub == "leave" else "被移出了该群")
    return None if member.id in view.own else MemberLeft(**scene, member=member, operator=_operator(body, member))


def _recalled(body: Body, view: View, now: float) -> Event:
    member, message_id = _member(body), handle(body.get("message_id"))
    if message_id is None:
        raise Malformed("message_id")
    if body.get("notice_type") == "friend_recall":
        return Recalled(**_direct(member, body, view, now), message_id=message_id, member=member)
    scene = _scene(body, view, now)
    return Recalled(**scene, message_id=message_id, member=member, operator=_operator(body, member))


def _banned(body: Body, view: View, now: float) -> Event:
    member, duration = _member(body), _amount(body.get("duration"))
    if body.get("sub_type") == "lift_ban" or duration == 0:
        seconds: int | None = 0
    else:
        seconds = int(duration) if duration is not None and 0 < duration < 1e11 else None
    whole = member.id == "qq:0"
    scene = _scene(body, view, now)
    return Muted(**scene, member=None if whole else member, seconds=seconds, operator=_operator(body, member))


def _liked(body: Body, view: View, now: float) -> Event | None:
    """A reaction, in the spelling of NapCat and LLBot (`likes`) or of Lagrange (`code`)."""
    if body.get("notice_type") == "reaction":
        member = _member(body, "operator_id" if "operator_id" in body else "user_id")
        emoji, added = handle(body.get("code")), body.get("sub_type") != "remove"
    else:
        likes = body.get("likes")
        first = likes[0] if type(likes) is list and likes else None
        member = _member(body)
        emoji = handle(first.get("emoji_id")) if type(first) is dict else None
        added = body.get("is_add") is not False
    message_id = handle(body.get("message_id"))
    if emoji is None or message_id is None:
        raise Malformed("emoji" if emoji is None else "message_id")
    if member.id in view.own:
        return None
    return Reaction(**_scene(body, view, now), message_id=message_id, member=member, emoji=emoji, added=added)


def _offline(body: Body, view: View, now: float) -> Event:
    said = line(body.get("message"), 100) or line(body.get("tag"), 100)
    reason = f"账号掉线：{said}" if said else "账号掉线"
    return AccountChanged(group=EVERYWHERE, account=view.account, time=_time(body, now), online=False, reason=reason)


def _asked(body: Body, view: View, now: float) -> Event:
    member, flag, comment = _member(body), handle(body.get("flag")), body.get("comment")
    if flag is None:
        raise Malformed("flag")
    comment = comment if type(comment) is str else ""
    if body.get("request_type") == "friend":
        return FriendRequest(**_direct(member, body, view, now), member=member, comment=comment, flag=flag)
    invited = body.get("sub_type") == "invite"
    return JoinRequest(**_scene(body, view, now), member=member, comment=comment, flag=flag, invited=invited)


Reader = Callable[[Body, View, float], Event | None]
READERS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "notice": {
        "group_increase": _joined,
        "group_decrease": _left,
        "group_dismiss": _left,
        "group_recall": _recalled,
        "friend_recall": _recalled,
        "group_ban": _banned,
        "group_msg_emoji_like": _liked,
        "reaction": _liked,
        "bot_offline": _offline,
    },
    "request": {"friend": _asked, "group": _asked},
}


# --- parts received -----------------------------------------------------------------------

MOST_PARTS: Final = 1000
MOST_NODES: Final = 100
DEEPEST: Final = 3
CQ = re.compile(r"\[CQ:([^,\[\]]{1,32})((?:,[^\[\]]*)?)\]")


def cq(text: str) -> list[Body]:
    """Split a string with CQ codes into segments; what is no code is text."""
    segments: list[Body] = []
    end = 0
    for code in CQ.finditer(text):
        if code.start() > end:
            segments.append({"type": "text", "data": {"text": _plain(text[end : code.start()])}})
        pairs = (pair.partition("=") for pair in code[2].split(",") if "=" in pair)
        segments.append({"type": code[1], "data": {key.strip(): _plain(value) for key, _, value in pairs}})
        end = code.end()
    if end < len(text):
        segments.append({"type": "text", "data": {"text": _plain(text[end:])}})
    return segments


def _plain(text: str) -> str:
    if "&" not in text:
        return text
    # The ampersand comes last, or "&amp;#91;" would be unescaped twice.
    return text.replace("&#91;", "[").replace("&#93;", "]").replace("&#44;", ",").replace("&amp;", "&")


def read(message: object, account: Account, depth: int = 0) -> tuple[tuple[Part, ...], str | None]:
    """Turn a message (segments, one segment or a CQ string) into its parts and the id it quotes. Raises Malformed."""
    if type(message) is list:
        segments: Sequence[Any] = message
    elif type(message) is str:
        segments = cq(message)
    elif type(message) is dict:
        segments = (message,)
    else:
        raise Malformed("message")
    parts: list[Part] = []
    quote = None
    for segment in segments[:MOST_PARTS]:
        if type(segment) is not dict:
            parts.append(Text(segment) if type(segment) is str else Other("?"))
            continue
        word, data = segment.get("type"), segment.get("data")
        if type(data) is not dict:
            data = {}
        if word == "text":
            text = data.get("text")
            if type(text) is not str:
                text = str(text) if isinstance(text, (int, float)) else ""
            if text:
                parts.append(Text(text))
        elif word == "reply":
            quote = quote or handle(data.get("id"))
        else:
            maker = MAKERS.get(word) if type(word) is str else None
            parts.append(maker(data, account, depth) if maker else Other(line(word, 32) or "?"))
    return tuple(parts), quote


def _mention(data: Body, account: Account, depth: int) -> Part:
    target, name = ident(data.get("qq")), data.get("name")
    if target is None:
        return Other("at")
    if target == "all":
        return Mention(EVERYONE)
    name = name.removeprefix("@") if type(name) is str else ""
    if not name and PREFIX + target == account.id and account.names:
        name = account.names[-1]
    return Mention(PREFIX + target, name)


def _web(*values: object) -> str | None:
    """The first web address among the values; paths on the implementation's disk are none."""
    for value in values:
        if type(value) is str and value.startswith(("https://", "http://")) and len(value) <= 4096:
            return value
    return None


def _basename(*values: object) -> str:
    """The first file name among the values, without its folder."""
    for value in values:
        if type(value) is str and value and not value.startswith(("https://", "http://", "base64://", "data:")):
            return re.split(r"[/\\]", value[-1024:])[-1][:255]
    return ""


def _image(data: Body, account: Account, depth: int) -> Part:
    if data.get("emoji_package_id") and (emoji := handle(data.get("emoji_id"))):
        return Face(emoji)
    return Image(
        url=_web(data.get("url"), data.get("file")),
        name=_basename(data.get("filename"), data.get("name"), data.get("file")),
    )


def _face(data: Body, account: Account, depth: int) -> Part:
    found = handle(data.get("id")) or handle(data.get("emoji_id"))
    return Face(found) if found else Other("face")


def _file(data: Body, account: Account, depth: int) -> Part:
    size = _amount(data["file_size"] if "file_size" in data else data.get("size"))
    return File(
        name=_basename(data.get("name"), data.get("filename"), data.get("file")),
        url=_web(data.get("url"), data.get("file")) or "",
        size=int(size) if size is not None and 0 <= size < 2**53 else None,
    )


def _text(data: Body, account: Account, depth: int) -> Part:
    """A markdown part: its text is what members read."""
    content = data.get("content")
    return Text(content) if type(content) is str and content else Other("markdown")


def _share(data: Body, account: Account, depth: int) -> Part:
    return Card(line(data.get("title"), 200), line(data.get("url"), 2048), _cut(_raw(data)))


def _raw(value: object) -> str:
    """JSON of what came as JSON; empty where it is nested deeper than anything honest."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return ""


LINKS: Final = ("qqdocurl", "jumpUrl", "jump_url", "pcJumpUrl", "url", "musicUrl")


def _json_card(data: Body, account: Account, depth: int) -> Part:
    """A mini-app or shared page: what it shows is inside a JSON string that only its maker knows the form of."""
    raw = data.get("data")
    whole = raw if type(raw) is str else _raw(raw)
    try:
        card = orjson.loads(whole)
    except orjson.JSONDecodeError:
        return Card("", raw=_cut(whole))
    if type(card) is not dict:
        return Card("", raw=_cut(whole))
    meta = card.get("meta")
    views = [view for view in (meta.values() if type(meta) is dict else ()) if type(view) is dict]
    titles = [card.get("prompt"), *(view.get(key) for view in views for key in ("title", "desc")), card.get("desc")]
    links = [view.get(key) for view in views for key in LINKS]
    return Card(
        title=next((text for title in titles if (text := line(title, 200))), ""),
        url=next((text for link in links if (text := line(link, 2048))), ""),
        raw=_cut(whole),
    )


XML_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,200})|\bbrief=\"([^\"]{1,200})\"")
XML_URL = re.compile(r"\burl=\"([^\"]{1,2048})\"")


def _xml_card(data: Body, account: Account, depth: int) -> Part:
    raw = data.get("data")
    raw = _cut(raw, 65536) if type(raw) is str else ""
    title, url = XML_TITLE.search(raw), XML_URL.search(raw)
    return Card(
        title=line(html.unescape(title[1] or title[2]), 200) if title else "",
        url=line(html.unescape(url[1]), 2048) if url else "",
        raw=_cut(raw),
    )


def _cut(text: str, limit: int = 4096) -> str:
    """The beginning of a text that fits into `limit` bytes."""
    return text[:limit].encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def _forward(data: Body, account: Account, depth: int) -> Part:
    content = data.get("content")
    nodes: list[Any] = content if type(content) is list and depth < DEEPEST else []
    return Forward(handle(data.get("id")) or "", tuple(_node(node, account, depth + 1) for node in nodes[:MOST_NODES]))


def _node(node: object, account: Account, depth: int) -> tuple[Part, ...]:
    if type(node) is dict and type(node.get("data")) is dict:
        node = node["data"]
    if type(node) is not dict:
        return (Other("node"),)
    try:
        return read(node["content"] if "content" in node else node.get("message"), account, depth)[0]
    except Malformed:
        # One unreadable message inside must not hide the others, nor the one that carries them.
        return (Other("node"),)


Maker = Callable[[Body, Account, int], Part]
MAKERS: Final[Mapping[str, Maker]] = {
    "at": _mention,
    "image": _image,
    "face": _face,
    "mface": _face,
    "json": _json_card,
    "xml": _xml_card,
    "share": _share,
    "forward": _forward,
    "file": _file,
    "record": _file,
    "video": _file,
    "markdown": _text,
}


# --- parts sent ---------------------------------------------------------------------------


def write(parts: Iterable[Part], quote: str | None = None, *, mentions: bool = True) -> list[Body]:
    """Turn parts into segments, in which text is inert; empty where there is nothing to show.

    Without `mentions` (a chat with one person) a mention is its name.
    """
    segments: list[Body] = []
    for part in parts:
        if isinstance(part, Mention) and mentions and (part.id == EVERYONE or part.id.startswith(PREFIX)):
            target = "all" if part.id == EVERYONE else part.id.removeprefix(PREFIX)
            segments.append({"type": "at", "data": {"qq": target}})
        elif isinstance(part, Image):
            # The implementation may run on another machine: bytes always arrive, paths do not.
            file = "base64://" + base64.b64encode(part.data).decode() if part.data is not None else part.url
            if file:
                segments.append({"type": "image", "data": {"file": file}})
        elif isinstance(part, Face):
            segments.append({"type": "face", "data": {"id": part.id}})
        elif text := _shown(part):
            after_mention = segments and segments[-1]["type"] == "at" and not text[0].isspace()
            segments.append({"type": "text", "data": {"text": " " + text if after_mention else text}})
    if segments and quote is not None:
        segments.insert(0, {"type": "reply", "data": {"id": quote}})
    return segments


def _shown(part: Part) -> str:
    """A part in words, where OneBot has no segment that we may send for it."""
    match part:
        case Text(text):
            return text
        case Mention(id=target, name=name):
            return f"@{'全体成员' if target == EVERYONE else name}" if target == EVERYONE or name else ""
        case Card(title, url) | File(title, url):
            return f"{title} {url}".strip()
        case Forward(messages=messages):
            return "\n".join("".join(_shown(inner) for inner in inside) for inside in messages)
        case _:
            return ""
