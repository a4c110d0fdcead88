"""How people hide an ad from a filter: one operator a kind, used to make more training text of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random

from plugins.spam.folding import entries

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_HIDDEN = "\u200b\u200c\u200d\u2060\u2063\ufeff\u00ad\u034f\u200e\u2064\u180e"
_MARKS = "\u0300\u0301\u0302\u0305\u0308\u0332\u0334\u0335\u0336\u0337\u0338\u0489\u20dd\u20e3"
_EMOJI = [*"🔥🚀💰💵🎁🎉✨⭐👉✅❤💎🧧📣💥🏆㊙😍😊🌹🍀♥🈶㊗👀🐎", "❤️", "✈️"]
_GAPS = [*" ·.。-_|丨｜/~*^、＊•…﹏\u3000", "  "]
_WRAPS = ["【】", "[]", "（）", "()", "「」", "『』", "<>", "《》", "〖〗"]
_CIRCLED = {
    str(digit): "".join(
        glyphs[digit]
        for glyphs in ("⓪①②③④⑤⑥⑦⑧⑨", "０１２３４５６７８９", "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖")
    )
    for digit in range(10)
}
_FACES = ["[doge]", "[色]", "[玫瑰]", "[强]", "(笑)", "[耶]", "/微笑", "[红包]", "[呲牙]", "(*^▽^*)", "[OK]"]
_LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "g": "9", "b": "8"}
_STYLES = (
    (0x1D400, 0x1D41A), (0x1D5D4, 0x1D5EE), (0x1D670, 0x1D68A), (0x1D4D0, 0x1D4EA), (0xFF21, 0xFF41), (0x24B6, 0x24D0),
)  # fmt: skip
"""Where other alphabets begin: their capitals, their small letters."""
_TONES = {"a": "āáǎà", "e": "ēéěè", "i": "īíǐì", "o": "ōóǒò", "u": "ūúǔù"}
Evade = Callable[[str, Random], str]


def _each(text: str, chance: float, dice: Random, change: Callable[[str], str]) -> str:
    return "".join(change(letter) if dice.random() < chance else letter for letter in text)


def _amount(dice: Random) -> float:
    """How much of a text is changed: mostly some of it, at times all."""
    return dice.choice([0.15, 0.3, 0.5, 0.8, 1.0])


class Evasions:
    """All operators, by name; the tables of folding are read the other way round."""

    def __init__(self) -> None:
        self._traditional = dict(entries("traditional.txt"))
        self._confusable = dict(entries("confusables.txt"))
        self._parts = {target: ways.split() for part in ("common", "") for target, ways in entries("parts.txt", part)}
        self._alike = dict(entries("pinyin.txt"))
        self._syllable = {character: syllable for syllable, those in self._alike.items() for character in those}
        self._words: dict[str, list[str]] = {}
        for target, variants in entries("words.txt"):
            self._words.setdefault(target.rstrip("?"), []).extend(variants.split())
        self._word = re.compile("|".join(map(re.escape, sorted(self._words, key=len, reverse=True))))
        self.known: Mapping[str, Evade] = {
            "digits": self._digits, "doubled": self._doubled, "dropped": self._dropped, "emoji": self._emoji,
            "entities": self._entities, "faces": self._faces, "filler": self._filler, "fullwidth": self._fullwidth,
            "homoglyph": self._homoglyph, "homophone": self._homophone, "leet": self._leet, "marks": self._marks,
            "masked": self._masked, "parts": self._in_parts, "pinyin": self._pinyin, "reversed": self._reversed,
            "spacing": self._spacing, "styled": self._styled, "traditional": self._old_forms,
            "vertical": self._vertical, "words": self._reworded, "wrap": self._wrap, "zerowidth": self._zerowidth,
        }  # fmt: skip

    def evade(self, text: str, dice: Random) -> tuple[str, str]:
        """A text disguised in one to three ways, and their names joined by +."""
        names = dice.sample(sorted(self.known), dice.choice([1, 1, 1, 2, 2, 3]))
        for name in names:
            text = self.known[name](text, dice)
        return text, "+".join(names)

    def _fullwidth(self, text: str, dice: Random) -> str:
        some = dice.choice([0.4, 1.0, 1.0])
        return _each(text, some, dice, lambda c: chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c)

    def _homoglyph(self, text: str, dice: Random) -> str:
        def change(c: str) -> str:
            alike = self._confusable.get(c.lower())
            return dice.choice(alike) if alike else c

        return _each(text, dice.choice([0.3, 0.6, 0.9]), dice, change)

    def _reworded(self, text: str, dice: Random) -> str:
        def change(found: re.Match[str]) -> str:
            return dice.choice(self._words[found[0]]) if dice.random() < 0.8 else found[0]

        changed: str = self._word.sub(change, text)
        return changed

    def _zerowidth(self, text: str, dice: Random) -> str:
        return _each(text, dice.choice([0.2, 0.4, 0.8]), dice, lambda c: c + dice.choice(_HIDDEN))

    def _marks(self, text: str, dice: Random) -> str:
        mark = dice.choice([*_MARKS, ""])
        return _each(text, _amount(dice), dice, lambda c: c + (mark or dice.choice(_MARKS)))

    def _spacing(self, text: str, dice: Random) -> str:
        gap, chance = dice.choice(_GAPS), dice.choice([0.12, 0.25, 1.0, 1.0])
        return _each(text, chance, dice, lambda c: c + gap)

    def _emoji(self, text: str, dice: Random) -> str:
        emoji = [dice.choice(_EMOJI) for _ in range(dice.choice([1, 2, 4]))]
        text = _each(text, dice.choice([0.05, 0.15, 0.4]), dice, lambda c: c + dice.choice(emoji))
        tail: str = dice.choice(emoji) * dice.choice([0, 0, 2, 4])
        return text + tail

    def _spelled(self, c: str, dice: Random, tones: bool) -> str:
        syllable = self._syllable.get(c, "")
        for vowel in "aeoiu" if tones else "":
            if vowel in syllable:
                return syllable.replace(vowel, dice.choice(_TONES[vowel]), 1)
        return syllable or c

    def _pinyin(self, text: str, dice: Random) -> str:
        tones, initials = dice.random() < 0.15, dice.random() < 0.15

        def run(found: re.Match[str]) -> str:
            if dice.random() > 0.5:
                return found[0]
            return "".join(
                (self._syllable.get(c, c)[:1] if initials else self._spelled(c, dice, tones)) for c in found[0]
            )

        return re.sub(r"[\u3400-\u9fff]{1,3}", run, text)

    def _old_forms(self, text: str, dice: Random) -> str:
        chance = dice.choice([0.4, 1.0, 1.0])
        return _each(text, chance, dice, lambda c: dice.choice(self._traditional.get(c, c)))

    def _digits(self, text: str, dice: Random) -> str:
        return _each(text, dice.choice([0.5, 1.0]), dice, lambda c: dice.choice(_CIRCLED.get(c, c)))

    def _homophone(self, text: str, dice: Random) -> str:
        chance = dice.choice([0.1, 0.2, 0.4])
        return _each(
            text, chance, dice, lambda c: dice.choice(self._alike[self._syllable[c]]) if c in self._syllable else c
        )

    def _in_parts(self, text: str, dice: Random) -> str:
        return _each(
            text, dice.choice([0.4, 1.0]), dice, lambda c: dice.choice(self._parts[c]) if c in self._parts else c
        )

    def _vertical(self, text: str, dice: Random) -> str:
        return "\n".join(text)

    def _leet(self, text: str, dice: Random) -> str:
        return _each(text, 0.6, dice, lambda c: dice.choice(_LEET.get(c.lower(), c)))

    def _styled(self, text: str, dice: Random) -> str:
        upper, lower = dice.choice(_STYLES)

        def change(c: str) -> str:
            if "a" <= c <= "z":
                return chr(lower + ord(c) - 97)
            return chr(upper + ord(c) - 65) if "A" <= c <= "Z" else c

        return _each(text, 0.9, dice, change)

    def _wrap(self, text: str, dice: Random) -> str:
        pair = dice.choice(_WRAPS)
        return _each(text, 0.3, dice, lambda c: f"{pair[0]}{c}{pair[1]}" if _CHINESE.match(c) else c)

    def _doubled(self, text: str, dice: Random) -> str:
        return _each(text, dice.choice([0.3, 0.6, 1.0]), dice, lambda c: c + c)

    def _dropped(self, text: str, dice: Random) -> str:
        return _each(text, dice.choice([0.05, 0.12]), dice, lambda c: "")

    def _masked(self, text: str, dice: Random) -> str:
        mask = dice.choice(["*", "×", "x", "○", "口", "🈲", "_"])
        return _each(text, dice.choice([0.06, 0.12, 0.2]), dice, lambda c: mask if _CHINESE.match(c) else c)

    def _filler(self, text: str, dice: Random) -> str:
        def change(c: str) -> str:
            return c + dice.choice("的了啊哦呢呀嗯吧") if _CHINESE.match(c) else c

        return _each(text, dice.choice([0.15, 0.3]), dice, change)

    def _faces(self, text: str, dice: Random) -> str:
        faces = dice.sample(_FACES, 3)
        return _each(text, dice.choice([0.08, 0.2]), dice, lambda c: c + dice.choice(faces))

    def _entities(self, text: str, dice: Random) -> str:
        return _each(text, dice.choice([0.2, 0.5, 1.0]), dice, lambda c: f"&#{ord(c)};")

    def _reversed(self, text: str, dice: Random) -> str:
        if dice.random() < 0.5:
            return text[::-1]
        return "".join(part[::-1] for part in re.split(r"(?<=[，,。 ])", text))
