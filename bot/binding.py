"""From the words that a member typed to the typed arguments of a handler."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

GAP = re.compile(r"[,:]?[\s，、：；]+")
"""What stands between words: white space of any width and full-width punctuation.

An ASCII comma or colon separates only before a space, since it lives inside addresses and times.
"""
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
"""Zero-width and direction characters, which copied text brings along."""
WORD_EDGE = re.compile(r"^[0-9A-Za-z“「『《（(\"'@]")
SLASHES = "/／"
LONGEST_GUESS = 12
LONGEST_NAME = 16
"""No command has a longer name; a longer word is not looked through for one."""
LONGEST_ECHO = 30
"""A suggestion repeats so many characters of what was typed, and no more."""


class BadArguments(Exception):
    """The words do not fit the handler; it answers with its usage."""


def clean(text: str) -> str:
    """The text without invisible characters and without space around it."""
    return INVISIBLE.sub("", text).strip()


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    adapter: TypeAdapter[Any]
    required: bool


class Binder:
    """Binds words to the parameters after `self, ctx`. Type adapters are made on first use."""

    __slots__ = ("_function", "_parameters", "_rest")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._parameters: tuple[_Parameter, ...] | None = None
        self._rest: _Parameter | None = None
        for parameter in list(inspect.signature(function).parameters.values())[2:]:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(f"{function.__qualname__}: a handler names its parameters, * and ** are not bound")

    def fits(self, line: str) -> bool:
        try:
            self.bind(line)
        except BadArguments:
            return False
        return True

    def bind(self, line: str) -> dict[str, Any]:
        """The handler's arguments by name. Raises BadArguments."""
        parameters = self._prepare()
        bound: dict[str, Any] = {}
        remainder = line
        for parameter in parameters:
            word, remainder = split(remainder)
            if not word:
                if parameter.required:
                    raise BadArguments
                continue
            bound[parameter.name] = self._validated(parameter, word)
        if self._rest is not None:
            if remainder:
                bound[self._rest.name] = self._validated(self._rest, remainder)
            elif self._rest.required:
                raise BadArguments
        elif remainder:
            raise BadArguments
        return bound

    def _prepare(self) -> tuple[_Parameter, ...]:
        if self._parameters is None:
            hints = get_type_hints(self._function, include_extras=True)
            parameters = []
            for parameter in list(inspect.signature(self._function).parameters.values())[2:]:
                prepared = _Parameter(
                    parameter.name, TypeAdapter(hints[parameter.name]), parameter.default is parameter.empty
                )
                if parameter.kind is parameter.KEYWORD_ONLY:
                    self._rest = prepared
                else:
                    parameters.append(prepared)
            self._parameters = tuple(parameters)
        return self._parameters

    @staticmethod
    def _validated(parameter: _Parameter, word: str) -> Any:
        try:
            return parameter.adapter.validate_python(word)
        except ValidationError:
            raise BadArguments from None


def split(line: str) -> tuple[str, str]:
    """The first word of a line, and the rest as it was typed."""
    found = GAP.match(line)
    if found:
        line = line[found.end() :]
    gap = GAP.search(line)
    if gap is None:
        return line, ""
    return line[: gap.start()], line[gap.end() :]


def called(line: str, names: Iterable[str]) -> tuple[str, str] | None:
    """The command name that a line (without its slash) begins with, and the words after it.

    A Chinese name may touch what follows where a word edge is plain to see: "掷2d6".
    """
    word, rest = split(line)
    lower = word.casefold()
    known = names if isinstance(names, dict | set | frozenset) else set(names)
    if lower in known:
        return lower, rest
    for end in range(min(len(word) - 1, LONGEST_NAME), 0, -1):
        if word[:end] in known and not word[:end].isascii() and WORD_EDGE.match(word[end:]):
            tail = line[line.index(word) + end :]
            return word[:end], tail
    return None


def nearest(line: str, names: Iterable[str]) -> str | None:
    """What the member may have meant by an unknown command, as they would type it; None: no idea."""
    word, rest = split(line)
    names = list(names)
    glued = max((name for name in names if not name.isascii() and word.startswith(name)), key=len, default=None)
    if glued is not None:
        return f"{glued} {brief(line[line.index(word) + len(glued) :])}"
    if not word or len(word) > LONGEST_GUESS or "/" in word:
        return None
    cutoff = 0.5 if not word.isascii() else 0.7
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=cutoff)
    if not close:
        return None
    return f"{close[0]} {brief(rest)}".rstrip()


def brief(text: str) -> str:
    """What a member typed, short enough to be repeated to a group."""
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}…"
