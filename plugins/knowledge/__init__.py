"""What the group knows: its own answers, found and shown with where they come from."""

from __future__ import annotations

from plugins.knowledge.cli import app
from plugins.knowledge.knowing import Knowledge
from plugins.knowledge.volunteer import Volunteer

__all__ = ["Knowledge", "Volunteer", "app"]
