"""What the rules are called where admins and members read of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "model": "模型",
    "contact": "联系方式",
    "denied": "名单",
    "known": "已知广告",
    "duplicate": "重复",
    "flood": "刷屏",
    "code": "二维码",
    "picture": "图片",
    "read": "读图",
    "judge": "二次意见",
    "report": "举报",
    "everyone": "@所有人",
    "forward": "转发",
    "card": "卡片",
    "link": "链接",
    "name": "名字",
}


def name(rule: str) -> str:
    """A rule in words."""
    return NAMES.get(rule, rule or "其他")


def rule(words: str) -> str | None:
    """The rule that words name, in either language; None: there is none."""
    words = words.strip().strip("「」").replace("＠", "@").casefold()
    if words in NAMES:
        return words
    return next((rule for rule, told in NAMES.items() if told == words), None)
