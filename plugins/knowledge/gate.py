"""How surely what was found answers: a question that was put to the bot, and a line that was not.

The weights of the second were fitted on one half of a published set of 2,272 lines of real groups over the documents
of eight projects, and tried on the other half; those of the first on questions about the shipped FAQ and on CMRC 2018
with half of its passages taken away. docs/bench.md has the figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from plugins.knowledge.asking import is_question
from plugins.knowledge.chunks import JOIN
from plugins.knowledge.everyday import talk
from plugins.knowledge.search import SMALL, Found, Hit
from plugins.knowledge.shelf import SHIPPED
from plugins.knowledge.terms import fold, is_latin, terms

FOUND = 0.5
"""From here on a question put to the bot counts as answered."""
PLAINLY, OTHERWISE = 0.45, 0.6
"""The same for the shipped answers, which are about the bot: where a question names something of it, and where not."""
NEAR = 0.35
"""From here on what was found is worth naming, where it is no answer."""
SPEAKS = 0.45
"""From here on an unasked line is answered, where a group has not shown that it wants more or less."""

LENGTH = 4.0
"""A chunk is so many times as long as an everyday message."""
CLEAREST = 4.0
"""A term says no more than this of the topic."""
ASKED, ASKED_COVERAGE, ASKED_SCORE, FOREIGN, MOST_FOREIGN = -7.4, 4.9, 1.65, 0.85, 3
"""A name in the question that the chunk does not hold says that the question is about something else."""
ALIKE = 0.5
"""The share of terms in common from which a line is the question that a chunk stands under."""
A_QUESTION = 4
"""A heading of fewer terms is a topic and no question."""
BIAS, CHINESE, LATIN, SCORE, COVERAGE = -6.75, 0.95, 1.5, 1.1, 0.8


_OF_THE_BOT = re.compile(
    r"机器人|小鹏|插件|命令|指令|口令|它|你|/\w|欢迎|知识|待答|主动答|网页聊天|群管|禁言|撤回|协管"
    r"|\bbots?\b|xiaopeng|plugin|command|napcat|onebot|llbot|lagrange|\bit\b|\bits\b|\byou\b|web chat|mute|recall"
    r"|knowledge|welcome"
)


def sure(found: Found) -> float:
    """How surely the best hit answers a question that was put to the bot, from 0 to 1."""
    if not found.hits:
        return 0.0
    best = found.hits[0]
    foreign = sum(1 for term in found.worth if term not in best.held and _is_name(term))
    weighed = ASKED + ASKED_COVERAGE * best.coverage + ASKED_SCORE * math.log1p(best.score)
    return _share(weighed - FOREIGN * min(foreign, MOST_FOREIGN))


def topical(found: Found, line: str) -> float:
    """How surely a line that nobody put to the bot is a question that the knowledge answers, from 0 to 1."""
    if not found.hits or not is_question(line):
        return 0.0
    return max(_on_topic(found), _asked(found.hits, line))


def enough(best: Hit, question: str) -> float:
    """From which `sure` on a question put to the bot is answered by this hit."""
    if best.collection != SHIPPED:
        return FOUND
    return PLAINLY if _OF_THE_BOT.search(question.casefold()) else OTHERWISE


def _asked(hits: Sequence[Hit], line: str) -> float:
    """How much a line is one of the questions that the hits stand under, word for word; 0 where that is little."""
    said = set(terms(fold(line)))
    best = 0.0
    for hit in hits:
        for question in (hit.title.rpartition(JOIN)[2], *hit.also.splitlines()):
            if not len(line) < 3 * len(question) < 9 * len(line):
                continue  # so different in length they cannot be one question
            meant = set(terms(fold(question)))
            if len(meant) >= A_QUESTION:
                best = max(best, len(said & meant) / len(said | meant))
    return best if best >= ALIKE else 0.0


def _on_topic(found: Found) -> float:
    chinese = latin = 0.0
    for term, chunks in found.chunks.items():
        if not chunks or len(term) < 2 or term.replace(".", "").isdigit():
            continue
        clear = math.log(chunks / (found.size + SMALL) / (LENGTH * talk(term).share(term)))
        if is_latin(term):
            latin += min(CLEAREST, max(0.0, clear))
        else:
            chinese += min(CLEAREST, max(0.0, clear))
    best = found.hits[0]
    return _share(
        BIAS
        + CHINESE * math.log1p(chinese)
        + LATIN * math.log1p(latin)
        + SCORE * math.log1p(best.score)
        + COVERAGE * best.coverage
    )


def _is_name(term: str) -> bool:
    """Whether a word is one that nobody uses in everyday talk: redis, cuda, 8080."""
    return is_latin(term) and len(term) > 1 and term not in talk(term).heard


def _share(weighed: float) -> float:
    return 1 / (1 + math.exp(-weighed))
