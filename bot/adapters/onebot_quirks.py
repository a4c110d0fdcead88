"""How implementations of OneBot v11 differ in what the bot relies on, as one table keyed by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Quirks:
    """What holds of one implementation.

    confirms     acts of ours ("mute", "mute_all", "kick", "recall", "rename") of which a notice tells us too
    history      `get_group_msg_history` exists: group_id and count → {"messages": [...]}, oldest first
    forward      how merged messages are sent: `send_group_forward_msg`, nodes in `send_msg`, or not at all
    sees_account its heartbeats know whether the account is online
    files        the calls by which a file that was shared is got: its fresh address, or (get_file) its bytes as base64
    """

    name: str = ""
    confirms: frozenset[str] = frozenset()
    history: bool = True
    forward: Literal["group_forward", "send_msg"] | None = "group_forward"
    sees_account: bool = True
    files: frozenset[str] = frozenset({"get_group_file_url", "get_private_file_url", "get_file"})


ALL: Final = frozenset({"mute", "mute_all", "kick", "recall"})
"""QQ pushes a change of a group to whoever made it too, and these implementations hand every push on."""

URLS: Final = frozenset({"get_group_file_url", "get_private_file_url"})
UNKNOWN: Final = Quirks()
"""An app nobody knows: no notice is waited for that may never come; asking for a history costs a refusal at most."""

# NapCat, LLBot: base64 is in get_file only where the operator enabled local files there (GetFile.ts).
NAPCAT: Final = Quirks("NapCat", ALL)
# LLBot: nodes in send_msg are an error. A recall whose message it has forgotten tells nothing (adapter.ts).
LLBOT: Final = Quirks("LLBot", ALL | {"rename"})
# Lagrange: heartbeats say {online: true, good: true} whatever happens (ForwardWSService.cs); bot_offline and
# bot_online tell (NotifyService.cs).
LAGRANGE: Final = Quirks("Lagrange", ALL, sees_account=False, files=URLS)
# SnowLuma: a whole mute has user_id 0 and the longest duration there is (event-0x2dc.ts); its get_file knows
# pictures and recordings alone (extended.ts).
SNOWLUMA: Final = Quirks("SnowLuma", ALL, files=URLS)
# go-cqhttp: its library drops the notice of a mute that the account itself made.
GO_CQHTTP: Final = Quirks("go-cqhttp", frozenset({"recall", "kick"}), files=frozenset({"get_group_file_url"}))
# OneBots: a gateway to many platforms, with the standard's own actions.
ONEBOTS: Final = Quirks("OneBots", history=False, forward=None, files=frozenset())

TABLE: Final[Mapping[str, Quirks]] = {
    "napcat": NAPCAT,
    "llonebot": LLBOT,  # what LLBot and LuckyLillia call themselves to this day (GetVersionInfo.ts)
    "llbot": LLBOT,
    "luckylillia": LLBOT,
    "lagrange": LAGRANGE,
    "snowluma": SNOWLUMA,
    "go-cqhttp": GO_CQHTTP,
    "onebots": ONEBOTS,
}
"""By the beginning of their app_name, in lower case."""


def quirks(app: str) -> Quirks:
    """Choose by the app_name that get_version_info gives ("NapCat.Onebot")."""
    name = app.strip().lower()
    return next((found for prefix, found in TABLE.items() if name.startswith(prefix)), UNKNOWN)
