"""From a handler's reply to the platform: label, defuse, split, pace, send, log."""

from __future__ import annotations

import asyncio
import hashlib
import re
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
from bot.store.log import Log
from bot.types import (
    EVERYONE,
    Account,
    Group,
    Image,
    Member,
    Mention,
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
SENTENCE_END = re.compile(r"[。！？；…!?;\n]+[」』”’）)\]]*")
LONGEST_CALL = 16
"""No call to everybody is longer, from its @ on."""
TO_EVERYONE = re.compile(r"[@＠](?=\s*(?:全体成员|所有人|全体|everyone|all\b|here\b))", re.IGNORECASE)


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
            parts = _parts(body)
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
            parts = _defused(parts)
        first: Sent | None = None
        pieces = split_parts(parts, self._pace.length)
        if label:
            # On the first piece, which is the one that surely goes out.
            pieces[0] = _labelled(pieces[0], label)
        async with self._locks.setdefault(run.group.id, asyncio.Lock()) if len(pieces) > 1 else _Free():
            for position, piece in enumerate(pieces):
                outgoing = self._outgoing(run, reply, parts=piece, quote=reply.quote and position == 0)
                sent = await self._send(adapter, run, reply, outgoing, answer_id)
                if sent is None:
                    break
                first = first or sent
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

    # --- one message ----------------------------------------------------------------------

    async def _stream(self, adapter: Sends, run: Run, reply: Reply, body: Stream) -> Sent | None:
        said: list[str] = []

        async def pieces() -> AsyncIterator[str]:
            try:
                async for piece in _defused_stream(body):
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
    ) -> Sent | None:
        message_id: str | None = None
        failed: str | None = None
        try:
            await self._paced(run)
            message_id = await adapter.send(outgoing)
        except AdapterError as error:
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
            text = "".join(said) if said is not None else "".join(_plain(part) for part in outgoing.parts)
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


class _Free:
    """Stands in for a lock where one message needs none."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


def _parts(body: str | Image | tuple[Part | str, ...]) -> tuple[Part, ...]:
    """The parts of a reply; texts that touch become one."""
    if isinstance(body, str):
        return (Text(body),)
    if isinstance(body, Image):
        return (body,)
    parts: list[Part] = []
    for part in body:
        text = part if isinstance(part, str) else part.text if isinstance(part, Text) else None
        if text is None:
            assert not isinstance(part, str)
            parts.append(part)
        elif parts and isinstance(last := parts[-1], Text):
            parts[-1] = Text(last.text + text)
        else:
            parts.append(Text(text))
    return tuple(parts)


def _plain(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Mention(_, name):
            return f"@{name} "
        case Image():
            return "[图片]"
        case _:
            return ""


def _defused(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """What a model wrote calls nobody, least of all everybody."""
    return tuple(
        Text(TO_EVERYONE.sub("＠ ", part.text)) if isinstance(part, Text) else part
        for part in parts
        if not (isinstance(part, Mention) and part.id == EVERYONE)
    )


async def _defused_stream(pieces: Stream) -> AsyncIterator[str]:
    """The pieces, defused also where a call to everybody is spread over several: what may become one waits."""
    held = ""
    async for piece in pieces:
        held += piece
        at = max(held.rfind("@"), held.rfind("＠"))
        ready = len(held) if at < 0 or len(held) - at > LONGEST_CALL else at
        if ready:
            yield TO_EVERYONE.sub("＠ ", held[:ready])
            held = held[ready:]
    if held:
        yield TO_EVERYONE.sub("＠ ", held)


def _labelled(parts: tuple[Part, ...], label: str) -> tuple[Part, ...]:
    if parts and isinstance(parts[-1], Text):
        return (*parts[:-1], Text(f"{parts[-1].text}\n{label}"))
    return (*parts, Text(label))


def split_parts(parts: tuple[Part, ...], limit: int) -> list[tuple[Part, ...]]:
    """Several messages of at most `limit` characters of text each."""
    messages: list[tuple[Part, ...]] = []
    current: list[Part] = []
    room = limit
    for part in parts:
        if not isinstance(part, Text) or len(part.text) <= room:
            current.append(part)
            room -= len(part.text) if isinstance(part, Text) else 0
            continue
        pieces = split_text(part.text, limit, room)
        for piece in pieces[:-1]:
            if piece:
                current.append(Text(piece))
            if current:
                messages.append(tuple(current))
            current = []
        current = [Text(pieces[-1])]
        room = limit - len(pieces[-1])
    if current or not messages:
        messages.append(tuple(current))
    return messages


def split_text(text: str, limit: int, first: int | None = None) -> list[str]:
    """Pieces of at most `limit` characters (the first: of `first`), cut after sentences where there are any."""
    pieces: list[str] = []
    room = limit if first is None else first
    while len(text) > room:
        window = text[:room]
        ends = [match.end() for match in SENTENCE_END.finditer(window)]
        cut = ends[-1] if ends and ends[-1] > room // 3 else window.rfind(" ") + 1
        if cut <= room // 3:
            cut = room
        pieces.append(text[:cut].rstrip("\n "))
        text = text[cut:].lstrip("\n ")
        room = limit
    pieces.append(text)
    return pieces
