"""A MATVEC takes what `isa.timing` and the cycle model built from it say, in simulated circuits."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.cycles.engine import Cycles
from sordino.cycles.matvec import matvec_cycles
from sordino.engines.amaranth.machine import Simulated
from sordino.engines.memory_timing import MemoryTiming
from sordino.golden.codec import decode_walks
from sordino.image.image import Image
from sordino.isa import timing
from sordino.isa.operations import Halt
from sordino.testing.benches.matvec import ArrayBench, rtl_matvec
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.streaming import SMALL, streamed_image

CONFIG = Config(
    lanes=4,
    group=2,
    x_fifo=8,
    state_bits=4,
    lane_words=256,
    group_words=256,
    rows_per_lane=16,
    activation_words=128,
    matrices=1,
)
Slots = NDArray[np.int8]


@cache
def bench(x_fifo: int) -> ArrayBench:
    return ArrayBench(replace(CONFIG, x_fifo=x_fifo))


def measured(slots: Slots, x_fifo: int = 8) -> int:
    """Cycles from `start` to `done` in the circuit."""
    circuit, x = bench(x_fifo), np.ones(slots.shape[2], np.int8)
    return rtl_matvec(slots, x, circuit.config, bench=circuit).cycles


def modelled(slots: Slots, x_fifo: int = 8) -> int:
    """The same as the cycle model says."""
    encoded = encode_matrices([slots], CONFIG)
    rows, _, columns = slots.shape
    walks = decode_walks(encoded, 0, rows=rows, columns=columns, runs=encoded.tables[0])
    return matvec_cycles(walks, x_fifo=x_fifo).cycles


def no_slots(rows: int, columns: int) -> Slots:
    return np.zeros((rows, CONFIG.lanes, columns), np.int8)


def test_a_place_a_cycle() -> None:
    """Sixteen cycles beyond its places: a number of the test's own."""
    slots = no_slots(2, 9) + np.int8(1)
    assert measured(slots) == 18 + 16 == 18 + timing.MATVEC_OVERHEAD == modelled(slots)


def test_no_places() -> None:
    """Seven cycles: a number of the test's own."""
    assert measured(no_slots(2, 9)) == 7 == timing.NOTHING == modelled(no_slots(2, 9))


def test_places_wait_for_the_broadcast() -> None:
    """A place every third column: the last one waits for column 30."""
    slots = no_slots(1, 31)
    slots[:, :, ::3] = 1
    cycles = timing.FIRST_COLUMN + 30 + timing.ARRIVAL + timing.SETTLE
    assert measured(slots, 32) == modelled(slots, 32) == cycles


def test_the_broadcast_waits_for_room() -> None:
    """One group stays at column 0, so that the other waits for column 20."""
    slots = no_slots(16, 21)
    slots[:, :2, 0] = 1
    slots[0, :2, 1] = slots[0, 2:, 0] = slots[0, 2:, 20] = 1
    sent = timing.FIRST_COLUMN + 20 + timing.ARRIVAL
    assert sent + timing.SETTLE < measured(slots) == modelled(slots)


def streamed(seed: int) -> tuple[Image, MemoryTiming]:
    """One streamed MATVEC and a memory, at random."""
    rng = np.random.default_rng(seed)
    config = replace(SMALL, x_fifo=8, state_bits=4, tables=4, activation_words=128, state_words=16)
    builder = ProgramBuilder(config)
    columns, rows = int(rng.integers(30, 90)), int(rng.integers(1, 5))
    values = rng.integers(-100, 100, (rows, config.lanes, columns))
    kept = rng.random(values.shape) < rng.choice([0.3, 0.6, 1.0])
    builder.matvec(builder.matrix(np.where(kept, values, 0).astype(np.int8)), source=0)
    builder.add(Halt)
    settings = {"stream_bus": 64, "stream_ring": 2, "stream_burst": 4}
    outstanding = int(rng.choice([1, 2, 4]))
    image = streamed_image(builder.image(), stream_outstanding=outstanding, **settings)
    rate = int(rng.choice([256, 256, 128, 40]))
    latency = int(rng.integers(-(-512 // rate), 30 if rate > 17 else 60))
    return image, MemoryTiming(latency=latency, rate=rate)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(11, id="one burst after the other"),
        pytest.param(53, id="two outstanding"),
        pytest.param(147, id="full rings"),
    ],
)
def test_streamed(seed: int) -> None:
    """Every constant of streaming counts in one of these."""
    image, memory = streamed(seed)
    none = np.zeros((0, 1), np.int8)
    circuit = Simulated(image, memory=memory).run(none)
    assert circuit.counters == Cycles(image, memory=memory).run(none).counters
