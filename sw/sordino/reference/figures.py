"""The figures of the pages: a matrix dealt by the compiler, a frame timed by the cycle model."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.codec.walk import walk_group
from sordino.cycles.timeline import Work, frame_timeline
from sordino.image.image import Image
from sordino.layers.layout.layout import linear_layout
from sordino.reference.diagrams import machine_diagram, rnnt_diagram
from sordino.reference.drawing import Drawing

__all__ = ["FOLDER", "MATRIX", "dealing", "frame", "render", "shipped_image"]

FOLDER = "figures"
"""Of the pages' folder."""
MATRIX = np.array(
    [
        [2, 0, 0, 0, 0, 0],
        [0, 0, 0, -1, 0, 0],
        [3, 0, -2, 0, 1, 0],
        [1, 0, 0, 0, 0, 4],
        [0, 0, 0, 0, 0, -1],
        [0, 1, 0, 0, 0, 2],
        [0, 0, 0, 0, 1, 0],
        [-3, 0, 2, 0, 0, 0],
    ],
    np.int8,
)
"""The matrix that `dealing` deals; neighbouring rows share a group."""
_MACHINE = replace(PRESETS["tiny"], lanes=4, group=2)
_CELL = 38
_UNITS = {"matvec": "array", "vector": "vector unit", "table": "table loader"}
_DEALING_TEXT = (
    "A group walks its places column by column,",
    "in each column row 0 before row 1.",
    "It stops where one of its lanes has a weight:",
    "at the framed places, in the order of the small numbers.",
    "A run is how many places it passes before a stop.",
    "At a stop every lane of the group takes one value,",
    "0 where it has no weight.",
)
_KINDS = {"matvec": "array", "vector": "vector", "table": "table"}
_LABEL_WIDTH = 6.6
"""Pixels of a small character, about; a label that is wider than its bar is left out."""


def shipped_image(models: Path) -> Image:
    """The shipped model's image in the folder of models."""
    return Image.load(models / "an4_rnnt_causal.sordino")


def dealing() -> str:
    """docs/figures/dealing.svg: `MATRIX` on two groups of two lanes, and the streams it becomes."""
    config, (outputs, inputs) = _MACHINE, MATRIX.shape
    layout = linear_layout([MATRIX], config)
    dealt = layout.slots(MATRIX, np.arange(inputs))[0]  # rows, lanes, columns
    numbers = np.arange(outputs, dtype=np.int8)[:, None]
    names = layout.slots(numbers, np.arange(1))[0][:, :, 0]  # rows, lanes: the matrix row
    lane_of = {int(names[at]): at[1] for at in np.ndindex(names.shape)}
    d = Drawing(900, 600, "A matrix of 8 rows and 6 columns, dealt to four lanes in two groups")
    d.text(40, 36, "the matrix", "title", "start")
    _columns(d, 110, 64, inputs)
    for row, weights in enumerate(MATRIX.tolist()):
        y = 72 + _CELL * row
        d.text(100, y + 24, f"row {row}", "small", "end")
        _cells(d, 110, y, weights, lane_of[row])
        d.text(120 + _CELL * inputs, y + 24, f"to lane {lane_of[row]}", "small faint", "start")
    for group in range(config.groups):
        _draw_group(d, 470, 36 + 284 * group, group, dealt, names)
    for number, line in enumerate(_DEALING_TEXT):
        d.text(40, 430 + 20 * number, line, "small", "start")
    return d.svg()


def _columns(d: Drawing, x: float, y: float, count: int) -> None:
    for column in range(count):
        d.text(x + _CELL * (column + 0.5), y, str(column), "small faint")


def _number(value: int) -> str:
    return str(value).replace("-", "−")


def _cells(d: Drawing, x: float, y: float, weights: Sequence[int], lane: int) -> None:
    for column, weight in enumerate(weights):
        kind = f"lane{lane}" if weight else "cell"
        d.rectangle(x + _CELL * column, y, _CELL, _CELL, kind, round=0)
        if weight:
            d.text(x + _CELL * (column + 0.5), y + 25, _number(weight))


