"""Points with error bars as SVG: a logarithmic axis of bytes, and word error rates."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product

__all__ = ["Point", "scatter"]

_WIDTH, _HEIGHT = 860, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 150, 30, 60
_Place = Callable[[float, float], tuple[float, float]]
_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_LETTER = 5.6
"""Width of a small letter, about."""
_COLOURS = ("#1f6fb4", "#c0392b", "#2e8b57", "#8e5fb0", "#b9770e")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model: its bytes, its word error rate and that one's interval, and what it belongs to."""

    label: str
    kind: str
    size: int
    wer: float
    low: float
    high: float


def scatter(points: Sequence[Point], title: str) -> str:
    """The picture as text; equal points, in any order, give equal text."""
    sizes = [p.size for p in points]
    left, right = math.log10(min(sizes)) - 0.1, math.log10(max(sizes)) + 0.1
    top = max(0.05, math.ceil(max(p.high for p in points) * 20) / 20)
    across, up = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(size: float, wer: float) -> tuple[float, float]:
        x = _LEFT + (math.log10(size) - left) / (right - left) * across
        return round(x, 1), round(_TOP + (1 - wer / top) * up, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
        *_axes(10**left, 10**right, top, place),
    ]
    kinds = sorted({p.kind for p in points})
    for number, kind in enumerate(kinds):
        colour, down = _COLOURS[number % len(_COLOURS)], _TOP + 14 * number
        parts.append(
            f'<circle cx="{_WIDTH - _RIGHT + 14}" cy="{down}" r="4" fill="{colour}"/>'
            f'<text x="{_WIDTH - _RIGHT + 24}" y="{down + 4}">{escape(kind)}</text>'
        )
    for p in sorted(points, key=lambda p: (p.size, p.label)):
        colour = _COLOURS[kinds.index(p.kind) % len(_COLOURS)]
        (x, y), (_, y_low), (_, y_high) = (place(p.size, w) for w in (p.wer, p.low, p.high))
        parts.append(
            f'<path d="M{x} {y_low}V{y_high}" stroke="{colour}" opacity="0.35"/>'
            f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}">'
            f"<title>{escape(p.label)}, {p.size:,} bytes, {p.wer:.2%}</title></circle>"
        )
    return "\n".join([*parts, *_labels(points, place), "</svg>"]) + "\n"


def _labels(points: Sequence[Point], place: _Place) -> list[str]:
    """A label beside each point, where there is room for it; those with fewer errors choose first.

    All points have one that shows where they are pointed at.
    """
    spots = [place(p.size, p.wer) for p in points]
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    parts = []
    for p in sorted(points, key=lambda p: (p.wer, p.size, p.label)):
        x, y = place(p.size, p.wer)
        wide = _LETTER * len(p.label)
        for left, base in product((x + 6, x - 6 - wide), (y - 5, y + 3, y + 12)):
            box = (left, base - 8, left + wide, base + 2)
            if left < _LEFT or any(_overlap(box, other) for other in taken):
                continue
            taken.append(box)
            parts.append(
                f'<text x="{left:.1f}" y="{base:.1f}" font-size="10">{escape(p.label)}</text>'
            )
            break
    return parts


def _overlap(one: _Box, two: _Box) -> bool:
    apart_across = one[2] <= two[0] or two[2] <= one[0]
    return not (apart_across or one[3] <= two[1] or two[3] <= one[1])


def _axes(least: float, most: float, top: float, place: _Place) -> list[str]:
    """Grid lines at 1, 2 and 5 times the powers of ten, and at every five percent or less."""
    parts = []
    (x_left, y_low), (x_right, y_top) = place(least, 0), place(most, top)
    for power in range(math.floor(math.log10(least)), math.ceil(math.log10(most))):
        for size in (m * 10**power for m in (1, 2, 5)):
            if least <= size <= most:
                x = place(size, 0)[0]
                text = f"{size / 1e6:g} MB" if size >= 1e6 else f"{size / 1e3:g} kB"
                parts.append(f'<path d="M{x} {y_low}V{y_top}" stroke="#ddd"/>')
                parts.append(f'<text x="{x}" y="{y_low + 16}" text-anchor="middle">{text}</text>')
    step = 0.05 if top <= 0.5 else 0.2
    for number in range(round(top / step) + 1):
        y = place(least, number * step)[1]
        parts.append(f'<path d="M{x_left} {y}H{x_right}" stroke="#ddd"/>')
        text = f"{number * step:.0%}"
        parts.append(f'<text x="{x_left - 6}" y="{y + 4}" text-anchor="end">{text}</text>')
    middle = (x_left + x_right) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 14}" text-anchor="middle">bytes</text>')
    parts.append(
        f'<text x="16" y="{(y_low + y_top) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 16 {(y_low + y_top) / 2})">word error rate</text>'
    )
    return parts
