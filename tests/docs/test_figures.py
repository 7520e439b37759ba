"""Figures are what the compiler and the cycle model say now, and their text is text."""

import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from sordino.reference import figures

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / figures.FOLDER


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return figures.render(figures.shipped_image(ROOT / "models"))


def test_figures_are_fresh(drawn: dict[str, str]) -> None:
    kept = {path.name: path.read_text() for path in FIGURES.iterdir()}
    assert kept == drawn, "run `make docs`"


def test_every_figure_is_shown_with_words_for_it(drawn: dict[str, str]) -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    for name in drawn:
        assert f"]({figures.FOLDER}/{name})" in pages
        assert f"![]({figures.FOLDER}/{name})" not in pages


def test_shapes_and_text_stay_on_the_page(drawn: dict[str, str]) -> None:
    for name, svg in drawn.items():
        root = ET.fromstring(svg)
        width, height = int(root.attrib["width"]), int(root.attrib["height"])
        texts = [e for e in root.iter() if e.tag.endswith("}text")]
        assert len(texts) > 10, name
        assert "prefers-color-scheme: dark" in svg
        for shape in root.iter():
            if "x" in shape.attrib:
                x, y = float(shape.attrib["x"]), float(shape.attrib["y"])
                wide = float(shape.attrib.get("width", 0))
                assert 0 <= x <= x + wide <= width, (name, shape.attrib)
                assert 0 <= y <= height, (name, shape.attrib)


def test_the_dealt_matrix_is_the_one_that_the_streams_spell() -> None:
    """Runs and values, read from the picture as a reader does, make the matrix again."""
    root = ET.fromstring(figures.dealing())
    words = [e.text or "" for e in root.iter() if e.tag.endswith("}text")]
    rows, columns = figures.MATRIX.shape
    rebuilt = [[0] * columns for _ in range(rows)]
    of_slot = {}
    for word in words:
        if " of lane " in word and word.startswith("row "):
            row, lane, matrix_row = (int(part) for part in word.split() if part.isdigit())
            of_slot[row, lane] = matrix_row
    height = 1 + max(row for row, _ in of_slot)
    places: list[int] = []
    for name, symbols in pairwise(words):
        numbers = symbols.replace("−", "-").split(", ")
        if name.startswith("position stream"):
            place, places = -1, []
            for run in map(int, numbers):
                place += run + 1
                places.append(place)
        elif name.startswith("values of lane"):
            lane = int(name.split()[-1])
            for place, value in zip(places, map(int, numbers), strict=True):
                rebuilt[of_slot[place % height, lane]][place // height] = value
    assert rebuilt == figures.MATRIX.tolist()
