"""A message as numbers: hashed pieces of what is written, read and heard, and of what was done to hide it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, pairwise
from operator import add
from zlib import crc32

from plugins.spam.contacts import calls, contacts, prices
from plugins.spam.folding import Folded, Folding

THREE, FOUR = 0x9E3B5, 0x6D2B7
"""Odd factors, by which the features of two pairs become one of their own."""
WRITTEN, READ, HEARD, NAMED = range(1, 5)
"""What begins the hash of each layer, so that alike pieces of two layers are two features."""
BITS = 21
MASK = (1 << BITS) - 1
LONGEST = 1_200
"""Characters of a message that are weighed: of a longer one the beginning, the end, and what is around its contacts."""
SEGMENT = 28
"""A message is weighed in pieces of about this many characters, too, so that harmless padding hides nothing."""
_ENDS = re.compile(r"(?<=[\n。！？!?；;…])|(?<=[，,\s](?=[^\n]{24}))")
_ALIKE = str.maketrans("123456789", "000000000")
_WORD = re.compile(r"[a-z\u0400-\u04ff]{2,}")
_INSIDE = re.compile(
    r"([\u4e00-\u9fff]{2})[\u4e00-\u9fff]+(?=[\u4e00-\u9fff]{2})|([a-z0-9]{2})[a-z0-9]+(?=[a-z0-9]{2})"
)
"""The inside of runs that are read as they are written: as written, only their borders tell something more."""
_SUSPECT = re.compile(r"\d{5}|https?:|www\.|@\w{4}|[微薇威v➕+加]\s?[信我vV]|[qQ]{2}|[加进]群|t\.me")
_CALLS = re.compile(r"私聊|私信|私我|联系|扫码|进群|加[我群微vq]|dd|滴滴|领取|下单|咨询|\d元|￥|\$")
_LURES = re.compile(
    r"兼职|日结|刷单|日赚|月入|代[开发写做办充]|发票|出售|批发|低价|特价|优惠|免费|贷款|借款|博彩|彩票|开户|返利|佣金|头像|主页|名片"
    r"|招聘|加盟|薪|赚钱|稳赚|[微薇威徽]信|vx|wx|qq|群|裙|扣|➕|free|earn|invest|profit|bonus|telegram|whatsapp"
)
_AROUND = 60
MOST_GRAMS = 60_000
"""How many pieces of text are remembered with their hash, so that no message can fill the memory."""


class Grams(dict[str, int]):
    """A piece of text → its hashed feature, worked out when it is first seen: most pieces have been seen before."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def __missing__(self, piece: str) -> int:
        feature = crc32(piece.encode(), self._seed) & MASK
        if len(self) >= MOST_GRAMS:
            self.clear()
        self[piece] = feature
        return feature


class Hashing:
    """Turns folded texts, which hold no half characters, into hashed features; it only remembers what it worked out."""

    def __init__(self, folding: Folding) -> None:
        self.folding = folding
        self._written, self._read, self._heard, self._named = map(Grams, (WRITTEN, READ, HEARD, NAMED))

    def features(self, folded: Folded) -> set[int]:
        """The hashed features of one text."""
        return {*self.written(folded), *self.read(folded), *self.heard(folded), *self.traits(folded)}

    def written(self, folded: Folded) -> list[int]:
        """One to three characters as they were written."""
        text = "\x02" + _shape(_INSIDE.sub(_border, folded.raw)) + "\x03"
        one = list(map(self._written.__getitem__, text))
        two = list(map(self._written.__getitem__, map(add, text, text[1:])))
        return one + two + _joined(two, two[1:], THREE)

    def read(self, folded: Folded) -> list[int]:
        """One to four characters as they are read."""
        text = "\x02" + _shape(folded.text) + "\x03"
        one = list(map(self._read.__getitem__, text))
        two = list(map(self._read.__getitem__, map(add, text, text[1:])))
        return one + two + _joined(two, two[1:], THREE) + _joined(two, two[2:], FOUR)

    def heard(self, folded: Folded) -> list[int]:
        """Two and three syllables."""
        text = "\x02" + _shape(folded.sounds) + "\x03"
        two = list(map(self._heard.__getitem__, map(add, text, text[1:])))
        return two + _joined(two, two[1:], THREE)

    def traits(self, folded: Folded) -> Iterator[int]:
        """What has a name."""
        return map(self._named.__getitem__, traits(self.folding, folded))

    def named(self, name: str) -> int:
        """The feature of a trait."""
        return self._named[name]

    def read_pairs(self, text: str) -> list[int]:
        """The features of each two neighbours of a folded text."""
        shape = _shape(text)
        return list(map(self._read.__getitem__, map(add, shape, shape[1:])))


