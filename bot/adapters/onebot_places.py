"""What an account of ours knows of its groups: who it is there, and whether it may speak."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

from bot.adapters.onebot_events import role
from bot.adapters.onebot_frames import Body, amount, line
from bot.types import Role

GUESS: Final = 600.0
"""Seconds that a group is left alone when a refusal, not a notice, told that we are muted there."""


@dataclass(slots=True)
class Place:
    """One group. Times are monotonic seconds.

    muted     until when we may not speak
    guessed   the same, as a refusal lets us think
    shut      nobody may speak but admins
    """

    name: str = ""
    members: int | None = None
    role: Role = Role.UNKNOWN
    muted: float = 0.0
    guessed: float = 0.0
    shut: bool = False

    @property
    def open(self) -> bool:
        """Whether we may speak; where our role is unknown, a shut group is tried, and its refusal teaches us."""
        if self.shut and self.role is Role.MEMBER:
            return False
        if not self.muted and not self.guessed:
            return True
        return max(self.muted, self.guessed) <= time.monotonic()

    def mute(self, seconds: float | None) -> None:
        """We may not speak for so long (0: we may again; None: until that is lifted)."""
        self.guessed = 0.0
        self.muted = 0.0 if seconds == 0 else time.monotonic() + (math.inf if seconds is None else seconds)

    def shut_down(self, shut: bool) -> None:
        """Nobody may speak any more, or everybody may again."""
        self.shut = shut
        if not shut:
            self.guessed = 0.0

    def refuse(self) -> None:
        """What we said was refused because of a mute that no notice had told."""
        if self.open:
            self.guessed = time.monotonic() + GUESS

    def describe(self, group: Body, now: float, *, anew: bool = False) -> None:
        """Learn from what get_group_info or get_group_list says; `now` is in Unix seconds.

        Asked `anew`, on a new connection, silence about a whole mute ends it: its notice may have been missed.
        """
        self.name = line(group.get("group_name"), 64) or self.name
        count = group.get("member_count")
        if type(count) is int and count > 0:
            self.members = count
        # NapCat: -1 for a whole mute. LLBot: until when, of the whole group and of ourselves.
        if (shut := amount(group.get("group_all_shut"))) is not None:
            self.shut_down(shut != 0)
        elif (until := amount(group.get("shut_up_all_timestamp"))) is not None:
            self.shut_down(until > now)
        elif anew:
            self.shut_down(False)
        if (until := amount(group.get("shut_up_me_timestamp"))) is not None:
            self.mute(max(0.0, until - now))

    def stand(self, member: Body, now: float, *, anew: bool) -> None:
        """Learn from what get_group_member_info says of ourselves; `now` is in Unix seconds.

        Unless it is asked `anew`, on a new connection, it ends no mute: it may be older than what a notice told.
        Asked anew, its silence ends one too: of what was missed nothing else tells, and a refusal would teach us.
        """
        found = role(member.get("role"))
        if found is not Role.UNKNOWN:
            self.role = found
        until = amount(member.get("shut_up_timestamp"))
        if anew or (until is not None and until > now):
            self.mute(max(0.0, (until or 0.0) - now))
