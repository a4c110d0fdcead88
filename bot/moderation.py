"""Carries a screen's verdict out, and writes down what was done and what could not be."""

from __future__ import annotations

from bot.acts import Outcomes, Platform
from bot.plugin import Plugin
from bot.sending import Outbox, Run
from bot.store import audit
from bot.store.audit import Entry
from bot.store.database import Store
from bot.types import Message, Reply, Verdict


async def carry_out(
    verdict: Verdict, *, platform: Platform, plugin: Plugin, message: Message, outbox: Outbox, store: Store, run: Run
) -> None:
    """Act, tell, write down: one that fails keeps none of the others back."""
    outcomes = Outcomes()
    try:
        if verdict.recall:
            await outcomes.of("recall", platform.recall(message.group, message.id))
        if verdict.mute_seconds:
            await outcomes.of("mute", platform.mute(message.group, message.member.id, verdict.mute_seconds))
    finally:  # what the end of the bot cuts off is written down, too
        entry = Entry(
            group_id=message.group.id,
            member_id=message.member.id,
            member_name=message.member.name,
            act="moderate",
            plugin=plugin.plugin_name,
            subject=message.id,
            after=outcomes.evidence(reason=verdict.reason, message=message.id, text=message.text),
        )
        await audit.note(store, entry)
    if verdict.notice:
        await outbox.say(run, Reply(verdict.notice, quote=False))
