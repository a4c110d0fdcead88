"""What a handler may do in its group beyond speaking; each act is written down with who, whom and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from loguru import logger

from bot.errors import AdapterError
from bot.sending import Run
from bot.store import audit
from bot.store.audit import Entry
from bot.store.database import Store
from bot.types import File, FriendRequest, Group, JoinRequest, Member, Profile, Role


class Platform(Protocol):
    """A platform that acts; see `bot.pipeline.Adapter`."""

    async def role(self, group: Group, member_id: str) -> Role: ...

    async def recall(self, group: Group, message_id: str) -> None: ...

    async def mute(self, group: Group, member_id: str, seconds: int) -> None: ...

    async def mute_all(self, group: Group, on: bool) -> None: ...

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None: ...

    async def rename(self, group: Group, member_id: str, card: str) -> None: ...

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None: ...

    async def profile(self, group: Group, member_id: str, *, fresh: bool = False) -> Profile | None: ...

    async def fetch(self, group: Group, file: File, limit: int) -> bytes: ...


class GivesRoles(Protocol):
    """The roles that the house itself gives: operators, and helpers of the admins."""

    def known(self, group: Group, member: Member) -> Role: ...


@dataclass(slots=True)
class Outcomes:
    """What came of some acts, in the form in which the audit keeps it: the act's name, and the reason why not."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)

    async def of(self, name: str, act: Awaitable[None]) -> Exception | None:
        """Wait for an act, note what came of it, and return why it failed."""
        try:
            await act
        except asyncio.CancelledError:
            # The bot ends: the call may have gone out already.
            self.unconfirmed.append(f"{name}: 机器人停了")
            raise
        except AdapterError as error:
            (self.unconfirmed if error.ambiguous else self.failed).append(f"{name}: {error.reason}")
            return error
        except Exception as error:  # noqa: BLE001 - whatever breaks in an adapter is an act that failed, and is told as one
            logger.opt(exception=error).error("The platform broke on {}", name)
            self.failed.append(f"{name}: {type(error).__name__}")
            return error
        self.done.append(name)
        return None

    def evidence(self, **more: object) -> str:
        """JSON for the audit."""
        found = {"done": self.done, "failed": self.failed, **more}
        if self.unconfirmed:
            found["unconfirmed"] = self.unconfirmed
        # Half a character can be received but neither encoded nor stored.
        return json.dumps(found, ensure_ascii=False).encode("utf-8", "replace").decode()


class RunActs:
    """Implements `bot.plugin.Acts` for one run: its group, its plugin, and whoever gave the command."""

    __slots__ = ("_platform", "_roles", "_run", "_store")

    def __init__(self, platform: Platform, roles: GivesRoles, store: Store, run: Run) -> None:
        self._platform = platform
        self._roles = roles
        self._store = store
        self._run = run

    async def recall(self, message_id: str) -> None:
        await self._do("recall", self._platform.recall(self._run.group, message_id), message_id)

    async def mute(self, member_id: str, seconds: int) -> None:
        act = self._platform.mute(self._run.group, member_id, seconds)
        await self._do("mute" if seconds else "unmute", act, member_id, seconds=seconds)

    async def mute_all(self, on: bool) -> None:
        await self._do("mute_all" if on else "unmute_all", self._platform.mute_all(self._run.group, on), "")

    async def kick(self, member_id: str, forever: bool = False) -> None:
        act = self._platform.kick(self._run.group, member_id, forever=forever)
        await self._do("kick", act, member_id, forever=forever)

    async def rename(self, member_id: str, card: str) -> None:
        await self._do("rename", self._platform.rename(self._run.group, member_id, card), member_id, card=card)

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        act = self._platform.admit(request, approve, reason)
        await self._do("admit" if approve else "turn_away", act, request.member.id, reason=reason)

    async def profile(self, member_id: str, fresh: bool = False) -> Profile | None:
        return await self._platform.profile(self._run.group, member_id, fresh=fresh)

    async def role(self, member_id: str) -> Role:
        group = self._run.group
        given = self._roles.known(group, Member(member_id))
        if given >= Role.ADMIN or group.direct:
            return given
        try:
            return await self._platform.role(group, member_id)
        except AdapterError as error:
            logger.warning("The role of {} in {} could not be read: {}", member_id, group.id, error.reason)
            return Role.UNKNOWN

    async def _do(self, name: str, act: Awaitable[None], subject: str, **more: object) -> None:
        """Act and write it down, also where it fails or is broken off; then raise what it failed with."""
        outcomes = Outcomes()
        try:
            failure = await outcomes.of(name, act)
        finally:
            await self._note(outcomes, subject, more)
        if failure is not None:
            raise failure

    async def _note(self, outcomes: Outcomes, subject: str, more: Mapping[str, object]) -> None:
        run = self._run
        entry = Entry(
            group_id=run.group.id,
            member_id=run.member.id,
            member_name=run.member.name,
            act="moderate",
            plugin=run.plugin,
            subject=subject,
            after=outcomes.evidence(**{key: value for key, value in more.items() if value}),
        )
        await audit.note(self._store, entry)
