"""The page: whole, with every figure and nothing from outside; two images side by side."""

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from sordino.compiler.compile import Compiled
from sordino.cycles.bounds import frame_bounds
from sordino.image.image import Image
from sordino.tools.report.build import make_report
from sordino.tools.report.compare import compare
from sordino.tools.report.page import render_page

SHIPPED = Path(__file__).parents[4] / "models" / "an4_rnnt_g4_80.sordino"
LARGEST = 60_000


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


def test_names_are_text_and_nothing_else(compiled: Callable[[str], Compiled]) -> None:
    made = compiled("single").image
    bad = "<script>alert(1)</script>&"
    image = replace(made, host=replace(made.host, licence=bad))
    text = render_page(make_report(image, bad, tokens_per_second=1))
    assert "<script" not in text
    assert bad in "".join(Page(text).words)


def test_two_images_side_by_side(compiled: Callable[[str], Compiled]) -> None:
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
