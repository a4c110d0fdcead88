"""What the sources of a group know of a question: each within its time, all of it put together."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from loguru import logger

from bot.promptly import promptly
from bot.types import Findings

SOURCE_SECONDS = 5.0
PASSAGES = 5


async def told(name: str, work: Coroutine[Any, Any, Findings | None]) -> Findings | None:
    """What the source of the plugin `name` says; None also where it fails or is late, which the log tells."""
    try:
        return await promptly(work, SOURCE_SECONDS)
    except TimeoutError:
        logger.warning("The source of {} took more than {} s", name, SOURCE_SECONDS)
    except Exception:  # noqa: BLE001 - a broken source must not keep the others from answering
        logger.exception("The source of {} failed", name)
    return None


def merged(answers: Sequence[Findings | None]) -> Findings:
    """The best passages of all, under the ref of whoever has the best one."""
    findings = [findings for findings in answers if findings is not None]
    every = [(passage, one) for one in findings for passage in one.passages]
    every.sort(key=lambda found: found[0].sure, reverse=True)
    best = every[0][1] if every else None
    return Findings(
        passages=tuple(passage for passage, _ in every[:PASSAGES]),
        ref=best.ref if best else next((one.ref for one in findings if one.ref), None),
        otherwise=best.otherwise if best else None,
        missing=next((one.missing for one in findings if one.missing), ""),
        own=any(one.own for one in findings),
    )
