"""What a reader reads, under what a writer did to hide it; every disguise found is kept as evidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from operator import add, eq

MOST_CODE_POINTS = 60_000
"""How many characters a table remembers, so that no message can fill the memory."""
_PUA = 0xE000
"""Syllables are written as one private character each, from here on."""

_SINGLES = re.compile(r"(?<!\w)\w(?:[\W_]+\w){3,}(?!\w)")
_SEPARATED = re.compile(r"(?<=[\u3400-\u9fff])[|｜丨_/\\·•・.。~～\-—*^`'\"!！ \u3000]+(?=[\u3400-\u9fff])")
_ENTITY = re.compile(r"&#(\d{2,6});?")
_TWICE = re.compile(r"(.)\1")
_SPLIT = re.compile(
    r"(?<=[\u3400-\u9fff])(?:[|｜丨_/\\·•・.\-—*^`'\"]+(?=[\u3400-\u9fff])"
    r"|[ \u3000。~～!！]+(?=[\u3400-\u9fff][ \u3000。~～!！]+[\u3400-\u9fff]))"
)
"""What sets characters apart that belong together: no pause between two phrases, which many write as a space."""
_NOISE = re.compile(r"[^\w]+|_+")
_CODE = re.compile(r"[=(){}\[\];<>|&+\"]|, ")
_DOTTED = re.compile(r"\d(?:\.\d)+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_MIXED = re.compile(r"[a-z\u0400-\u04ff]+")
_WEAK_RUN = re.compile(r"[0-9零〇○一二两三四五六七八九幺肆伍陆]{3,}")
_INSIDE_NUMBER = re.compile(r"[0-9][零〇○一二两三四五六七八九幺肆伍陆]+[0-9]")
_TOUCHES = re.compile(r"[a-z0-9._/-][a-z0-9]|[a-z0-9][a-z0-9._/-]")
_LATIN = re.compile(r"(?<![0-9])[0-9]*[a-z][a-z0-9]*")
_LOOK_CYRILLIC, _LOOK_LATIN = "асеорхукмтнвіјѕ", "aceopxykmthbijs"
"""Small letters of two alphabets that look the same, small or large: a word of them alone may be of either."""
_DRESSED = re.compile(r"(?<=[^\w\s])[\ufe00-\ufe0f\u200d]+|\ufe0f(?=\u20e3)")
"""What emoji are put together with hides nothing."""
_CURRENCIES = "¥￥€£"
_LEET = str.maketrans("013457$@", "oieastsa")
_HIDDEN = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


def entries(name: str, section: str = "") -> Iterator[tuple[str, str]]:
    """The lines of a table: a target and what stands for it; what follows a line `# section` is of that section."""
    here = ""
    for line in files("plugins.spam.tables").joinpath(name).read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and line[2:].isalpha() and line[2:].islower():
            here = line[2:]
        if line and not line.startswith("#") and here == section:
            target, _, variants = line.partition("\t")
            yield target, variants


class Pieces:
    """Sequences of characters and what they stand for, found by their first two."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        self._starts: dict[str, list[tuple[str, str]]] = {}
        for piece, target in sorted(known, key=lambda entry: -len(entry[0])):
            if len(piece) > 1:
                self._starts.setdefault(piece[:2], []).append((piece, target))

    def found(self, text: str) -> list[tuple[int, str, str]]:
        """Where they stand in a text, from left to right, the longest first: (place, piece, target)."""
        starts, free = self._starts, 0
        hits: list[tuple[int, str, str]] = []
        if starts.keys().isdisjoint(map(add, text, text[1:])):
            return hits
        for place in range(len(text) - 1):
            for piece, target in starts.get(text[place : place + 2], ()) if place >= free else ():
                if text.startswith(piece, place):
                    hits.append((place, piece, target))
                    free = place + len(piece)
                    break
        return hits


