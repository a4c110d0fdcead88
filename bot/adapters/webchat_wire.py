"""The web chat's own little protocol: JSON frames of a page, checked; parts of a message, as the page draws them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.errors import Refusal
from bot.types import EVERYONE, Card, Face, File, Forward, Image, Mention, Part, Role, Text

FRAME_LIMIT = 64 * 1024
"""Characters of one frame."""
TEXT_LIMIT = 4000
"""Characters of one message."""
IMAGE_LIMIT = 5 * 1024 * 1024
"""Bytes of one picture."""
NAME_LIMIT = 32
PARTS_LIMIT = 60
IMAGES_LIMIT = 4
FILES_LIMIT = 3
EMOJI = ("👍", "👎", "❤️", "😂")
ROLES: Mapping[str, Role] = {"member": Role.MEMBER, "admin": Role.ADMIN, "owner": Role.OWNER}

Frame = dict[str, Any]
"""What a page is told: JSON values, the kind under "is"."""

SENTENCES: Mapping[str, str] = {
    "not_json": "没看懂这条数据，请刷新页面再试。",
    "wrong_form": "这条数据的格式不对，请刷新页面再试。",
    "too_long": f"太长了，一条消息最多 {TEXT_LIMIT} 个字。",
    "too_fast": "太快了，歇一秒再发吧。",
    "empty": "还没有写内容呢。",
    "hello_first": "请先刷新页面，再发消息。",
    "hello_twice": "已经连上了，不用再连一次。",
    "unknown_group": "没有这个群。",
    "not_joined": "先加入这个群，才能在里面说话。",
    "banned": "你已被移出这个群，不能再加入。",
    "unknown_member": "没有找到要 @ 的人，可能已经退群了。",
    "not_everyone": "只有管理员可以 @ 所有人。",
    "unknown_message": "那条消息已经不在了。",
    "not_yours": "只能撤回自己的消息。",
    "muted": "你被禁言了，过一会儿再说话吧。",
    "name_taken": "这个名字是机器人的，换一个吧。",
    "name_empty": "名字不能是空的。",
    "not_image": "只能发 PNG、JPEG、WebP 或 GIF 图片。",
    "image_large": "图片太大了，最多 5 MB。",
    "image_lost": "图片没有传上来，请再选一次。",
    "image_many": f"一条消息最多 {IMAGES_LIMIT} 张图片。",
    "file_large": "文件太大了，最多 20 MB。",
    "file_empty": "这个文件是空的。",
    "file_lost": "文件没有传上来，请再选一次。",
    "file_many": f"一条消息最多 {FILES_LIMIT} 个文件。",
    "file_busy": "别的文件还在传，请过一会儿再发。",
    "full": "人太多了，请稍后再来。",
    "internal": "出了点问题，请稍后再试。",
}


class Refused(Refusal):
    """A frame that is not obeyed; `code` lets the page say the sentence in its own language."""

    def __init__(self, code: str) -> None:
        super().__init__(SENTENCES[code])
        self.code = code

    def frame(self, key: str = "") -> Frame:
        return {"is": "error", "code": self.code, "text": str(self), "key": key}


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Hello(_Sent):
    do: Literal["hello"]
    token: str = Field("", max_length=64)
    name: str = Field("", max_length=200)


class Piece(_Sent):
    """One part of what is said: exactly one of the four."""

    text: str | None = None
    mention: str | None = Field(None, max_length=64)
    image: str | None = Field(None, max_length=64)
    file: str | None = Field(None, max_length=64)


class Say(_Sent):
    do: Literal["say"]
    group: str
    parts: list[Piece] = Field(max_length=PARTS_LIMIT)
    quote: str | None = Field(None, max_length=64)
    key: str = Field("", max_length=40)


class React(_Sent):
    do: Literal["react"]
    group: str
    message: str
    emoji: Literal["👍", "👎", "❤️", "😂"]
    on: bool


class TakeBack(_Sent):
    do: Literal["recall"]
    group: str
    message: str


class Join(_Sent):
    do: Literal["join"]
    group: str


class Leave(_Sent):
    do: Literal["leave"]
    group: str


class Rename(_Sent):
    do: Literal["rename"]
    name: str = Field(max_length=200)


class Become(_Sent):
    do: Literal["become"]
    role: Literal["member", "admin", "owner"]


class Ask(_Sent):
    """Which commands the group has just now."""

    do: Literal["commands"]
    group: str


Request = Hello | Say | React | TakeBack | Join | Leave | Rename | Become | Ask
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])


def decode(raw: str) -> Request:
    """Read one frame of a page. Raises Refused."""
    if len(raw) > FRAME_LIMIT:
        raise Refused("too_long")
    try:
        return _REQUEST.validate_json(raw)
    except ValidationError as failed:
        broken = any(error["type"] == "json_invalid" for error in failed.errors(include_input=False, include_url=False))
        raise Refused("not_json" if broken else "wrong_form") from None


def clean_text(text: str) -> str:
    """The text without control characters; line breaks and tabs stay."""
    text = text.replace("\r\n", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def clean_name(name: str) -> str:
    """A name on one line, without characters that are invisible or turn the writing around; may come out empty."""
    seen = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " * (c.isspace()) for c in name)
    return " ".join(seen.split())[:NAME_LIMIT].strip()


def sniff(data: bytes) -> str | None:
    """The MIME type of a picture by its first bytes; None where it is none that we show."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def shown(part: Part, picture: str = "") -> Frame:
    """One part as the page draws it; `picture` is the id under which an image's bytes are served."""
    match part:
        case Text(text):
            return {"text": text}
        case Mention(id, name):
            return {"mention": id, "name": name or ("所有人" if id == EVERYONE else id)}
        case Image(name=name, url=url):
            return {"image": f"/chat/image/{picture}", "name": name} if picture else {"text": url or "[图片]"}
        case Face():
            return {"text": "[表情]"}
        case Card(title, url):
            return {"text": f"{title} {url}".strip()}
        case File(name, id=str(key), size=size) if key:
            return {"file": f"/chat/file/{key}", "name": name, "size": size}
        case File(name, url):
            return {"text": f"[文件] {name} {url}".strip()}
        case Forward():
            return {"text": "[聊天记录]"}
        case _:
            return {"text": f"[{part.kind}]"}
