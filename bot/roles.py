"""Who may do what: the platform's word, asked afresh, or the operator's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from loguru import logger

from bot.errors import AdapterError, Refusal
from bot.types import Group, Member, Message, Role

SECONDS = 6.0
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
        try:
            role = await asyncio.wait_for(self._adapters[group.platform].role(group, member.id), SECONDS)
        except (AdapterError, TimeoutError) as error:
            logger.warning("The role of {} in {} could not be read: {!r}", member.id, group.id, error)
            role = Role.UNKNOWN
        if role < Role.ADMIN and member.id in self._delegates(group.id):
            return Role.ADMIN
        return role

    async def demand(self, message: Message, least: Role) -> None:
        """Raises Refusal where the sender's fresh role is less than `least`."""
        role = await self.fresh(message.group, message.member)
        if role >= least:
            return
        raise Refusal(UNSURE if role is Role.UNKNOWN else ONLY[least])
