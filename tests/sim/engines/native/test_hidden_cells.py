"""Element-wise work of the encoder runs beside products, in the circuit."""

from typing import Any

import numpy as np
import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.operations import Cell
from sordino.model.random_rnnt import random_model
from sordino.tools.trials import MACHINES

FRAMES = 6
ISSUE = 12
"""Cycles a CELL may show around its issue although it is hidden."""


def cells(sizes: dict[str, Any]) -> list[float]:
    """Cycles a frame in which nothing but an encoder's CELL is at work, in program order."""
    model = random_model(0, inputs=20, **sizes)
    compiled = compile_model(model, MACHINES["g4"], CompileOptions(weight_bits=5))
    image = Image.from_bytes(compiled.image.to_bytes())
    features = np.random.default_rng(0).integers(-128, 128, (FRAMES, 20)).astype(np.int8)
    rtl = Rtl(image)
    assert compare(image, Golden(image), rtl, features).first_difference is None
    rtl.run(features)
    profile = zip(image.program, rtl.profile().tolist(), strict=True)
    return [
        cycles / times
        for i, (times, cycles) in profile
        if times and isinstance(i, Cell) and i.layer.startswith("encoder")
    ]


def test_of_several_layers_the_last_cell_alone_is_seen() -> None:
    *hidden, last = cells({"encoder": (64, 64, 64)})
    assert len(hidden) == 2
    assert max(hidden) < ISSUE
    assert 64 < last < 64 + 40


def test_of_a_group_of_frames_the_last_cell_alone_is_seen() -> None:
    *hidden, last = cells({"encoder": (64, 64, 64, 64), "time_reduction": (2, 2)})
    assert len(hidden) == 2 * 2 + 1
    assert max(hidden) < ISSUE
    assert 64 < last < 64 + 40


@pytest.mark.parametrize(("units", "tiles"), [(160, 2), (120, 1)])
def test_of_one_wide_layer_none_is_seen(units: int, tiles: int) -> None:
    seen = cells({"encoder": (units,)})
    assert len(seen) == tiles
    assert (max(seen) < ISSUE) == (tiles == 2)
