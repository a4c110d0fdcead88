"""What of a row may leave the house: a rule for each column, and how each rule changes a value."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from bot.types import EVERYONE


class Rule(Enum):
    """How a value may leave."""

    KEEP = auto()
    """One of the house's own words."""
    NUMBER = auto()
    ID = auto()
    """As its hash."""
    REF = auto()
    """Its first word, and the hash of the rest."""
    NAME = auto()
    """Not at all."""
    BODY = auto()
    """Where texts are asked for; else as its length."""
    JSON = auto()
    """Value by value."""
    SUBJECT = auto()
    """What an audit entry is about: a setting's name, or an id."""


WORDS = frozenset(
    {"kind", "plugin", "command", "outcome", "purpose", "model", "served_by", "finish", "error", "act", "field"}
)
"""Columns of the core's tables whose texts are the house's own words."""
JSON = frozenset({"parts", "detail", "before", "after", "value"})
CORE = frozenset(
    {
        "messages",
        "events",
        "commands",
        "said",
        "answers",
        "labels",
        "switches",
        "settings",
        "audit",
        "groups",
        "answered",
        "purged",
    }
)
IDS = frozenset({"in_reply_to", "quote", "message", "member", "operator", "mention", "group", "account", "answer"})
"""Columns and keys of JSON that hold an id, besides all that end in `_id`."""
KEPT_KEYS = frozenset({"emoji", "face", "other", "done", "role"})
"""Keys of JSON whose texts are a platform's or the house's own words."""
NUMERIC = ("INT", "REAL", "FLOA", "DOUB", "NUM", "BOOL")
"""What the declared type of a column of numbers has in it."""
OWN_SUBJECTS = frozenset({"set", "switch"})
"""Acts whose subject is the name of a setting; of other acts it is somebody or something in the group."""
PLAIN_KEY = re.compile(r"[a-z][a-z_]{0,30}")
CALL = re.compile(r"[@＠][^\s@＠]+")
HASHES_KEPT = 65_536
DEEPEST = 64
SHORTEST_NAME = 2


def rules(table: str, columns: Mapping[str, str]) -> Mapping[str, Rule]:
    """The rule of each column; `columns` are their declared types by name."""
    return MappingProxyType({name: _rule(table in CORE, name, kind.upper()) for name, kind in columns.items()})


def _rule(core: bool, name: str, kind: str) -> Rule:
    number = any(word in kind for word in NUMERIC)
    if name.endswith("_id") or name in IDS or (name == "id" and not number):
        return Rule.ID
    if name in {"name", "nick", "nickname", "card"} or name.endswith(("_name", "_nick")):
        return Rule.NAME
    if name == "ref":
        return Rule.REF
    if core and name in JSON:
        return Rule.JSON
    if core and name in WORDS:
        return Rule.KEEP
    if core and name == "subject":
        return Rule.SUBJECT
    return Rule.NUMBER if number else Rule.BODY


Names = Mapping[str, Collection[str]]
"""What the members and groups of these ids are called."""


class Mask:
    """Changes values by their rule; one id has one hash for one `key`.

    In texts, ids and calls are masked, and the `names` of the row's own member and group.
    """

    def __init__(
        self, key: bytes, *, platforms: frozenset[str], bodies: bool, names: Names = MappingProxyType({})
    ) -> None:
        self.bodies = bodies
        self._platforms = platforms
        self._names = names
        words = "|".join(map(re.escape, sorted(platforms))) or "(?!)"
        self._id = re.compile(rf"(?<![\w.-])(?:{words}):[^\s\"'<>\[\]{{}}(),;，。；！？、]+")

        @lru_cache(HASHES_KEPT)
        def hashed(id: str) -> str:
            return hmac.digest(key, id.encode("utf-8", "surrogatepass"), "sha256").hex()[:16]

        self.hashed = hashed

    def cell(self, value: Any, rule: Rule, row: Mapping[str, Any]) -> object:
        """The value of a column as it may leave. A value that is not of its rule's kind stays behind."""
        if value is None or isinstance(value, bytes):
            return None
        match rule:
            case Rule.ID:
                return self._hashed(value)
            case Rule.REF:
                return self._ref(str(value))
            case Rule.JSON:
                return self._json(value, self._called(row))
            case Rule.SUBJECT:
                keep = row.get("act") in OWN_SUBJECTS and not self._id.search(value)
                return value if keep else self._hashed(value)
            case Rule.KEEP:
                # A plugin may write an id where a word is due.
                return value if not isinstance(value, str) or not self._id.search(value) else self._hashed(value)
            case Rule.BODY | Rule.NUMBER:
                # SQLite lets a column of numbers hold a text.
                return self._body(value, self._called(row))
            case Rule.NAME:
                return None

    def _hashed(self, value: object) -> str:
        return EVERYONE if value == EVERYONE else self.hashed(str(value)) if value != "" else ""

    def _ref(self, ref: str) -> str:
        word, colon, rest = ref.partition(":")
        return f"{word}:{self.hashed(rest)}" if colon and word not in self._platforms else self.hashed(ref)

    def _called(self, row: Mapping[str, Any]) -> Sequence[str]:
        """The names of the row's member and group, as far as they are no common characters; the longest first."""
        if not self._names:
            return ()
        ids = (str(row.get(column)) for column in ("member_id", "group_id"))
        found = {name for id in ids for name in self._names.get(id, ())}
        return sorted((name for name in found if len(name) >= SHORTEST_NAME), key=len, reverse=True)

    def _body(self, value: object, names: Iterable[str]) -> object:
        """A text without ids, without whom it calls, and without `names`; nothing where texts stay behind."""
        if not isinstance(value, str):
            return value
        if not self.bodies:
            return None
        value = self._id.sub(lambda found: self.hashed(found[0]), value)
        for name in names:
            value = value.replace(name, "…")
        return CALL.sub("@…", value)

    def _json(self, text: object, names: Sequence[str]) -> object:
        try:
            return self._value(orjson.loads(str(text)), "", names, DEEPEST)
        except orjson.JSONDecodeError:
            return self._body(text, names)

    def _value(self, value: object, key: str, names: Sequence[str], depth: int) -> object:
        """A value of JSON under its nearest key; what lies deeper than `depth` stays behind."""
        if not depth:
            return None
        if isinstance(value, dict):
            return {
                self._key(name): self._value(inner, name, names, depth - 1)
                for name, inner in value.items()
                if not _names(name)
            }
        if isinstance(value, list):
            return [self._value(inner, key, names, depth - 1) for inner in value]
        if value is None or isinstance(value, bool):
            return value
        if key in IDS or key in {"id", "forward"} or key.endswith("_id"):
            return self._hashed(value)
        if not isinstance(value, str):
            return value
        if key == "ref":
            return self._ref(value)
        if key == "image":
            return None  # a platform's file name, which may hold its sender
        if key == "url":
            return _site(value)
        if self._id.fullmatch(value):
            return self.hashed(value)
        return value if key in KEPT_KEYS and not self._id.search(value) else self._body(value, names)

    def _key(self, name: str) -> str:
        return name if PLAIN_KEY.fullmatch(name) else self.hashed(name)


def _names(key: str) -> bool:
    return key in {"name", "nickname", "nick"} or key.endswith("_name")


def _site(url: str) -> str | None:
    """The site of an address; what comes after it may name a person."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else None
    except ValueError:
        return None
