"""What lies between instructions takes what `isa.timing` says, on the whole machine."""

from functools import cache
from typing import Any

import numpy as np
from amaranth.hdl import Fragment

from sordino.arch import Config
from sordino.engines.amaranth.machine import load_writes
from sordino.image.image import Image
from sordino.isa import operations, timing
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction
from sordino.isa.registers import COUNTERS
from sordino.rtl.machine import Machine
from sordino.stimuli.simulate import simulate
from sordino.testing.images.builder import ProgramBuilder

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=4,
    lane_words=64,
    group_words=64,
    rows_per_lane=4,
    activation_words=64,
    state_words=32,
    parameter_words=16,
    program_words=16,
    tables=2,
    matrices=1,
)
SET, NEXT, INPUT, FILL, CELL, RUNS, VALUES, MATVEC, HALT = range(9)
"""Addresses in the program."""
PLACES = 10
UNITS = 3


@cache
def program() -> Image:
    """One instruction after the other, each waiting for all before it."""
    builder = ProgramBuilder(CONFIG)
    builder.add(operations.Set, register=1, value=5)
    builder.add(operations.Set, register=2, value=6)
    builder.add(operations.Input, destination=0, count=2, end=HALT)
    builder.add(operations.Fill, space=Space.STATE, count=7)
    builder.add(operations.Cell, units=UNITS, multiplier=1 << 15, shift=16)
    matrix = builder.matrix(np.ones((1, CONFIG.lanes, PLACES), np.int8))
    builder.matvec(matrix, source=0)
    builder.add(operations.Halt)
    return builder.image()


class Run:
    """Cycles from the one after `start` on, by address: `begun` and `done`; `places` at the end."""

    def __init__(self, limit: int = 0) -> None:
        self.machine = Machine(CONFIG)
        self.begun: dict[int, int] = {}
        self.done: dict[int, int] = {}
        self.places = 0
        self.limit = limit
        simulate(Fragment.get(self.machine, None), self.testbench, timeout=2000)

    async def testbench(self, ctx: Any) -> None:
        machine, host = self.machine, self.machine.host
        ctx.set(host.load.valid, 1)
        for payload in load_writes(program()):
            ctx.set(host.load.payload, payload)
            await ctx.tick()
        ctx.set(host.load.valid, 0)
        await ctx.tick().repeat(4)
        ctx.set(host.features.valid, 1)
        ctx.set(host.run.limit, self.limit)
        ctx.set(host.run.start, 1)
        await ctx.tick()
        ctx.set(host.run.start, 0)
        cycle = 0
        while not ctx.get(host.run.finished):
            await ctx.tick()
            trace = ctx.get(machine.trace)  # of the cycle before
            if trace.issue.valid:
                self.begun[trace.issue.pc] = cycle
            for event in trace.retire:
                if event.valid:
                    self.done[event.pc] = cycle
            cycle += 1
        await ctx.tick().repeat(2)
        counters = list(ctx.get(host.counters))
        self.places = counters[[counter.name for counter in COUNTERS].index("places")]


@cache
def run() -> Run:
    return Run()


def instruction(address: int) -> Instruction:
    return program().program[address]


def test_own_instructions_follow_one_another() -> None:
    begun = run().begun
    assert begun[SET] == timing.SEQUENCER_CYCLES - 1, "the first cycle is the one after `start`"
    assert begun[NEXT] - begun[SET] == timing.SEQUENCER_CYCLES
    assert begun[FILL] - run().done[INPUT] == timing.SEQUENCER_CYCLES


def test_units_start_and_are_free_again() -> None:
    begun, done = run().begun, run().done
    assert done[FILL] - begun[FILL] == timing.UNIT_START + instruction(FILL).duration(CONFIG)
    assert begun[CELL] - done[FILL] == timing.UNIT_FREE
    assert done[RUNS] - begun[RUNS] == timing.UNIT_START + timing.table_cycles(CONFIG)
    assert done[MATVEC] - begun[MATVEC] == timing.UNIT_START + PLACES + timing.MATVEC_OVERHEAD


def test_the_slowest_vector_instruction() -> None:
    begun, done = run().begun, run().done
    assert done[CELL] - begun[CELL] == UNITS + timing.VECTOR_OVERHEAD == UNITS + 25


def test_a_matvec_counts_before_it_is_done() -> None:
    """A machine that stops in between keeps the counts; one that stops earlier does not."""
    last = run().done[MATVEC] - timing.COUNTS
    for stop in (last - 1, last):
        cut = Run(limit=stop + 1)
        assert MATVEC in cut.begun
        assert MATVEC not in cut.done
        assert cut.places == (PLACES if stop == last else 0)
