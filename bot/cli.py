"""The command `xiaopeng`. The bot itself starts without loading the tools beside it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the bot, or hand over to the tools."""
    if sys.argv[1:] in ([], ["run"]):
        from bot.running import run

        sys.exit(run())
    from bot.tools import app

    app(prog_name="xiaopeng")
