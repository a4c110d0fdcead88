"""From a handler's reply to the platform: label, defuse, split, pace, send, log."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

from aiolimiter import AsyncLimiter
from loguru import logger

from bot.config import Pace
from bot.errors import AdapterError, ModelError
from bot.models.answer import Answer
from bot.pieces import defused, defused_stream, labelled, parts_of, plain, split_parts
from bot.store.log import Log
from bot.types import (
    Account,
    Forward,
    Group,
    Image,
    Member,
    Message,
    Outgoing,
    Part,
    Reply,
    Sent,
    Stream,
    Text,
)

BURST_SECONDS = 5
"""A silent group may be told this many seconds' worth of messages at once."""
REMEMBERED = 20_000


@dataclass(slots=True)
class Run:
    """One run of a handler: for whom it runs, and what models wrote in it."""

    plugin: str
    group: Group
    account: Account
    member: Member
    message: Message | None = None
    produced: list[Answer] = field(default_factory=list)

    def label(self) -> str:
        """The notice that AI wrote this; empty where none did."""
        models = dict.fromkeys(answer.model for answer in self.produced if answer.generated)
        return f"——内容由 AI 生成（{'、'.join(models)}）" if models else ""


@dataclass(slots=True)
class Failure:
    """The last reply that did not reach a group, and how many there were."""

    count: int
    reason: str
    time: float


class Sends(Protocol):
    """A platform that messages are sent to."""

    streams: bool
    forwards: bool

    async def send(self, outgoing: Outgoing) -> str:
        """See `bot.pipeline.Adapter`."""


