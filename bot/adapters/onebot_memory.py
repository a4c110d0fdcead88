"""What is remembered of others has a bound."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST: Final = 20_000


class Memory(OrderedDict[K, V]):
    """A dict from which the oldest goes when there are more than `MOST`.

    A plain dict would have to look for its oldest among the places of all that went before.
    """

    def keep(self, key: K, value: V) -> None:
        self[key] = value
        if len(self) > MOST:
            self.popitem(last=False)
