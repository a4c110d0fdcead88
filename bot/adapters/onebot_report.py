"""What an operator is told of the OneBot side: our accounts with their groups, and the mistakes that were seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

from loguru import logger

from bot.adapters.onebot_frames import PREFIX, line
from bot.adapters.onebot_link import Seat

Kind = Literal[
    "token_missing",
    "token_wrong",
    "wrong_path",
    "wrong_role",
    "no_self_id",
    "not_websocket",
    "replaced",
    "refused_by_peer",
    "unreachable",
    "not_onebot",
    "account_offline",
    "silent",
]
QUIET: Final = 60.0
"""Seconds before the log says one thing again: a client with a wrong token comes back every few seconds."""


@dataclass(slots=True)
class Trouble:
    """A mistake: what was last seen of it, when (Unix seconds), and how often since the start."""

    kind: Kind
    detail: str
    time: float
    count: int


class Troubles:
    """The mistakes seen since the start, one entry for each kind, the newest last."""

    def __init__(self) -> None:
        self._known: dict[Kind, Trouble] = {}
        self._logged: dict[Kind, tuple[float, str]] = {}

    def note(self, kind: Kind, detail: str, *, log: bool = True) -> None:
        """Count a mistake; `detail` is one sentence for the operator, with the remedy. It holds no secret."""
        now, detail = time.time(), line(detail, 300)
        before = self._known.pop(kind, None)
        self._known[kind] = Trouble(kind, detail, now, before.count + 1 if before else 1)
        at, said = self._logged.get(kind, (0.0, ""))
        if log and (now - at > QUIET or (said != detail and now - at > 1)):
            self._logged[kind] = now, detail
            logger.warning("OneBot: {} ({})", detail, kind)

    def told(self) -> list[dict[str, object]]:
        """All of them, ready for JSON."""
        return [asdict(trouble) for trouble in self._known.values()]


def report(seats: Mapping[str, Seat], troubles: Troubles) -> dict[str, object]:
    """All that is known of our accounts and of the troubles, ready for JSON."""
    return {"accounts": [_account(seat) for seat in seats.values()], "troubles": troubles.told()}


def _account(seat: Seat) -> dict[str, object]:
    link = seat.link or seat.ear
    return {
        "account": seat.view.account.id.removeprefix(PREFIX),
        "nickname": seat.nickname,
        "app": seat.app,
        "version": seat.version,
        "direction": "forward" if seat.forward else "reverse",
        "connected": link is not None,
        "online": seat.online,
        "detail": seat.detail or seat.pulse.detail,
        "since": seat.since,
        "groups": [_group(seat, group) for group in seat.places],
        "skipped": dict(seat.skipped),
    }


def _group(seat: Seat, group: str) -> dict[str, object]:
    place = seat.places[group]
    role = place.role.name.lower()
    return {"id": group, "name": place.name, "members": place.members, "role": role, "muted": not place.open}
