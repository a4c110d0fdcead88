"""What is asked of an implementation on its connection: who we are, what it is, and where we stand in each group."""

from __future__ import annotations

import time
from typing import Final

from loguru import logger

from bot.adapters.onebot_frames import Body, ident, line, number
from bot.adapters.onebot_link import Link, Seat
from bot.adapters.onebot_quirks import quirks

MOST_GROUPS: Final = 1000
"""Groups that are learnt about at once; of the others, when something is said in them."""


async def _told(link: Link, action: str, within: float, **params: object) -> Body:
    found = await link.told(action, params, within)
    return found if isinstance(found, dict) else {}


async def greet(seat: Seat, link: Link, within: float) -> bool:
    """Learn our nickname and what carries our words; False where it knows that the account is offline."""
    login = await _told(link, "get_login_info", within)
    seat.name(line(login.get("nickname"), 64))
    version = await _told(link, "get_version_info", within)
    seat.app, seat.version = (line(version.get(key), 64) for key in ("app_name", "app_version"))
    seat.quirks = quirks(seat.app)
    logger.info("OneBot: {} is connected through {} {}", seat.view.account.id, seat.app or "?", seat.version)
    if not seat.quirks.sees_account:
        link.tells = False
    return (await _told(link, "get_status", within)).get("online") is not False


async def survey(seat: Seat, link: Link, within: float) -> None:
    """Learn which groups we are in, and have our standing in each learnt."""
    found = await link.told("get_group_list", {}, within)
    groups = [group for group in found if isinstance(group, dict)] if isinstance(found, list) else []
    for group in groups[:MOST_GROUPS]:
        if (id := ident(group.get("group_id"))) and id != "0":
            seat.place(id).describe(group, time.time())
            seat.ask_about(id)


async def study(seat: Seat, link: Link, group: str, within: float) -> None:
    """Learn our card, role and mutes in one group."""
    place, anew = seat.place(group), group not in link.studied
    if place.members is None or (anew and place.shut):
        info = await _told(link, "get_group_info", within, group_id=number(group), no_cache=anew and place.shut)
        place.describe(info, time.time(), anew=anew)
    own = number(seat.view.account.id.partition(":")[2])
    member = await _told(link, "get_group_member_info", within, group_id=number(group), user_id=own, no_cache=False)
    if member and group in link.asked:
        # What a notice told of a mute is younger than this answer, which may come from a cache.
        place.stand(member, time.time(), anew=anew and group not in link.mutes)
        link.studied.add(group)
        seat.name(line(member.get("nickname"), 64), group, line(member.get("card"), 64))
