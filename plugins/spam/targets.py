"""Where the code in a picture leads: a group, a person, a payment, a web page; nothing of it is ever fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, cast, get_args
from urllib.parse import urlsplit

Kind = Literal[
    "wechat_group", "wechat_person", "wechat_account", "payment", "qq", "telegram", "chat", "shop", "login", "person",
    "wifi", "secret", "link", "harmless", "text",
]  # fmt: skip

WORDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "wechat_group": "微信群的二维码",
        "wechat_person": "加微信好友的二维码",
        "wechat_account": "公众号或小程序的二维码",
        "payment": "收款码",
        "qq": "加 QQ 群或 QQ 好友的二维码",
        "telegram": "Telegram 的二维码",
        "chat": "别的聊天软件的二维码",
        "shop": "购物口令或推广链接的二维码",
        "login": "登录用的二维码",
        "person": "名片或电话的二维码",
        "wifi": "Wi-Fi 的二维码",
        "secret": "动态口令的二维码（内容不记录）",
        "link": "一个不认识的网址的二维码",
        "harmless": "常见网站的二维码",
        "text": "一段文字的二维码",
    }
)
WEIGHTS: Final[Mapping[Kind, float]] = MappingProxyType(
    {
        "wechat_group": 2.2, "wechat_person": 2.2, "payment": 2.4, "qq": 1.8, "telegram": 2.2, "chat": 1.8, "shop": 2.2,
        "wechat_account": 1.0, "person": 1.2, "login": 0.8, "link": 0.6,
    }
)  # fmt: skip
"""What a kind says for an ad where a newcomer shows it, in log-odds; the kinds that are not here say nothing."""
STRONG: Final = frozenset(kind for kind, weight in WEIGHTS.items() if weight >= 1.8)
"""Kinds that lead to somebody else's group, purse or shop."""
SECRET: Final[frozenset[Kind]] = frozenset({"secret", "wifi"})
"""What these hold is nobody's business: it is neither judged nor kept."""

MOST: Final = 10
"""Addresses in the text of one code."""
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>，。；、（）]+", re.IGNORECASE)
_BARE: Final = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}(?:[/?#:]\S*)?", re.IGNORECASE)
_TOKEN: Final = re.compile(r"([￥¥$€₤₳])[A-Za-z0-9]{8,16}\1|[（(][A-Za-z0-9]{9,13}[)）]:?/")
"""The passwords by which a shop's own app opens something."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a code leads to; `words` are for an admin, and hold nothing of the code itself."""

    kind: Kind
    words: str

    @property
    def strong(self) -> bool:
        return self.kind in STRONG

    @property
    def secret(self) -> bool:
        return self.kind in SECRET


def kind(text: str) -> Target:
    """What the text of a code leads to; of several addresses the one that says most for an ad."""
    text = "".join(character for character in text if character.isprintable() or character.isspace()).strip()
    # A web page is to be recognised as a browser reads it: a backslash is a slash.
    plain = text.replace("\\", "/")
    if found := _of_scheme(plain.lower()):
        return _target(found)
    addresses = [found[0] for found in _ADDRESS.finditer(plain)][:MOST]
    if not addresses and _BARE.fullmatch(plain):
        addresses = [f"http://{plain}"]
    kinds = [_of_address(address) for address in addresses]
    if _TOKEN.search(plain):
        kinds.append("shop")
    return _target(max(kinds, key=lambda kind: WEIGHTS.get(kind, 0.0)) if kinds else "text")


def address(text: str) -> str:
    """The one web address that the text of a code is; empty where it is anything else."""
    text = text.strip()
    return text if _ADDRESS.fullmatch(text) or _BARE.fullmatch(text) else ""


def _target(kind: Kind) -> Target:
    return Target(kind, WORDS[kind])


def _of_scheme(text: str) -> Kind | None:
    return next((kind for beginning, kind in _table().schemes if text.startswith(beginning)), None)


def _of_address(address: str) -> Kind:
    if found := _of_scheme(address.lower()):
        return found
    try:
        parts = urlsplit(address.lower())
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return "link"
    path = re.sub("/{2,}", "/", parts.path or "/")
    labels = host.split(".")
    # From the whole host to its last two names: the nearest rule decides, then the longest beginning of the path.
    for start in range(max(1, len(labels) - 1)):
        for beginning, kind in _table().hosts.get(".".join(labels[start:]), ()):
            if path.startswith(beginning):
                return kind
    return "link"


@dataclass(frozen=True, slots=True)
class _Table:
    schemes: Sequence[tuple[str, Kind]]
    hosts: Mapping[str, Sequence[tuple[str, Kind]]]


@cache
def _table() -> _Table:
    """The rules, as they are shipped."""
    schemes: list[tuple[str, Kind]] = []
    hosts: dict[str, list[tuple[str, Kind]]] = {}
    known = get_args(Kind)
    lines = files("plugins.spam.tables").joinpath("targets.txt").read_text("utf-8").splitlines()
    for line in lines:
        if not line or line.startswith("#"):
            continue
        name, rule = line.split("\t")
        if name not in known:
            raise ValueError(f"targets.txt: no kind {name}")
        host, slash, path = rule.partition("/")
        if ":" in host:
            schemes.append((rule, cast(Kind, name)))
        else:
            hosts.setdefault(host, []).append((slash + path, cast(Kind, name)))
    for rules in hosts.values():
        rules.sort(key=lambda rule: -len(rule[0]))
    return _Table(tuple(sorted(schemes, key=lambda rule: -len(rule[0]))), hosts)
