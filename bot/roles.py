"""Who may do what: the platform's word, asked afresh, or the operator's."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from loguru import logger

from bot.errors import AdapterError, Refusal
from bot.types import Group, Member, Message, Role

SECONDS = 6.0
REFUSED_SECONDS = 5.0
"""So long a member who was no admin is not asked for again: the platform may be slow, and the lane waits."""
REMEMBERED = 10_000
ONLY = {
    Role.ADMIN: "只有管理员可以这样做。",
    Role.OWNER: "只有群主可以这样做。",
    Role.OPERATOR: "只有运营者可以这样做。",
}
UNSURE = "暂时无法确认你的身份，请稍后再试。"


class KnowsRoles(Protocol):
    async def role(self, group: Group, member_id: str) -> Role:
        """See `bot.pipeline.Adapter`."""


class Roles:
    """`delegates` gives the members whom a group's owner or an operator made admins of the bot."""

    def __init__(
        self,
        operators: frozenset[str],
        adapters: Mapping[str, KnowsRoles],
        delegates: Callable[[str], frozenset[str]],
    ) -> None:
        self._operators = operators
        self._adapters = adapters
        self._delegates = delegates
        self._refused: OrderedDict[tuple[str, str], tuple[float, Role, Role]] = OrderedDict()

    def known(self, group: Group, member: Member) -> Role:
        """The role as far as it is known without asking: good enough for what shows, not for what changes."""
        if member.id in self._operators:
            return Role.OPERATOR
        role = Role.MEMBER if group.direct else member.role
        if role < Role.ADMIN and member.id in self._delegates(group.id):
            return Role.ADMIN
        return role

    async def fresh(self, group: Group, member: Member) -> Role:
        """The role as the platform knows it this moment; UNKNOWN where it does not say."""
        if member.id in self._operators:
            return Role.OPERATOR
        if group.direct:
            return Role.MEMBER
        key, now = (group.id, member.id), time.monotonic()
        until, said, role = self._refused.get(key, (0.0, Role.UNKNOWN, Role.UNKNOWN))
        if now >= until or member.role > said:
            role = await self._asked(group, member)
            if role < Role.ADMIN:
                self._refused[key] = (now + REFUSED_SECONDS, member.role, role)
                if len(self._refused) > REMEMBERED:
                    self._refused.popitem(last=False)
        if role < Role.ADMIN and member.id in self._delegates(group.id):
            return Role.ADMIN
        return role

    async def _asked(self, group: Group, member: Member) -> Role:
        try:
            return await asyncio.wait_for(self._adapters[group.platform].role(group, member.id), SECONDS)
        except (AdapterError, TimeoutError) as error:
            logger.warning("The role of {} in {} could not be read: {!r}", member.id, group.id, error)
            return Role.UNKNOWN

    async def demand(self, message: Message, least: Role) -> None:
        """Raises Refusal where the sender's fresh role is less than `least`."""
        role = await self.fresh(message.group, message.member)
        if role >= least:
            return
        raise Refusal(UNSURE if role is Role.UNKNOWN else ONLY[least])
