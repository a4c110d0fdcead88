"""What an endpoint of vectors or of scores answered: checked, and in the order that was asked."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from bot.errors import ModelEmpty, ModelUnavailable
from bot.models.faults import Fault, is_failure, sort
from bot.models.presets import Preset
from bot.models.vectors import Vector, unit

DIMENSIONS: Final = 16_384
"""The longest vector that is taken for one."""
SHOWN: Final = 120


def vectors(preset: Preset, body: object, count: int) -> list[Vector] | Fault:
    """The `count` unit vectors of a body of /embeddings, all of one length."""
    rows = _rows(preset, body, count, "data")
    if isinstance(rows, Fault):
        return rows
    try:
        found = [unit(_numbers(row.get("embedding"))) for row in rows]
    except ValueError as wrong:
        return _unreadable(str(wrong))
    if any(len(one) != len(other) for one, other in pairwise(found)):
        return _unreadable("vectors of unequal length")
    return found


def scores(preset: Preset, body: object, count: int) -> list[float] | Fault:
    """The `count` scores of a body of /rerank, as given."""
    rows = _rows(preset, body, count, "results", "data")
    if isinstance(rows, Fault):
        return rows
    try:
        return [_number(row.get("relevance_score", row.get("score"))) for row in rows]
    except ValueError as wrong:
        return _unreadable(str(wrong))


def _rows(preset: Preset, body: object, count: int, *names: str) -> list[Mapping[str, object]] | Fault:
    """The rows under the first of `names` that a body has, in the order of their indexes."""
    if not isinstance(body, Mapping):
        return _unreadable(f"no JSON object but {_shown(body)}")
    rows = next((rows for name in names if isinstance(rows := body.get(name), list)), None)
    if not rows:
        if is_failure(body):
            return sort(preset, None, body)
        nothing = rows is not None
        return Fault(ModelEmpty, f"nothing under {names[0]}") if nothing else _unreadable(f"no {names[0]} in it")
    if len(rows) != count:
        return _unreadable(f"{len(rows)} rows for {count} texts")
    placed: list[Mapping[str, object] | None] = [None] * count
    for position, row in enumerate(rows):
        # Some servers leave the index out where the order is the one that was asked.
        index = row.get("index", position) if isinstance(row, Mapping) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            return _unreadable(f"a row with the index {_shown(index)}")
        if placed[index] is not None:
            return _unreadable(f"two rows with the index {index}")
        placed[index] = row
    return [row for row in placed if row is not None]


def _numbers(value: object) -> Sequence[float]:
    """The numbers of a vector, written as a list or as the base64 of four bytes each. Raises ValueError."""
    if isinstance(value, str):
        packed = base64.b64decode(value, validate=True)
        if not packed or len(packed) % 4:
            raise ValueError("base64 that holds no vector")
        numbers: Sequence[float] = memoryview(packed).cast("f")
    elif isinstance(value, list) and value:
        try:
            numbers = array("d", value)
        except TypeError as wrong:
            raise ValueError(f"no vector of numbers: {wrong}") from None
    else:
        raise ValueError(f"no vector but {_shown(value)}")
    if len(numbers) > DIMENSIONS:
        raise ValueError(f"a vector of {len(numbers)} numbers")
    return numbers


def _number(value: object) -> float:
    """Raises ValueError for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"no number but {_shown(value)}")
    if not math.isfinite(value):
        raise ValueError(f"a number that is {value}")
    return float(value)


def _unreadable(what: str) -> Fault:
    return Fault(ModelUnavailable, f"the answer cannot be read: {what}")


def _shown(value: object) -> str:
    return repr(value)[:SHOWN]
