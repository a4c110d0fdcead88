"""Frames of OneBot v11 become events: messages, notices, requests; `READERS` lists all but messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.adapters.onebot_frames import DIRECT, PREFIX, Body, Malformed, amount, handle, ident, line
from bot.adapters.onebot_parts import read
from bot.types import (
    Account,
    AccountChanged,
    Event,
    FriendRequest,
    Group,
    JoinRequest,
    Member,
    MemberJoined,
    MemberLeft,
    Message,
    Muted,
    Reaction,
    Recalled,
    Role,
)

EVERYWHERE: Final = Group("qq:*")
"""The group of an `AccountChanged` that concerns the whole account."""

ROLES: Final = {"owner": Role.OWNER, "admin": Role.ADMIN, "member": Role.MEMBER}


@dataclass(slots=True)
class View:
    """Who reads a frame: the account, how it is called in each group (by number), and all ids that are ours."""

    account: Account
    own: Collection[str]
    accounts: dict[str, Account] = field(default_factory=dict)


def parse(body: Body, view: View, now: float) -> Event | None:
    """Turn a frame into an event; None for our own messages and what no event of ours stands for.

    `now` (Unix seconds) stands in for a missing time. Raises Malformed.
    """
    post = body.get("post_type")
    if post == "message":
        return _message(body, view, now)
    if type(post) is not str:
        raise Malformed("post_type")
    if post not in READERS:
        return None
    word = body.get(f"{post}_type")
    if type(word) is not str:
        raise Malformed(f"{post}_type")
    reader = READERS[post].get(word)
    return reader(body, view, now) if reader else None


def role(value: object) -> Role:
    """A platform's word for a role; UNKNOWN for none and for words that are not of the standard."""
    return ROLES.get(value, Role.UNKNOWN) if type(value) is str else Role.UNKNOWN


def _time(body: Body, now: float) -> float:
    value = body.get("time")
    seconds = float(value) if type(value) is int else amount(value)
    if seconds is None:
        return now
    if seconds > 1e11:
        seconds /= 1000
    return float(seconds) if 0 < seconds < 1e11 else now


def _message(body: Body, view: View, now: float) -> Event | None:
    sender = body.get("sender")
    if type(sender) is not dict:
        sender = {}
    user = ident(body.get("user_id")) or ident(sender.get("user_id"))
    message_id = handle(body.get("message_id"))
    if user is None or message_id is None:
        raise Malformed("user_id" if user is None else "message_id")
    member_id = PREFIX + user
    if member_id in view.own:
        return None
    name = sender.get("card")
    if type(name) is not str or not name.strip():
        name = sender.get("nickname")
    if type(anonymous := body.get("anonymous")) is dict:
        name = anonymous.get("name")
    if type(name) is not str:
        name = ""
    where = body.get("message_type")
    if where == "group":
        digits = _group_number(body)
        group, account = _group(digits, body), view.accounts.get(digits, view.account)
    elif where == "private":
        # A temporary session carries a group_id too: only message_type tells them apart.
        group, account = Group(DIRECT + user, name, direct=True), view.account
    else:
        raise Malformed("message_type")
    content = body.get("message")
    parts, quote = read(body.get("raw_message") if content is None else content, account)
    return Message(
        group=group,
        account=account,
        time=_time(body, now),
        id=message_id,
        member=Member(member_id, name, role(sender.get("role"))),
        parts=parts,
        quote=quote,
    )


def _group_number(body: Body) -> str:
    found = ident(body.get("group_id"))
    if found is None or found == "0":
        raise Malformed("group_id")
    return found


def _group(digits: str, body: Body) -> Group:
    name = body.get("group_name")
    return Group(PREFIX + digits, name if type(name) is str else "")


def source(body: Body) -> str | None:
    """The group (by number) through which a stranger writes; None where it is not told."""
    found = ident(body.get("group_id"))
    return None if found in ("0", "284840486") else found


def _scene(body: Body, view: View, now: float) -> dict[str, Any]:
    """The fields that every event of a group shares."""
    digits = _group_number(body)
    account = view.accounts.get(digits, view.account)
    return {"group": _group(digits, body), "account": account, "time": _time(body, now)}


def _direct(user: Member, body: Body, view: View, now: float) -> dict[str, Any]:
    group = Group(DIRECT + user.id.removeprefix(PREFIX), direct=True)
    return {"group": group, "account": view.account, "time": _time(body, now)}


