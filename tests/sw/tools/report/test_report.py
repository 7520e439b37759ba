"""The report: its figures against those that other parts of the toolkit give, and its page."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from sordino.compiler.compile import Compiled
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.engine import Cycles
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.timeline import frame_timeline
from sordino.cycles.trace import Timer
from sordino.image.image import Image
from sordino.isa.operations import Emit
from sordino.tools.report.build import make_report


@pytest.mark.parametrize("name", ["groups", "single", "tiles", "cut", "stacked"])
def test_matrices_are_those_that_were_compiled(
    compiled: Callable[[str], Compiled], name: str
) -> None:
    """Found in the image alone, equal to what the compiler says of what it encoded."""
    made = compiled(name)
    report = make_report(Image.from_bytes(made.image.to_bytes()), "x", tokens_per_second=3)
    assert len(report.matrices) == len(made.layers)
    for ours, theirs in zip(report.matrices, made.layers, strict=True):
        same = ("name", "rows", "columns", "weights", "non_zeros", "zeros", "h0", "places")
        same += ("padding", "position_bits", "value_bits", "values")
        assert {n: getattr(ours, n) for n in same} == {n: getattr(theirs, n) for n in same}
        assert ours.bits_per_weight == pytest.approx(theirs.bits_per_weight)
        assert ours.balance == pytest.approx(theirs.balance)
    if name in ("tiles", "cut"):
        assert max(matrix.parts for matrix in report.matrices) > 1


@pytest.mark.parametrize("name", ["groups", "single", "tiles", "cut", "stacked"])
def test_time_is_the_engine_s(compiled: Callable[[str], Compiled], name: str) -> None:
    image = compiled(name).image
    report = make_report(image, "x", tokens_per_second=3)
    bounds = frame_bounds(image)
    assert bounds is not None
    assert report.bounds == bounds
    factor = 2 if name == "stacked" else 1
    for timeline in report.timelines:
        assert bounds.frame.best <= timeline.cycles
        assert timeline.cycles <= factor * (bounds.frame.worst or 0)
        if factor == 1:
            assert bounds.tokens[timeline.tokens].holds(timeline.cycles)
        for unit in ("matvec", "vector", "table"):
            mine = [work for work in timeline.work if work.unit == unit]
            assert all(a.end < b.begin for a, b in pairwise(mine))
    steps = report.savings.steps
    assert [step.bytes for step in steps[:2]] == [4 * steps[1].bytes, report.summary()["weights"]]
    assert steps[-1].cycles == report.timelines[0].cycles
    assert report.total.cycles == report.speech.cycles
    assert sum(layer.share for layer in report.layers[:-1]) == pytest.approx(1)


def test_a_timeline_is_a_frame_of_a_run(compiled: Callable[[str], Compiled]) -> None:
    """As long as the engine's frames, with every instruction as long as the engine's."""
    image = compiled("groups").image
    for tokens in range(3):
        timeline = frame_timeline(image, tokens)
        path = follow(image, 5, decisions_of(image, [[1] * tokens] * 5))
        timer = Timer(image)
        assert set(timer.frames(path)[3:5]) == {timeline.cycles}
        emits = [i for i in image.program if isinstance(i, Emit)]
        assert len(emits) == 1
        matvecs = [w for w in timeline.work if w.unit == "matvec"]
        assert len(matvecs) == 6 + 4 * tokens
        for work in timeline.work:
            assert work.layer == image.program[work.address].layer
            if work.unit != "matvec":
                assert work.end - work.begin == timer.durations.at(work.address, None)
    engine = Cycles(image)
    features = np.random.default_rng(2).integers(-128, 128, (9, 6)).astype(np.int8)
    counters = engine.run(features).counters
    assert counters["cycles"] > 9 * frame_timeline(image, 0).cycles