def _joined(pairs: list[int], others: list[int], factor: int) -> list[int]:
    """The features of three or four characters, from those of the pairs that they begin and end with."""
    return [(one * factor ^ other) & MASK for one, other in zip(pairs, others, strict=False)]


def _border(found: re.Match[str]) -> str:
    return (found[1] or found[2]) + "\x00"


def _shape(text: str) -> str:
    """Digits alike: which number it is says nothing."""
    return text.translate(_ALIKE)


def traits(folding: Folding, folded: Folded) -> list[str]:
    """The named features of one text: disguise, contacts, calls, prices, length, Latin words."""
    found: list[str] = []
    length = len(folded.text)
    kinds = 0
    for kind, count in folded.disguise.items():
        share = "all" if count * 2 > length else "some" if count * 8 > length else "few"
        found += (f"hidden {kind}", f"hidden {kind} {share}")
        kinds += kind != "emoji"
    if kinds:
        found.append(f"hidden {min(kinds, 3)} ways")
    handles = {contact.kind for contact in contacts(folded)}
    asked, priced = calls(folded), prices(folded)
    found += [f"contact {kind}" for kind in handles]
    if handles:
        found.append(f"contacts {min(len(handles), 2)}")
    if asked:
        found.append(f"calls {min(asked, 3)}")
    if priced:
        found.append(f"prices {min(priced, 3)}")
    if (bool(handles) + bool(asked) + bool(priced) + bool(kinds)) > 1:
        found.append(f"signs {bool(handles):d}{bool(asked):d}{bool(priced):d}{bool(kinds):d}")
    found.append(f"length {length.bit_length()}")
    found += [f"word {word}" for word in folding.words(folded)]
    words = _WORD.findall(folded.text)
    found += [f"latin {word}" for word in words]
    found += [f"latin {one} {two}" for one, two in pairwise(words)]
    return found


def is_suspect(folded: Folded) -> bool:
    """Whether a text holds anything that an ad needs or that ads do: only then it is worth being weighed in pieces."""
    return bool(folded.disguise) or _SUSPECT.search(folded.plain) is not None or _CALLS.search(folded.plain) is not None


def segments(raw: str) -> list[str]:
    """A long text in pieces of about `SEGMENT` characters; a short one whole."""
    if len(raw) <= 2 * SEGMENT:
        return [raw]
    found: list[str] = []
    piece = ""
    for part in _ENDS.split(raw):
        piece += part
        while len(piece) > 3 * SEGMENT:
            found.append(piece[: 2 * SEGMENT])
            piece = piece[2 * SEGMENT :]
        if len(piece) >= SEGMENT:
            found.append(piece)
            piece = ""
    if piece:
        found.append(piece)
    return found


def cut(raw: str) -> str:
    """What of a text is weighed: all of it, or of a long one its ends and what stands out most between them."""
    if len(raw) <= LONGEST:
        return raw
    third = LONGEST // 3
    inside = raw[third:-third]
    places: dict[int, set[str]] = {}
    often: dict[str, int] = {}
    for found in chain(_SUSPECT.finditer(inside), _CALLS.finditer(inside), _LURES.finditer(inside)):
        sign = found[0].translate(_ALIKE)
        often[sign] = often.get(sign, 0) + 1
        here = found.start() // _AROUND
        for place in (here - 1, here):
            places.setdefault(place, set()).add(sign)
    # Decoys are many of a kind, or they are ads themselves: what is rare beside other signs is looked at first.
    best = sorted(places, key=lambda place: (-sum(1 / often[sign] for sign in places[place]), place))
    kept: set[int] = set()
    for place in best:
        if len(kept) * _AROUND >= third:
            break
        kept |= {place, place + 1}
    middle = [inside[place * _AROUND : (place + 1) * _AROUND] for place in sorted(kept) if place >= 0]
    gaps = ["" if place - 1 in kept else "\n" for place in sorted(kept) if place >= 0]
    return raw[:third] + "".join(map(add, gaps, middle)) + "\n" + raw[-third:]