def _member(body: Body, key: str = "user_id") -> Member:
    """The member in a field; 0, which stands for a hidden one, is a member too."""
    found = ident(body.get(key))
    if found is None:
        raise Malformed(key)
    return Member(PREFIX + found)


def _operator(body: Body, member: Member) -> Member | None:
    """Who did it, where it is known and somebody else."""
    found = ident(body.get("operator_id"))
    return None if found in (None, "0") or PREFIX + found == member.id else Member(PREFIX + found)


def _joined(body: Body, view: View, now: float) -> Event | None:
    member, scene = _member(body), _scene(body, view, now)
    if member.id == view.account.id:
        return AccountChanged(**scene, online=True, reason="加入了该群")
    return None if member.id in view.own else MemberJoined(**scene, member=member)


def _left(body: Body, view: View, now: float) -> Event | None:
    sub, scene = body.get("sub_type"), _scene(body, view, now)
    if sub == "disband" or body.get("notice_type") == "group_dismiss":
        return AccountChanged(**scene, online=False, reason="该群已解散")
    member = _member(body)
    if sub == "kick_me" or member.id == view.account.id:
        return AccountChanged(**scene, online=False, reason="退出了该群" if sub == "leave" else "被移出了该群")
    return None if member.id in view.own else MemberLeft(**scene, member=member, operator=_operator(body, member))


def _recalled(body: Body, view: View, now: float) -> Event:
    member, message_id = _member(body), handle(body.get("message_id"))
    if message_id is None:
        raise Malformed("message_id")
    if body.get("notice_type") == "friend_recall":
        return Recalled(**_direct(member, body, view, now), message_id=message_id, member=member)
    scene = _scene(body, view, now)
    return Recalled(**scene, message_id=message_id, member=member, operator=_operator(body, member))


def _banned(body: Body, view: View, now: float) -> Event:
    member, duration = _member(body), amount(body.get("duration"))
    if body.get("sub_type") == "lift_ban" or duration == 0:
        seconds: int | None = 0
    else:
        seconds = int(duration) if duration is not None and 0 < duration < 1e11 else None
    whole = member.id == "qq:0"
    scene = _scene(body, view, now)
    return Muted(**scene, member=None if whole else member, seconds=seconds, operator=_operator(body, member))


def _liked(body: Body, view: View, now: float) -> Event | None:
    """A reaction, in the spelling of NapCat and LLBot (`likes`) or of Lagrange (`code`)."""
    if body.get("notice_type") == "reaction":
        member = _member(body, "operator_id" if "operator_id" in body else "user_id")
        emoji, added = handle(body.get("code")), body.get("sub_type") != "remove"
    else:
        likes = body.get("likes")
        first = likes[0] if type(likes) is list and likes else None
        member = _member(body)
        emoji = handle(first.get("emoji_id")) if type(first) is dict else None
        added = body.get("is_add") is not False
    message_id = handle(body.get("message_id"))
    if emoji is None or message_id is None:
        raise Malformed("emoji" if emoji is None else "message_id")
    if member.id in view.own:
        return None
    return Reaction(**_scene(body, view, now), message_id=message_id, member=member, emoji=emoji, added=added)


def _offline(body: Body, view: View, now: float) -> Event:
    said = line(body.get("message"), 100) or line(body.get("tag"), 100)
    reason = f"账号掉线：{said}" if said else "账号掉线"
    return AccountChanged(group=EVERYWHERE, account=view.account, time=_time(body, now), online=False, reason=reason)


def _asked(body: Body, view: View, now: float) -> Event:
    member, flag, comment = _member(body), handle(body.get("flag")), body.get("comment")
    if flag is None:
        raise Malformed("flag")
    comment = comment if type(comment) is str else ""
    if body.get("request_type") == "friend":
        return FriendRequest(**_direct(member, body, view, now), member=member, comment=comment, flag=flag)
    invited = body.get("sub_type") == "invite"
    return JoinRequest(**_scene(body, view, now), member=member, comment=comment, flag=flag, invited=invited)


Reader = Callable[[Body, View, float], Event | None]
READERS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "notice": {
        "group_increase": _joined,
        "group_decrease": _left,
        "group_dismiss": _left,
        "group_recall": _recalled,
        "friend_recall": _recalled,
        "group_ban": _banned,
        "group_msg_emoji_like": _liked,
        "reaction": _liked,
        "bot_offline": _offline,
    },
    "request": {"friend": _asked, "group": _asked},
}
