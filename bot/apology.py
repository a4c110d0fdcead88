"""What a member is told when a handler fails: always which kind of thing went wrong."""

from __future__ import annotations

import re
import secrets

from loguru import logger

from bot.errors import AdapterError, ConfigError, ModelError, Refusal, StoreError

CHINESE = re.compile("[\u4e00-\u9fff]")
LONGEST_REASON = 60


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
            return _platform(error)
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


def _platform(error: AdapterError) -> str:
    """The platform's reason where it is one in Chinese; what a program says to a program helps no member."""
    # In brackets stand the implementation's own words.
    reason = " ".join(error.reason.partition("（")[0].split())
    known = CHINESE.match(reason) is not None and len(reason) <= LONGEST_REASON
    if error.ambiguous:
        return f"{reason}。" if known else "平台没有确认，不知道有没有生效。"
    return f"平台说：{reason}。" if known else "平台没有接受这个操作，请稍后再试。"
