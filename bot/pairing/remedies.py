"""Each known mistake on the way to QQ: what is wrong, and what to do. The operators' guide shows the same table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.config import variable
from bot.doctor.finding import Level


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is wrong, what to do, and how bad it is: "fail" means that the account cannot work so."""

    wrong: str
    remedy: str
    level: Level = "fail"


TOKEN: Final = variable("onebot", "token")
CONNECT: Final = variable("onebot", "connect")
HOST: Final = variable("server", "host")

REMEDIES: Final[Mapping[str, Remedy]] = {
    # --- somebody came to our door -----------------------------------------------------------
    "token_missing": Remedy(
        "Somebody came without a token.",
        "Paste the token into the field Token there and save. Was it HTTP客户端? Then take Websocket客户端 instead.",
    ),
    "token_wrong": Remedy(
        "Somebody came with a wrong token.",
        f"Paste the token ({TOKEN}) there anew, without spaces. After a change here, restart the bot.",
    ),
    "wrong_path": Remedy(
        "Somebody came to a wrong path.",
        "The address ends in /onebot/v11/ws and in nothing after it: copy it whole.",
    ),
    "wrong_role": Remedy(
        "Somebody came with a role that OneBot does not know (X-Client-Role).",
        "Choose Universal there, one address for events and calls.",
    ),
    "no_self_id": Remedy(
        "Somebody came who does not say which account it is (X-Self-ID).",
        "Log the account in first; if it is logged in, what came is no OneBot v11 implementation.",
    ),
    "not_websocket": Remedy(
        "A plain HTTP request came where a WebSocket is wanted.",
        "In NapCat take Websocket客户端, not HTTP客户端; elsewhere reverse WebSocket, not HTTP POST; ws://, not http://.",
    ),
    "replaced": Remedy(
        "One account connects again and again: each connection ends the one before.",
        "Keep one: remove the second entry with this address, or stop the second program that has the same account.",
    ),
    "silent": Remedy(
        "A connection fell silent and was closed.",
        "If it does not come back by itself, restart the implementation; a heartbeat (心跳间隔) of 30000 ms is fine.",
        "warn",
    ),
    # --- we came to theirs -------------------------------------------------------------------
    "refused_by_peer": Remedy(
        "The implementation refused our token.",
        f"Write the token of its Websocket服务器 into {TOKEN}, or paste ours there; then start the bot, or this, anew.",
    ),
    "unreachable": Remedy(
        "Nobody listens where the bot dials.",
        f"Switch the Websocket服务器 on there; compare host and port with {CONNECT} (NapCat: 3001). "
        "In Docker its Host is 0.0.0.0, and the port is published. After a change here, restart the bot.",
    ),
    "not_onebot": Remedy(
        "Where the bot dials somebody answers who is no OneBot WebSocket server.",
        f"Put the port of the Websocket服务器 into {CONNECT}, often 3001. 6099 is NapCat's page, 3000 its HTTP server. "
        "After a change here, restart the bot.",
    ),
    # --- connected, and yet ------------------------------------------------------------------
    "account_offline": Remedy(
        "The account is not logged in to QQ, though the implementation is connected.",
        "Log in again on its web page, by scanning the code; QQ logs accounts out when it doubts them.",
    ),
    "no_group": Remedy(
        "The account is in no group.",
        "Invite it into a group with its own QQ app; a new group may take a minute to show.",
        "warn",
    ),
    "no_admin": Remedy(
        "The account is an admin nowhere.",
        "It can talk, but it cannot recall, mute or remove: let the owner of the group make it an admin.",
        "warn",
    ),
    "muted": Remedy(
        "The account is muted.",
        "It says nothing there until that ends: let an admin lift it (解除禁言).",
        "warn",
    ),
    # --- between this command and the bot ----------------------------------------------------
    "report_refused": Remedy(
        "The bot that runs has another token than the settings here.",
        "Restart the bot, so that it takes the token that stands here, "
        "and begin this command anew, in the bot's folder.",
    ),
    "report_missing": Remedy(
        "The bot that runs has no door for QQ.",
        f"Set {variable('onebot', 'enabled')}=true, or restart it if it is of an older version.",
    ),
    "bot_gone": Remedy(
        "The bot that ran is gone.",
        "Start it again; this command goes on when it is back.",
        "warn",
    ),
}
"""By kind, in the order of the way."""
