"""What two texts have in common: their terms, and their numbers with the units."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
RUN = re.compile(f"[{CJK}]+")
WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*")
GLUE = re.compile("[的了是在和与及或也就都而把被将吗呢吧啊呀嘛其之于请您你我它]")
"""Characters that hold words together; a pair across them is no term."""
_PAIRS = (
    "可以 需要 如果 然后 这个 那个 一个 自己 进行 使用 通过 以及 或者 但是 所以 因为 因此 首先 其次 最后 之后 之前 时候"
    " 情况 方式 方法 问题 什么 怎么 如何 根据 资料 文档 提到 说明 即可 一下 并且 还有 另外 建议 注意 直接 一般 通常"
    " 这样 那么 这些 那些 相关 具体 按照 里面 其中 对应 应该 一些 只要 只需 不过 同时 这里 里写 写到 写着 以下 如下"
    " 步骤"
)
PLAIN_PAIRS = frozenset(_PAIRS.split())
"""Pairs that any Chinese text has."""
_WORDS = (
    "a an the and or but if then than that this these those it its is are was were be been being do does did done"
    " have has had can could may might must shall should will would of in on at to from for with by as into about"
    " over under you your we our they their he she his her i my me us them there here what which who when where how"
    " why so such also just only very more most some any all each both not no yes s t re ve ll d use used using"
    " according document documents passage source says said via per etc eg ie vs please need needs want first next"
    " after before while during until because since however"
)
PLAIN_WORDS = frozenset(_WORDS.split())
"""Words that any English text has."""
CLAUSE = re.compile(r"[,。!?;:\n|()]+|(?<!\d)\.(?!\d)|\.(?=\s)|\band\b")
FULL_WIDTH = str.maketrans({"，": ", ", "：": ": ", "；": "; ", "！": "! ", "？": "? ", "（": " (", "）": ") "})


def folded(text: str) -> str:
    """The text in one width; full-width punctuation gets a space, so that it joins no numbers."""
    return unicodedata.normalize("NFKC", text.translate(FULL_WIDTH))


# --- terms ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """What a text is about: pairs of Chinese characters, the characters themselves, Latin words by their stems."""

    pairs: frozenset[str]
    characters: frozenset[str]
    words: frozenset[str]

    @property
    def weight(self) -> float:
        return len(self.pairs) + 2 * len(self.words)

    def share(self, other: Terms, asked: Terms) -> float:
        """How much of this stands in `other`, 0 to 1; what the question brought along counts half where it does not."""
        found = total = 0.0
        for mine, theirs, known, weight in (
            (self.pairs, other.pairs, asked.pairs, 0.6),
            (self.characters, other.characters, asked.characters, 0.4),
            (self.words, other.words, asked.words, 1.6),
        ):
            hits = len(mine & theirs)
            found += weight * hits
            total += weight * (hits + sum(0.5 if term in known else 1.0 for term in mine - theirs))
        return found / total if total else 1.0

    def common(self, other: Terms) -> float:
        return len(self.pairs & other.pairs) + 2 * len(self.words & other.words)


def terms(text: str) -> Terms:
    """The terms of a folded text."""
    pairs: set[str] = set()
    characters: set[str] = set()
    for run in RUN.findall(text):
        for piece in GLUE.split(run):
            found = {piece[at : at + 2] for at in range(len(piece) - 1)}
            pairs |= found - PLAIN_PAIRS
            plain = "".join(found & PLAIN_PAIRS)
            characters |= {character for character in piece if character not in plain}
    words = {word.casefold() for word in WORD.findall(text)}
    return Terms(frozenset(pairs), frozenset(characters), frozenset(_stem(word) for word in words - PLAIN_WORDS))


def _stem(word: str) -> str:
    for end in ("ation", "ing", "ies", "ed", "es", "ly", "s", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            return word[: -len(end)]
    return word


def is_chinese(text: str) -> bool:
    """Whether a text is written in Chinese rather than in Latin letters, Latin names and commands aside."""
    return 2 * sum(map(len, RUN.findall(text))) >= len(WORD.findall(text))


def clauses(text: str) -> list[str]:
    return [clause for piece in CLAUSE.split(text) if (clause := piece.strip())]


# --- numbers --------------------------------------------------------------------------------

THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
UNITS = (
    ("ms", "毫秒|milliseconds?|ms"),
    ("s", "秒钟|秒|seconds?|secs?|s"),
    ("min", "分钟|minutes?|mins?"),
    ("h", "个小时|小时|个钟头|钟头|hours?|hrs?|h"),
    ("workday", "个工作日|工作日|business days?|working days?"),
    ("d", "天|日|days?"),
    ("w", "个星期|星期|周|weeks?"),
    ("mon", "个月|months?"),
    ("y", "年|years?"),
    ("k", "kb|kib|k"),
    ("m", "mb|mib|m|兆"),
    ("g", "gb|gib|g"),
    ("t", "tb|tib|t"),
    ("%", "%"),
    ("次", "次|times"),
    ("条", "条"),
    ("人", "个人|人|people|members?"),
    ("元", "块钱|元|yuan"),
)
TIMES = frozenset(("ms", "s", "min", "h", "workday", "d", "w", "mon", "y"))
SIZES = frozenset("kmgt")
UNIT = "|".join(f"(?P<u{at}>{names})" for at, (_, names) in enumerate(UNITS))
NUMBER = re.compile(
    rf"(?P<nth>第\s*)?(?P<value>\d+(?:\.\d+)*)(?:\s*(?:(?P<count>步|点(?!\d)|种|个方面|个步骤|个方法|ways?\b|steps?\b|options?\b)|"
    rf"(?:{UNIT})(?![A-Za-z])))?",
    re.IGNORECASE,
)
DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
CHINESE = re.compile("[零〇一二两三四五六七八九十百千万]{1,12}")
SAID = re.compile(
    "(?:第[零〇一二两三四五六七八九十百千万]+|(?!一)[零〇一二两三四五六七八九十百千万]+(?=个?(?:秒|分钟|小时|天|周|星期|月|年|条|次)))"
)
"""Chinese numbers that a claim means as such: an order, a time, a count; "one" is mostly none."""
NTH = "nth"


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written, without commas, and the kind of its unit; empty where none is known."""

    value: str
    unit: str = ""

    def stands(self, others: Iterable[Number]) -> bool:
        """Whether one of `others` says the same, perhaps more exactly (3.11 where 3.11.4 is)."""
        return any(
            (other.value == self.value or other.value.startswith(f"{self.value}."))
            and (not self.unit or not other.unit or self.unit == other.unit)
            for other in others
        )

    def rivals(self, other: Number) -> bool:
        """Whether `other` could stand in the place of this: both are times, or sizes, or of one unit."""
        kinds = {self.unit, other.unit}
        return len(kinds) == 1 or kinds <= TIMES or kinds <= SIZES


