"""One thing done in a group, with what came of it noted in the decision."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from loguru import logger

from bot.api import AdapterError, Context
from plugins.spam.guard.decisions import Decision, Outcome
from plugins.spam.guard.groups import Watched


async def removed(ctx: Context, watched: Watched, decision: Decision) -> None:
    """Take a message back, unless its author did so already."""
    if not decision.message_id or decision.message_id in watched.gone:
        decision.outcome.done.append("gone")
        return
    before = len(decision.outcome.failed)
    await attempted(decision.outcome, "recall", ctx.acts.recall(decision.message_id))
    if len(decision.outcome.failed) > before and decision.message_id in watched.gone:
        decision.outcome.failed.pop()
        decision.outcome.done.append("gone")


async def muted(ctx: Context, decision: Decision, seconds: int) -> None:
    """Mute the author, and note until when."""
    outcome = decision.outcome
    before = len(outcome.failed)
    outcome.seconds, outcome.until = seconds, time.time() + seconds
    await attempted(outcome, "mute", ctx.acts.mute(decision.member_id, seconds))
    if len(outcome.failed) > before:
        outcome.until = 0.0


async def attempted(outcome: Outcome, name: str, act: Awaitable[None]) -> bool:
    """Do one thing and note what came of it, also where it is refused or broken off. True: it was done."""
    try:
        await act
    except asyncio.CancelledError:
        outcome.unconfirmed.append(f"{name}: 机器人停了")
        raise
    except AdapterError as error:
        (outcome.unconfirmed if error.ambiguous else outcome.failed).append(f"{name}: {error.reason}")
        return False
    except Exception as error:  # noqa: BLE001 - whatever breaks in an adapter is an act that failed
        logger.opt(exception=error).error("spam: the platform broke on {}", name)
        outcome.failed.append(f"{name}: {type(error).__name__}")
        return False
    outcome.done.append(name)
    return True
