"""Whole machines whose marked memories give wrong words where a read collides with a write."""

from types import SimpleNamespace

import numpy as np
import pytest

from sordino.engines.amaranth.machine import Simulated
from sordino.engines.cosim import compare
from sordino.golden.machine import Golden
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.rtl.shared.memories import WideMemory
from sordino.stimuli.simulate import simulate
from sordino.testing.benches.colliding import InvertingMemory, marked_memory
from sordino.testing.images.programs import (
    overlapped,
    random_channels,
    random_config,
    random_program,
    random_requests,
)

ROOMS = ("lanes.lane", "lanes.decoder", "lanes.directory", "shared.memories", "tables")


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> list[InvertingMemory]:
    made = []

    def memory(**arguments):
        new = marked_memory(**arguments)
        if isinstance(new, InvertingMemory):
            made.append(new)
        return new

    for room in ROOMS:
        monkeypatch.setattr(f"sordino.rtl.{room}.memory", SimpleNamespace(Memory=memory))
    return made


@pytest.mark.parametrize("seed", [1, 21, 32])
def test_random_programs_equal_golden(seed: int, marked: list[InvertingMemory]) -> None:
    rng = np.random.default_rng(seed)
    sizes = {"activation_words": 130, "state_words": 70, "rows_per_lane": 3, "state_bits": 5}
    config = random_config(rng).with_settings({**sizes, "channels": 1 + seed % 2})
    image = overlapped(random_program(rng, config, steps=6), rng)
    features = random_channels(rng, image, 2)
    requests = random_requests(rng, 2 * config.channels)
    machine = Simulated(image, timeout=60_000)
    found = compare(image, Golden(image), machine, features, requests=requests)
    assert found.identical, found.first_difference
    # Program, parameters, two halves of the tables, and what every group has.
    assert len(marked) > 4 + 2 * config.lanes


def test_the_memory_that_inverts_is_in_place() -> None:
    """A part of a word that is read in the cycle of its write: wrong then, right in the next."""
    dut, found = WideMemory(LoadTarget.PROGRAM, depth=4), []

    async def testbench(ctx) -> None:
        ctx.set(dut.load.payload.target, LoadTarget.PROGRAM)
        ctx.set(dut.load.payload.data, 5)
        ctx.set(dut.load.valid, 1)
        ctx.set(dut.enable, 1)
        for _ in range(2):
            await ctx.tick()
            found.append(ctx.get(dut.data))
            ctx.set(dut.load.valid, 0)

    simulate(dut, testbench, timeout=10)
    assert found == [(1 << 128) - 1, 5]
    assert UNCHECKED == {"no_rw_check": 1}
