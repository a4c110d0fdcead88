"""All that a plugin may import."""

from __future__ import annotations

from bot.errors import AdapterError, ConfigError, FetchError, ModelError, Refusal, StoreError
from bot.fetching import Fetched, fetch
from bot.models.answer import Answer
from bot.models.base import Turn
from bot.plugin import Acts, Context, Plugin, Returns, command, cron, every, on, screen, source
from bot.store.beside import database, is_shared
from bot.store.database import Db
from bot.store.log import Utterance
from bot.types import (
    EVERYONE,
    AccountChanged,
    Card,
    CardChanged,
    Event,
    Face,
    File,
    Findings,
    Forward,
    FriendRequest,
    Group,
    Health,
    Image,
    JoinRequest,
    Member,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Muted,
    Other,
    Part,
    Passage,
    Poked,
    Profile,
    Quoted,
    Reaction,
    Recalled,
    Reply,
    Role,
    RoleChanged,
    Sent,
    Stream,
    Text,
    Verdict,
)

__all__ = [
    "EVERYONE", "AccountChanged", "Acts", "AdapterError", "Answer", "Card", "CardChanged", "ConfigError", "Context",
    "Db", "Event", "Face", "FetchError", "Fetched", "File", "Findings", "Forward", "FriendRequest", "Group", "Health",
    "Image", "JoinRequest", "Member", "MemberJoined", "MemberLeft", "Mention", "Message", "ModelError", "Muted",
    "Other", "Part", "Passage", "Plugin", "Poked", "Profile", "Quoted", "Reaction", "Recalled", "Refusal", "Reply",
    "Returns", "Role", "RoleChanged", "Sent", "StoreError", "Stream", "Text", "Turn", "Utterance", "Verdict", "command",
    "cron", "database", "every", "fetch", "is_shared", "on", "screen", "source",
]  # fmt: skip
