"""Carries a screen's verdict out, and writes down what was done and what could not be."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

import orjson
from loguru import logger

from bot.errors import AdapterError
from bot.plugin import Plugin
from bot.sending import Outbox, Run
from bot.store import audit
from bot.store.audit import Entry
from bot.store.database import Store
from bot.types import Group, Message, Reply, Verdict


class Acts(Protocol):
    """A platform that can take messages back and silence members."""

    async def recall(self, group: Group, message_id: str) -> None:
        """See `bot.pipeline.Adapter`."""

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        """See `bot.pipeline.Adapter`."""


async def carry_out(
    verdict: Verdict, *, platform: Acts, plugin: Plugin, message: Message, outbox: Outbox, store: Store, run: Run
) -> None:
    """Act, tell, write down: one that fails keeps none of the others back."""
    acts: dict[str, Coroutine[Any, Any, None]] = {}
    if verdict.recall:
        acts["recall"] = platform.recall(message.group, message.id)
    if verdict.mute_seconds:
        acts["mute"] = platform.mute(message.group, message.member.id, verdict.mute_seconds)
    done, failed = [], []
    for name, act in acts.items():
        try:
            await act
            done.append(name)
        except AdapterError as error:
            failed.append(f"{name}: {error.reason}")
        except Exception as error:  # noqa: BLE001 - whatever breaks in an adapter, the rest is done and told
            logger.opt(exception=error).error("{} broke on a verdict of {}", name, plugin.plugin_name)
            failed.append(f"{name}: {type(error).__name__}")
    evidence = {
        "reason": verdict.reason,
        "done": done,
        "failed": failed,
        "message": message.id,
        # Half a character can be received but neither encoded nor stored.
        "text": message.text.encode("utf-8", "replace").decode(),
    }
    entry = Entry(
        group_id=message.group.id,
        member_id=message.member.id,
        member_name=message.member.name,
        act="moderate",
        plugin=plugin.plugin_name,
        subject=message.id,
        after=orjson.dumps(evidence).decode(),
    )
    await audit.note(store, entry)
    if verdict.notice:
        await outbox.say(run, Reply(verdict.notice, quote=False))