def _draw_group(
    d: Drawing, x: float, y: float, group: int, dealt: NDArray[np.int8], names: NDArray[np.int8]
) -> None:
    """One group's places, its stops, and the streams below them."""
    size, (rows, _, columns) = _MACHINE.group, dealt.shape
    lanes = range(group * size, (group + 1) * size)
    walk = walk_group((dealt[:, lanes] != 0).any(axis=1), dealt.size)
    left, top, height = x + 150, y + 34, size * _CELL
    d.text(x, y, f"group {group}", "title", "start")
    _columns(d, left, y + 28, columns)
    for row in range(rows):
        for number, lane in enumerate(lanes):
            at = top + (height + 6) * row + _CELL * number
            text = f"row {row} of lane {lane} = row {names[row, lane]}"
            d.text(left - 8, at + 24, text, "small", "end")
            _cells(d, left, at, dealt[row, lane].tolist(), lane)
    stops = zip(walk.rows.tolist(), walk.columns.tolist(), strict=True)
    for number, (row, column) in enumerate(stops, 1):
        at = top + (height + 6) * row
        d.rectangle(left + _CELL * column, at, _CELL, height, "stop", round=3)
        d.text(left + _CELL * (column + 1) - 4, at + 11, str(number), "tiny faint", "end")
    streams = {"position stream: runs": walk.symbols} | {
        f"values of lane {lane}": dealt[walk.rows, lane, walk.columns] for lane in lanes
    }
    for number, (name, symbols) in enumerate(streams.items()):
        at = top + (height + 6) * rows + 16 + 20 * number
        d.text(left - 8, at, name, "small", "end")
        d.text(left + 4, at, ", ".join(map(_number, symbols.tolist())), "title", "start")


def frame(image: Image, tokens: int) -> str:
    """docs/figures/frame.svg: what array, vector unit and table loader do in one frame."""
    timeline = frame_timeline(image, tokens)
    title = (
        f"A frame with {tokens} token{'s' * (tokens != 1)} on {image.config.name}: "
        f"{timeline.cycles:,} cycles"
    )
    d = Drawing(900, 360, title)
    left, width = 110, 770
    scale = width / timeline.cycles
    d.text(left, 32, title, "title", "start")
    for number, (unit, name) in enumerate(_UNITS.items()):
        y = 66 + 84 * number
        d.text(left - 12, y + 24, name, "small", "end")
        d.rectangle(left, y, width, 40, "cell", round=0)
        free: dict[float, float] = dict.fromkeys(
            (y + 25, y - 5, y + 53), 0.0
        )  # inside, above and below a bar
        for work in timeline.work:
            if work.unit == unit:
                begin, end = max(work.begin, 0), min(work.end, timeline.cycles)
                x, wide = left + round(begin * scale, 1), max(1, round((end - begin) * scale, 1))
                d.rectangle(x, y, wide, 40, _KINDS[unit], round=0)
                _label(d, x + wide / 2, wide, _short(image, work), free)
    for cycle in range(0, timeline.cycles, 5000):
        x = left + round(cycle * scale, 1)
        d.rectangle(x, 300, 1, 8, "head", round=0)
        d.text(x, 326, f"{cycle:,}", "small faint")
    d.text(left - 30, 326, "cycle", "small faint", "end")
    return d.svg()


def _label(d: Drawing, middle: float, wide: float, text: str, free: dict[float, float]) -> None:
    """Write a bar's label inside the bar, or above or below where that is free, or nowhere.

    `free` says for each height from where on it is.
    """
    half = len(text) * _LABEL_WIDTH / 2
    for number, (y, begin) in enumerate(free.items()):
        if text and (2 * half < wide if number == 0 else middle - half > begin):
            d.text(min(middle, d.width - 8 - half), y, text, "small")
            free[y] = middle + half + _LABEL_WIDTH
            return


def _short(image: Image, work: Work) -> str:
    """What a bar has room for: `encoder.1.weight_hh` is U1, a CELL of `encoder.1` is CELL 1."""
    layer = work.layer.split(".")
    number = layer[1] if layer[0] == "encoder" else ""
    if work.unit == "table":
        return ""
    if work.unit == "matvec":
        letters = {"weight_ih": "W", "weight_hh": "U"}
        letter = letters.get(layer[-1])
        return f"{letter}{number or ' predict'}" if letter else work.layer.removesuffix(".weight")
    return f"{image.program[work.address].mnemonic} {number}".strip()


def render(image: Image) -> dict[str, str]:
    """Every figure by file name; the frame is one of `image` with a token."""
    return {
        "rnnt.svg": rnnt_diagram(),
        "machine.svg": machine_diagram(),
        "dealing.svg": dealing(),
        "frame.svg": frame(image, 1),
    }
