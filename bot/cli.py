"""The command `xiaopeng`. The bot itself starts without loading the tools beside it."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the bot, or hand over to the tools."""
    # Without standard streams a socket would get their numbers, which uvloop never closes.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    if sys.argv[1:] in ([], ["run"]):
        gc.disable()  # the imports leave nothing to collect; `run` enables it when the bot is ready
        from bot.running import run

        sys.exit(run())
    from bot.tools import app

    app(prog_name="xiaopeng")
