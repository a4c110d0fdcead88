"""All that a plugin may import."""

from __future__ import annotations

from bot.errors import AdapterError, ModelError, Refusal, StoreError
from bot.models.answer import Answer
from bot.models.base import Turn
from bot.plugin import Acts, Context, Plugin, Returns, command, cron, every, on, screen
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
    "EVERYONE", "AccountChanged", "Acts", "AdapterError", "Answer", "Card", "CardChanged", "Context", "Db", "Event",
    "Face", "File", "Forward", "FriendRequest", "Group", "Health", "Image", "JoinRequest", "Member", "MemberJoined",
    "MemberLeft", "Mention", "Message", "ModelError", "Muted", "Other", "Part", "Plugin", "Poked", "Profile",
    "Quoted", "Reaction", "Recalled", "Refusal", "Reply", "Returns", "Role", "RoleChanged", "Sent", "StoreError",
    "Stream", "Text", "Turn", "Utterance", "Verdict", "command", "cron", "every", "on", "screen",
]  # fmt: skip
