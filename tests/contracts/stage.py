"""A platform as the contract of adapters needs it: members speak on it, and see what the bot does."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.errors import AdapterError
from bot.pipeline import Adapter
from bot.types import Account, Event, Group, Message, Outgoing, Part, Text

HOSTILE = (
    "[CQ:at,qq=all] &#91;CQ:image,file=x&#93; &amp;",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    '{"a": ["]}\\"\\n\\u0000',
    "'; drop table messages; -- ${jndi:ldap://x} {{ 7*7 }} %s %(x)s",
    "\u202e反着写\u202c 零\u200b宽\ufeff 🤦🏽‍♀️ 長い行" + "字" * 1500,
    "一行\n二行\n\n四行\t格",
)
TEXT = "# 说明\n数据集上传后过一会儿才能看到。\n".encode()
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f000500"
    "01ff56c72f0d0000000049454e44ae426082"
)


@dataclass
class Seen:
    """A message as a member sees it; `mentions` are ids, `private_to` is whom alone it was told."""

    text: str = ""
    quote: str | None = None
    mentions: list[str] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    private_to: str | None = None


@dataclass
class Stage(ABC):
    """A platform with a group in which a member is and our account is an admin.

    unable       acts that the platform cannot do; each must then say so
    ends_sending after its end the adapter refuses to send
    """

    adapter: Adapter
    heard: list[Event]
    group: Group
    account: Account
    unable: frozenset[str] = frozenset()
    ends_sending: bool = True

    @property
    @abstractmethod
    def member(self) -> str:
        """The id of the member who is in the group."""

    @property
    def stranger(self) -> str:
        """An id of nobody in the group."""
        return f"{self.adapter.platform}:39999"

    @abstractmethod
    async def say(self, text: str, *, quote: str | None = None, to_bot: bool = False) -> str:
        """The member speaks in the group; returns the message's id."""

    async def again(self, message_id: str) -> bool:
        """Have the platform deliver a message twice; False where that cannot happen."""
        return False

    @abstractmethod
    async def show(self, image: bytes) -> str:
        """The member shows a picture in the group."""

    @abstractmethod
    async def share(self, name: str, data: bytes) -> str:
        """The member shares a file in the group."""

    @abstractmethod
    async def seen(self) -> list[Seen]:
        """Everything that the bot said, oldest first, as the member sees it."""

    def undeliverable(self) -> list[Outgoing]:
        """Messages for which there is nobody."""
        elsewhere = Group(f"{self.adapter.platform}:404")
        return [Outgoing(elsewhere, self.account, (Text("好"),))]

    async def ask_in(self) -> bool:
        """Somebody asks to enter the group; False where the platform has no such thing."""
        return False

    def demote(self) -> bool:
        """Make our account an ordinary member, without telling it; False where rights do not exist."""
        return False

    @abstractmethod
    async def removed(self, message_id: str) -> bool:
        """Whether a message was taken back."""

    @abstractmethod
    async def muted(self) -> bool:
        """Whether the member may not speak."""

    @abstractmethod
    async def name(self) -> str:
        """How the member is called in the group."""

    @abstractmethod
    async def inside(self, member_id: str) -> bool: ...

    @abstractmethod
    async def close(self) -> None:
        """End the adapter's life, as the house does."""

    async def until(self, true: Callable[[], bool], within: float = 5) -> None:
        async with asyncio.timeout(within):
            while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.005)

    def messages(self) -> list[Message]:
        return [event for event in self.heard if isinstance(event, Message)]

    async def hears(self, message_id: str) -> Message:
        await self.until(lambda: any(message.id == message_id for message in self.messages()))
        return next(message for message in self.messages() if message.id == message_id)

    async def send(self, *parts: Part, quote: str | None = None, to: str | None = None) -> str:
        return await self.adapter.send(Outgoing(self.group, self.account, parts, quote, to))

    async def works(self, act: str, doing: Awaitable[None], effect: Callable[[], Awaitable[bool]]) -> bool:
        """Whether an act had its effect; where not, it must be one that the platform cannot do, and have said so."""
        refused: AdapterError | None = None
        try:
            await doing
        except AdapterError as failure:
            refused = failure
        if refused is not None:
            says_why(refused)
            assert act in self.unable, f"{act}: {refused.reason}"
            # Who cannot tell whether it worked must say so: only a plain no means that nothing happened.
            assert refused.ambiguous or not await effect(), f"{act} was refused, and happened"
            return False
        assert act not in self.unable, f"{act} works: say so in the test"
        assert await effect(), f"{act} had no effect, and no error told it"
        return True


def says_why(refused: AdapterError) -> None:
    """A reason is for members and admins to read."""
    assert re.search(r"[\u4e00-\u9fff]", refused.reason), refused.reason
    assert len(refused.reason) <= 300
