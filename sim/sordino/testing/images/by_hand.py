"""Small programs written by hand, for tests of one matter each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sordino.arch import Config
from sordino.engines.engine import Record
from sordino.image.image import Image
from sordino.isa.operations import Halt
from sordino.testing.images.programs import ProgramBuilder

__all__ = ["NO_FEATURES", "PLAIN", "program_image", "written_values"]

PLAIN = Config(
    lanes=8,
    group=2,
    x_fifo=8,
    lane_words=4096,
    group_words=4096,
    rows_per_lane=4,
    activation_words=128,
    state_words=64,
    parameter_words=256,
)
"""A machine with room for what is written by hand."""
NO_FEATURES = np.zeros((0, 1), np.int8)


def program_image(
    *code: tuple[Any, dict[str, Any]], config: Config = PLAIN, **labels: int
) -> Image:
    """An image of (operation, fields) pairs, HALT 0 after them; labels by address."""
    builder = ProgramBuilder(config)
    for address, (operation, fields) in enumerate(code):
        for name, at in labels.items():
            if at == address:
                builder.label(name)
        builder.add(operation, **fields)
    builder.add(Halt)
    return builder.image()


def written_values(records: Sequence[Record] | None) -> list[list[int]]:
    """What each instruction of a recorded run wrote; AssertionError where nothing was recorded."""
    assert records is not None
    return [record.values.tolist() for record in records]
