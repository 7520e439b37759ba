"""Drawings of time share a scale."""

from collections.abc import Callable

from sordino.compiler.compile import Compiled
from sordino.cycles.timeline import frame_timeline
from sordino.tools.report.charts import timeline_charts


def test_drawings_share_a_scale(compiled: Callable[[str], Compiled]) -> None:
    image = compiled("groups").image
    few, many = timeline_charts([frame_timeline(image, 0), frame_timeline(image, 2)])
    assert few.height < many.height
    for chart in (few, many):
        assert all(0 <= bar.y <= bar.y + bar.height <= chart.height for bar in chart.bars)
        assert all(bar.x + bar.width <= chart.width for bar in chart.bars)
        assert len(chart.marks) <= 14
