"""Frames of OneBot v11 become events: messages here, all else in `onebot_notices`."""

from __future__ import annotations

from bot.adapters.onebot_frames import DIRECT, PREFIX, Body, Malformed, handle, ident
from bot.adapters.onebot_notices import READERS, further
from bot.adapters.onebot_parts import read
from bot.adapters.onebot_view import EVERYWHERE, View, group_number, group_of, moment, role
from bot.types import Event, Group, Member, Message

__all__ = ["EVERYWHERE", "READERS", "View", "further", "parse", "role", "source"]


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


def _message(body: Body, view: View, now: float) -> Event | None:
    sender = body.get("sender")
    if type(sender) is not dict:
        sender = {}
    user: object = body.get("user_id")
    if type(user) is not int:
        user = ident(user) or ident(sender.get("user_id"))
    message_id: object = body.get("message_id")
    message_id = str(message_id) if type(message_id) is int else handle(message_id)
    if user is None or message_id is None:
        raise Malformed("user_id" if user is None else "message_id")
    member_id = f"{PREFIX}{user}"
    if member_id in view.own:
        return None
    name = sender.get("card")
    if type(name) is not str or not name or name.isspace():
        name = sender.get("nickname")
    if type(anonymous := body.get("anonymous")) is dict:
        name = anonymous.get("name")
    if type(name) is not str:
        name = ""
    where = body.get("message_type")
    if where == "group":
        digits = group_number(body)
        group, account = group_of(digits, body, view), view.accounts.get(digits, view.account)
    elif where == "private":
        # A temporary session carries a group_id too: only message_type tells them apart.
        group, account = Group(f"{DIRECT}{user}", name, direct=True), view.account
    else:
        raise Malformed("message_type")
    said_role = role(sender.get("role"))
    member = view.members.get(member_id)
    if member is None or member.name != name or member.role is not said_role:
        member = Member(member_id, name, said_role)
        view.members.keep(member_id, member)
    content = body.get("message")
    parts, quote = read(body.get("raw_message") if content is None else content, account)
    return Message(
        group=group, account=account, time=moment(body, now), id=message_id, member=member, parts=parts, quote=quote
    )


def source(body: Body) -> str | None:
    """The group (by number) through which a stranger writes; None where it is not told."""
    found = ident(body.get("group_id"))
    return None if found in ("0", "284840486") else found
