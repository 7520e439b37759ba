"""Cycles against bytes of a sweep, as SVG or PNG."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from sordino.extras import needs
from sordino.files import write_atomically

__all__ = ["plot_sweep"]

_KILOBYTE = 1000
_MARKERS = "os^Dv<>pPX*h"
_SIZE = (8.0, 5.5)
_TITLE = 90
"""Letters of the title that the picture has room for."""


def plot_sweep(results: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """A frame's cycles without tokens over the image's kilobytes, both logarithmic.

    A colour for each number of lanes, a mark for each group; the Pareto points are filled and
    named, word errors stand beside them where they were counted. InputError without matplotlib.
    """
    with needs("a plot"):
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter
    built = [r for r in results if r["error"] is None and r["frame_best"] is not None]
    lanes, groups = (sorted({r[name] for r in built}) for name in ("lanes", "group"))
    # The same results give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "sordino", "svg.fonttype": "none"}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for colour, count in enumerate(lanes):
            for mark, group in enumerate(groups):
                mine = [r for r in built if (r["lanes"], r["group"]) == (count, group)]
                for pareto in (False, True):
                    shown = [r for r in mine if r["pareto"] is pareto]
                    axes.plot(
                        [r["bytes"] / _KILOBYTE for r in shown],
                        [r["frame_best"] for r in shown],
                        _MARKERS[mark % len(_MARKERS)],
                        color=f"C{colour % 10}",
                        fillstyle="full" if pareto else "none",
                        label=f"{count} lanes, groups of {group}" if pareto else None,
                    )
        for result in (r for r in built if r["pareto"]):
            axes.annotate(
                _name(result),
                (result["bytes"] / _KILOBYTE, result["frame_best"]),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=6.5,
            )
        axes.set(xscale="log", yscale="log")
        axes.set_title(_shown(f"{title}; filled: Pareto"), parse_math=False)
        axes.set(xlabel="image, kilobytes", ylabel="cycles of a frame without tokens")
        for axis in (axes.xaxis, axes.yaxis):
            for which in (axis.set_major_formatter, axis.set_minor_formatter):
                which(FuncFormatter(_number))
        axes.margins(x=0.14)
        axes.grid(which="both", linewidth=0.3)
        if built:
            figure.legend(loc="outside lower center", ncols=4, fontsize=7)
        buffer = BytesIO()
        kind = path.suffix.removeprefix(".") or "svg"
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    write_atomically(path, buffer.getvalue())


def _shown(text: str) -> str:
    """The text on one line, printable and not too long, as a picture's text has to be."""
    plain = " ".join(text.split()).encode(errors="backslashreplace").decode()
    # XML has no control characters, in whatever spelling.
    plain = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in plain)
    half = _TITLE // 2
    return plain if len(plain) <= _TITLE else f"{plain[:half]}…{plain[-half:]}"


def _number(value: float, _place: int) -> str:
    """Thousands with commas; few digits where there are none."""
    return f"{value:,.0f}" if value >= _KILOBYTE else f"{value:.4g}"


def _name(result: dict[str, Any]) -> str:
    zeros = "" if result["zeros"] is None else f", {result['zeros']:.0%}"
    errors = "" if result["wer"] is None else f", WER {result['wer']:.1%}"
    return f"{result['bits']} bits{zeros}{errors}"
