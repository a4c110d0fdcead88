"""The audit in words: one line for each entry, as admins read it in chat."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from bot import wording
from bot.plugin import Plugin
from bot.store.audit import Entry

LONGEST = 40
DEEDS = {
    "recall": "撤回一条消息",
    "mute": "禁言",
    "unmute": "解除禁言",
    "mute_all": "开启全员禁言",
    "unmute_all": "解除全员禁言",
    "kick": "移出",
    "rename": "改名片",
    "admit": "同意加入",
    "turn_away": "拒绝加入",
}
OUTCOMES = {"done": "", "failed": "没有做到", "unconfirmed": "没有确认"}


def line(entry: Entry, kind: type[Plugin] | None, names: Mapping[str, str]) -> str:
    """One entry: when, who, what. `names` are those of the members whom an entry is about."""
    when = time.strftime("%m-%d %H:%M", time.localtime(entry.time))
    head = f"{when} {entry.member_name or entry.member_id} {kind.plugin_title if kind else entry.plugin}"
    after = None if entry.after is None else orjson.loads(entry.after)
    if isinstance(after, dict):
        return f"{head}：{_deeds(after, names.get(entry.subject, ''))}"
    subject = ""
    if entry.act == "set" and kind is not None and entry.subject in kind.model_fields:
        subject = f"·{wording.title(kind, entry.subject)}"
    undone = "（回退）" if entry.undoes else ""
    before = None if entry.before is None else orjson.loads(entry.before)
    return f"{head}{subject}：{_value(entry.before, before)} → {_value(entry.after, after)}{undone}"


def _value(stored: str | None, value: object) -> str:
    return "默认" if stored is None else _short(wording.show(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _deeds(evidence: Mapping[str, Any], whom: str) -> str:
    """What was done to whom, why, and what could not be done."""
    told = []
    for key, outcome in OUTCOMES.items():
        for deed in evidence.get(key) or ():
            name, _, why = str(deed).partition(": ")
            words = " ".join(filter(None, (DEEDS.get(name, name), whom, _measure(evidence))))
            told.append(f"{words}（{outcome}：{_short(why)}）" if outcome else words)
    reason = _short(str(evidence.get("reason") or ""))
    deeds = "，".join(told)
    return f"{reason}（{deeds}）" if reason and deeds else reason or deeds


def _measure(evidence: Mapping[str, Any]) -> str:
    """How long, by which name, for ever: what an act says of itself besides whom it is about."""
    seconds, card = evidence.get("seconds"), evidence.get("card")
    if isinstance(seconds, int) and seconds > 0:
        for size, unit in ((86400, "天"), (3600, "小时"), (60, "分钟")):
            if seconds % size == 0:
                return f"{seconds // size} {unit}"
        return f"{seconds} 秒"
    if isinstance(card, str):
        return f"「{_short(card)}」"
    return "且不再接受" if evidence.get("forever") is True else ""