class Characters(dict[int, str]):
    """A character → what it is read as, worked out when it is first seen; empty: it is not seen at all."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, tuple[str, str]] = {}
        for target, variants in entries("traditional.txt"):
            self.known.update((variant, (target, "traditional")) for variant in variants)
        for target, variants in entries("digits.txt"):
            if len(target) == 1:
                self.known.update((variant, (target, "digit")) for variant in variants)
        for target, variants in entries("confusables.txt"):
            self.known.update(
                (variant, (target, "confusable"))
                for variant in variants
                if not _CYRILLIC.match(variant) and variant not in _CURRENCIES
            )

    def read(self, character: str) -> tuple[str, str]:
        """What a character is read as, and the kind of disguise; an empty kind is none."""
        if _HIDDEN.match(character):
            return "", "hidden"
        found = self.known.get(character)
        if found:
            return found
        plain = unicodedata.normalize("NFKC", character).lower()
        if len(plain) == 1 and plain in self.known:
            return self.known[plain]
        if plain != character.lower():
            plain = "".join(mark for mark in plain if not unicodedata.combining(mark))
            if not plain.isalnum():
                return plain, ""  # full-width punctuation is how Chinese is written
            return plain, "wide" if "\uff00" <= character <= "\uffef" else "styled"
        if character == "\u20e3":
            return "", "emoji"
        if plain > "\u00bf":
            if unicodedata.combining(character) or unicodedata.category(character) == "Me":
                return "", "combining"
            base = unicodedata.normalize("NFD", plain)
            if len(base) > 1 and base[0].isascii():
                return base[0], "accent"
            if unicodedata.category(character) in ("So", "Sk", "Cn") or character in "❤➕":
                return plain, "emoji"
        return plain, ""

    def __missing__(self, code: int) -> str:
        plain = self.read(chr(code))[0]
        if len(self) < MOST_CODE_POINTS:
            self[code] = plain
        return plain


class Kinds(dict[str, str]):
    """A character → the kind of its disguise, worked out when it is first seen."""

    def __init__(self, characters: Characters) -> None:
        super().__init__()
        self._characters = characters

    def __missing__(self, character: str) -> str:
        kind = self._characters.read(character)[1]
        if len(self) < MOST_CODE_POINTS:
            self[character] = kind
        return kind


class Sounds(dict[int, int]):
    """A Chinese character → its syllable, as one private character; all else stays."""

    def __init__(self) -> None:
        super().__init__()
        self.syllables: dict[str, str] = {}
        for number, (syllable, characters) in enumerate(entries("pinyin.txt")):
            code = _PUA + number
            self.syllables[syllable] = chr(code)
            self.update((ord(character), code) for character in characters)

    def __missing__(self, code: int) -> int:
        if len(self) < MOST_CODE_POINTS:
            self[code] = code
        return code


@dataclass(frozen=True, slots=True)
class Folded:
    """One text three times: as it was written, as it is read, as it sounds; and how it was disguised.

    raw       as written, in lower case
    plain     as read, with its punctuation
    text      as read, without punctuation; Latin words apart by one space
    sounds    `text`, with each Chinese character as its syllable
    disguise  kinds of disguise → how often
    """

    raw: str
    plain: str
    text: str
    sounds: str
    disguise: dict[str, int] = field(default_factory=dict)


class Folding:
    """The tables, loaded once."""

    def __init__(self) -> None:
        self.characters = Characters()
        self.kinds = Kinds(self.characters)
        self.sounds = Sounds()
        self._to_latin: dict[int, str] = {}
        self._to_cyrillic = str.maketrans(_LOOK_LATIN, _LOOK_CYRILLIC)
        for target, variants in entries("confusables.txt"):
            for variant in variants:
                if _CYRILLIC.match(variant):
                    self._to_latin[ord(variant)] = target
        self._parts = self._pieces("")
        self._common_parts = self._pieces("common")
        self._words = Pieces(
            (variant.translate(self.characters), target)
            for target, variants in entries("words.txt")
            for variant in variants.split()
        )
        self._syllables = re.compile("(?:" + "|".join(sorted(self.sounds.syllables, key=len, reverse=True)) + ")")
        self._spelled = lru_cache(20_000)(self._spell)

    def fold(self, raw: str) -> Folded:
        """Fold one text; the time grows with its length only."""
        disguise: dict[str, int] = {}
        if "&#" in raw:
            raw, count = _ENTITY.subn(_entity, raw)
            if count:
                disguise["entities"] = count
        lower = raw.lower()
        read = raw.translate(self.characters)
        if read != lower or not raw.isascii():
            kinds = self.kinds
            for character in _DRESSED.sub("", raw):
                kind = kinds[character]
                if kind:
                    disguise[kind] = disguise.get(kind, 0) + 1
        if not raw.isascii() and _CYRILLIC.search(read):
            read = self._one_script(read, disguise)
        joined = _SINGLES.sub(_close, read)
        if joined != read:
            disguise["spaced"] = len(read) - len(joined)
        split = len(_SPLIT.findall(joined))
        if split:
            disguise["split"] = split
        text = _SEPARATED.sub("", joined)
        text = _NOISE.sub(_gap, text).strip()
        if sum(map(eq, text, text[1:])) * 4 > len(text):
            text = _single(text, disguise)
        text = self._whole(text, disguise)
        text = _WEAK_RUN.sub(lambda found: _numbers(found, disguise), text)
        return Folded(lower, read, text, self._sound(text), disguise)

    def _pieces(self, section: str) -> Pieces:
        return Pieces(
            (parts.translate(self.characters), target)
            for target, variants in entries("parts.txt", section)
            for parts in variants.split()
        )

    def _whole(self, text: str, disguise: dict[str, int]) -> str:
        """Characters that were taken apart, together again; parts that are words, too, only beside other disguise."""
        for pieces in (self._parts, self._common_parts):
            found = pieces.found(text)
            if found:
                disguise["parts"] = disguise.get("parts", 0) + len(found)
                end = 0
                read: list[str] = []
                for place, parts, target in found:
                    read += text[end:place], target
                    end = place + len(parts)
                text = "".join([*read, text[end:]])
            if not disguise.keys() - {"emoji"}:
                break
        return text

    def words(self, folded: Folded) -> list[str]:
        """Words of contact and lure that were written otherwise; with `?` where the other writing is a word, too."""
        text = folded.plain
        return [
            target
            for place, word, target in self._words.found(text)
            if not _TOUCHES.match(text[place - 1 : place] + word[0])
            and not _TOUCHES.match(word[-1] + text[place + len(word) : place + len(word) + 1])
        ]

    def _sound(self, text: str) -> str:
        sounds = text.translate(self.sounds)
        return _LATIN.sub(lambda found: self._spelled(found[0]), sounds)

    def _spell(self, word: str) -> str:
        """A Latin word as syllables where it is pinyin, else with the letters that its digits stand for."""
        if word.isalpha():
            if len(word) >= 4:
                found = self._syllables.findall(word)
                if len("".join(found)) == len(word) and len(found) * 2 <= len(word):
                    return "".join(self.sounds.syllables[syllable] for syllable in found)
            return word
        return word.translate(_LEET)

    def _one_script(self, read: str, disguise: dict[str, int]) -> str:
        """Cyrillic letters among Latin ones as Latin, Latin ones among Cyrillic as Cyrillic."""
        own = sum(1 for letter in read if "\u0400" <= letter <= "\u04ff" and letter not in _LOOK_CYRILLIC)
        letters = sum(1 for letter in read if letter.isalpha())
        russian = own * 4 > letters or len(_CYRILLIC.findall(read)) == letters

        def word(found: re.Match[str]) -> str:
            letters = found[0]
            cyrillic = _CYRILLIC.findall(letters)
            if not cyrillic:
                return letters
            own = sum(1 for letter in cyrillic if letter not in _LOOK_CYRILLIC)
            if len(cyrillic) < len(letters):
                disguise["scripts"] = disguise.get("scripts", 0) + 1
                foreign = sum(1 for letter in letters if letter < "\u0400" and letter not in _LOOK_LATIN)
                if own > foreign or (own == foreign and russian):
                    return letters.translate(self._to_cyrillic)
            elif own or russian:
                return letters
            disguise["confusable"] = disguise.get("confusable", 0) + len(cyrillic)
            return letters.translate(self._to_latin)

        return _MIXED.sub(word, read)


def _entity(found: re.Match[str]) -> str:
    code = int(found[1])
    return chr(code) if 32 <= code < 0xD800 or 0xE000 <= code < 0x110000 else found[0]


def _single(text: str, disguise: dict[str, int]) -> str:
    """Characters that are written twice, once, where several different ones are: laughter is none of it."""
    twice = _TWICE.findall(text)
    if sum(1 for letter in set(twice) if not letter.isdigit()) < 3:
        return text
    disguise["doubled"] = len(twice)
    everything = len(twice) * 2 > len(text) - 2
    # A number may hold a digit twice: it is only doubled where all the rest is.
    return _TWICE.sub(lambda found: found[0] if found[1].isdigit() and not everything else found[1], text)


def _close(found: re.Match[str]) -> str:
    """Characters set apart, together again; code and lists are left as they are, and so is a colon."""
    run = found[0]
    if run.isascii() and (_CODE.search(run) or _DOTTED.fullmatch(run)):
        return run
    colon = 0 < run.count(":") < len(_NOISE.findall(run))
    return _NOISE.sub(lambda noise: " " if colon and ":" in noise[0] else "", run)


def _gap(found: re.Match[str]) -> str:
    """A space between Latin words or numbers; nothing between Chinese characters."""
    text = found.string
    start, end = found.span()
    if start and end < len(text) and text[start - 1] < "\u3000" and text[end] < "\u3000":
        return " "
    return ""


_DIGITS = str.maketrans("零〇○一二两三四五六七八九幺肆伍陆", "00012234567891456")
_UP, _DOWN = "一二三四五六七八九", "九八七六五四三二一"


def _numbers(found: re.Match[str], disguise: dict[str, int]) -> str:
    """Chinese numerals between digits are digits; a long run of them alone is a number, unless somebody counts."""
    run = found[0]
    if run.isascii():
        return run
    if not _INSIDE_NUMBER.search(run):
        alone = run.strip("0123456789")
        if len(alone) < 5 or _UP.startswith(alone) or _DOWN.endswith(alone):
            return run
    disguise["numerals"] = disguise.get("numerals", 0) + 1
    return run.translate(_DIGITS)
