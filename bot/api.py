"""All that a plugin may import."""

from __future__ import annotations

from bot.errors import ModelError, Refusal, StoreError
from bot.models.answer import Answer
from bot.models.base import Turn
from bot.plugin import Context, Plugin, Returns, command, cron, every, on, screen
from bot.store.database import Db
from bot.store.log import Utterance
from bot.types import (
    EVERYONE,
    AccountChanged,
    Card,
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
    Quoted,
    Reaction,
    Recalled,
    Reply,
    Role,
    Sent,
    Stream,
    Text,
    Verdict,
)

__all__ = [
    "EVERYONE", "AccountChanged", "Answer", "Card", "Context", "Db", "Event", "Face", "File", "Forward",
    "FriendRequest", "Group", "Health", "Image", "JoinRequest", "Member", "MemberJoined", "MemberLeft", "Mention",
    "Message", "ModelError", "Muted", "Other", "Part", "Plugin", "Quoted", "Reaction", "Recalled", "Refusal",
    "Reply", "Returns", "Role", "Sent", "StoreError", "Stream", "Text", "Turn", "Utterance", "Verdict", "command",
    "cron", "every", "on", "screen",
]  # fmt: skip
