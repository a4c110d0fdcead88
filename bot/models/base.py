"""What the house asks of a model, and what an answer is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot.types import Image


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, as chat models take it."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()
    """Pictures beside the text, by their bytes; only models that read pictures are given any."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost, in tokens; None where the server did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(slots=True)
class Completion:
    """What a model fills in while it answers: the desk reads it when the stream has ended.

    model is the name that the server echoed, which may differ from the one asked for.
    """

    model: str = ""
    usage: Usage = field(default_factory=Usage)
    finish: str = ""


class ChatModel(Protocol):
    """A model that answers in text.

    `chat` yields pieces of text and fills in `completion`. It raises a `ModelError` of the
    right kind; one raised after the first piece means that the answer broke off. Cancelling
    the iteration ends the request.
    """

    name: str
    generated: bool
    """True where an AI writes the text, so that replies must be labelled."""

    def chat(
        self, turns: Sequence[Turn], options: Mapping[str, object], completion: Completion
    ) -> AsyncGenerator[str, None]: ...

    async def prepare(self) -> None:
        """Do now what the first answer would otherwise wait for. Raises ModelError."""

    async def close(self) -> None:
        """End it; what is asked afterwards fails."""
