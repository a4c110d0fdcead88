"""What a message of OneBot v11 consists of: segments and CQ codes become parts, and parts become segments.

Here are mentions, pictures, faces, files, cards and merged messages, first as received, then as sent.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from bot.adapters.onebot_frames import PREFIX, Body, Malformed, amount, handle, ident, line
from bot.types import EVERYONE, Account, Card, Face, File, Forward, Image, Mention, Other, Part, Text

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
    for segment in segments if len(segments) <= MOST_PARTS else segments[:MOST_PARTS]:
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


def web(*values: object) -> str | None:
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
        url=web(data.get("url"), data.get("file")),
        name=_basename(data.get("filename"), data.get("name"), data.get("file")),
    )


def _face(data: Body, account: Account, depth: int) -> Part:
    found = handle(data.get("id")) or handle(data.get("emoji_id"))
    return Face(found) if found else Other("face")


HANDLES: Final = ("file_id", "busid", "file_hash")
"""What a call that asks for a file may have to name, by the names of the call's parameters."""


def _file(data: Body, account: Account, depth: int) -> Part:
    size = amount(data["file_size"] if "file_size" in data else data.get("size"))
    return File(
        name=_basename(data.get("name"), data.get("filename"), data.get("file_name"), data.get("file")),
        url=web(data.get("url"), data.get("file")) or "",
        size=int(size) if size is not None and 0 <= size < 2**53 else None,
        id=_handles(data),
    )


def _handles(data: Body) -> str:
    """What is needed to ask for a file later, as one text; empty where it cannot be asked for."""
    # go-cqhttp calls the id a path; with the others a path is one on their disk.
    found = {"file_id": data.get("path")} | data if "busid" in data and "file_id" not in data else data
    known = {key: text for key in HANDLES if (text := found.get(key)) not in (None, "")}
    words = {key: str(text) for key, text in known.items() if type(text) in (str, int) and len(str(text)) <= 1024}
    return urlencode(words) if "file_id" in words else ""


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
        if isinstance(part, Text):
            if text := part.text:
                after_mention = segments and segments[-1]["type"] == "at" and not text[0].isspace()
                segments.append({"type": "text", "data": {"text": " " + text if after_mention else text}})
        elif isinstance(part, Mention) and mentions and (part.id == EVERYONE or part.id.startswith(PREFIX)):
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
            segments.append({"type": "text", "data": {"text": text}})
    if segments and quote is not None:
        segments.insert(0, {"type": "reply", "data": {"id": quote}})
    return segments


def nodes(forward: Forward, account: Account) -> list[Body]:
    """Merged messages as segments, each in our own name; empty where there is nothing to show."""
    own, name = account.id.removeprefix(PREFIX), account.names[-1] if account.names else "QQ"
    written = (write(inside, mentions=False) for inside in forward.messages)
    # The implementations are of two minds about the keys of a node; each passes over the other's.
    head = {"user_id": own, "uin": own, "nickname": name, "name": name}
    return [{"type": "node", "data": {**head, "content": content}} for content in written if content]


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
