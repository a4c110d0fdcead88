"""The registered reranker: tells how well texts answer a question, over /embeddings or /rerank."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import urlsplit

from bot.config import Rerank, variable
from bot.errors import ModelUnavailable
from bot.models import endpoint, ranked
from bot.models.endpoint import Endpoint
from bot.models.faults import Fault
from bot.models.presets import PRESETS, Preset
from bot.models.vectors import Memory, Vector, cosine

NAME: Final = "重排"
TEXT: Final = 2000
"""Characters of a text that are looked at."""
QUESTION: Final = 1000
"""The same of a question; Qianfan refuses more than 1,600."""
DOCUMENTS: Final = 32
"""Texts in one request of /rerank; the strictest vendors take 60."""
REQUESTS: Final = 8
"""How many requests run at once."""
ANSWER_BYTES: Final = 16 * 1024 * 1024
PATHS: Final = {"rerank": ("/rerank", "/reranks"), "embeddings": ("/embeddings",)}
T = TypeVar("T")


class Ranking:
    """One endpoint. Raises ConfigError where address or key cannot be right.

    It connects on first use; end it with `close`.
    """

    name: str = NAME

    def __init__(self, config: Rerank) -> None:
        self._config = config
        base, self._path = _place(config)
        self._endpoint = Endpoint(
            NAME,
            vendor(base),
            base,
            endpoint.key(variable("rerank", "api_key"), config.api_key),
            timeout=config.timeout,
            retries=config.retries,
            limit=ANSWER_BYTES,
        )
        self._slots = asyncio.Semaphore(REQUESTS)
        self._memory = Memory()
        self.dimensions: int | None = None
        """The length of the vectors, once some came."""

    async def rank(self, question: str, texts: Sequence[str]) -> list[float]:
        """One number for each text, higher is better: the cosine in [-1, 1], or the score as it was given.

        Raises ModelError, within the time that the settings give it.
        """
        if not texts:
            return []
        # Loading the SDK takes a second, which is not the endpoint's fault.
        await self._endpoint.open()
        found: list[float] | Fault
        try:
            async with asyncio.timeout(self._config.timeout):
                found = await self._ask(_cut(question, QUESTION), [_cut(text, TEXT) for text in texts])
        except TimeoutError:
            found = Fault(ModelUnavailable, f"no answer within {self._config.timeout:g} s")
        if isinstance(found, Fault):
            raise self._endpoint.error(found)
        return found

    async def prepare(self) -> None:
        """Load the SDK, which takes a second; nothing is asked yet."""
        await self._endpoint.open()

    async def close(self) -> None:
        """Close the connections; whatever is asked afterwards fails as unavailable."""
        await self._endpoint.close()

    async def _ask(self, question: str, texts: Sequence[str]) -> list[float] | Fault:
        if self._config.kind == "embeddings":
            return await self._near(question, texts)
        batches = [texts[at : at + DOCUMENTS] for at in range(0, len(texts), DOCUMENTS)]
        return _joined(await asyncio.gather(*(self._score(question, batch) for batch in batches)))

    async def _near(self, question: str, texts: Sequence[str]) -> list[float] | Fault:
        """The cosine of each text with the question, whose own vector is not kept: it hardly comes again."""
        known = {text: vector for text in dict.fromkeys(texts) if (vector := self._memory.get(text))}
        asked = [question, *(text for text in dict.fromkeys(texts) if text not in known)]
        size = self._config.batch
        batches = [asked[at : at + size] for at in range(0, len(asked), size)]
        came = await asyncio.gather(*(self._embed(batch, own=not at) for at, batch in enumerate(batches)))
        vectors = _joined(came)
        if isinstance(vectors, Fault):
            return vectors
        about, *fresh = vectors
        known |= zip(asked[1:], fresh, strict=True)
        if any(len(vector) != len(about) for vector in known.values()):
            self._memory.clear()
            return Fault(ModelUnavailable, "vectors of another length than before")
        self.dimensions = len(about)
        return [cosine(about, known[text]) for text in texts]

    async def _embed(self, texts: Sequence[str], *, own: bool) -> list[Vector] | Fault:
        """The vectors of a batch; all are remembered but the first where it is the question's `own`."""
        body = await self._post({"model": self._config.model, "input": texts})
        vectors = body if isinstance(body, Fault) else ranked.vectors(self._endpoint.preset, body, len(texts))
        if not isinstance(vectors, Fault):
            self._memory.put(list(zip(texts, vectors, strict=True))[own:])
        return vectors

    async def _score(self, question: str, texts: Sequence[str]) -> list[float] | Fault:
        # Some servers give only a few results where they are not told how many.
        asked = {"query": question, "documents": texts, "top_n": len(texts)}
        body = await self._post({"model": self._config.model, **asked})
        return body if isinstance(body, Fault) else ranked.scores(self._endpoint.preset, body, len(texts))

    async def _post(self, body: Mapping[str, object]) -> object:
        """The JSON of an answer, or what went wrong: returned, so that no error carries the request with its key."""
        wire = await self._endpoint.open()
        async with self._slots:
            try:
                return await wire.post(self._path, body)
            except wire.failures as failure:
                return wire.explain(failure)


def _joined(parts: Sequence[list[T] | Fault]) -> list[T] | Fault:
    """The parts one after the other, or the first of the faults."""
    whole: list[T] = []
    for part in parts:
        if isinstance(part, Fault):
            return part
        whole += part
    return whole


def _place(config: Rerank) -> tuple[str, str]:
    """The address before the path, and the path: what the operator wrote out stays as it is. Raises ConfigError."""
    address = endpoint.address(variable("rerank", "base_url"), config.base_url).rstrip("/")
    paths = PATHS[config.kind]
    for path in paths:
        if address.endswith(path):
            return address.removesuffix(path), path
    return address, paths[0]


def vendor(address: str) -> Preset:
    """The vendor whose address it is, for its error codes."""
    host = urlsplit(address).hostname
    vendors = (preset for preset in PRESETS.values() if preset.base_url and urlsplit(preset.base_url).hostname == host)
    return next(vendors, PRESETS["openai"])


def _cut(text: str, length: int) -> str:
    """A text as a request can carry it: half characters and blanks are refused by servers."""
    return text[:length].encode(errors="replace").decode().strip() or "."
