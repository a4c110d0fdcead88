"""An access token, made here and kept in .env, which nobody else may read."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Final

from bot import config as settings
from bot.config import Config, variable
from bot.errors import ConfigError

BYTES: Final = 24
TOKEN: Final = variable("onebot", "token")
_EMPTY: Final = re.compile(rf"^[ \t]*(?:#[ \t]*)?{TOKEN}=[ \t]*(?=\r?$)", re.MULTILINE)
"""The line of .env.example, with or without its comment sign, and nothing after it."""


def given(config: Config) -> str:
    """The access token of the settings; empty where there is none."""
    return config.onebot.token.get_secret_value() if config.onebot.token else ""


def make(env_file: Path) -> Config:
    """Write a new token into the file, with mode 600, and return the settings with it.

    Raises ConfigError where a token is set already, and where the file cannot be written.
    """
    if given(settings.load(env_file)):
        raise ConfigError(TOKEN, "It is set already.", "Nothing was changed.")
    path = env_file.resolve()
    token = secrets.token_urlsafe(BYTES)
    try:
        before = path.read_bytes().decode("utf-8") if path.exists() else ""
        _replace(path, _with(before, token))
    except OSError as failed:
        problem = f"{env_file} cannot be written ({type(failed).__name__})."
        raise ConfigError(TOKEN, problem, "Write the token yourself, or let this user write the file.") from failed
    config = settings.load(env_file)
    if given(config) != token:
        raise ConfigError(TOKEN, f"{env_file} has it now, yet it is not read.", "See what the environment sets.")
    return config


def _with(text: str, token: str) -> str:
    """The file's text with the token on its line; on a new one, where it has none."""
    line = f"{TOKEN}={token}"
    places = list(_EMPTY.finditer(text))
    if places:
        return text[: places[-1].start()] + line + text[places[-1].end() :]
    return text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"


def _replace(path: Path, text: str) -> None:
    """Put a new file in the place of the old one at one blow, of the same owner."""
    handle, name = tempfile.mkstemp(prefix=".env.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        # A file that mkstemp makes has mode 600 already.
        if path.exists() and os.name == "posix" and path.stat().st_uid != os.geteuid():
            os.chown(name, path.stat().st_uid, path.stat().st_gid)
        Path(name).replace(path)
    except BaseException:  # whatever ends this, a file with the token in it must not be left behind
        Path(name).unlink(missing_ok=True)
        raise
