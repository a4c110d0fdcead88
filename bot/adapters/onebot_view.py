"""Who reads a frame of OneBot v11, and what most frames have: a time, a group, a member."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from bot.adapters.onebot_frames import DIRECT, PREFIX, Body, Malformed, amount, ident
from bot.adapters.onebot_memory import Memory
from bot.types import Account, Group, Member, Profile, Role

EVERYWHERE: Final = Group("qq:*")
"""The group of an `AccountChanged` that concerns the whole account."""

ROLES: Final = {"owner": Role.OWNER, "admin": Role.ADMIN, "member": Role.MEMBER}
K = TypeVar("K")
V = TypeVar("V")
HIDDEN: Final = "qq:0"
"""The id of somebody whom the platform does not tell."""


@dataclass(slots=True)
class View:
    """Who reads a frame: the account, how it is called in each group (by number), and all ids that are ours.

    groups     as last seen, by number; members as last seen, by id: most messages come from who spoke before
    profiles   what was read of members, by group and member, until when (monotonic seconds); a notice that
               tells of a change drops its member's
    """

    account: Account
    own: Collection[str]
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: Memory[str, Group] = field(default_factory=Memory)
    members: Memory[str, Member] = field(default_factory=Memory)
    profiles: Memory[tuple[str, str], tuple[float, Profile]] = field(default_factory=Memory)

    def learn(self, group_id: str, profile: Profile, until: float) -> None:
        """Remember what was read of a member."""
        self.profiles.keep((group_id, profile.member.id), (until, profile))


def role(value: object) -> Role:
    """A platform's word for a role; UNKNOWN for none and for words that are not of the standard."""
    return ROLES.get(value, Role.UNKNOWN) if type(value) is str else Role.UNKNOWN


def moment(body: Body, now: float) -> float:
    value = body.get("time")
    if type(value) is int and 0 < value < 100_000_000_000:
        return float(value)
    seconds = float(value) if type(value) is int else amount(value)
    if seconds is None:
        return now
    if seconds > 1e11:
        seconds /= 1000
    return float(seconds) if 0 < seconds < 1e11 else now


def group_number(body: Body) -> str:
    found = body.get("group_id")
    found = str(found) if type(found) is int else ident(found)
    if found is None or found == "0":
        raise Malformed("group_id")
    return found


def group_of(digits: str, body: Body, view: View) -> Group:
    name = body.get("group_name")
    if type(name) is not str:
        name = ""
    group = view.groups.get(digits)
    if group is None or group.name != name:
        known, group = group, Group(PREFIX + digits, name)
        # Notices seldom carry a name; they must not drop the one that messages bring.
        if name or known is None:
            view.groups.keep(digits, group)
    return group


def scene_of(body: Body, view: View, now: float) -> dict[str, Any]:
    """The fields that every event of a group shares."""
    digits = group_number(body)
    account = view.accounts.get(digits, view.account)
    return {"group": group_of(digits, body, view), "account": account, "time": moment(body, now)}


def direct_scene(user: Member, body: Body, view: View, now: float) -> dict[str, Any]:
    group = Group(DIRECT + user.id.removeprefix(PREFIX), direct=True)
    return {"group": group, "account": view.account, "time": moment(body, now)}


def member_of(body: Body, key: str = "user_id") -> Member:
    """The member in a field; 0, which stands for a hidden one, is a member too."""
    found = ident(body.get(key))
    if found is None:
        raise Malformed(key)
    return Member(PREFIX + found)


def operator_of(body: Body, member: Member) -> Member | None:
    """Who did it, where it is known and somebody else."""
    found = ident(body.get("operator_id"))
    return None if found in (None, "0") or PREFIX + found == member.id else Member(PREFIX + found)


def changed(member: Member, scene: Mapping[str, Any], view: View) -> None:
    """What was read of this member holds no more."""
    view.profiles.pop((scene["group"].id, member.id), None)
