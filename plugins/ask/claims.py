"""A model's answer taken apart: what it claims and under which numbers, what it quotes, what it would have one type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from plugins.ask.support import CJK, folded, terms

MARK = re.compile(
    r"[\[［【]\s*(?:资料|来源|文档|材料|passage|source)?\s*\^?"
    r"(\d{1,3}(?:\s*(?:[,，、;；]|[-–—~～至到])\s*\^?\d{1,3})*)\s*[\]］】]",
    re.IGNORECASE,
)
SPAN = re.compile(r"(\d+)\s*[-–—~～至到]\s*\^?(\d+)")
FENCE = re.compile(r"```[^\n`]*\n?(.*?)(?:```|\Z)", re.DOTALL)
CODE = re.compile(r"(`+)(.+?)\1")
BLOCK = re.compile(r"^\s*>\s?(.*)$", re.MULTILINE)
QUOTES = re.compile('「([^「」]+)」|『([^『』]+)』|“([^“”]+)”|"([^"\n]+)"')
COMMENT = re.compile(r"^\s*(?:#|//|--\s)")
URL = re.compile(r"https?://[^\s<>\"'`」』”)\]】,;。、" + CJK + "]+", re.IGNORECASE)
ITEM = re.compile(r"^\s*(?:[-*•+]\s+|\d{1,2}[.)、](?!\d)|\(\d{1,2}\)|[一二三四五六七八九十]{1,2}、|#+\s)\s*")
ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|vs|cf)\.", re.IGNORECASE)
FIRST = 0xE000
"""In a prepared text the citation of passage n is the one character that stands n after this."""
CITED = re.compile("[\ue000-\uefff]")
ALONE = re.compile("\\s*\n(?=\\s*[\ue000-\uefff](?:[\\s。.!;]|[\ue000-\uefff])*$)", re.MULTILINE)
"""The end of a line before one that only cites: it cites for what stands above."""
AFTER_END = re.compile('([。!?;.]+["”」』)]*)\\s*([\ue000-\uefff](?:\\s*[\ue000-\uefff])*)')
SENTENCE = re.compile(r"[。!?;]+|\.(?=\s|$)")
TYPED = re.compile(
    r"(?<![\w\-–])--?[A-Za-z][\w-]*"  # an option
    r"|(?<![\w/.])~?/[A-Za-z0-9_.][\w.\-/]*"  # a path, or a command in Latin letters
    r"|(?<![\w@./-])[\w-]+(?:\.[\w-]+)*\.(?:py|md|txt|json|toml|ya?ml|sh|bat|exe|zip|whl|cfg|ini|log|csv|tar|gz|pdf|docx?"
    r"|xlsx?|conf|env|lock|js|ts|html?|so|dll|db|rs|java|ipynb|pth?|onnx|com|org|net|cn|io|dev|ai|edu)(?![\w])"
    r"|(?<![A-Za-z0-9_])[A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]+"  # a name with underscores
    r"|(?<![A-Za-z0-9_.])[A-Za-z_][A-Za-z0-9_.]*\(\)"  # a call
    r"|(?<![A-Za-z0-9_-])(?:pip3?|conda|npm|apt(?:-get)?|brew|docker|git|cargo|kubectl|systemctl|uv|make)\s+"
    r"(?:-m\s+)?(?:install|uninstall|remove|run|pull|push|clone|build|upgrade|start|stop|restart|exec|checkout|reset)"
    r"(?:\s+[A-Za-z0-9][\w.@:/=-]*)?",
    re.ASCII,
)
SLASHED = re.compile(rf"(?:(?<=\s)|(?<=^)|(?<=[「“\"『:]))/([{CJK}]{{1,8}})", re.MULTILINE)
SHORTEST = 8
"""So many characters between quotation marks claim to be word for word."""
LEFT_OUT = re.compile(r"…+|\.{3,}|\[\.*\]")


@dataclass(frozen=True, slots=True)
class Claim:
    """A stretch of an answer and the numbers of the passages that it names; none: it names no passage of its own.

    before  what the line says before it
    """

    text: str
    cited: frozenset[int]
    before: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is to verify in an answer, all of it folded.

    quotes   what claims to be word for word
    lines    lines of blocks of code
    codes    code in the line, and all else that one would type
    slashed  commands of the bot, without the slash, perhaps with what follows
    """

    cited: frozenset[int]
    claims: tuple[Claim, ...]
    quotes: tuple[str, ...]
    lines: tuple[str, ...]
    codes: tuple[str, ...]
    slashed: tuple[str, ...]
    urls: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    cited: set[int] = field(default_factory=set)
    quotes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def parts(answer: str) -> Parts:
    """Take an answer apart."""
    found = _Found()

    def block(match: re.Match[str]) -> str:
        found.lines += [line for line in match[1].splitlines() if line.strip() and not COMMENT.match(line)]
        return "\n".join(["", *(COMMENT.sub("", line) for line in match[1].splitlines() if COMMENT.match(line)), ""])

    def code(match: re.Match[str]) -> str:
        found.codes.append(match[2].strip())
        # Brackets and full stops of code cite nothing and end no sentence.
        return " " + re.sub(r"[\[\]【】。!?;]|\.(?=\s|$)", " ", match[2]) + " "

    def url(match: re.Match[str]) -> str:
        found.urls.append(match[0].rstrip(".!?:*_"))
        return " "

    def mark(match: re.Match[str]) -> str:
        numbers = list(_numbers(match[1]))
        found.cited.update(numbers)
        return "".join(chr(FIRST + number) for number in numbers)

    text = FENCE.sub(block, CITED.sub("", folded(answer)))
    text = URL.sub(url, CODE.sub(code, text))
    text = ALONE.sub(" ", MARK.sub(mark, text))
    for quoted in BLOCK.findall(text):
        found.quotes.append(CITED.sub(" ", quoted))
    text = BLOCK.sub(r"\1", text)
    for match in QUOTES.finditer(text):
        found.quotes += filter(None, match.groups())
    text = ABBREVIATION.sub(lambda match: match[1].replace(".", ""), text.replace("**", ""))
    typed = CITED.sub(" ", text)
    found.codes += TYPED.findall(typed)
    return Parts(
        frozenset(found.cited),
        tuple(claim for line in text.splitlines() for claim in _claims(line)),
        tuple(piece for quote in found.quotes for piece in LEFT_OUT.split(CITED.sub("", quote))),
        tuple(found.lines),
        tuple(found.codes),
        tuple(SLASHED.findall(typed)),
        tuple(found.urls),
    )


def _numbers(inside: str) -> Iterator[int]:
    """The numbers between the brackets of one citation; a span in full."""
    for first, last in SPAN.findall(inside):
        yield from range(int(first), min(int(last), int(first) + 20) + 1)
    yield from map(int, re.findall(r"\d+", SPAN.sub(" ", inside)))


def _claims(line: str) -> Iterator[Claim]:
    line = AFTER_END.sub(r"\2\1", ITEM.sub("", line))
    before = ""
    for sentence in SENTENCE.split(line):
        named: set[int] = set()
        waiting: set[int] = set()
        pieces = re.split("((?:[\ue000-\uefff]\\s*)+)", sentence)
        for text, marks in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
            cited = {ord(mark) - FIRST for mark in CITED.findall(marks)}
            about = terms(text)
            if not about.weight and not re.search(r"\d", text):
                # "As [1] and [2] say, …": the words come behind the numbers.
                waiting |= cited
            else:
                # What follows the last number of a sentence is still under the numbers of the sentence.
                yield Claim(text.strip(), frozenset(cited | waiting or named), before)
                before = text.strip()
                waiting = set()
            named |= cited
