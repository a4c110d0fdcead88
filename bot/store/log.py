"""The log of what happened and what was said: one method per kind of row."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
from sqlite_utils import Database

from bot.store.database import Store
from bot.types import (
    Account,
    Card,
    Event,
    Face,
    File,
    Forward,
    Group,
    Image,
    Member,
    Mention,
    Message,
    Other,
    Part,
    Text,
)

MESSAGE = (
    "insert into messages (group_id, account_id, message_id, member_id, member_name, time, received, text, parts,"
    " quote, screened) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
EVENT = "insert into events (kind, group_id, member_id, time, received, detail) values (?, ?, ?, ?, ?, ?)"
GROUP = (
    "insert into groups (id, name, first_seen) values (?, ?, ?)"
    " on conflict (id) do update set name = excluded.name where excluded.name != ''"
)
COMMAND = (
    "insert into commands (group_id, member_id, message_id, plugin, command, outcome, ms, time)"
    " values (?, ?, ?, ?, ?, ?, ?, ?)"
)
SAID = (
    "insert into said (group_id, account_id, message_id, in_reply_to, member_id, plugin, text, ref, answer_id, failed,"
    " time) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
TAKE = "insert into answered (group_id, message_id, received) values (?, ?, ?)"
LABEL = "insert into labels (answer_id, model, group_id, sha256, time) values (?, ?, ?, ?, ?)"
OURS = "select text, ref, answer_id from said where group_id = ? and message_id = ? order by id desc limit 1"
THEIRS = (
    "select text, member_name, member_id, parts from messages where group_id = ? and message_id = ?"
    " order by id desc limit 1"
)
LATEST = 50_000
"""How many of the newest messages are looked through where every group's last one is wanted."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message as the log remembers it: somebody's, or ours (`ref` and `answer_id` may be set)."""

    text: str
    name: str
    ours: bool = False
    ref: str | None = None
    answer_id: str | None = None
    member_id: str = field(default="", compare=False)
    """Who said it; empty for ours, and where the log has let go of it."""
    files: tuple[File, ...] = field(default=(), compare=False)
    """What was shared with it; `Context.fetch` gets one."""


class Log:
    """Writes the rows; only what will be answered waits for its commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[str, str] = {}

    def heard(self, message: Message, *, screened: bool = True) -> None:
        group = message.group
        self._know(group)
        parts = message.parts
        plain = len(parts) == 1 and isinstance(parts[0], Text)
        self._store.row(
            MESSAGE,
            (
                group.id,
                message.account.id,
                message.id,
                message.member.id,
                message.member.name,
                message.time,
                time.time(),
                message.text,
                None if plain else _parts(parts),
                message.quote,
                int(screened),
            ),
        )

    def _know(self, group: Group) -> None:
        """Write a group down with its name; a direct chat is no group, and its name is a member's."""
        known = self._names.get(group.id)
        if not group.direct and (known is None or (group.name and known != group.name)):
            self._names[group.id] = group.name
            self._store.row(GROUP, (group.id, group.name, time.time()))

    def happened(self, event: Event) -> None:
        self._know(event.group)
        member: Member | None = getattr(event, "member", None)
        detail = {
            name: _plain(getattr(event, name))
            for name in event.__dataclass_fields__
            if name not in {"group", "account", "time", "member", "flag"}
        }
        self._store.row(
            EVENT,
            (
                type(event).__name__,
                event.group.id,
                member.id if member else None,
                event.time,
                time.time(),
                _json(detail),
            ),
        )

    async def take(self, message: Message) -> None:
        """Commit that this message is being answered, so that it never is again. Raises StoreError."""
        await self._store.commit(TAKE, (message.group.id, message.id, time.time()))

    def obeyed(self, message: Message, member_id: str, plugin: str, command: str, outcome: str, ms: float) -> None:
        """`outcome` is "ok", or the kind of failure."""
        self._store.row(
            COMMAND,
            (message.group.id, member_id, message.id, plugin, command, outcome, ms, time.time()),
        )

    def said(
        self,
        *,
        group_id: str,
        account_id: str | None,
        message_id: str | None,
        in_reply_to: str | None,
        member_id: str | None,
        plugin: str,
        text: str,
        ref: str | None,
        answer_id: str | None,
        failed: str | None = None,
    ) -> None:
        self._store.row(
            SAID,
            (
                group_id, account_id, message_id, in_reply_to, member_id, plugin, text, ref, answer_id, failed,
                time.time(),
            ),
        )  # fmt: skip

    def labelled(self, answer_id: str, model: str, group_id: str, sha256: str) -> None:
        self._store.row(LABEL, (answer_id, model, group_id, sha256, time.time()))

    async def load(self) -> None:
        """Learn the names that groups had."""
        query = "select id, name from groups where id not like '%:dm:%'"
        self._names.update(await self._store.read(lambda db: dict(db.conn.execute(query).fetchall())))

    def name(self, group_id: str) -> str:
        """The name that a group was last heard under; empty where none is known."""
        return self._names.get(group_id, "")

    async def account(self, group_id: str) -> Account | None:
        """The account of ours that last heard a message of this group."""
        query = "select account_id from messages where group_id = ? order by id desc limit 1"
        rows = await self._store.read(lambda db: db.conn.execute(query, [group_id]).fetchall())
        return Account(rows[0][0]) if rows else None

    async def recent(self, seconds: float, limit: int) -> list[tuple[str, str]]:
        """The (group id, message id) of what was heard in the last `seconds`, oldest first."""
        return list(reversed(await self._lately("messages", seconds, limit)))

    async def answered(self, seconds: float, limit: int) -> frozenset[tuple[str, str]]:
        """The (group id, message id) of what was answered in the last `seconds`."""
        return frozenset(await self._lately("answered", seconds, limit))

    async def _lately(self, table: str, seconds: float, limit: int) -> list[tuple[str, str]]:
        newest = f"select group_id, message_id, received from {table} order by id desc limit ?"  # noqa: S608 - constants
        lately = f"select group_id, message_id from ({newest}) where received > ?"  # noqa: S608 - constants
        values = [limit, time.time() - seconds]
        return await self._store.read(lambda db: db.conn.execute(lately, values).fetchall())

    async def last_heard(self, account_id: str) -> dict[str, tuple[float, bool]]:
        """By group that this account has heard, as far as `LATEST` tells: when any of ours last heard a message
        (Unix seconds), and whether that was this account.
        """
        query = (
            "select group_id, time, account_id = ?1 from (select *, row_number() over"
            " (partition by group_id order by time desc, id desc) as place, max(account_id = ?1) over"
            " (partition by group_id) as ours from (select id, group_id, account_id, time from messages"
            " order by id desc limit ?2) where group_id not like '%:dm:%') where place = 1 and ours"
        )
        rows = await self._store.read(lambda db: db.conn.execute(query, [account_id, LATEST]).fetchall())
        return {group_id: (moment, bool(own)) for group_id, moment, own in rows}

    async def known(self, group_id: str, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages of a group the log has."""
        query = "select message_id from messages where group_id = ? and message_id in (select value from json_each(?))"
        wanted = _json(list(message_ids))
        rows = await self._store.read(lambda db: db.conn.execute(query, [group_id, wanted]).fetchall())
        return {row[0] for row in rows}

    async def find(self, group_id: str, message_id: str) -> Utterance | None:
        """The message of this id in this group, ours or a member's."""

        def query(db: Database) -> Utterance | None:
            key = [group_id, message_id]
            for row in db.query(OURS, key):
                return Utterance(row["text"] or "", "", True, row["ref"], row["answer_id"])
            for row in db.query(THEIRS, key):
                return Utterance(
                    row["text"] or "",
                    row["member_name"] or "",
                    member_id=row["member_id"] or "",
                    files=_files(row["parts"]),
                )
            return None

        return await self._store.read(query)


def _parts(parts: tuple[Part, ...]) -> str:
    return _json([_part(part) for part in parts])


def _json(value: object) -> str:
    """JSON of what a member may have written: orjson refuses halves of characters and large numbers."""
    try:
        return orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, default=str)


