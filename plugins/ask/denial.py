"""Whether a claim says the opposite of a passage: it denies what stands there, or turns it round."""

from __future__ import annotations

import re
from collections.abc import Sequence

from plugins.ask.support import CJK, PLAIN_PAIRS, PLAIN_WORDS, RUN, WORD, clauses, terms

UNDENYING = re.compile(
    "不行[就则，,]|不行的话|不然就|不过|不仅|不但|不同|不断|不管|不论|无论|不如|不少|不错|差不多|无线|非常|别人|特别|级别|分别|区别|识别|类别|性别|未来|"
    "能不能|是不是|要不要|可不可以|会不会|有没有|是否|不只|不光|无非|不足|不够|不然|别名|别的|"
    "不[能得可会]?(?:超过|少于|多于|低于|高于|大于|小于)|not only"
)
DENIAL = re.compile(
    "不再|不会|不能|不可以?|不用|不必|不需要?|不要|不得|不|没有|没法|没|无法|无需|无须|无|未|勿|别|禁止|严禁|"
    r"\b(?:do not|does not|did not|is not|are not|can ?not|must not|should not|will not|not|never|no|without|"
    r"rather than|instead of|(?:do|does|did|is|are|ca|wo|should|must)n't)\b",
    re.IGNORECASE,
)
REACH = 3
"""A denial holds for so many characters after it."""
NAMES = r"(-{0,2}[A-Za-z][A-Za-z0-9_.+-]*(?:[\s、/]+[A-Za-z][A-Za-z0-9_.+-]*)*)"
NAMES_BEHIND = re.compile(rf"\s*[{CJK}]{{0,4}}\s*{NAMES}")
NAMES_BEFORE = re.compile(rf"{NAMES}[{CJK}]{{0,3}}$")
"""A denial also holds for the Latin names next to it: 不支持 rar, rar 不行."""
OPPOSITES = (
    "开启|打开|启用 关闭|关掉|停用|禁用",
    "增大|增加|加大|调大|调高|提高|翻倍|加倍 减小|减少|调小|调低|降低|减半",
    "公开 私有",
    "允许 禁止|严禁",
    "最大|最多|至多|不超过 最小|最少|至少|不低于|不少于",
    "升级 降级",
    "免费 付费|收费",
    "必须 可选|自愿",
    "所有人|任何人|谁都|人人 只有|仅限",
    "手动 自动",
    "enable|enabled|enables disable|disabled|disables",
    "increase|increases|raise|double reduce|reduces|decrease|decreases|lower|halve",
    "minimum|least maximum|most",
    "anyone|everyone|any only",
    "public private",
    "optional required|mandatory",
)
SIDES = tuple(
    (
        re.compile(rf"(?<![A-Za-z不])(?:{one})(?![A-Za-z])", re.IGNORECASE),
        re.compile(rf"(?<![A-Za-z不])(?:{two})(?![A-Za-z])", re.IGNORECASE),
    )
    for pair in OPPOSITES
    for one, two in (pair.split(), pair.split()[::-1])
)


def denied(clause: str) -> frozenset[str]:
    """The terms of a clause that are denied: what stands right behind a denial, and Latin names right before it."""
    clause = UNDENYING.sub(" ", clause)
    found: set[str] = set()
    for denial in DENIAL.finditer(clause):
        before, after = clause[: denial.start()], clause[denial.end() :]
        if denial[0].isascii():
            verb = next((word for word in WORD.findall(after) if word.casefold() not in PLAIN_WORDS), "")
            found |= terms(verb).words
            continue
        if run := RUN.match(after.lstrip()):
            head = run[0][:REACH]
            found |= {head[at : at + 2] for at in range(len(head) - 1)}
        for near in (NAMES_BEHIND.match(after), NAMES_BEFORE.search(before)):
            found |= terms(near[1]).words if near else frozenset()
    return frozenset(found - PLAIN_PAIRS)


class Clause:
    """A clause with what it is about and what it denies."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.terms = terms(UNDENYING.sub(" ", text))
        self.denied = denied(text)
        self.denies = DENIAL.search(UNDENYING.sub(" ", text)) is not None

    def opposes(self, other: Clause, term: str) -> bool:
        """Whether one of both denies `term` and the other denies nothing at all."""
        return (term in self.denied and not other.denies) or (term in other.denied and not self.denies)


def contradicted(claim: str, passage: Sequence[Clause]) -> str:
    """A word that the claim denies and the passage does not, or turns into its opposite; empty where there is none."""
    for text in clauses(claim):
        here = Clause(text)
        for term in here.terms.pairs | here.terms.words:
            near = [
                (here.terms.common(other.terms), other)
                for other in passage
                if term in other.terms.pairs or term in other.terms.words
            ]
            best = max((common for common, _ in near), default=0)
            # Where the passage says it in one way only, one word is enough to tell; else the clause must be alike.
            if best < 2 and len({term in other.denied for _, other in near}) > 1:
                continue
            nearest = [other for common, other in near if common > best - 1]
            if nearest and all(here.opposes(other, term) for other in nearest):
                return term
        for side, other_side in SIDES:
            said = side.search(text)
            if said is None or other_side.search(text):
                continue
            like = [(here.terms.common(other.terms), other.text) for other in passage]
            best = max((common for common, _ in like), default=0)
            alike = [other for common, other in like if common == best]
            if best >= 2 and all(other_side.search(other) and not side.search(other) for other in alike):
                return said[0]
    return ""
