"""Engines whose memories the host reads and writes between runs: golden, cycles and the circuit."""

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.cycles.engine import Cycles
from sordino.engines.engine import OpenEngine
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.image.memories import MEMORIES, memory_shape
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.isa.operations import Add, Copy, Fill, Input
from sordino.isa.registers import Error
from sordino.testing.images.programs import ProgramBuilder

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=4,
    lane_words=64,
    group_words=64,
    rows_per_lane=7,
    accumulator_bits=25,
    activation_words=50,
    state_words=31,
    parameter_words=64,
    program_words=32,
    tables=4,
    matrices=3,
)
FEATURES = np.arange(-20, 20, dtype=np.int8).reshape(2, 20)


def program() -> Image:
    """What comes in, a sum of what stands in state memory, and rows of both banks."""
    builder = ProgramBuilder(CONFIG)
    for bank in (Space.BANK0, Space.BANK1):
        builder.add(Fill, space=bank, destination=2, count=3, value=-9)
    builder.add(Add, a=1, b=3, destination=30, count=15, multiplier=1 << 14, shift=12)
    builder.add(Copy, space=Space.STATE, source=0, destination=20, count=9)
    builder.label("frame")
    builder.add(Input, destination=4, count=20, end="end")
    builder.go("frame")
    builder.label("end")
    builder.end(7)
    return builder.image()


IMAGE = program()
ENGINES = {"golden": Golden, "cycles": Cycles, "rtl": Rtl}
GOOD = {
    store: np.zeros((0, CONFIG.lanes) if "BANK" in store.name else 0, int) for store in MEMORIES
}


@pytest.fixture(scope="module", params=ENGINES)
def made(request: pytest.FixtureRequest) -> OpenEngine:
    if request.param == "rtl" and not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")
    engine: OpenEngine = ENGINES[request.param](IMAGE)
    return engine


def random_words(rng: np.random.Generator, store: Store) -> NDArray[np.int64]:
    """Words for a whole memory; the extremes occur."""
    shape = memory_shape(CONFIG, store)
    size = (shape.words, shape.lanes) if "BANK" in store.name else (shape.words,)
    words = rng.integers(shape.lowest, shape.highest, size, endpoint=True)
    words[:1], words[-1:] = shape.lowest, shape.highest
    return words


def test_memories_are_what_runs_leave_and_what_runs_find(made: OpenEngine) -> None:
    golden, rng = Golden(IMAGE), np.random.default_rng(1)
    for _ in range(3):
        for store in MEMORIES:
            words = random_words(rng, store)
            for engine in (golden, made):
                engine.write(store, 0, words)
            np.testing.assert_array_equal(made.read(store, 0, len(words)), words)
        expected, found = golden.run(FEATURES), made.run(FEATURES)
        assert (found.code, found.error) == (7, Error.NONE)
        for store in MEMORIES:
            words = made.read(store, 0, len(expected.final[store]))
            assert words.dtype == np.int64
            np.testing.assert_array_equal(words, expected.final[store])
            np.testing.assert_array_equal(words, found.final[store])


@pytest.mark.parametrize("store", MEMORIES, ids=lambda store: store.name)
def test_a_part_alone(made: OpenEngine, store: Store) -> None:
    """Words around it stay, and what was read is the caller's."""
    rng, words = np.random.default_rng(2), memory_shape(CONFIG, store).words
    before, part = random_words(rng, store), random_words(rng, store)[1:4]
    made.write(store, 0, before)
    for first in (0, 11 % words, words - 3):
        made.write(store, first, part)
        before[first : first + 3] = part
        np.testing.assert_array_equal(made.read(store, 0, words), before)
        made.read(store, first, 3)[:] = 0
        np.testing.assert_array_equal(made.read(store, first, 3), part)
    made.write(store, words, GOOD[store])
    assert made.read(store, words, 0).shape == GOOD[store].shape


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda e: e.read(Store.REGISTER, 0, 1), "wanted one of the memories ACTIVATION, STATE"),
        (lambda e: e.write(Store.RUN_TABLE, 0, np.zeros(1, int)), "got RUN_TABLE"),
        (lambda e: e.read(Store.STATE, 30, 2), "wanted words 0 to 30 of STATE, got 2 from 30 on"),
        (lambda e: e.read(Store.STATE, -1, 2), "got 2 from -1 on"),
        (lambda e: e.read(Store.STATE, 2, -1), "got -1 from 2 on"),
        (lambda e: e.write(Store.BANK1, 6, np.zeros((2, 4), int)), "rows 0 to 6 of BANK1, got 2"),
        (lambda e: e.write(Store.BANK0, 0, np.zeros((2, 3), int)), "wanted values of shape (2, 4)"),
        (lambda e: e.write(Store.STATE, 0, np.zeros((2, 1), int)), "wanted values of shape (2,)"),
        (lambda e: e.write(Store.STATE, 0, np.int64(1)), "got one number"),
        (lambda e: e.write(Store.STATE, 0, np.array([1.0])), "wanted whole numbers"),
        (lambda e: e.write(Store.STATE, 0, np.array([1, 1 << 15])), "of -32768 to 32767 for STATE"),
        (lambda e: e.write(Store.ACTIVATION, 0, np.array([-129])), "got -129 to -129"),
        (lambda e: e.write(Store.BANK0, 0, np.full((1, 4), 1 << 24)), "got 16777216"),
        (lambda e: e.write(Store.BANK0, 0, np.full((1, 4), 1 << 63, np.uint64)), "got 9223372"),
    ],
)
def test_refusals_change_nothing(
    made: OpenEngine, call: Callable[[OpenEngine], Any], said: str
) -> None:
    def contents() -> list[list[Any]]:
        return [made.read(s, 0, memory_shape(CONFIG, s).words).tolist() for s in MEMORIES]

    before = contents()
    with pytest.raises(InputError) as refused:
        call(made)
    assert said in str(refused.value)
    assert contents() == before


def test_a_run_that_was_broken_off_is_not_looked_into() -> None:
    if not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")
    rtl = Rtl(IMAGE)

    class Broken(Exception):
        pass

    def on_cycles(cycles: int) -> None:
        raise Broken

    endless = np.zeros((20_000, 20), np.int8)
    with pytest.raises(Broken):
        rtl.run(endless, on_cycles=on_cycles)
    with pytest.raises(RuntimeError, match="wanted a machine at rest"):
        rtl.read(Store.STATE, 0, 1)
    with pytest.raises(RuntimeError, match="wanted a machine at rest"):
        rtl.write(Store.STATE, 0, np.zeros(1, int))