def _part(part: Part) -> dict[str, object]:
    """A part without its bytes: the log keeps words, not pictures."""
    match part:
        case Text(text):
            return {"text": text}
        case Mention(id, name):
            return {"mention": id, "name": name}
        case Image(data, url, name):
            return {"image": name, "url": url, "bytes": len(data) if data is not None else None}
        case Face(id):
            return {"face": id}
        case Card(title, url):
            return {"card": title, "url": url}
        case Forward(id, messages):
            return {"forward": id, "messages": [[_part(inner) for inner in message] for message in messages]}
        case File(name, url, size, id):
            handle: dict[str, object] = {"id": id} if id else {}
            return {"file": name, "url": url, "bytes": size, **handle}
        case Other(kind):
            return {"other": kind}


def _files(parts: str | None) -> tuple[File, ...]:
    """The files among the parts that `_parts` wrote down."""
    if parts is None or '"file"' not in parts:
        return ()
    # Half a character can be written down, and is nothing that orjson reads.
    found = (part for part in json.loads(parts) if "file" in part)
    return tuple(File(part["file"], part["url"], part["bytes"], part.get("id", "")) for part in found)


def _plain(value: object) -> object:
    if isinstance(value, Member):
        return value.id
    if isinstance(value, Message):
        return value.id
    return value
