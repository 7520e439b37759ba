"""A lattice as a drawing: time from left to right, the best path straight, the others around it.

How probable a way is shows in its line, and stands beside its word as a share of all paths.
"""

from collections import defaultdict
from html import escape

from sordino.lattice.graph import END
from sordino.lattice.scored import ScoredArc, ScoredLattice

__all__ = ["svg_text"]

_STYLE = """\
svg { font: 13px "Liberation Sans", "DejaVu Sans", Arial, sans-serif; }
.page { fill: #ffffff; }
text { fill: #1f2328; text-anchor: middle; }
.halo { stroke: #ffffff; stroke-width: 4px; }
.share { font-size: 10px; fill: #59636e; }
.way { fill: none; stroke: #2f6aab; }
.best { stroke: #a8691d; }
.state { fill: #f3f5f8; stroke: #59636e; }
@media (prefers-color-scheme: dark) {
  .page { fill: #12161c; }
  text { fill: #e6edf3; }
  .halo { stroke: #12161c; }
  .share { fill: #9aa4af; }
  .way { stroke: #6aa9ec; }
  .best { stroke: #e3a95c; }
  .state { fill: #1f252d; stroke: #9aa4af; }
}
"""
_COLUMN, _ROW, _MARGIN, _RADIUS = 130, 70, 60, 7
_Point = tuple[float, float]


def svg_text(lattice: ScoredLattice, title: str) -> str:
    """The drawing of a lattice, with a title, as an SVG file."""
    end = len(lattice.states)
    columns, best = _columns(lattice), lattice.best_arcs
    points = _points(lattice, columns, {number for number, _ in best} | {end})
    width = max(x for x, _ in points) + _MARGIN
    height = max(y for _, y in points) + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    labels, between = list[str](), defaultdict[tuple[int, int], int](int)
    for number, (state, shares) in enumerate(
        zip(lattice.states, lattice.posteriors(), strict=True)
    ):
        for place, (arc, share) in enumerate(zip(state.arcs, shares, strict=True)):
            target = end if arc.target == END else arc.target
            bend = _bend(columns[target] - columns[number], between[number, target])
            between[number, target] += 1
            kind = "way best" if (number, place) in best else "way"
            line, label = _way(points[number], points[target], bend, kind, arc, share)
            parts.append(line)
            labels.append(label)
    for x, y in points:
        parts.append(f'<circle class="state" cx="{x}" cy="{y}" r="{_RADIUS}"/>')
    x, y = points[end]
    parts.append(f'<circle class="state" cx="{x}" cy="{y}" r="{_RADIUS - 3}"/>')
    return "\n".join([*parts, *labels, "</svg>", ""])


def _columns(lattice: ScoredLattice) -> list[int]:
    """How many words are before each state at the most; the end is the last."""
    columns = [0] * (len(lattice.states) + 1)
    for number, arc in lattice.arcs():
        columns[arc.target] = max(columns[arc.target], columns[number] + 1)
    return columns


def _points(lattice: ScoredLattice, columns: list[int], best: set[int]) -> list[_Point]:
    """Where states stand: those of the best path in a row, the others below, by column."""
    used: dict[int, int] = defaultdict(int)
    points = list[_Point]()
    for number, column in enumerate(columns):
        row = 0
        if number not in best:
            used[column] += 1
            row = used[column]
        points.append((_MARGIN + _COLUMN * column, _MARGIN + 30 + _ROW * row))
    return points


def _bend(columns: int, parallel: int) -> float:
    """How far a way leaves the straight line: more where others run beside it, or it is long."""
    return (parallel * 38 + (columns - 1) * 26) * (-1 if parallel % 2 == 0 else 1)


def _way(
    begin: _Point, end: _Point, bend: float, kind: str, arc: ScoredArc, share: float
) -> tuple[str, str]:
    """The line of a way, and its label."""
    (x, y), (u, v) = begin, end
    a, b = (x + u) / 2, (y + v) / 2 + bend
    look = f'stroke-width="{0.6 + 3 * share:.2f}" stroke-opacity="{0.35 + 0.65 * share:.2f}"'
    line = f'<path class="{kind}" {look} d="M {x} {y} Q {a:g} {b:g} {u} {v}"/>'
    near = 0.42  # of the way: in the middle, labels of ways that cross would meet
    across = [(1 - near) ** 2, 2 * near * (1 - near), near**2]
    place = " ".join(
        f'{axis}="{sum(w * p for w, p in zip(across, at, strict=True)) - up:.1f}"'
        for axis, at, up in (("x", (x, a, u), 0), ("y", (y, b, v), 5))
    )
    word = "end" if arc.word is None else escape(arc.word)
    text = f'{word} <tspan class="share">{share:.0%}</tspan>'
    halo = f"{word} {share:.0%}"
    return line, f'<text class="halo" {place}>{halo}</text><text {place}>{text}</text>'
