"""What is searched for: pairs of neighbouring Chinese characters, and words of other scripts.

SQLite's own tokenizers take a run of Chinese for one word, or find nothing of two characters.
"""

from __future__ import annotations

import re
import unicodedata

FORM = 1
"""To be raised whenever a text gives other terms than before: what is indexed would no longer be found or removed."""
LONGEST = 40
"""A longer word is no word: it is cut, so that it still finds itself."""

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA_HANGUL = "\u3041-\u30ff\uac00-\ud7af"
_RUNS = re.compile(rf"[{HAN}{KANA_HANGUL}]+|[a-z0-9\u00df-\u024f\u0370-\u052f]+(?:\.\d+)*(?:\+\+|#)?")


_OTHER_FORMS = re.compile(
    "[\u0300-\u036f\u2100-\u214f\u2460-\u24ff\u3300-\u33ff\uf900-\ufaff\ufb00-\ufb06"
    "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f\U0001d400-\U0001d7ff]"
)


def fold(text: str) -> str:
    """One form for what reads the same: full-width and half-width, upper and lower case.

    Normalizing is dear, and full-width punctuation, which is in every Chinese text, is no part of a term.
    """
    return (unicodedata.normalize("NFKC", text) if is_odd(text) else text).casefold()


def is_odd(text: str) -> bool:
    """Whether `fold` has more to do than change capitals."""
    return _OTHER_FORMS.search(text) is not None


def terms(folded: str) -> list[str]:
    """The terms of a folded text, in order, with repetitions."""
    found: list[str] = []
    for run in _RUNS.findall(folded):
        if run[0] < "\u3007":
            found.append(stem(run[:LONGEST]))
        elif len(run) == 1:
            found.append(run)
        else:
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return found


def singles(folded: str) -> set[str]:
    """The Chinese characters of a folded text: a heading is so short that a pair in common is asked too much."""
    return {character for run in _RUNS.findall(folded) if run[0] >= "\u3007" for character in run}


def stem(word: str) -> str:
    """An English word without the commonest endings: installs, installed, installing are one."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ing") and len(word) > 5:
        word = word[:-3]
    elif word.endswith("ed") and len(word) > 4:
        word = word[:-2]
    elif word.endswith("ies"):
        return word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def is_latin(term: str) -> bool:
    """Whether a term is a word and no pair of characters."""
    return term[0] < "\u3007"
