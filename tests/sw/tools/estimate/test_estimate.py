"""Estimates: what is stated against the circuit and the cycle model, what is fitted against it."""

import json
from pathlib import Path

import pytest

from sordino.cycles.bounds import frame_bounds
from sordino.image.image import Image
from sordino.tools.estimate.estimate import estimate_image
from sordino.tools.estimate.memories import bits_by_kind

SHIPPED = Path(__file__).parents[4] / "models" / "an4_rnnt_g4_80.sordino"


def test_an_estimate_s_cycles_are_the_model_s() -> None:
    image = Image.load(SHIPPED)
    found = estimate_image(image, 100_000_000)
    assert found.cycles == frame_bounds(image)
    assert found.cycles is not None
    assert found.bytes == SHIPPED.stat().st_size
    assert found.real_time_factor is not None
    assert found.real_time_factor[0] == pytest.approx(found.cycles.frame.best / 100e6 / 0.03)
    assert found.memory_bits == bits_by_kind(image.config)
    json.dumps(found.as_dict(), allow_nan=False)
