"""The reranker as the desk asks it: without a word to members, and at rest after failures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from loguru import logger

from bot.errors import ModelAuth, ModelBusy, ModelError, ModelFiltered, ModelQuota
from bot.models.latch import Latch
from bot.types import Health

PAUSES: Mapping[type[ModelError], float] = MappingProxyType(
    {
        ModelFiltered: 0.0,  # a matter of this question
        ModelBusy: 20.0,
        ModelAuth: 300.0,
        ModelQuota: 300.0,
        ModelError: 60.0,  # a server that answers nonsense is as useless as one that is gone
    }
)


class Ranks(Protocol):
    """What a reranker has to do."""

    name: str

    async def rank(self, question: str, texts: Sequence[str]) -> list[float]:
        """One number for each text, higher is better. Raises ModelError."""


class Ranker:
    """Asks one reranker, as long as that is worth the wait; `pauses` is how long it rests, see `Latch`."""

    def __init__(self, ranks: Ranks, pauses: Mapping[type[ModelError], float] = PAUSES) -> None:
        self._ranks = ranks
        self._latch = Latch(pauses=pauses)
        self._trying = False

    async def rank(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """See `bot.models.desk.Models.rank`."""
        latch = self._latch
        doubted = latch.closed_until > 0
        # While one question tries it again, the others do not wait for the outcome.
        if not latch.is_open or (doubted and self._trying):
            return None
        self._trying = True
        try:
            found = await self._ranks.rank(question, texts)
        except ModelError as error:
            self._failed(error)
            return None
        finally:
            self._trying = False
        if latch.trouble:
            logger.info("Model {} works again", self._ranks.name)
        latch.worked()
        return found

    def health(self) -> Health:
        return Health(f"模型 {self._ranks.name}", not self._latch.trouble, self._latch.since, self._latch.trouble)

    def _failed(self, error: ModelError) -> None:
        """Note a failure, and log what is new: that it fails, and that it rests from now on."""
        latch = self._latch
        before = bool(latch.trouble), latch.closed_until > 0
        latch.failed(error)
        if before == (bool(latch.trouble), latch.closed_until > 0) and latch.trouble:
            return
        seconds = latch.closed_until - time.monotonic()
        rest = f" (it rests for {seconds:.0f} s at a time)" if seconds > 0 else ""
        logger.warning("Model {} failed ({}){}: {}", self._ranks.name, type(error).__name__, rest, error.detail)
