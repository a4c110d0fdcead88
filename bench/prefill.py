"""Fills a log as months of chatting would have: by SQL, in the schema that the bot itself made."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from bench.bots import BOT

GROUPS = 1000
MEMBERS = 20_000
DAYS = 29
"""Bodies are kept for thirty."""
LINE = "这个问题文档里有写，在「安装」那一节的最后，要先装 3.11，再装依赖；装好以后重新打开一个终端"
MESSAGES = (
    "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < :rows)"
    " insert into messages (group_id, account_id, message_id, member_id, member_name, time, received, text, screened)"
    " select 'qq:' || (200000 + (n * 7919) % :groups), 'qq:10001000', n, 'qq:' || (300000 + (n * 104729) % :members),"
    " '成员 ' || (n * 104729) % :members, :since + n * :step, :since + n * :step,"
    " substr(:line, 1, 4 + n % 40), 1 from numbers"
)
"""Later rows are younger, and each row is of another group than the one before."""
COMMANDS = (
    "insert into commands (group_id, member_id, message_id, plugin, command, outcome, ms, time)"
    " select group_id, member_id, message_id, 'ping', 'ping', 'ok', 0.1, received from messages where id % 20 = 0"
)
SAID = (
    "insert into said (group_id, account_id, message_id, in_reply_to, member_id, plugin, text, time)"
    " select group_id, account_id, 3000000000 + id, message_id, member_id, 'ping', 'pong', received"
    " from messages where id % 20 = 0"
)


def prefill(folder: Path, rows: int) -> None:
    """Let the bot make its database in `folder`, then write `rows` messages, and an answer to one in twenty."""
    with BOT.start(folder):
        pass
    now = time.time()
    # The last quarter of an hour stays empty, as after a night: what is younger is remembered at a start.
    span = DAYS * 86400.0
    values = {
        "rows": rows,
        "line": LINE,
        "groups": GROUPS,
        "members": MEMBERS,
        "since": now - 900 - span,
        "step": span / max(1, rows),
    }
    with closing(sqlite3.connect(folder / BOT.database, isolation_level=None)) as connection:
        # Half a filled log is worth nothing, so nothing is kept to take it back; the bot turns the WAL on again.
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -500000")
        indexes = connection.execute(
            "select name, sql from sqlite_master where type = 'index' and sql is not null"
            " and tbl_name in ('messages', 'commands', 'said')"
        ).fetchall()
        connection.execute("begin immediate")
        for name, _ in indexes:
            connection.execute(f'drop index "{name}"')
        connection.execute(MESSAGES, values)
        for statement in (COMMANDS, SAID):
            connection.execute(statement)
        for _, made in indexes:
            connection.execute(made)
        connection.execute("commit")
