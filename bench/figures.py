"""A figure with its target, and how a list of them is shown and kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


class Unmeasured(Exception):
    """A bench could not run here; the text says why, to whoever started it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `target` is the most that it may be, with `least` the least; None: only to compare with."""

    name: str
    value: float
    unit: str
    target: float | None = None
    samples: Sequence[float] = field(default=())
    """What `value` is the median of, in the order of measuring."""
    least: bool = False

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.least else self.value <= self.target

    @property
    def digits(self) -> int:
        """How many digits behind the point say something."""
        if self.unit == "ms":
            return 1 if abs(self.value) < 20 else 0
        return {"x": 2, "MB": 1, "us": 1, "share": 3, "s": 1}.get(self.unit, 0)

    @property
    def spread(self) -> str:
        """The quartiles and the extremes of the samples."""
        if len(self.samples) < 2:
            return ""
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        digits = self.digits
        return f"{low:.{digits}f}..{high:.{digits}f} ({min(self.samples):.{digits}f}..{max(self.samples):.{digits}f})"


def median(name: str, samples: Sequence[float], unit: str, target: float | None = None) -> Figure:
    return Figure(name, statistics.median(samples), unit, target, tuple(samples))


def ratio(
    name: str, over: Sequence[float], under: Sequence[float], target: float | None = None, *, least: bool = False
) -> Figure:
    """How many times `under` is `over`: of the medians; the samples are those of the rounds."""
    samples = tuple(one / other for one, other in zip(over, under, strict=True))
    return Figure(name, statistics.median(over) / statistics.median(under), "x", target, samples, least)


def table(figures: Sequence[Figure]) -> str:
    """The figures as aligned lines, one each."""
    rows = [("", "median", "quartiles (extremes)", "target", "")]
    for figure in figures:
        sign = ">=" if figure.least else "<="
        target = "" if figure.target is None else f"{sign} {figure.target:g} {figure.unit}".rstrip()
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
        value = f"{figure.value:.{figure.digits}f} {figure.unit}".rstrip()
        rows.append((figure.name, value, figure.spread, target, verdict))
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def save(folder: Path, machine: Mapping[str, object], options: Mapping[str, object], figures: Sequence[Figure]) -> Path:
    """Write all of a run as JSON. Returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.json")
    found = [asdict(figure) | {"met": figure.met} for figure in figures]
    content = {"machine": dict(machine), "options": dict(options), "figures": found}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, object]:
    """Where the figures come from, and how busy it was (a load well below the cores is quiet)."""
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
