"""Verifies that an answer says what the passages say that it cites."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from bot.api import Passage
from plugins.ask.claims import MARK, SHORTEST, Parts, parts
from plugins.ask.denial import Clause, contradicted
from plugins.ask.support import (
    NTH,
    RUN,
    WORD,
    Terms,
    clauses,
    counted,
    folded,
    is_chinese,
    misplaced,
    numbers,
    terms,
)

NOT_FOUND = "没找到"
SAID_NOTHING = re.compile(
    r"(?:抱歉|对不起|很遗憾)?(?:在?(?:给出的?|提供的?)?(?:资料|材料|文档)(?:里面|里|中)?)?(?:没有?|未)(?:能)?找到|notfound",
    re.IGNORECASE,
)
LONGEST_NOTHING = 30
SUPPORTED, SUPPORTED_LATIN = 0.36, 0.27
"""The least share of a claim's terms that its passage has, in Chinese and in Latin letters."""
UNNAMED = 0.25
"""The same for a sentence that cites nothing, in all the cited passages together."""
BETTER = 0.25
"""By so much another passage must have more of a claim to show that the number is wrong."""
FEW = 4.0
"""The terms of a claim below which its share means little."""
SHORT = 6.0
"""The terms of a claim below which it is read together with what comes before it."""
_OWN = (
    "ok ai app bug api url id ip cpu gpu ram pc web http https qq ui wifi usb bot admin email token log faq sdk cli gui"
    " git json ssh tcp udp dns vpn sql html"
)
OWN_WORDS = frozenset(_OWN.split())
"""Words that a Chinese sentence may bring along by itself."""
POLITE = re.compile(
    r"希望.{0,6}帮|有(?:其他|别的|任何|更多|什么)?(?:问题|疑问)|欢迎|祝|随时|谢谢|总之|综上|总结|好的|你好|"
    r"(?:资料|材料|文档|上文|这里)(?:里|中|里面)?(?:都|也|并|还)?(?:没有?|未)|问(?:问|一下)?(?:群)?(?:管理员|群主)|"
    r"hope (?:this|that)|let me know|feel free|in summary|happy to help|"
    r"(?:passages?|material|documents?|sources?) (?:do(?:es)? not|don't|doesn't)",
    re.IGNORECASE,
)
"""Sentences that claim nothing of the subject, or only that nothing is said of it."""


def says_nothing(answer: str) -> bool:
    """Whether an answer says only that the passages do not answer the question."""
    bare = "".join(character for character in folded(answer) if character.isalnum())
    return bare == NOT_FOUND or (
        len(bare) <= LONGEST_NOTHING and SAID_NOTHING.match(bare) is not None and not parts(answer).cited
    )


def cited(answer: str) -> list[int]:
    """The numbers that an answer cites, sorted."""
    return sorted(parts(answer).cited)


def unmarked(answer: str) -> str:
    """An answer without the numbers that it cites."""
    return MARK.sub("", answer)


def unverified(answer: str, passages: Sequence[Passage], asked: str) -> str:
    """Why `answer` is not what `passages` say, cited by numbers from 1; empty where it is.

    `asked` is the question with all that it quotes: what it brings along, the answer may repeat.
    """
    found = parts(answer)
    if not found.cited:
        return "it cites nothing"
    if beyond := sorted(number for number in found.cited if not 1 <= number <= len(passages)):
        return f"it cites [{beyond[0]}] of {len(passages)} passages"
    if not found.lines and not any(claim.cited for claim in found.claims):
        return "it claims nothing under the numbers that it cites"
    texts = [folded(f"{passage.title}\n{passage.text}\n{passage.source}") for passage in passages]
    question = folded(asked)
    return _words(found, texts, question) or _claims(found, texts, question)


def _words(found: Parts, texts: Sequence[str], question: str) -> str:
    """What would have to stand somewhere word for word, and does not."""
    named = [_bare(texts[number - 1]) for number in found.cited] + [_bare(question)]
    for quote in found.quotes:
        bare = _bare(quote)
        if len(bare) >= SHORTEST and not any(bare in text for text in named):
            return f"no cited passage says {quote!r}"
    everything = "\n".join((*texts, question))
    spaced = " ".join(everything.split())
    for line in found.lines:
        if not _typed(line, spaced):
            return f"no passage has the line {line!r}"
    for code in found.codes:
        if not _typed(code, spaced):
            return f"no passage has {code!r}"
    for url in found.urls:
        if not re.search(
            re.escape(url.rstrip("/")) + r"/?(?![A-Za-z0-9_/%?=&#-]|\.[A-Za-z0-9])", spaced, re.IGNORECASE
        ):
            return f"no passage has the address {url!r}"
    for run in found.slashed:
        whole = re.search(rf"/{run[0]}(?![{RUN.pattern[1:-2]}])", everything) if run else None
        if not whole and not any(f"/{run[:length]}" in everything for length in range(len(run), 1, -1)):
            return f"no passage has the command '/{run}'"
    return ""


