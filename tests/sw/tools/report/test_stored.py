"""Stored zeros: a product that skips none takes as long as the encoder's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sordino.compiler.compile import Compiled
from sordino.isa import timing
from sordino.tools.bench.matvec_bench import bench_matvec
from sordino.tools.report.stored import StoredDurations


@pytest.mark.parametrize("group", [1, 4])
def test_stored_zeros(compiled: Callable[[str], Compiled], group: int) -> None:
    """A product whose zeros are not skipped takes what the encoder's stored zeros take."""
    image = compiled("groups" if group == 4 else "single").image
    i = next(i for i in image.program if i.mnemonic == "MATVEC")
    config = image.config
    rows = config.lanes * i.rows
    matrix = np.random.default_rng(0).integers(-3, 4, (rows, i.columns)).astype(np.int8)
    wanted = bench_matvec(matrix, config.lanes, group, zeros="stored", engine="cycles")
    stored = StoredDurations(replace(image, config=replace(config, x_fifo=16)))
    cycles = stored.matvec(image.program.index(i), 0).cycles
    assert cycles + timing.UNIT_START + timing.UNIT_FREE == wanted["matvec_cycles"]
