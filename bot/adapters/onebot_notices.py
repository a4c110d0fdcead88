"""Notices and requests of OneBot v11 become events; `READERS` lists those that do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from bot.adapters.onebot_frames import Body, Malformed, amount, handle, ident, line
from bot.adapters.onebot_view import (
    EVERYWHERE,
    HIDDEN,
    View,
    changed,
    direct_scene,
    member_of,
    moment,
    operator_of,
    scene_of,
)
from bot.types import (
    AccountChanged,
    CardChanged,
    Event,
    FriendRequest,
    JoinRequest,
    Member,
    MemberJoined,
    MemberLeft,
    Muted,
    Poked,
    Reaction,
    Recalled,
    Role,
    RoleChanged,
)

MOST_LIKES: Final = 20


def _joined(body: Body, view: View, now: float) -> Event | None:
    member, scene = member_of(body), scene_of(body, view, now)
    if member.id == view.account.id:
        return AccountChanged(**scene, online=True, reason="加入了该群")
    return None if member.id in view.own else MemberJoined(**scene, member=member)


def _left(body: Body, view: View, now: float) -> Event | None:
    sub, scene = body.get("sub_type"), scene_of(body, view, now)
    if sub == "disband" or body.get("notice_type") == "group_dismiss":
        return AccountChanged(**scene, online=False, reason="该群已解散")
    member = member_of(body)
    if sub == "kick_me" or member.id == view.account.id:
        return AccountChanged(**scene, online=False, reason="退出了该群" if sub == "leave" else "被移出了该群")
    changed(member, scene, view)
    return None if member.id in view.own else MemberLeft(**scene, member=member, operator=operator_of(body, member))


def _recalled(body: Body, view: View, now: float) -> Event:
    member, message_id = member_of(body), handle(body.get("message_id"))
    if message_id is None:
        raise Malformed("message_id")
    if body.get("notice_type") == "friend_recall":
        return Recalled(**direct_scene(member, body, view, now), message_id=message_id, member=member)
    scene = scene_of(body, view, now)
    return Recalled(**scene, message_id=message_id, member=member, operator=operator_of(body, member))


def _banned(body: Body, view: View, now: float) -> Event:
    member, duration = member_of(body), amount(body.get("duration"))
    if body.get("sub_type") == "lift_ban" or duration == 0:
        seconds: int | None = 0
    else:
        seconds = int(duration) if duration is not None and 0 < duration < 1e11 else None
    whole = member.id == HIDDEN
    if whole and seconds:
        seconds = None  # some give a whole group's mute the longest duration there is
    scene = scene_of(body, view, now)
    changed(member, scene, view)
    return Muted(**scene, member=None if whole else member, seconds=seconds, operator=operator_of(body, member))


def _renamed(body: Body, view: View, now: float) -> Event | None:
    member, scene = member_of(body), scene_of(body, view, now)
    changed(member, scene, view)
    if member.id in view.own:
        return None
    before, after = line(body.get("card_old"), 64), line(body.get("card_new"), 64)
    return CardChanged(**scene, member=Member(member.id, after), before=before, after=after)


def _promoted(body: Body, view: View, now: float) -> Event:
    """An admin more or less; our own accounts are told of too, since it changes what they may do."""
    member, scene, sub = member_of(body), scene_of(body, view, now), body.get("sub_type")
    if sub not in ("set", "unset"):
        raise Malformed("sub_type")
    changed(member, scene, view)
    admin = sub == "set"
    return RoleChanged(**scene, member=Member(member.id, role=Role.ADMIN if admin else Role.MEMBER), admin=admin)


def _notified(body: Body, view: View, now: float) -> Event | None:
    """Of what comes as `notify`, a poke; honours and lucky kings stand for no event of ours."""
    return _poked(body, view, now) if body.get("sub_type") == "poke" else None


def _poked(body: Body, view: View, now: float) -> Event | None:
    direct = ident(body.get("group_id")) in (None, "0")
    friend, target = member_of(body), member_of(body, "target_id")
    # In a direct chat NapCat gives the friend as user_id, whoever of the two poked.
    member = member_of(body, "sender_id") if direct and "sender_id" in body else friend
    if member.id in view.own:
        return None
    scene = direct_scene(member, body, view, now) if direct else scene_of(body, view, now)
    return Poked(**scene, member=member, target=target, ours=target.id in view.own)


def _liked(body: Body, view: View, now: float) -> Event | None:
    """A reaction, in the spelling of NapCat and LLBot (`likes`) or of Lagrange (`code`)."""
    if body.get("notice_type") == "reaction":
        member = member_of(body, "operator_id" if "operator_id" in body else "user_id")
        emoji, added = handle(body.get("code")), body.get("sub_type") != "remove"
    else:
        likes = body.get("likes")
        first = likes[0] if type(likes) is list and likes else None
        member = member_of(body)
        emoji = handle(first.get("emoji_id")) if type(first) is dict else None
        added = body.get("is_add") is not False
    message_id = handle(body.get("message_id"))
    if emoji is None or message_id is None:
        raise Malformed("emoji" if emoji is None else "message_id")
    if member.id in view.own:
        return None
    return Reaction(**scene_of(body, view, now), message_id=message_id, member=member, emoji=emoji, added=added)


def further(body: Body, first: Reaction) -> list[Reaction]:
    """The other reactions that came in the same notice as the first."""
    likes = body.get("likes")
    found = (
        [handle(like.get("emoji_id")) for like in likes[1:MOST_LIKES] if type(like) is dict]
        if type(likes) is list
        else []
    )
    return [replace(first, emoji=emoji) for emoji in found if emoji is not None]


def _offline(body: Body, view: View, now: float) -> Event:
    said = line(body.get("message"), 100) or line(body.get("tag"), 100)
    reason = f"账号掉线：{said}" if said else "账号掉线"
    return AccountChanged(group=EVERYWHERE, account=view.account, time=moment(body, now), online=False, reason=reason)


def _asked(body: Body, view: View, now: float) -> Event:
    member, flag, comment = member_of(body), handle(body.get("flag")), body.get("comment")
    if flag is None:
        raise Malformed("flag")
    comment = comment if type(comment) is str else ""
    if body.get("request_type") == "friend":
        return FriendRequest(**direct_scene(member, body, view, now), member=member, comment=comment, flag=flag)
    invited = body.get("sub_type") == "invite"
    return JoinRequest(**scene_of(body, view, now), member=member, comment=comment, flag=flag, invited=invited)


Reader = Callable[[Body, View, float], Event | None]
READERS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "notice": {
        "group_increase": _joined,
        "group_decrease": _left,
        "group_dismiss": _left,
        "group_recall": _recalled,
        "friend_recall": _recalled,
        "group_ban": _banned,
        "group_card": _renamed,
        "group_admin": _promoted,
        "notify": _notified,
        "group_msg_emoji_like": _liked,
        "reaction": _liked,
        "bot_offline": _offline,
        # Not group_upload: beside it every implementation sends the message with the file, which can be quoted.
    },
    "request": {"friend": _asked, "group": _asked},
}