class Outbox:
    """Sends replies. `adapters` is by platform."""

    def __init__(self, adapters: Mapping[str, Sends], log: Log, pace: Pace) -> None:
        self._adapters = adapters
        self._log = log
        self._pace = pace
        self._limiters: OrderedDict[str, AsyncLimiter] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._origins: OrderedDict[tuple[str, str], tuple[str | None, str | None]] = OrderedDict()
        self.failures: dict[str, Failure] = {}

    async def say(self, run: Run, reply: str | Reply | Image | Stream) -> Sent | None:
        """Send a reply of `run`. None: it did not go out. Raises ModelError when an answer breaks off."""
        if not isinstance(reply, Reply):
            reply = Reply(reply)
        adapter = self._adapters[run.group.platform]
        body = reply.body
        parts: tuple[Part, ...]
        answer_id: str | None
        if isinstance(body, str | Image | tuple):
            parts = parts_of(body)
            answer_id = run.produced[-1].id if run.produced and not reply.verbatim else None
        else:
            # A model's own words are never verbatim, whichever run had asked for them.
            if isinstance(body, Answer) and body not in run.produced:
                run.produced.append(body)
            if adapter.streams:
                return await self._stream(adapter, run, reply, body)
            parts = (Text(await body.text()),)
            answer_id = body.id
        label = "" if reply.verbatim and isinstance(body, str | Image | tuple) else run.label()
        if label:
            parts = defused(parts)
        pieces = split_parts(parts, self._pace.length)
        if label:
            # On the first piece, which is the one that surely goes out.
            pieces[0] = labelled(pieces[0], label)
        if len(pieces) == 1:
            outgoing = self._outgoing(run, reply, parts=pieces[0], quote=reply.quote)
            first = await self._send(adapter, run, reply, outgoing, answer_id)
        else:
            async with self._locks.setdefault(run.group.id, asyncio.Lock()):
                first = await self._pieces(adapter, run, reply, pieces, answer_id)
        if label and first is not None:
            self._record_label(run, "".join(part.text for part in parts if isinstance(part, Text)))
        return first

    async def origin(self, group_id: str, message_id: str) -> tuple[str | None, str | None] | None:
        """The ref and answer id of something we said; None where the message is not ours."""
        known = self._origins.get((group_id, message_id))
        if known is not None:
            return known
        found = await self._log.find(group_id, message_id)
        return (found.ref, found.answer_id) if found is not None and found.ours else None

    async def _pieces(
        self, adapter: Sends, run: Run, reply: Reply, pieces: list[tuple[Part, ...]], answer_id: str | None
    ) -> Sent | None:
        """Send a reply message by message, or a long text as one merged message. Returns the first."""
        if self._merges(adapter, run, reply, pieces):
            merged = self._outgoing(run, reply, parts=(Forward("", tuple(pieces)),), quote=False)
            try:
                return await self._send(adapter, run, reply, merged, answer_id, otherwise=True)
            except AdapterError as refused:
                logger.info("No merged message for {}: {}", run.group.id, refused.reason)
        first: Sent | None = None
        for position, piece in enumerate(pieces):
            outgoing = self._outgoing(run, reply, parts=piece, quote=reply.quote and position == 0)
            sent = await self._send(adapter, run, reply, outgoing, answer_id)
            if sent is None:
                break
            first = first or sent
        return first

    def _merges(self, adapter: Sends, run: Run, reply: Reply, pieces: list[tuple[Part, ...]]) -> bool:
        """Whether a reply is a text long enough for one message that unfolds; a mention would call nobody in there."""
        if not adapter.forwards or not self._pace.forward or len(pieces) <= self._pace.forward:
            return False
        if run.group.direct or reply.private:
            return False
        return all(isinstance(part, Text) for piece in pieces for part in piece)

    # --- one message ----------------------------------------------------------------------

    async def _stream(self, adapter: Sends, run: Run, reply: Reply, body: Stream) -> Sent | None:
        said: list[str] = []

        async def pieces() -> AsyncIterator[str]:
            try:
                async for piece in defused_stream(body):
                    said.append(piece)
                    yield piece
            except ModelError:
                # What stands there already was written by a model, whole or not.
                if said and run.label():
                    self._record_label(run, "".join(said))
                    yield f"…\n{run.label()}"
                raise
            if run.label():
                said.append(f"\n{run.label()}")
                yield said[-1]

        outgoing = self._outgoing(run, reply, stream=pieces(), quote=reply.quote)
        sent = await self._send(adapter, run, reply, outgoing, body.id, said)
        if sent is not None and run.label():
            self._record_label(run, "".join(said))
        return sent

    def _outgoing(
        self,
        run: Run,
        reply: Reply,
        *,
        quote: bool,
        parts: tuple[Part, ...] = (),
        stream: AsyncIterator[str] | None = None,
    ) -> Outgoing:
        to = (reply.to or run.member.id) if reply.private and not run.group.direct else None
        quoted = run.message.id if quote and run.message is not None and to is None and not run.group.direct else None
        return Outgoing(run.group, run.account, parts, quoted, to, stream)

    async def _send(
        self,
        adapter: Sends,
        run: Run,
        reply: Reply,
        outgoing: Outgoing,
        answer_id: str | None,
        said: list[str] | None = None,
        *,
        otherwise: bool = False,
    ) -> Sent | None:
        """Send and log. `otherwise`: a refusal is raised and not logged, since the caller has another way."""
        message_id: str | None = None
        failed: str | None = None
        refused = False
        try:
            if self._pace.group or self._pace.account:
                await self._paced(run)
            message_id = await adapter.send(outgoing)
        except AdapterError as error:
            refused = otherwise and not error.ambiguous
            if refused:
                raise
            # Never sent twice: where the platform is unsure, a repetition could be a duplicate.
            failed = f"{error.reason}（可能已送达）" if error.ambiguous else error.reason
            self._failed(run.group.id, failed)
        except ModelError as error:
            failed = type(error).__name__
            raise
        except Exception as error:  # noqa: BLE001 - a bug of one adapter is a reply that failed, and is told as one
            failed = type(error).__name__
            self._failed(run.group.id, failed)
            logger.opt(exception=error).error("The adapter of {} broke while sending", run.group.platform)
        finally:
            if not refused:
                text = "".join(said if said is not None else map(plain, outgoing.parts))
                self._log.said(
                    group_id=run.group.id,
                    account_id=run.account.id,
                    message_id=message_id,
                    in_reply_to=run.message.id if run.message else None,
                    member_id=run.member.id,
                    plugin=run.plugin,
                    text=text,
                    ref=reply.ref,
                    answer_id=answer_id,
                    failed=failed if message_id is None else None,
                )
        if message_id is None:
            return None
        if reply.ref or answer_id:
            self._origins[run.group.id, message_id] = (reply.ref, answer_id)
            if len(self._origins) > REMEMBERED:
                self._origins.popitem(last=False)
        return Sent(message_id)

    async def _paced(self, run: Run) -> None:
        for key, rate in ((run.group.id, self._pace.group), (run.account.id, self._pace.account)):
            if rate:
                limiter = self._limiters.get(key)
                if limiter is None:
                    limiter = self._limiters[key] = AsyncLimiter(max(1, rate * BURST_SECONDS), BURST_SECONDS)
                    if len(self._limiters) > REMEMBERED:
                        self._limiters.popitem(last=False)
                await limiter.acquire()

    def _failed(self, group_id: str, reason: str) -> None:
        known = self.failures.get(group_id)
        self.failures[group_id] = Failure(known.count + 1 if known else 1, reason, time.time())
        logger.warning("A reply did not reach {}: {}", group_id, reason)

    def _record_label(self, run: Run, text: str) -> None:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        for answer in run.produced:
            if answer.generated:
                self._log.labelled(answer.id, answer.model, run.group.id, digest)
