"""What the group knows: its own answers, found and shown with where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins.knowledge.knowing import Knowledge
from plugins.knowledge.volunteer import Volunteer

if TYPE_CHECKING:
    import typer

__all__ = ["Knowledge", "Volunteer"]


def __getattr__(name: str) -> typer.Typer:
    """The command line is loaded where it is asked for: the bot itself does without."""
    if name == "app":
        from plugins.knowledge.cli import app

        return app
    raise AttributeError(name)
