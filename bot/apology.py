"""What a member is told when a handler fails: always which kind of thing went wrong."""

from __future__ import annotations

import secrets

from loguru import logger

from bot.errors import AdapterError, ConfigError, ModelError, Refusal, StoreError


def apology(error: Exception, where: str) -> str:
    """One sentence for the member; the operator finds the rest in the log."""
    match error:
        case Refusal():
            return str(error)
        case ModelError():
            logger.warning("{}: {} ({})", where, type(error).__name__, error.detail)
            return error.said
        case StoreError():
            logger.error("{}: {}", where, error)
            return "数据库暂时写不进去，这次没有生效，请稍后再试。"
        case AdapterError():
            logger.warning("{}: {}", where, error.reason)
            return "平台没有接受这个操作，请稍后再试。"
        case ConfigError():
            logger.error("{}: {}", where, error)
            return "我的配置有一处不对，已经写进日志告诉运营者。"
        case TimeoutError():
            logger.warning("{}: timed out", where)
            return "等了太久没有结果，请稍后再试。"
        case _:
            number = secrets.token_hex(2)
            logger.opt(exception=error).error("{} failed (error {})", where, number)
            return f"出了点意外（编号 {number}），已经记下来了。"
