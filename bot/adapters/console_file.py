"""Files as they are read from this machine, for the one at the keyboard to share."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bot.errors import Refusal

FILE_LIMIT = 20_000_000
"""Bytes of one file."""
NAME_LIMIT = 120


def shared(path: str) -> tuple[str, bytes]:
    """The name and the bytes of a file to be shared. Blocks. Raises Refusal."""
    return Path(path).name, load(path, FILE_LIMIT, "普通文件", "文件太大了，最多 20 MB。")


def load(path: str, limit: int, sort: str, large: str) -> bytes:
    """The bytes of a file; `sort` says in its refusals what is wanted, `large` is the refusal of more than `limit`.

    Blocks. Raises Refusal.
    """
    try:
        # A named pipe must not be waited for, hence non-blocking; on a plain file that changes nothing.
        with open(os.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refusal(f"这不是一个{sort}，换一个路径吧。")
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise Refusal("没有找到这个文件，看看路径写对了没有。") from None
    except (OSError, RuntimeError, ValueError):
        raise Refusal("这个文件读不了，换一个路径吧。") from None
    if len(data) > limit:
        raise Refusal(large)
    return data
