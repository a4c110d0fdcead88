"""How often one member is answered, and when a talk of two bots must end."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from aiolimiter import AsyncLimiter
from loguru import logger

from bot.config import Pace
from bot.types import Message

REMEMBERED = 10_000
LOOP_GAP = 2.0
"""People take longer than this to answer an answer, time after time."""
LOOP_PAUSE = 600.0
SLOWER = "有点快了，歇一分钟再来吧。"


@dataclass(slots=True)
class _Talk:
    limiter: AsyncLimiter | None
    told: bool = False
    replied: float = 0.0
    quick: int = 0
    text: str = ""
    silent_until: float = field(default=0.0)


class Manners:
    """Counts commands per member and group."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._talks: OrderedDict[tuple[str, str], _Talk] = OrderedDict()

    async def may(self, message: Message, *, slash: bool) -> Literal[True] | str | None:
        """True: answer. A sentence: say only this. None: say nothing."""
        if not self._pace.commands and not self._pace.loop:
            return True
        talk, now = self._talk(message), time.monotonic()
        if now < talk.silent_until:
            return None
        if self._pace.loop:
            same = message.text == talk.text
            talk.quick = talk.quick + 1 if now - talk.replied < LOOP_GAP and (same or not slash) else 0
            talk.text = message.text
            # People do poll by command; an echo goes on for ever.
            if talk.quick >= self._pace.loop * (3 if slash else 1):
                talk.quick, talk.silent_until = 0, now + LOOP_PAUSE
                logger.warning(
                    "{} in {} seems to be a bot: not answered for a while", message.member.id, message.group.id
                )
                return None
        if talk.limiter is None:
            return True
        if talk.limiter.has_capacity():
            talk.told = False
            await talk.limiter.acquire()
            return True
        told, talk.told = talk.told, True
        return None if told else SLOWER

    def replied(self, message: Message) -> None:
        talk = self._talks.get((message.group.id, message.member.id))
        if talk is not None:
            talk.replied = time.monotonic()

    def _talk(self, message: Message) -> _Talk:
        key = (message.group.id, message.member.id)
        talk = self._talks.get(key)
        if talk is None:
            rate = self._pace.commands
            talk = self._talks[key] = _Talk(AsyncLimiter(rate, 60) if rate else None)
            if len(self._talks) > REMEMBERED:
                self._talks.popitem(last=False)
        return talk
