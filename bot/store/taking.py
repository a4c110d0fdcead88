"""Which messages are being answered: committed before the answer goes out, so that none is answered twice."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import chain
from typing import Final

from sqlite_utils import Database

from bot.store.database import Store
from bot.store.writer import WIDTHS, wide

TAKE: Final = "insert or ignore into taken (group_id, message_id, received) values (?, ?, ?)"
AT_ONCE: Final = 256

Row = tuple[str, str, float]


class Taking:
    """Gathers what is taken while a commit is under way, so that a burst costs one hop to the writer and back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Row, asyncio.Future[bool]]] = []
        self._work: asyncio.Task[None] | None = None

    async def take(self, group_id: str, message_id: str) -> bool:
        """Commit that this message will be answered. False: it was taken before. Raises StoreError."""
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(((group_id, message_id, time.time()), taken))
        if self._work is None:
            self._work = loop.create_task(self._commit())
        return await taken

    async def _commit(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                try:
                    change = partial(_take, [row for row, _ in batch])
                    # The log may follow in its own time: whoever waits here waits for a small commit.
                    new = await self._store.write(change, ordered=False)
                except BaseException as error:  # whatever it is, it is each waiter's to know
                    for _, taken in batch:
                        if not taken.done():
                            taken.set_exception(error)
                    if not isinstance(error, Exception):
                        raise
                else:
                    for (_, taken), first in zip(batch, new, strict=True):
                        if not taken.done():
                            taken.set_result(first)
        finally:
            self._work = None


def _take(rows: list[Row], db: Database) -> list[bool]:
    """For each row whether it is new."""
    new: list[bool] = []
    for width in WIDTHS:
        while len(rows) - len(new) >= width:
            new += _several(rows[len(new) : len(new) + width], db)
    return new


def _several(rows: list[Row], db: Database) -> list[bool]:
    """As `_take`, in one step where all are new."""
    if len(rows) > 1:
        db.conn.execute("savepoint taking")
        written = db.conn.execute(wide(TAKE, len(rows)), tuple(chain.from_iterable(rows))).rowcount
        if written != len(rows):
            # Only one by one can tell which of them were taken before.
            db.conn.execute("rollback to taking")
        db.conn.execute("release taking")
        if written == len(rows):
            return [True] * len(rows)
    return [bool(db.conn.execute(TAKE, row).rowcount) for row in rows]
