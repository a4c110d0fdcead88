"""The operator's log: one line an event, no secrets, nothing that a member could forge."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Record

FORMAT = "<dim>{time:MM-DD HH:mm:ss}</> <level>{level: <7}</> {message}"


def start(level: str) -> None:
    """Log to standard error. Variables are never shown in tracebacks: they hold secrets and what members said."""
    logger.remove()
    logger.configure(patcher=_one_line)
    logger.add(sys.stderr, level=level, format=FORMAT, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def _one_line(record: Record) -> None:
    """A member's line break must not look like a new entry, nor a control code reach the terminal."""
    message = record["message"]
    if not message.isprintable():
        record["message"] = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


class _Forward(logging.Handler):
    """Hands what libraries log to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).log(record.levelname, "{}: {}", record.name, record.getMessage())
