"""What the OneBot adapter tells of its accounts and of the mistakes it has seen, as it serves it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Standing = Literal["owner", "admin", "member", "unknown"]


class Told(BaseModel):
    # A bot that runs may be a little newer than this command.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Place(Told):
    """A group of an account."""

    id: str
    name: str = ""
    members: int | None = None
    role: Standing = "unknown"
    muted: bool = False


class Seen(Told):
    """An account, connected or not; `app` is empty until the implementation has told it."""

    account: str
    nickname: str = ""
    app: str = ""
    version: str = ""
    direction: Literal["reverse", "forward"] = "reverse"
    connected: bool = False
    online: bool = False
    detail: str = ""
    since: float = 0
    groups: tuple[Place, ...] = ()


class Trouble(Told):
    """A known mistake; `time` is when it was seen last (seconds of the epoch), `count` how often."""

    kind: str
    detail: str = ""
    time: float = 0
    count: int = 1


class Report(Told):
    """All accounts, and the mistakes since the bot's start, newest last."""

    accounts: tuple[Seen, ...] = ()
    troubles: tuple[Trouble, ...] = ()
