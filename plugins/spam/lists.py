"""What a group's admins let through or stop: words, patterns, members, domains; in time linear in the message.

A denied entry stops a message that holds it anywhere. An allowed one lets a message through that is nothing else,
from the first character to the last: a word that an advert could put beside itself would let every advert through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from plugins.spam.folding import Folding
from plugins.spam.patterns import SHORTEST, STAR, Pattern, Patterns, literal, marked, pattern

Kind = Literal["allow", "deny"]
Form = Literal["exact", "folded", "pattern", "member", "domain"]

MOST = 500
"""So many entries may stand in the lists of one group."""
LONGEST = 100
MOST_STARS = 5
COMMON_SHARE = 0.02
"""A denied word that stands in a larger share of what members ordinarily say is none to stop them by."""
COMMON_LEAST = 3
LONGEST_HOST = 253
FORMS: Mapping[Form, str] = MappingProxyType(
    {"exact": "原文", "folded": "词句", "pattern": "通配", "member": "成员", "domain": "域名"}
)
_HOST = re.compile(r"(?:[a-z][a-z0-9+.\-]*:)?/{0,2}(?:[^/?#@\s]*@)?([^/?#:@\s]+)", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_PUBLIC = frozenset(
    f"{second}.{top}"
    for top in ("cn", "hk", "tw", "mo", "uk", "jp", "kr", "au", "nz", "sg", "my", "in", "br", "za", "ru")
    for second in ("com", "net", "org", "gov", "edu", "ac", "co")
)
"""Endings that domains of many owners share; a list of all of them would be larger than the guard."""


class Unfit(ValueError):
    """An entry cannot be taken; the text says why, in an admin's words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list. `value` is as it was typed: a later version of the folding reads it anew."""

    kind: Kind
    form: Form
    value: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The entry that a message meets.

    An allowed domain speaks for the links of a message only, and for no other word of it.
    """

    kind: Kind
    form: Form
    value: str

    @property
    def words(self) -> str:
        """For an admin, without anything that could call or link."""
        return f"在{'放行' if self.kind == 'allow' else '拦截'}名单里（{FORMS[self.form]}）"


@dataclass(frozen=True, slots=True)
class _Side:
    """What stands on one of the two lists."""

    members: Mapping[str, Listed]
    domains: Mapping[str, Listed]
    wholes: Mapping[str, Listed]
    exact: Patterns[Listed]
    folded: Patterns[Listed]


class Lists:
    """The lists of one group; they do not change."""

    __slots__ = ("_allow", "_deny", "_reads", "count")

    def __init__(self, entries: Iterable[Entry] = (), folding: Folding | None = None) -> None:
        """Entries that cannot be read any more are passed over."""
        entries = list(entries)
        folding = folding or (Folding() if entries else None)
        self.count = len(entries)
        self._allow = _side([entry for entry in entries if entry.kind == "allow"], folding)
        self._deny = _side([entry for entry in entries if entry.kind == "deny"], folding)
        self._reads = bool(self._allow.folded or self._deny.folded)

    def match(self, raw: str, folded: str, hosts: Sequence[str], member: str) -> Listed | None:
        """The entry that decides about a message, None: nobody has listed it.

        `folded` is `Folding().fold(raw).text`. An allowed member or message goes before what is denied, and what
        is denied goes before an allowed domain, which needs every host of the message to be allowed.
        """
        if not self.count:
            return None
        allow, deny = self._allow, self._deny
        if found := allow.members.get(member):
            return found
        written = raw.lower().strip() if allow.wholes or allow.exact or deny.exact else ""
        edged = marked(folded) if self._reads else ""
        if found := allow.wholes.get(written) or allow.folded.within(edged):
            return found
        found = deny.members.get(member) or _hosted(deny.domains, hosts, every=False)
        found = found or deny.exact.within(written) or deny.folded.within(edged)
        return found or _hosted(allow.domains, hosts, every=True)


def entry(kind: Kind, form: Form, words: str, folding: Folding) -> Entry:
    """An entry as an admin typed it, cleaned. Raises Unfit."""
    value = words.strip()
    if not value:
        raise Unfit("要写上内容。")
    if len(value) > LONGEST:
        raise Unfit(f"太长了，最多 {LONGEST} 个字。")
    if form == "member":
        return Entry(kind, form, value)
    if form == "domain":
        return Entry(kind, form, domain(value))
    if form == "exact":
        if len(value) < SHORTEST:
            raise Unfit(f"太短了，至少 {SHORTEST} 个字。")
        return Entry(kind, form, value)
    if form == "pattern" and value.count(STAR) > MOST_STARS:
        raise Unfit(f"最多用 {MOST_STARS} 个 *。")
    if form == "pattern" and not value.strip(STAR + " "):
        raise Unfit("不能只有 *，那样什么都算。")
    pieces = _pieces(Entry(kind, form, value), folding)
    if not any(pieces):
        raise Unfit("这里只有符号，读不出字来；要按原样匹配符号，用「原文」。")
    if max(map(len, pieces)) < SHORTEST:
        raise Unfit(f"太短了，{'* 之间' if form == 'pattern' else ''}至少要有连着的 {SHORTEST} 个字。")
    return Entry(kind, form, value)


def domain(words: str) -> str:
    """The domain in an address or a name, as hosts are compared. Raises Unfit."""
    found = _HOST.match(words)
    name = ascii_host(found[1]) if found else ""
    name = name.removeprefix("www.")
    labels = name.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise Unfit("这不像域名，要写成 example.com 这样。")
    if name in _PUBLIC:
        raise Unfit(f"{labels[0]}[.]{labels[1]} 下面有无数网站，要写得再细一些。")
    return name


def ascii_host(host: str) -> str:
    """A host as names are looked up, in ASCII where that can be had; lower case, without the dot at its end."""
    host = host[-LONGEST_HOST:].lower().rstrip(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return host  # no such name can be looked up, and no entry is written so
    return host


def too_common(denied: Entry, ordinary: Iterable[str], folding: Folding) -> str | None:
    """Why an entry would stop ordinary talk, judged by what was said lately; None: it would not."""
    if denied.kind != "deny" or denied.form == "member":
        return None
    lists = Lists([denied], folding)
    texts = set(ordinary)
    if denied.form == "domain":
        hits = sum(denied.value in text.lower() for text in texts)
    else:
        hits = sum(lists.match(text, folding.fold(text).text, (), "") is not None for text in texts)
    if hits < COMMON_LEAST or hits <= COMMON_SHARE * len(texts):
        return None
    return f"太常见了：最近 {len(texts)} 条正常的话里，有 {hits} 条会被它拦下。换一个更具体的吧。"


# --- parts of the above ---------------------------------------------------------------------


def _side(entries: Sequence[Entry], folding: Folding | None) -> _Side:
    members: dict[str, Listed] = {}
    domains: dict[str, Listed] = {}
    wholes: dict[str, Listed] = {}
    exact: list[Pattern[Listed]] = []
    folded: list[Pattern[Listed]] = []
    for one in entries:
        assert folding is not None
        listed = Listed(one.kind, one.form, one.value)
        if one.form == "member":
            members[one.value] = listed
        elif one.form == "domain":
            domains[one.value] = listed
        elif one.form == "exact" and one.kind == "allow":
            wholes[one.value.lower().strip()] = listed
        elif one.form == "exact":
            exact.append(literal(one.value.lower(), listed))
        else:
            folded.append(pattern(_pieces(one, folding), listed, whole=one.kind == "allow"))
    return _Side(members, domains, wholes, Patterns(exact), Patterns(folded))


def _pieces(one: Entry, folding: Folding) -> list[str]:
    return [folding.fold(piece).text for piece in (one.value.split(STAR) if one.form == "pattern" else [one.value])]


def _hosted(domains: Mapping[str, Listed], hosts: Sequence[str], *, every: bool) -> Listed | None:
    """The entry above one of the hosts, or above each of them."""
    if not domains or not hosts:
        return None
    found: Listed | None = None
    for host in dict.fromkeys(hosts):
        one = _above(domains, ascii_host(host))
        if one is not None and not every:
            return one
        if one is None and every:
            return None
        found = found or one
    return found


def _above(domains: Mapping[str, Listed], host: str) -> Listed | None:
    while host:
        if found := domains.get(host):
            return found
        host = host.partition(".")[2]
    return None
