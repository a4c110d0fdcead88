"""The model desk: answers by purpose, whichever registered model serves it."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from loguru import logger

from bot.config import Model as ModelConfig
from bot.config import Quota
from bot.errors import (
    ModelAuth,
    ModelBusy,
    ModelEmpty,
    ModelError,
    ModelQuota,
    ModelTruncated,
    ModelUnavailable,
    Refusal,
)
from bot.models.answer import Answer
from bot.models.base import ChatModel, Completion, Turn
from bot.models.latch import Latch
from bot.models.prompts import Prompts
from bot.models.ranker import Ranker
from bot.store.database import Store
from bot.types import Health, Image

ANSWER = (
    "insert into answers (id, group_id, member_id, plugin, purpose, model, served_by, question, text, input_tokens,"
    " output_tokens, ms, cost, finish, error, time) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ELSEWHERE = (ModelUnavailable, ModelBusy, ModelAuth, ModelQuota, ModelEmpty, ModelTruncated)
"""After these another model is asked; a refused question is not carried from door to door."""


class Models(Protocol):
    """The desk as a handler sees it."""

    async def ask(
        self,
        purpose: str,
        /,
        *,
        model: str | None = None,
        history: Sequence[Turn] = (),
        images: Sequence[Image] = (),
        **data: object,
    ) -> Answer:
        """Ask for `purpose` (a prompt's name) with what its template needs; `model` is tried first.

        With `images`, by their bytes, only models that read pictures are asked: see `sees`.
        It returns with the first piece of the answer. Raises ModelError, or Refusal when the
        day's quota is spent.
        """

    def sees(self) -> bool:
        """Whether a registered model reads pictures."""

    async def rank(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """How well each text answers the question: one number each, higher is better, of no fixed scale.

        None where no reranker is registered, or where it failed or rests: do without it then.
        """

    def names(self) -> Sequence[str]:
        """The registered models; empty when only the offline stand-in answers."""


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom the desk answers."""

    group_id: str
    member_id: str
    plugin: str


@dataclass(slots=True)
class Door(Latch):
    """What the desk knows of one model."""

    name: str
    model: ChatModel
    price: tuple[float, float] = (0.0, 0.0)
    vision: bool = False


class Spending:
    """How many answers were given today: to a member, in a group, in all."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._day = ""
        self._counts: dict[tuple[str, str], int] = {}

    async def load(self, store: Store) -> None:
        """Count what was answered earlier today, so that a restart gives nothing away."""
        midnight = time.mktime((*time.localtime()[:3], 0, 0, 0, 0, 0, -1))
        query = (
            "select group_id, member_id, count(*) as n from answers"
            " where time >= ? and member_id is not null and error is null and model != 'offline' group by 1, 2"
        )
        rows = await store.read(lambda db: list(db.query(query, [midnight])))
        self._roll()
        for row in rows:
            for key in self._keys(row["group_id"], row["member_id"]):
                self._counts[key] = self._counts.get(key, 0) + row["n"]

    def spend(self, asker: Asker) -> None:
        """Take one answer. Raises Refusal."""
        self._roll()
        limits = (self._quota.member, self._quota.group, self._quota.total)
        words = (
            "你今天的提问次数用完了，明天再来吧。",
            "本群今天的提问次数用完了，明天再来吧。",
            "我今天的回答次数用完了，明天再来吧。",
        )
        keys = self._keys(asker.group_id, asker.member_id)
        for key, limit, said in zip(keys, limits, words, strict=True):
            if limit and self._counts.get(key, 0) >= limit:
                raise Refusal(said)
        for key in keys:
            self._counts[key] = self._counts.get(key, 0) + 1

    def give_back(self, asker: Asker) -> None:
        for key in self._keys(asker.group_id, asker.member_id):
            self._counts[key] = max(0, self._counts.get(key, 0) - 1)

    @staticmethod
    def _keys(group_id: str, member_id: str) -> tuple[tuple[str, str], ...]:
        return ("member", member_id), ("group", group_id), ("total", "")

    def _roll(self) -> None:
        today = time.strftime("%Y-%m-%d")
        if today != self._day:
            self._day = today
            self._counts.clear()


class Desk:
    """Chooses a model, asks it, falls back, and logs tokens, time and money."""

    def __init__(
        self,
        store: Store,
        prompts: Prompts,
        models: Mapping[str, ChatModel],
        configs: Mapping[str, ModelConfig],
        *,
        offline: ChatModel,
        default: str | None,
        quota: Quota,
        ranker: Ranker | None = None,
    ) -> None:
        self._store = store
        self._prompts = prompts
        self._doors = {name: _door(name, model, configs.get(name)) for name, model in models.items()}
        self._offline = Door(offline.name, offline)
        self._default = default
        self._ranker = ranker
        self.spending = Spending(quota)

    def names(self) -> Sequence[str]:
        return tuple(self._doors)

    def sees(self) -> bool:
        """See `Models.sees`."""
        return any(door.vision for door in self._doors.values())

    def health(self) -> Sequence[Health]:
        found = [
            Health(f"模型 {door.name}", not door.trouble, door.since, door.trouble) for door in self._doors.values()
        ]
        if not found:
            found = [Health("模型", False, self._offline.since, "还没有登记模型，现在由离线应答顶着。")]
        return [*found, self._ranker.health()] if self._ranker else found

    async def rank(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """See `Models.rank`; it is no answer, so it spends no quota and bears no label."""
        return await self._ranker.rank(question, texts) if self._ranker else None

    async def ask(
        self,
        asker: Asker,
        purpose: str,
        data: Mapping[str, object],
        *,
        model: str | None = None,
        history: Sequence[Turn] = (),
        images: Sequence[Image] = (),
    ) -> Answer:
        """See `Models.ask`."""
        prompt = self._prompts.render(purpose, history=history, images=images, **data)
        doors = self._choose(model, prompt.model)
        if images:
            doors = [door for door in doors if door.vision]
            if not doors:
                raise ModelUnavailable("no registered model reads pictures")
        paid = any(door is not self._offline for door in doors)
        if paid:
            self.spending.spend(asker)

        note = _Note(self._store, asker, purpose, str(data.get("question", "")))
        answer = Answer(
            secrets.token_hex(4),
            lambda answer: self._stream(answer, doors, prompt.turns, prompt.options, note, asker if paid else None),
        )
        try:
            await answer.start()
        except ModelError:
            if paid:
                self.spending.give_back(asker)
            raise
        return answer

    def _choose(self, *wanted: str | None) -> list[Door]:
        """The doors to knock at, in order: the wanted ones, the default, the others; open before closed."""
        order = [name for name in (*wanted, self._default, *self._doors) if name in self._doors]
        doors = [self._doors[name] for name in dict.fromkeys(order)]
        doors.sort(key=lambda door: not door.is_open)
        return doors or [self._offline]

    async def _stream(
        self,
        answer: Answer,
        doors: Sequence[Door],
        turns: Sequence[Turn],
        options: Mapping[str, object],
        note: _Note,
        payer: Asker | None,
    ) -> AsyncGenerator[str, None]:
        for position, door in enumerate(doors):
            if position and not door.is_open:
                continue
            completion, pieces, started = Completion(), [], time.monotonic()
            answer.model, answer.generated = door.name, door.model.generated
            failed: str | None = "cancelled"
            try:
                async with (
                    aclosing(door.model.chat(turns, options, completion)) as stream,
                    aclosing(_whole(stream)) as whole,
                ):
                    async for piece in whole:
                        pieces.append(piece)
                        yield piece
                failed = None
                door.worked()
                return
            except ModelError as error:
                failed = type(error).__name__
                door.failed(error)
                logger.warning("Model {} failed ({}): {}", door.name, failed, error.detail)
                if pieces and payer is not None:
                    self.spending.give_back(payer)
                last = position == len(doors) - 1
                if pieces or last or not isinstance(error, ELSEWHERE):
                    raise
            finally:
                note(answer, door, completion, "".join(pieces), failed, time.monotonic() - started)
        raise ModelUnavailable("every model is resting after failures")


async def _whole(pieces: AsyncIterable[str]) -> AsyncGenerator[str, None]:
    """The pieces as UTF-8 can carry them: a pair cut in two is joined, any other half becomes U+FFFD."""
    half = ""
    async for piece in pieces:
        if not half:
            try:
                piece.encode()
            except UnicodeEncodeError:
                pass
            else:
                yield piece
                continue
        text = half + piece
        half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = text[: len(text) - len(half)].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if text:
            yield text
    if half:
        yield "\ufffd"


class _Note:
    """Writes the row of one answer."""

    def __init__(self, store: Store, asker: Asker, purpose: str, question: str) -> None:
        self._store = store
        self._asker = asker
        self._purpose = purpose
        self._question = question

    def __call__(
        self, answer: Answer, door: Door, completion: Completion, text: str, failed: str | None, seconds: float
    ) -> None:
        usage = completion.usage
        cost = ((usage.input_tokens or 0) * door.price[0] + (usage.output_tokens or 0) * door.price[1]) / 1_000_000
        # The answer's own id is for what members saw; a model that failed before its first piece gets another.
        id = answer.id if text or failed is None else f"{answer.id}-{secrets.token_hex(2)}"
        self._store.row(
            ANSWER,
            (
                id, self._asker.group_id, self._asker.member_id, self._asker.plugin, self._purpose, door.name,
                completion.model, self._question, text, usage.input_tokens, usage.output_tokens,
                round(seconds * 1000, 1), cost, completion.finish, failed, time.time(),
            ),
        )  # fmt: skip


def _door(name: str, model: ChatModel, config: ModelConfig | None) -> Door:
    if config is None:
        return Door(name, model)
    return Door(name, model, (config.input_price, config.output_price), config.vision)
