"""Curves as an SVG that reads well on light and on dark pages: it brings its own paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 56, 48
INSET = 22
"""From the scale to the first and last point, whose labels are as wide as that."""
STYLE = """
  .paper { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, sans-serif } .title { font-weight: 600 }
  .faint { fill: #59636e } .grid { stroke: #d1d9e0 } .curve { stroke: #0969da; fill: none } .dot { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #151b23 } text { fill: #f0f6fc } .faint { fill: #9198a1 } .grid { stroke: #3d444d }
    .curve { stroke: #4493f8 } .dot { fill: #4493f8 }
  }
"""


@dataclass(frozen=True, slots=True)
class Curve:
    """What is along the bottom, and the points: how many, and microseconds. Zero and up, drawn by powers of ten."""

    along: str
    points: Sequence[tuple[int, float]]


def draw(title: str, curves: Sequence[Curve]) -> str:
    """One panel for each curve, all to one scale that begins at zero."""
    top = _round_up(max(cost for curve in curves for _, cost in curve.points))
    width = WIDTH * len(curves)
    panels = [_panel(curve, top, number * WIDTH) for number, curve in enumerate(curves)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}"'
            f' role="img" aria-label="{escape(_told(title, curves))}">',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{HEIGHT}" rx="8"/>',
            f'<text class="title" x="{LEFT}" y="26">{escape(title)}, µs</text>',
            *panels,
            "</svg>",
            "",
        ]
    )


def _panel(curve: Curve, top: float, left: int) -> str:
    places = [math.log10(max(1, many)) for many, _ in curve.points]
    low, high = min(places), max(places)

    def across(place: float) -> float:
        return left + LEFT + INSET + (place - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT - 2 * INSET)

    def up(cost: float) -> float:
        return HEIGHT - BOTTOM - cost / top * (HEIGHT - TOP - BOTTOM)

    drawn = []
    for step in range(5):
        cost = top * step / 4
        at = f"{up(cost):.1f}"
        drawn.append(f'<line class="grid" x1="{left + LEFT}" x2="{left + WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        drawn.append(f'<text class="faint" x="{left + LEFT - 8}" y="{at}" dy="4" text-anchor="end">{cost:g}</text>')
    spots = [(across(place), up(cost)) for place, (_, cost) in zip(places, curve.points, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    drawn.append(f'<polyline class="curve" stroke-width="2" points="{line}"/>')
    for (x, y), (many, cost) in zip(spots, curve.points, strict=True):
        drawn.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        drawn.append(f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{cost:.0f}</text>')
        drawn.append(
            f'<text class="faint" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_short(many)}</text>'
        )
    middle = left + LEFT + (WIDTH - LEFT - RIGHT) / 2
    drawn.append(f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(curve.along)}</text>')
    return "\n".join(drawn)


def _told(title: str, curves: Sequence[Curve]) -> str:
    """The picture in words."""
    told = [
        f"{curve.along}: " + ", ".join(f"{_short(many)} {cost:.0f}" for many, cost in curve.points) for curve in curves
    ]
    return f"{title} in µs. " + "; ".join(told)


def _short(many: int) -> str:
    """10k, 1M."""
    for size, sign in ((1_000_000, "M"), (1000, "k")):
        if many >= size:
            return f"{many / size:g}{sign}"
    return str(many)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten, a little above the value, so that its label has room."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 20) if value * 1.1 <= step * power)
