"""What an account keeps in mind of what it hears, because a later call needs to know it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.adapters.onebot_events import source
from bot.adapters.onebot_frames import PREFIX, Body, ident, line
from bot.adapters.onebot_link import Seat
from bot.types import AccountChanged, Event, Message, Muted, Role


def note(seats: Mapping[str, Seat], seat: Seat, event: Event, body: Body) -> None:
    """Keep what an event tells; `seats` are all of ours, for what it tells of another account."""
    group = event.group.id.removeprefix(PREFIX)
    if isinstance(event, Message):
        seat.seen.keep(event.id, None)
        if seat.pulse.lost:
            seat.pulse.sure()
        if not event.group.direct:
            link = seat.link
            if link is not None and group not in link.asked:
                seat.ask_about(group)
                place = seat.place(group)
                place.name = line(event.group.name, 64) or place.name
        elif body.get("sub_type") == "group" and (through := source(body)):
            seat.strangers.keep(event.member.id, through)
    elif isinstance(event, Muted):
        if event.member is None:
            seat.place(group).shut_down(event.seconds != 0)
        elif silent := seats.get(event.member.id):
            silent.place(group).mute(event.seconds)
            if silent.link is not None:
                silent.link.mutes.add(group)
    elif isinstance(event, AccountChanged):
        seat.leave(group)
        if event.online:
            seat.ask_about(group)


def heed(seat: Seat, body: Body) -> None:
    """Keep up with what a notice says of our own card and role, whether or not an event is made of it."""
    notice = body.get("notice_type")
    if notice not in ("group_card", "group_admin"):
        return
    group, user = ident(body.get("group_id")), ident(body.get("user_id"))
    if not group or seat.view.account.id != f"{PREFIX}{user}":
        return
    if notice == "group_admin":
        seat.place(group).role = Role.ADMIN if body.get("sub_type") == "set" else Role.MEMBER
    elif seat.link is not None:
        # Our name there is asked for anew with the next thing said.
        seat.link.asked.discard(group)
