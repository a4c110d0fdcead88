"""Reads an OpenAI-compatible answer: vendors leave out, nest and mistype every part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.errors import ModelEmpty, ModelTruncated
from bot.models.base import Completion, Usage
from bot.models.faults import Fault, is_failure, sort
from bot.models.presets import FINISHES, Preset

_OPEN: Final = "<think>"
_SHUT: Final = "</think>"


class Reading:
    """One answer, read chunk by chunk; fills in `completion`."""

    def __init__(self, preset: Preset, completion: Completion) -> None:
        self._preset = preset
        self._completion = completion
        self._thought = Thought()
        self._began = False
        self.fault: Fault | None = None

    def take(self, chunk: Mapping[str, object] | Fault) -> str:
        """The text of a chunk; sets `fault` where the chunk reports a failure."""
        if isinstance(chunk, Fault):
            self.fault = chunk
            return ""
        if is_failure(chunk):
            self.fault = sort(self._preset, None, chunk)
            return ""
        if isinstance(model := chunk.get("model"), str) and model:
            self._completion.model = model
        self._count(chunk.get("usage"))
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            return ""
        self._began = True
        self._count(choice.get("usage"))
        if isinstance(finish := choice.get("finish_reason"), str) and finish:
            self._completion.finish = finish
        said = choice.get("delta") or choice.get("message")
        return self._thought.hide(_text(said.get("content"))) if isinstance(said, Mapping) else ""

    def rest(self) -> str:
        """What was held back until the end."""
        return self._thought.rest()

    def verdict(self, spoke: bool) -> Fault | None:
        """What is wrong with an answer that ended by itself, given whether it had any text."""
        finish = self._completion.finish
        if kind := FINISHES.get(finish):
            return Fault(kind, f"finish_reason {finish}")
        if not finish and self._began:
            return Fault(ModelTruncated, "The stream ended without a finish_reason.")
        if not spoke:
            return Fault(ModelEmpty, f"No text came; finish_reason {finish or 'none'}.")
        return None

    def _count(self, usage: object) -> None:
        if isinstance(usage, Mapping):
            # No prompt has zero tokens: some servers write 0 for "not counted".
            asked, answered = _tokens(usage.get("prompt_tokens")), _tokens(usage.get("completion_tokens"))
            self._completion.usage = Usage(asked or None, answered)


class Thought:
    """Hides the blanks, and the thinking of some local models, in front of an answer."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def hide(self, piece: str) -> str:
        """What of `piece` is to be shown now."""
        if self._state == "answer" or not piece:
            return piece
        self._held = (self._held + piece).lstrip() if self._state != "thought" else self._held + piece
        if self._state == "start":
            if _OPEN.startswith(self._held):
                return ""
            if not self._held.startswith(_OPEN):
                return self._let_go(self._held)
            self._state = "thought"
        if self._state == "thought":
            _, found, after = self._held.partition(_SHUT)
            if not found:
                self._held = self._held[-len(_SHUT) :]
                return ""
            self._state, self._held = "after", after.lstrip()
        return self._let_go(self._held) if self._held else ""

    def rest(self) -> str:
        """What was held back and turned out to be no thought."""
        return self._let_go(self._held) if self._state == "start" else ""

    def _let_go(self, text: str) -> str:
        self._state, self._held = "answer", ""
        return text


def _text(content: object) -> str:
    """The text of a `content`, which some vendors send as a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _tokens(count: object) -> int | None:
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
