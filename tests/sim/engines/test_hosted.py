"""A machine behind its registers as an engine: runs and memories as golden's, over a bus."""

import numpy as np
import pytest

from sordino.arch import Config
from sordino.driver import Host
from sordino.engines.hosted import Hosted
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.image.memories import MEMORIES, memory_shape
from sordino.isa.choices import Space
from sordino.isa.operations import Add, Copy, Input
from sordino.isa.registers import Error
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.board import SimulatedBoard
from sordino.testing.images.programs import ProgramBuilder

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=4,
    lane_words=8,
    group_words=8,
    rows_per_lane=3,
    activation_words=16,
    state_words=16,
    parameter_words=4,
    program_words=16,
    tables=2,
    matrices=1,
)
FEATURES = np.arange(-3, 3, dtype=np.int8).reshape(2, 3)


def image() -> Image:
    builder = ProgramBuilder(CONFIG)
    builder.add(Add, a=1, b=3, destination=8, count=7, multiplier=1 << 14, shift=12)
    builder.add(Copy, space=Space.STATE, source=0, destination=9, count=6)
    builder.label("frame")
    builder.add(Input, destination=2, count=3, end="end")
    builder.go("frame")
    builder.label("end")
    builder.end(7)
    return builder.image()


def test_runs_and_memories_over_a_bus() -> None:
    golden, rng, top = Golden(image()), np.random.default_rng(1), Sordino(CONFIG)
    host = Host(SimulatedBoard(top, AxiLiteManager(top.s_axi)))
    with pytest.raises(InputError, match="wanted a host that has loaded an image"):
        Hosted(host)
    host.load(golden.image)
    made = Hosted(host)
    for store in MEMORIES:
        shape = memory_shape(CONFIG, store)
        size = (shape.words, shape.lanes) if shape.lanes > 1 else (shape.words,)
        words = rng.integers(shape.lowest, shape.highest, size, endpoint=True)
        for engine in (golden, made):
            engine.write(store, 0, words)
    expected, found = golden.run(FEATURES), made.run(FEATURES)
    assert (found.code, found.error, found.tokens) == (7, Error.NONE, [])
    assert {n: found.counters[n] for n in expected.counters} == expected.counters
    for store in MEMORIES:
        words = made.read(store, 1, 2)
        np.testing.assert_array_equal(words, golden.read(store, 1, 2))
        assert words.dtype == np.int64
    assert made.run(FEATURES, cycle_limit=9).error is Error.LIMIT
    assert made.run(FEATURES).code == 7, "the next run clears the error"
    with pytest.raises(InputError, match="without records"):
        made.run(FEATURES, record=True)
    with pytest.raises(InputError, match="of -32768 to 32767 for STATE"):
        made.write(MEMORIES[1], 0, np.array([1 << 15]))
