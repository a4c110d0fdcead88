"""The words of the house: who speaks, what happens, what is said back.

Ids carry their platform as a prefix ("qq:20001"), so that one table, one log and one
role check serve every platform and no id of one platform can pass for another's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol, runtime_checkable

EVERYONE = "*"
"""The id of a `Mention` of the whole group."""


class Role(IntEnum):
    """What a member may do in a group; an unknown role may do least."""

    UNKNOWN = 0
    MEMBER = 1
    ADMIN = 2
    OWNER = 3
    OPERATOR = 4


@dataclass(frozen=True, slots=True)
class Group:
    """A chat with several people, or with one (`direct`)."""

    id: str
    name: str = ""
    direct: bool = False

    @property
    def platform(self) -> str:
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Account:
    """One of the bot's own accounts, and the names it answers to in this group."""

    id: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A person (or another bot) in a group; `role` is what the platform said with the event."""

    id: str
    name: str = ""
    role: Role = Role.UNKNOWN
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What the platform knows of a member in a group; times are Unix seconds, None where it does not say."""

    member: Member
    joined: float | None = None
    spoke: float | None = None
    muted_until: float | None = None


# --- parts of a message -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Mention:
    """`id` is a member, one of our accounts, or `EVERYONE`; `name` is without the @."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture by its bytes (always so when we send), or by an address that may expire."""

    data: bytes | None = None
    url: str | None = None
    name: str = ""
    mime: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """A platform's own emoji."""

    id: str


@dataclass(frozen=True, slots=True)
class Card:
    """A shared link or mini-app: the usual carrier of adverts."""

    title: str
    url: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """Merged messages, as far as the platform gave their content."""

    id: str
    messages: tuple[tuple[Part, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file, recording or video that somebody shared; `id` is its platform's own handle, to get it by."""

    name: str
    url: str = ""
    size: int | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A part that no code of ours understands; `kind` is the platform's word for it."""

    kind: str


Part = Text | Mention | Image | Face | Card | Forward | File | Other


# --- what happens -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in `group`, seen by `account`, at `time` (Unix seconds)."""

    group: Group
    account: Account
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """What a member said. `quote` is the id of the message it answers."""

    id: str
    member: Member
    parts: tuple[Part, ...]
    quote: str | None = None
    recovered: bool = False
    """Missed while the account was away, and read from the platform's history afterwards."""
    text: str = field(init=False, compare=False)
    """The text parts joined; mentions are left out."""

    def __post_init__(self) -> None:
        parts = self.parts
        if len(parts) == 1 and isinstance(parts[0], Text):
            joined = parts[0].text
        else:
            joined = "".join(part.text for part in parts if isinstance(part, Text))
        object.__setattr__(self, "text", joined)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(Event):
    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Event):
    """`operator` is who removed the member, where somebody did."""

    member: Member
    operator: Member | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled(Event):
    """A message was taken back, by its author or by `operator`."""

    message_id: str
    member: Member
    operator: Member | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted(Event):
    """`member` (None: the whole group) may not speak for `seconds` (0: lifted; None: until lifted)."""

    member: Member | None
    seconds: int | None
    operator: Member | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest(Event):
    """Somebody asks to enter; `flag` is the platform's opaque handle for the answer."""

    member: Member
    comment: str
    flag: str
    invited: bool = False
    """True when the bot itself is asked into the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendRequest(Event):
    member: Member
    comment: str
    flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChanged(Event):
    """A member goes by another name in the group: from `before` to `after` (empty: none of their own)."""

    member: Member
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(Event):
    """A member became an admin, or is none any more."""

    member: Member
    admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Poked(Event):
    """`member` poked `target`; `ours` where that is our own account."""

    member: Member
    target: Member
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction(Event):
    """An emoji put on (or taken off) a message; `ref` and `answer` are those of our own message."""

    message_id: str
    member: Member
    emoji: str
    added: bool = True
    ref: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted(Event):
    """A member quoted something we said, which carried `ref` or was the model answer `answer`."""

    message: Message
    member: Member
    ref: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged(Event):
    """Our account came or went, as a whole (`group.id` ends in ":*") or in one group."""

    online: bool
    reason: str = ""


# --- what is said back --------------------------------------------------------------------


@runtime_checkable
class Stream(Protocol):
    """Text that is still being written: chunks first, the whole at the end."""

    id: str

    def __aiter__(self) -> AsyncIterator[str]: ...

    async def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler says, where a plain string is not enough.

    ref       a name that quotes of it and reactions on it bring back ("arena:17")
    verbatim  no model wrote this, although the handler used one: no AI label
    quote     answer by quoting the message at hand
    private   say it to the member alone
    to        who is to be told, where it is not the member at hand (with `private`)
    """

    body: str | Stream | Image | tuple[Part | str, ...]
    ref: str | None = None
    verbatim: bool = False
    quote: bool = True
    private: bool = False
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as an adapter is to send it.

    With `stream`, `parts` is empty and the text comes in chunks; only adapters that declare
    `streams` are given one. `to` names a member to be told privately, with `group` as the
    place they are known from.
    """

    group: Group
    account: Account
    parts: tuple[Part, ...] = ()
    quote: str | None = None
    to: str | None = None
    stream: AsyncIterator[str] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that went out; `id` is the platform's, unique within the group."""

    id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A screen's word that a message must go no further, and what is to happen to it."""

    reason: str
    recall: bool = False
    mute_seconds: int = 0
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """One thing that can be up or down: an account, a model, the store."""

    name: str
    up: bool
    since: float
    """Unix seconds of the last change."""
    detail: str = ""
    """Why it is down, in a member's words."""


# --- what is known ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of what a group knows, word for word.

    title   where in the source it stands, the headings joined by " › "
    source  what it was taken from, as members may read it: a file's name, an address, who said it
    sure    how surely it answers the question, from 0 to 1
    """

    text: str
    title: str
    source: str
    sure: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found for a question, the best first.

    ref      goes out with the answer, so that reactions and quotes come back to who found it
    missing  where nothing was found: the sentence that says so
    otherwise  what is to be said where the passages turn out to be no answer
    own      there is more to search than what is shipped with the bot, so that finding nothing means something
    """

    passages: tuple[Passage, ...] = ()
    ref: str | None = None
    missing: str = ""
    own: bool = False
    otherwise: Callable[[], Awaitable[Findings]] | None = None
