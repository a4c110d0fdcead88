"""One process for one database: a lock beside it that lives and dies with the process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loguru import logger

from bot.errors import ConfigError

try:
    import fcntl
except ImportError:  # Windows has none: there, nothing keeps two bots apart
    fcntl = None  # type: ignore[assignment]  # the module is its own type

SETTING = "XIAOPENG_STORE__PATH"


@contextmanager
def claim(path: Path) -> Iterator[None]:
    """Keep every other process from claiming the database at `path`. Raises ConfigError where one has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file stays when it is let go of: to remove it would let two claim it, each by another file.
        descriptor = os.open(beside(path), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        remedy = "Name a file in a folder the bot may write to."
        raise ConfigError(SETTING, f"{path} cannot be claimed for this process ({error}).", remedy) from error
    try:
        if not _locked(descriptor):
            remedy = "Stop the other one, or name another file."
            raise ConfigError(SETTING, f"{path} is in use by another bot.", remedy)
        yield
    finally:
        os.close(descriptor)


def claimed(path: Path) -> bool:
    """Whether a process has claimed the database at `path`. Raises OSError where `claim` would find no way."""
    try:
        descriptor = os.open(beside(path), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def beside(path: Path) -> Path:
    """The lock of the database at `path`, one for all the links that lead to it."""
    return Path(f"{os.path.realpath(path)}.lock")


def _locked(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # Some network file systems have no such locks; the bot runs there all the same.
        logger.warning("A second bot on this database would not be noticed ({})", error)
    return True