def numbers(text: str, *, spelt: bool = False) -> list[Number]:
    """The numbers of a folded text; `spelt`: all those in Chinese characters as well, else only what `SAID` means.

    An order ("the third") has the unit `NTH`; what counts the answer's own steps or ways is left out.
    """
    text = (CHINESE if spelt else SAID).sub(_digits, THOUSANDS.sub("", text))
    return [
        Number(
            found["value"],
            NTH if found["nth"] else next((kind for at, (kind, _) in enumerate(UNITS) if found[f"u{at}"]), ""),
        )
        for found in NUMBER.finditer(text)
        if not found["count"]
    ]


def _digits(found: re.Match[str]) -> str:
    return CHINESE.sub(lambda number: f" {_value(number[0])}", found[0])


def _value(text: str) -> int:
    """The value of a number in Chinese characters."""
    if all(character in DIGITS for character in text):
        return int("".join(str(DIGITS[character]) for character in text))
    total = part = digit = 0
    for character in text:
        if character in DIGITS:
            digit = DIGITS[character]
        elif character == "万":
            total, part, digit = (total + part + digit) * 10_000, 0, 0
        else:
            part, digit = part + (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character], 0
    return total + part + digit


@dataclass(frozen=True, slots=True)
class Counted:
    """A clause with its numbers, and what it is about without them."""

    about: Terms
    numbers: Sequence[Number]


def counted(text: str, *, spelt: bool = False) -> list[Counted]:
    """The clauses of a text that have numbers; `spelt` as in `numbers`."""
    found = [(clause, numbers(clause, spelt=spelt)) for clause in clauses(text)]
    return [Counted(terms(NUMBER.sub(" ", CHINESE.sub(_digits, clause))), of) for clause, of in found if of]


def misplaced(claim: str, passage: Sequence[Counted]) -> Number | None:
    """A number of the claim that the passage gives to something else, while what is claimed has another there."""
    for here in counted(claim):
        for number in here.numbers:
            right = [here.about.common(there.about) for there in passage if number.stands(there.numbers)]
            rival = [
                here.about.common(there.about)
                for there in passage
                if not number.stands(there.numbers) and any(map(number.rivals, there.numbers))
            ]
            if right and rival and max(rival) >= max(right) + 2 and max(rival) >= 2 * max(right):
                return number
    return None
