"""Where the bars of the page's drawings stand; the template draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sordino.cycles.schedule import COUNTED
from sordino.cycles.timeline import Timeline
from sordino.tools.report.memory_map import MemoryUse

__all__ = ["Bar", "Chart", "fill_chart", "shares", "short_name", "timeline_charts"]

_AXIS, _GAP = 34.0, 2.0
_WIDTHS = (108.0, 74.0, 74.0)
_HEAD, _FOOT = 16.0, 4.0
_LONGEST = 800.0
"""Height of the longest frame's drawing; the others have its scale."""
_LEAST = 0.8
"""Nothing that takes time is thinner than this."""
_TEXT = 8.0
"""Bars of at least this height have room for a label."""
_MARKS = 12
_FILL_WIDTH, _FILL_HEIGHT = 320.0, 40.0
_UNIT_NAMES = {"matvec": "lanes", "vector": "vector unit", "table": "table loader"}


def short_name(name: str) -> str:
    """A label with W and U for an LSTM's two matrices, and without `.weight`."""
    for long, short in ((".weight_ih", " W"), (".weight_hh", " U"), (".weight", "")):
        name = name.replace(long, short)
    return name


@dataclass(frozen=True)
class Bar:
    """A rectangle: `text` stands in it, `title` is told where a pointer rests."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str
    text: str = ""


@dataclass(frozen=True)
class Chart:
    """Bars on a sheet; `marks` are lines over its width with their text, `heads` name columns."""

    width: float
    height: float
    title: str
    bars: tuple[Bar, ...]
    marks: tuple[tuple[float, str], ...] = ()
    heads: tuple[tuple[float, str], ...] = ()


def timeline_charts(timelines: Sequence[Timeline]) -> list[Chart]:
    """The charts of several frames, all to one scale."""
    longest = max(timeline.cycles for timeline in timelines)
    room = _LONGEST - _HEAD - _FOOT
    return [_timeline_chart(t, room * t.cycles / longest) for t in timelines]


def _timeline_chart(timeline: Timeline, room: float) -> Chart:
    """The chart of one frame: time goes down, a column for each unit."""
    left = [_AXIS + sum(_WIDTHS[:n]) + n * _GAP for n in range(len(COUNTED))]

    def y(cycle: int) -> float:
        return _HEAD + room * max(0, min(cycle, timeline.cycles)) / timeline.cycles

    bars = []
    for work in timeline.work:
        column, name = COUNTED.index(work.unit), short_name(work.layer)
        tall = max(_LEAST, y(work.end) - y(work.begin))
        cycles = f"{work.end - work.begin:,}"
        bars.append(
            Bar(
                work.unit, left[column], y(work.begin), _WIDTHS[column], tall,
                f"{work.layer}: {cycles} cycles from {work.begin:,}",
                _label(name, cycles, column) if tall >= _TEXT else "",
            )
        )  # fmt: skip
    step = _step(timeline.cycles)
    marks = [(y(cycle), f"{cycle:,}") for cycle in range(0, timeline.cycles + 1, step)]
    if timeline.cycles % step > step / 4:
        marks.append((y(timeline.cycles), f"{timeline.cycles:,}"))
    heads = [(at, _UNIT_NAMES[unit]) for at, unit in zip(left, COUNTED, strict=True)]
    width = left[-1] + _WIDTHS[-1]
    tokens = "no token" if not timeline.tokens else f"{timeline.tokens} token"
    title = f"A frame with {tokens}: {timeline.cycles:,} cycles"
    height = room + _HEAD + _FOOT
    return Chart(width, height, title, tuple(bars), tuple(marks), tuple(heads))


def _label(name: str, cycles: str, column: int) -> str:
    """The text that fits the column: the name, and in the lanes' column the cycles too."""
    return name if column else f"{name} · {cycles}"


def _step(cycles: int) -> int:
    """The smallest of 1, 2 and 5 times a power of ten that divides them into at most twelve."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if cycles <= _MARKS * step:
                return step
        power *= 10


def fill_chart(memory: MemoryUse, names: str) -> Chart:
    """A column for each unit's memory, full at the top of the sheet's scale: the fullest one."""
    top, count = max(1, memory.fullest), len(memory.words)
    width = _FILL_WIDTH / count
    bars = [
        Bar(
            "fill", n * width, _FILL_HEIGHT * (1 - words / top), max(_LEAST, width - 1),
            _FILL_HEIGHT * words / top, f"{names} {n}: {words:,} words",
        )
        for n, words in enumerate(memory.words)
    ]  # fmt: skip
    return Chart(_FILL_WIDTH, _FILL_HEIGHT, f"words of each {names}", tuple(bars))


def shares(values: Sequence[int | None]) -> list[float]:
    """Each value in per cent of the largest one; 0 for None."""
    most = max((value for value in values if value), default=1)
    return [100 * (value or 0) / most for value in values]
