"""The report: its figures against those that other parts of the toolkit give, and its page."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import Compiled, CompileOptions, compile_model
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.engine import Cycles
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.stalls import Stalls
from sordino.cycles.timeline import frame_timeline
from sordino.cycles.trace import Timer
from sordino.engines.matvec_bench import bench_matvec
from sordino.errors import InputError
from sordino.isa import timing
from sordino.isa.image import Image
from sordino.isa.operations import Emit
from sordino.report.build import make_report
from sordino.report.charts import timeline_charts
from sordino.report.compare import compare
from sordino.report.page import render_page
from sordino.report.stored import StoredDurations
from sordino.report.usage import speech_trace
from sordino.testing.models import random_model
from sordino.testing.trials import MACHINES

SHIPPED = Path(__file__).parents[3] / "models" / "an4_rnnt_g4_80.sordino"
LARGEST = 60_000
ROWS = {"few rows": 16, "rows": 100}
MODELS = {
    "groups": ("g4", {"encoder": (9, 8), "joint": 11, "tokens": 6, "zeros": 0.6}),
    "single": ("g1", {"encoder": (9,), "joint": 11, "tokens": 6, "zeros": 0.6}),
    "tiles": ("few rows", {"encoder": (40, 9), "joint": 30, "tokens": 6, "zeros": 0.6}),
    "cut": ("rows", {"encoder": (160,), "joint": 9, "tokens": 6, "zeros": 0.5}),
    "stacked": ("g4", {"encoder": (9, 8, 7), "tokens": 6, "zeros": 0.6, "time_reduction": (2, 2)}),
}


def machine(name: str) -> Config:
    if name in ROWS:
        one = PRESETS["tiny-unstructured"]
        return replace(one, rows_per_lane=ROWS[name], state_bits=5, lanes=8)
    return MACHINES[name]


def compiled(name: str) -> Compiled:
    where, sizes = MODELS[name]
    options = CompileOptions(weight_bits=4)
    return compile_model(random_model(3, scale=4.0, **sizes), machine(where), options)


@pytest.mark.parametrize("name", MODELS)
def test_matrices_are_those_that_were_compiled(name: str) -> None:
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


@pytest.mark.parametrize("name", MODELS)
def test_time_is_the_engine_s(name: str) -> None:
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


def test_a_timeline_is_a_frame_of_a_run() -> None:
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


@pytest.mark.parametrize("group", [1, 4])
def test_stored_zeros(group: int) -> None:
    """A product whose zeros are not skipped takes what the encoder's stored zeros take."""
    image = compiled("groups" if group == 4 else "single").image
    i = next(i for i in image.program if i.mnemonic == "MATVEC")
    config = image.config
    rows = config.lanes * i.rows
    matrix = np.random.default_rng(0).integers(-3, 4, (rows, i.columns)).astype(np.int8)
    wanted = bench_matvec(matrix, config.lanes, group, zeros="stored", engine="cycles")
    stored = StoredDurations(replace(image, config=replace(config, x_fifo=16)))
    cycles = stored.matvec(image.program.index(i), 0).cycles
    assert cycles + timing.SEQUENCER_CYCLES == wanted["matvec_cycles"]


def test_speech_holds_the_tokens_it_is_told() -> None:
    image = compiled("stacked").image
    emits = [n for n, i in enumerate(image.program) if i.mnemonic == "EMIT"]
    trace = speech_trace(image, 21, 13)
    assert np.isin(trace.addresses, emits).sum() == 13
    with pytest.raises(InputError, match="wanted at most 33 tokens in 21 input vectors, got 34"):
        speech_trace(image, 21, 34)
    with pytest.raises(InputError, match="compile a model"):
        speech_trace(replace(image, host={}), 3, 1)


def stalls(**counts: int) -> Stalls:
    names = [name for name in Stalls.__dataclass_fields__ if name != "name"]
    return Stalls(name="x", **{name: counts.get(name, 0) for name in names})


def test_limiters() -> None:
    waiting = {"wait_broadcast": 5, "wait_fifo": 6, "places": 9, "overhead": 2}
    assert stalls(cycles=10, matvec=10, **waiting).limiter == "lanes"
    assert stalls(cycles=10, matvec=10, stream=8, **waiting).limiter == "stream"
    assert stalls(cycles=30, matvec=10, vector=20, places=9).limiter == "cell"
    assert stalls(cycles=9, table=5, control=4).limiter == "table"
    assert stalls(cycles=9, matvec=5, places=1, overhead=9, control=1).limiter == "control"
    assert stalls(hidden=100).limiter == "hidden"


class Page(HTMLParser):
    """Text, tags, and every attribute."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_shipped_image_s_page() -> None:
    image = Image.load(SHIPPED)
    report = make_report(image, SHIPPED.name, tokens_per_second=10)
    text = render_page(report)
    assert len(text.encode()) < LARGEST
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not {"src", "href", "onload"} & {name for name, _ in page.attributes}
    for outside in ("http", "url(", "@import", "//"):
        assert outside not in text
    words = set(page.words)
    for matrix in report.matrices:
        assert {matrix.name, f"{matrix.rows:,} × {matrix.columns:,}"} <= words
        assert {f"{matrix.places:,}", f"{matrix.cycles:,}", f"{matrix.h0:.3f}"} <= words
    assert len(report.matrices) == 11
    assert f"{SHIPPED.stat().st_size:,}" in words
    bounds = frame_bounds(image)
    assert bounds is not None
    assert {f"{bounds.frame.best:,}", f"{bounds.frame.worst:,}"} <= words


def test_names_are_text_and_nothing_else() -> None:
    made = compiled("single").image
    bad = "<script>alert(1)</script>&"
    image = replace(made, host={**made.host, "licence": bad})
    text = render_page(make_report(image, bad, tokens_per_second=1))
    assert "<script" not in text
    assert bad in "".join(Page(text).words)


def test_two_images_side_by_side() -> None:
    ours, theirs = (
        make_report(compiled(name).image, name, tokens_per_second=1)
        for name in ("single", "groups")
    )
    found = {(d.of, d.figure): d for d in compare(ours, theirs)}
    whole = found["", "bytes"]
    assert (whole.ours, whole.theirs) == (ours.head["bytes"], theirs.head["bytes"])
    assert whole.ratio == theirs.head["bytes"] / ours.head["bytes"]
    assert found["encoder.1.weight_ih", "cycles"].ours is None
    assert found["encoder.1.weight_ih", "cycles"].ratio is None
    words = set(Page(render_page(ours, theirs)).words)
    assert {"Beside groups", "encoder.1.weight_ih"} <= words
    json.dumps([d.as_dict() for d in found.values()], allow_nan=False)


def test_drawings_share_a_scale() -> None:
    image = compiled("groups").image
    few, many = timeline_charts([frame_timeline(image, 0), frame_timeline(image, 2)])
    assert few.height < many.height
    for chart in (few, many):
        assert all(0 <= bar.y <= bar.y + bar.height <= chart.height for bar in chart.bars)
        assert all(bar.x + bar.width <= chart.width for bar in chart.bars)
        assert len(chart.marks) <= 14
