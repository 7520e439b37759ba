"""Images that tests make faulty, and what is said of them."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sordino.arch import Config
from sordino.golden.machine import Golden
from sordino.image.checks.verify import verify
from sordino.image.image import Image, ImageError
from sordino.isa.instruction import Instruction
from sordino.isa.operations import (
    Add,
    Argmax,
    Cell,
    Copy,
    Drain,
    Embed,
    Fill,
    Gru,
    Halt,
    Input,
    Matvec,
    Multiply,
    Table,
)
from sordino.testing.images.builder import small_rooms
from sordino.testing.images.programs import ProgramBuilder

CONFIG = Config(
    lanes=4,
    group=2,
    x_fifo=8,
    lane_words=100,
    group_words=90,
    rows_per_lane=3,
    activation_words=50,
    state_words=40,
    parameter_words=30,
    program_words=16,
    tables=4,
    matrices=2,
)
STATES = CONFIG.states


def image(*code: Instruction, **changes: Any) -> Image:
    """A valid image: a matrix of 2 rows and 6 columns, 8 parameter words; `code` before HALT."""
    builder = ProgramBuilder(CONFIG)
    builder.matrix(np.ones((2, 4, 6), np.int8))
    builder.ints(np.arange(32))
    tables = (
        Table(source=0, runs=1),
        Table(source=1, slot=0),
    )
    made = replace(builder.image(), program=(*tables, *code, Halt()))
    host = made.host.changed(segments=small_rooms(made.program, 0))
    return replace(made, **{"host": host, **changes})


def make(operation: type[Instruction], **fields: Any) -> Instruction:
    """A valid instruction with changes."""
    valid: dict[type[Instruction], dict[str, Any]] = {
        Input: {"count": 1},
        Matvec: {"columns": 6, "rows": 2},
        Cell: {"units": 3, "multiplier": 1, "shift": 1},
        Gru: {"units": 3, "multiplier": 1, "shift": 1},
        Drain: {"rows": 2, "multiplier": 1, "shift": 1},
        Argmax: {"rows": 2},
        Add: {"count": 1, "multiplier": 1, "shift": 1},
        Multiply: {"count": 1, "multiplier": 1, "shift": 1},
        Embed: {"count": 1},
        Fill: {"count": 1},
        Copy: {"count": 1, "destination": 1},
    }
    return operation(**{**valid.get(operation, {}), **fields})


def refused(wrong: Image) -> str:
    with pytest.raises(ImageError) as caught:
        verify(wrong)
    with pytest.raises(ImageError, match=f"^{re.escape(str(caught.value))}$"):
        Golden(wrong)
    assert "\n" not in str(caught.value)
    return str(caught.value)