def _claims(found: Parts, texts: Sequence[str], question: str) -> str:
    """What the answer claims and the passages do not."""
    asked, asked_numbers = terms(question), numbers(question, spelt=True)
    known_words = {word.casefold() for text in (*texts, question) for word in WORD.findall(text)}
    of = cache(lambda numbered: _Text("\n".join(texts[number - 1] for number in sorted(numbered))))
    for claim in found.claims:
        named = claim.cited or found.cited
        source = of(named)
        for number in numbers(claim.text):
            if number.unit != NTH and not number.stands(source.numbers) and not number.stands(asked_numbers):
                return f"{_marks(named)} has no {number.value}{number.unit}: {claim.text!r}"
        about = terms(claim.text)
        leads_in = claim.text.endswith(":") and (about.weight < SHORT or not claim.cited)
        if leads_in or (not claim.cited and POLITE.search(claim.text)):
            continue
        chinese = is_chinese(claim.text)
        if chinese != source.chinese:
            about = _names(claim.text, about, chinese)
        elif chinese:
            strange = {word.casefold() for word in WORD.findall(claim.text)} - known_words - OWN_WORDS
            if strange := {word for word in strange if len(word) > 1}:
                return f"{_marks(named)} has no {min(strange)!r}: {claim.text!r}"
        if term := contradicted(claim.text, source.clauses):
            return f"{_marks(named)} says the opposite of {term!r}: {claim.text!r}"
        if strayed := misplaced(claim.text, source.counted):
            return f"{_marks(named)} gives {strayed.value} to something else: {claim.text!r}"
        share = about.share(source.terms, asked)
        if claim.before and about.weight < SHORT:
            share = max(share, terms(f"{claim.before}\n{claim.text}").share(source.terms, asked))
        if not claim.cited:
            if about.weight >= FEW and share < UNNAMED:
                return f"no cited passage supports ({share:.2f}): {claim.text!r}"
            continue
        if share < (SUPPORTED if chinese else SUPPORTED_LATIN) and about.weight:
            return f"{_marks(named)} does not support ({share:.2f}): {claim.text!r}"
        for other in range(1, len(texts) + 1):
            better = 0.0 if other in named else about.share(of(frozenset({other})).terms, asked)
            if better > share + BETTER and about.weight >= FEW:
                return f"[{other}] supports ({better:.2f}) better than {_marks(named)} ({share:.2f}): {claim.text!r}"
    return ""


class _Text:
    """A passage, or several, read once for all claims."""

    def __init__(self, text: str) -> None:
        self.clauses = [Clause(clause) for clause in clauses(text)]
        self.counted = counted(text, spelt=True)
        self.terms = terms(text)
        self.numbers = numbers(text, spelt=True)
        self.chinese = is_chinese(text)


def _names(text: str, about: Terms, chinese: bool) -> Terms:
    """What of a claim can be compared with a passage in another script: Latin words, of an English claim the names."""
    if chinese:
        return Terms(frozenset(), frozenset(), about.words)
    kept = [word for word in WORD.findall(text)[1:] if word != word.lower()]
    return Terms(frozenset(), frozenset(), terms(" ".join(kept)).words)


def _typed(code: str, spaced: str) -> bool:
    """Whether something that one types stands there, whole, in the case of its options."""
    code = re.sub(r"^(?:\$|>>>)\s+", "", " ".join(code.split()))
    if not code:
        return True
    flags = "" if re.search(r"(?<!\S)-[A-Za-z]", code) else "(?i)"
    return re.search(f"{flags}(?<![A-Za-z0-9_]){re.escape(code)}(?![A-Za-z0-9_])", spaced) is not None or (
        not code[0].isalnum() and code.casefold() in spaced.casefold()
    )


def _bare(text: str) -> str:
    """Letters and digits alone, in one case."""
    return "".join(character for character in text.casefold() if unicodedata.category(character)[0] in "LN")


def _marks(named: frozenset[int]) -> str:
    return "".join(f"[{number}]" for number in sorted(named))
