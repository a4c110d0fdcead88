"""Signs that an account cannot speak although its connection stands: lost to the network, or restricted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 300.0
DOUBTS: Final = 3
GROUPS: Final = 2
RESTRICTED: Final = "可能被风控：几个群里连续几条消息都没有得到 QQ 的确认，请用手机 QQ 看看账号能否发言"


@dataclass(slots=True)
class Pulse:
    """How sending goes; `detail` (empty: well) is told to members, `since` in Unix seconds."""

    detail: str = ""
    since: float = 0.0
    lost: bool = False
    """QQ itself is out of reach, which anything that comes in disproves."""
    doubts: list[tuple[float, str]] = field(default_factory=list)
    """When (monotonic seconds) and where a message went out that nobody confirmed, since the last sure one."""

    def sure(self) -> None:
        """A message went out, or something came in that disproves what was thought."""
        self.detail, self.lost = "", False
        self.doubts.clear()

    def doubt(self, place: str) -> bool:
        """A message was not confirmed; True where that makes the account look restricted."""
        now = time.monotonic()
        recent = [known for known in self.doubts if known[0] > now - WINDOW]
        self.doubts = [*recent[1 - 10 :], (now, place)]
        if self.detail or len(self.doubts) < DOUBTS or len({where for _, where in self.doubts}) < GROUPS:
            return False
        self.detail, self.since = RESTRICTED, time.time()
        return True

    def lose(self, reason: str) -> bool:
        """A refusal says that QQ is out of reach; True where that is news."""
        if self.lost:
            return False
        self.detail, self.since, self.lost = reason, time.time(), True
        return True
