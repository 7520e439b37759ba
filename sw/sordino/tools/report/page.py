"""A report as one HTML page that needs nothing else: no script, no font, no file beside it."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sordino.cycles.stalls import LIMITERS
from sordino.tools.report.build import Report
from sordino.tools.report.charts import fill_chart, shares, short_name, timeline_charts
from sordino.tools.report.compare import compare

__all__ = ["render_page"]

_MEGAHERTZ = 1e6
_KILOBIT = 1024


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _decimal(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _kilobits(value: float | None) -> str:
    return _count(None if value is None else value / _KILOBIT)


_FIGURES: dict[str, tuple[str, Callable[[float | None], str]]] = {
    "bytes": ("bytes", _count),
    "weights": ("weights", _count),
    "zeros": ("zeros", _percent),
    "bits_per_weight": ("bits a weight", _decimal),
    "h0": ("H0, bits a weight", _decimal),
    "frame_best": ("frame at best, cycles", _count),
    "frame_worst": ("frame at worst, cycles", _count),
    "utilisation": ("utilisation", _percent),
    "useful": ("useful", _percent),
    "real_time_factor": ("real-time factor", lambda value: _decimal(value, 4)),
    "memory_bits": ("memory, kilobits", _kilobits),
    "places": ("places", _count),
    "cycles": ("cycles", _count),
}
"""How figures of a comparison are called and written."""


_SHOWN = ("zeros", "bits_per_weight", "bytes", "cycles", "utilisation")
"""Figures of a matrix in the page's comparison; JSON has all."""


def _differences(
    ours: Report, theirs: Report
) -> tuple[list[dict[str, str]], list[tuple[str, list[dict[str, str]]]]]:
    """Rows that compare the whole images, and rows for each matrix with its name."""
    whole, matrices = list[dict[str, str]](), dict[str, list[dict[str, str]]]()
    for difference in compare(ours, theirs):
        if difference.of and difference.figure not in _SHOWN:
            continue
        name, written = _FIGURES[difference.figure]
        row = {
            "figure": name,
            "ours": written(difference.ours),
            "theirs": written(difference.theirs),
            "ratio": _decimal(difference.ratio),
        }
        (matrices.setdefault(difference.of, []) if difference.of else whole).append(row)
    return whole, list(matrices.items())


def render_page(report: Report, other: Report | None = None) -> str:
    """The page of one image, or of an image beside another."""
    environment = Environment(
        loader=PackageLoader("sordino.tools.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=_count, percent=_percent, decimal=_decimal, short=short_name, share=shares
    )
    return environment.get_template("report.html").render(**_context(report, other))


def _context(report: Report, other: Report | None) -> dict[str, Any]:
    streams = [memory for memory in report.memory if len(memory.words) > 1]
    names = {"lane_words": "lane", "group_words": "group"}
    return {
        "report": report,
        "summary": report.summary(),
        "config": report.head["config"],
        "model": report.head["host"].get("model", {}),
        "tokens": len(report.head["host"].get("tokens", ())),
        "licence": report.head["host"].get("licence", "not stated"),
        "megahertz": report.speech.clock_hz / _MEGAHERTZ,
        "timelines": timeline_charts(report.timelines),
        "fills": [(memory, fill_chart(memory, names[memory.setting])) for memory in streams],
        "used_limiters": {
            name: text
            for name, text in LIMITERS.items()
            if name in {layer.stalls.limiter for layer in report.layers}
        },
        "other": other,
        "differences": None if other is None else _differences(report, other),
        "version": version("sordino"),
    }
