"""Ways to get in touch, found in what a reader reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from plugins.spam.folding import Folded

_ENDS = (
    "com|cn|net|org|top|vip|xyz|cc|club|shop|site|online|info|io|me|app|pro|live|fun|icu|link|store|work|tv|ly|to|gg|co"
    "|la|ai|dev|ru|us|uk|biz|im|fm|in|one|win|bet|space|tech|website|ltd|wang|ink|cloud|mobi|asia|red|life|world|cyou"
)
_HOST = re.compile(
    r"(?<![a-z0-9@._-])(?!\d+\.\d+\.|(?:self|this|console|window|document|logger)\.)(?:https?://)?"
    rf"((?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,4}}(?:{_ENDS}))(?![a-z0-9_]|\([a-z0-9_\"')])(/[^\s\u3000-\u9fff]*)?"
)
_TELEGRAM = re.compile(
    r"(?<![a-z0-9._])@([a-z][a-z0-9_]{3,31})(?![a-z0-9_.@/])|(?:t|telegram)\.me/(\+?[a-z0-9_/-]{3,40})"
)
_PHONE = re.compile(r"(?<!\d)(?:86 ?)?(1[3-9]\d ?\d{4} ?\d{4})(?!\d)")
_NUMBER = re.compile(r"(?<!\d)(?<!0x)[1-9]\d{4,10}(?!\d)")
_QQ = re.compile(
    r"(?:(?<![a-z])q{1,2}|扣扣?|秋秋|企鹅|球球|叩叩|口口)(?:[群裙号]|交流群|[:：]|[^\w]){0,4}([1-9]\d{4,10})(?!\d)"
)
_GROUP = re.compile(r"[群裙](?:号|聊)?(?:[:：]|[^\w]){0,3}([1-9]\d{5,10})(?!\d| ?[人条个元])")
_WECHAT = re.compile(
    r"(?:微信|[薇威徽徾溦维微]信?|卫星|绿泡泡|(?<![a-z])(?:v信|vx|wx|weixin|wechat|v)(?![a-z]{2}|[.=(\[/-][a-z_-]+(?![a-z0-9_-])))(?:号|id|同号)?(?:[^\w]|是|为|搜){0,4}"
    r"([a-z][a-z0-9_-]{3,19}|[1-9]\d{4,10})(?![a-z0-9])"
)
_FIVE = re.compile(r"\d{5}|\d{3} \d{4} \d{4}")
_LATIN = re.compile(r"[a-z][a-z0-9_-]{3}")
_CALL = re.compile(
    r"(?:(?<![附增参更追])加|[➕+联咨询滴私扫戳搜找]|dd|dm)[^\w]{0,2}(?:我|下|个|系(?![统数列])|好友|聊|信(?!息)|码|戳|v|微|薇|q|扣|群|裙|滴|客服|人工|me)"
)
_MONEY = re.compile(
    r"\d[.,]?(?:元|块|万|￥|米|(?:w|u|rmb|k)(?![a-z])|r/|/月|一个月|包月|一单|一天|刀|美金|\$|%)|[¥$￥€£]\s?\d"
)


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to get in touch: its kind and the handle, for telling two messages of one advertiser."""

    kind: str
    handle: str


def contacts(folded: Folded) -> Sequence[Contact]:
    """Every handle that a reader could use: addresses, Telegram, phone, QQ, WeChat."""
    plain = folded.plain
    found: dict[tuple[str, str], None] = {}
    if "." in plain or "@" in plain:
        for host, path in _HOST.findall(plain):
            found["link", host + path.rstrip("/")] = None
        for name, link in _TELEGRAM.findall(plain):
            found["telegram", name or link] = None
    text = folded.text
    number = _FIVE.search(text)
    if number or _LATIN.search(plain) or (folded.disguise and _LATIN.search(text)):
        for handle in _WECHAT.findall(plain) or (_WECHAT.findall(text) if folded.disguise else ()):
            found["wechat", handle] = None
    if number:
        for handle in _QQ.findall(plain) or _QQ.findall(text):
            found["qq", handle] = None
        for handle in _GROUP.findall(plain):
            found["group", handle] = None
        for handle in _PHONE.findall(text):
            found["phone", handle.replace(" ", "")] = None
        if not found:
            for handle in _NUMBER.findall(text):
                found["number", handle] = None
    return [Contact(*entry) for entry in found]


def calls(folded: Folded) -> int:
    """How often somebody is asked to get in touch."""
    return len(_CALL.findall(folded.plain))


def prices(folded: Folded) -> int:
    """How many amounts of money are named."""
    return len(_MONEY.findall(folded.plain))
