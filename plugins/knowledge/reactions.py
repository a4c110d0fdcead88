"""What a reaction on an answer means."""

from __future__ import annotations

import re

GOOD = frozenset({"👍", "76", "128077"})
"""A thumb up: as a character, as QQ numbers its own (76 强), and as QQ numbers the character."""
BAD = frozenset({"👎", "77", "128078"})
_TINT = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


def praises(emoji: str) -> bool | None:
    """True for a thumb up, False for a thumb down of any skin, None for all else."""
    plain = _TINT.sub("", emoji)
    return True if plain in GOOD else False if plain in BAD else None
