"""The guard against ads: an engine that says why, and what the bot does in a group with what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.spam.guard.spam import Spam

if TYPE_CHECKING:
    import typer

__all__ = ["Spam"]


def __getattr__(name: str) -> typer.Typer:
    """The command line is loaded where it is asked for: the bot itself does without."""
    if name == "app":
        from plugins.spam.guard.cli import app

        return app
    raise AttributeError(name)
