"""The whole machine against the exact one: every record, memory, token, error and counter."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Fragment

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.engines.amaranth.machine import Simulated, load_writes, run_machine, submodule
from sordino.engines.cosim import compare
from sordino.golden.machine import Golden
from sordino.isa import timing
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.isa.operations import (
    ISA,
    Copy,
    Drain,
    Emit,
    Fill,
    Halt,
    Input,
    Jump,
    Matvec,
    Set,
    Table,
)
from sordino.isa.registers import COUNTERS, Error
from sordino.model.random_rnnt import random_model
from sordino.rtl.machine import Machine
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import STALLS
from sordino.stimuli.streams import send
from sordino.testing.images.programs import (
    ProgramBuilder,
    overlapped,
    random_channels,
    random_config,
    random_program,
    random_requests,
    random_slots,
)
from sordino.testing.twins.sequencer import beside_units

TIMED = tuple(counter.name for counter in COUNTERS if counter.timed)
UNITS = ("matvec", "vector", "table")
MOST_CYCLES = 60_000


def small_config(seed, **settings):
    """An odd machine, small enough to clear its memories in no time."""
    sizes = {"activation_words": 130, "state_words": 70, "rows_per_lane": 3, "state_bits": 5}
    sizes["channels"] = 1 + seed % 2
    return random_config(np.random.default_rng(seed)).with_settings({**sizes, **settings})


SEEDS = (1, 21, 32)
"""Random programs that have every operation among them, with one channel and with two."""


def small_image(seed, *, steps=6):
    rng = np.random.default_rng(seed)
    return random_program(rng, small_config(seed), steps=steps)


def small_input(seed, image):
    """Two vectors on every channel, and requests."""
    rng = np.random.default_rng(seed)
    features = random_channels(rng, image, 2)
    return features, random_requests(rng, 2 * image.config.channels)


def engine(image, stall="none"):
    return Simulated(
        image,
        feature_stall=lambda: STALLS[stall](0),
        token_stall=lambda: STALLS[stall](1),
        timeout=MOST_CYCLES,
    )


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_equal_golden(seed, stall):
    image = small_image(seed)
    features, requests = small_input(seed, image)
    executed = []
    found = compare(
        image,
        Golden(image),
        engine(image, stall),
        features,
        requests=requests,
        on_record=lambda record: executed.append(record.pc),
    )
    assert found.identical, found.first_difference
    assert found.records_compared > 20
    n = found.results[1].counters
    done = [image.program[pc] for pc in executed]
    inputs, units = sum(isinstance(i, Input) for i in done), sum(bool(i.unit) for i in done)
    each = beside_units(n["instructions"], units, inputs) + n["wait_token"]
    assert n["cycles"] == each + sum(n[name] for name in UNITS)


@pytest.mark.parametrize("seed", [*SEEDS, 9])
def test_random_programs_with_overlap_equal_golden(seed):
    """As much side by side as is allowed, and a random part of that."""
    strict = small_image(seed)
    features, requests = small_input(seed, strict)
    expected = Golden(strict).run(features, record=True, requests=requests)
    for rng, stall in ((None, "none"), (np.random.default_rng(seed), "random")):
        image = overlapped(strict, rng)
        machine = engine(image, stall)
        found = compare(image, Golden(image), machine, features, requests=requests)
        assert found.identical, found.first_difference
        golden, rtl = found.results
        assert golden.counters == expected.counters, "strictly one after another it is the same"
        for store, words in expected.final.items():
            assert np.array_equal(golden.final[store], words)
        n = rtl.counters
        strictly = timing.SEQUENCER_CYCLES * n["instructions"] + n["frames"] + n["wait_token"]
        assert n["cycles"] < strictly + sum(n[name] for name in UNITS)


def test_three_units_work_side_by_side():
    config = small_config(5, value_slots=2)
    builder = ProgramBuilder(config)
    slots = random_slots(np.random.default_rng(1), config, rows=3, columns=31, density=1.0)
    first = builder.matrix(slots)
    builder.clear()
    builder.matvec(first, source=0)
    builder.add(Table, source=1 + first, slot=1)
    builder.add(Fill, space=Space.ACTIVATION, destination=31, count=40, value=3)
    builder.add(Fill, space=Space.BANK1, count=3, value=-2)
    builder.add(Halt)
    strict = builder.image()
    none = np.zeros((0, 1), np.int8)
    found = compare(strict, Golden(strict), Simulated(strict), none)
    image = overlapped(strict)
    faster = compare(image, Golden(image), Simulated(image), none)
    assert found.identical
    assert faster.identical, faster.first_difference
    assert faster.words_compared == found.words_compared
    saved = found.results[1].counters["cycles"] - faster.results[1].counters["cycles"]
    # At least TABLE and both FILLs, with what it takes to begin them.
    assert saved >= timing.table_cycles(config) + 40 + 3 + 3 * timing.SEQUENCER_CYCLES


def frame_program(config, *, wait_for=5):
    """One matrix on each frame: INPUT, MATVEC, DRAIN, EMIT, until the input ends."""
    builder = ProgramBuilder(config)
    slots = random_slots(np.random.default_rng(7), config, rows=2, columns=wait_for, density=0.7)
    matrix = builder.matrix(slots)
    builder.clear()
    builder.label("frame")
    builder.add(Input, destination=0, count=wait_for, end="done")
    builder.matvec(matrix, source=0)
    biases = builder.ints(np.arange(2 * config.lanes))
    builder.add(Drain, rows=2, parameters=biases, destination=20, multiplier=1 << 15, shift=18)
    builder.add(Emit, register=3)
    builder.add(Jump, target="frame")
    builder.label("done")
    builder.add(Halt, code=9)
    return builder.image()


def test_timing_is_that_of_the_parts_and_not_of_the_features():
    image = frame_program(small_config(5))
    rng = np.random.default_rng(1)
    runs = [
        run_machine(image, features, record=True)
        for features in (rng.integers(-128, 128, (2, 5)).astype(np.int8), np.zeros((2, 5), np.int8))
    ]
    for name in TIMED:
        assert runs[0].counters[name] == runs[1].counters[name]
    assert runs[0].counters["useful"] > runs[1].counters["useful"] == 0
    executed = [image.program[record.pc] for record in runs[0].records]
    n = runs[0].counters
    assert n["table"] == timing.table_cycles(image.config) * sum(
        isinstance(i, Table) for i in executed
    )
    vector = [i for i in executed if isinstance(i, (Input, Drain, Fill))]
    *vector, last = vector
    assert isinstance(last, Input)
    # It looked for a feature in the cycle after its start and met the end there.
    cycles = 3 + sum(i.duration(image.config) for i in vector)
    assert n["vector"] == cycles + n["wait_input"]


def damaged(image):
    """The image with one bit of a position stream flipped."""
    unit = next(n for n, stream in enumerate(image.positions) if stream)
    stream = bytearray(image.positions[unit])
    stream[0] ^= 1
    positions = (*image.positions[:unit], bytes(stream), *image.positions[unit + 1 :])
    return replace(image, positions=positions)


@pytest.mark.parametrize(
    ("damage", "frames", "left_over", "error"),
    [(damaged, 1, 0, Error.STREAM), (lambda image: image, 1, 3, Error.INPUT)],
)
def test_errors_stop_both_machines_alike(damage, frames, left_over, error):
    image = damage(frame_program(small_config(5)))
    features = np.arange(5 * frames + left_over, dtype=np.int8)
    golden = Golden(image).run(features, record=True)
    found = run_machine(image, features, record=True)
    assert (golden.error, found.error, found.code) == (error, error, 0)
    assert [r.pc for r in found.records] == [r.pc for r in golden.records]
    for a, b in zip(golden.records, found.records, strict=True):
        assert np.array_equal(a.values, b.values)
    untimed = [counter.name for counter in COUNTERS if not counter.timed]
    assert [found.counters[n] for n in untimed] == [golden.counters[n] for n in untimed]


def test_cycle_limit():
    image = frame_program(small_config(5))
    features = np.ones((2, 5), np.int8)
    whole = run_machine(image, features)
    cycles = whole.counters["cycles"]
    enough = run_machine(image, features, cycle_limit=cycles)
    assert (enough.error, enough.code, enough.counters) == (Error.NONE, 9, whole.counters)
    cut = run_machine(image, features, cycle_limit=cycles - 1)
    assert (cut.error, cut.code, cut.counters["cycles"]) == (Error.LIMIT, 0, cycles - 1)
    assert cut.counters["instructions"] == whole.counters["instructions"] - 1


class Chip:
    """One machine for several runs."""

    def __init__(self, image):
        self.image = image
        self.machine = Machine(image.config)
        self.design = Fragment.get(self.machine, None)
        self.activation = submodule(self.design, "activation", "memory").data

    async def pulse(self, ctx, signal):
        ctx.set(signal, 1)
        await ctx.tick()
        ctx.set(signal, 0)

    async def load(self, ctx):
        ctx.set(self.machine.host.load.valid, 1)
        for payload in load_writes(self.image):
            ctx.set(self.machine.host.load.payload, payload)
            await ctx.tick()
        ctx.set(self.machine.host.load.valid, 0)

    def simulate(self, *testbenches):
        simulate(self.design, *testbenches, timeout=MOST_CYCLES)


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        (Fill, 5),
        (Table, 0),
        (Table, 20),
        (Input, 3),
        *((Matvec, after) for after in (1, 2, 4, 9, 15)),
        (Drain, 4),
        (Drain, 13),
        (Emit, 9),
    ],
)
def test_abort_then_run_again_on_the_same_machine(operation, after):
    """Whatever is in progress when the machine is aborted, the next run is a clean one."""
    image = frame_program(small_config(5))
    features = np.ones((1, 5), np.int8)
    expected = Golden(image).run(features)
    chip = Chip(image)
    host = chip.machine.host

    async def testbench(ctx):
        await chip.load(ctx)
        await chip.pulse(ctx, host.run.start)
        ctx.set(host.features.valid, 1)
        while True:
            issue = ctx.get(chip.machine.trace.issue)
            at = issue.pc if issue.valid else ctx.get(host.run.pc) if operation is Emit else 0
            if isinstance(image.program[at], operation) and (at or issue.valid):
                break
            await ctx.tick()
        for _ in range(after):
            await ctx.tick()
        await chip.pulse(ctx, host.run.abort)
        assert (ctx.get(host.run.busy), ctx.get(host.run.finished)) == (0, 1)
        # An instruction that waits for it is next.
        assert ctx.get(host.run.pc) == at + (operation not in (Input, Emit))
        assert Error(ctx.get(host.run.error)) is Error.LIMIT
        await chip.pulse(ctx, host.run.start)
        assert not ctx.get(host.run.busy)
        ctx.set(host.features.valid, 0)
        await chip.pulse(ctx, host.run.clear)
        await chip.pulse(ctx, host.run.start)
        assert ctx.get(host.run.busy)
        ctx.set(host.tokens.ready, 1)
        await send(ctx, host.features, features.reshape(-1).tolist())
        ctx.set(host.end_of_input, 1)
        while ctx.get(host.run.busy):
            await ctx.tick()
        assert (Error(ctx.get(host.run.error)), ctx.get(host.run.code)) == (Error.NONE, 9)
        words = [ctx.get(chip.activation[n]) for n in range(image.config.activation_words)]
        assert words == expected.final[Store.ACTIVATION].tolist()
        counters = dict(zip(COUNTERS, ctx.get(host.counters), strict=True))
        for counter in counters:
            if not counter.timed:
                assert counters[counter] == expected.counters[counter.name], counter.name

    chip.simulate(testbench)


def test_memories_outlast_a_run_and_registers_do_not():
    config = small_config(5)
    builder = ProgramBuilder(config)
    builder.add(Emit, register=1)
    builder.add(Set, register=1, value=77)
    builder.add(Emit, register=1)
    builder.add(Fill, space=Space.ACTIVATION, destination=4, count=1, value=-5)
    builder.add(Halt)
    builder.add(Copy, space=Space.ACTIVATION, source=4, destination=9, count=1)
    builder.add(Halt)
    builder.matrix(np.ones((1, config.lanes, 1), np.int8))
    chip = Chip(builder.image())
    host, tokens = chip.machine.host, []

    async def take(ctx):
        while len(tokens) < 2:
            ctx.set(host.tokens.ready, 1)
            stream = host.tokens
            _, _, valid, token = await ctx.tick().sample(stream.valid, stream.payload)
            tokens.extend([token] if valid else [])

    async def testbench(ctx):
        await chip.load(ctx)
        for entry in (0, 5):
            ctx.set(host.run.entry, entry)
            await chip.pulse(ctx, host.run.start)
            while ctx.get(host.run.busy):
                await ctx.tick()
        assert ctx.get(chip.activation[9]) == -5

    chip.simulate(testbench, take)
    assert tokens == [0, 77]


def test_every_opcode_is_in_the_random_programs():
    seen = {type(i) for seed in SEEDS for i in small_image(seed).program}
    assert seen == set(ISA)


@pytest.mark.parametrize(
    ("seed", "sizes", "settings"),
    [
        (0, {"encoder": (8, 5)}, {}),
        (1, {"encoder": (7, 8, 6), "prediction": (6,), "joint": 11}, {"rows_per_lane": 5}),
        (2, {"encoder": (6, 5)}, {"value_slots": 1, "run_slots": 1}),
        (3, {"encoder": (6,), "tokens": 4}, {"value_slots": 3, "run_slots": 3}),
    ],
)
def test_compiled_models_equal_golden(seed, sizes, settings):
    """Layers, tiles and joint as the compiler overlaps them."""
    settings = {
        "name": "test",
        "lanes": 4,
        "tables": 64,
        "matrices": 63,
        "state_bits": 6,
        **settings,
    }
    config = PRESETS["tiny"].with_settings(settings)
    image = compile_model(random_model(seed, **sizes), config).image
    features = np.random.default_rng(seed).integers(-128, 128, (2, 6)).astype(np.int8)
    found = compare(image, Golden(image), Simulated(image), features)
    assert found.identical, found.first_difference
    n = found.results[1].counters
    assert n["frames"] == 2
    each = timing.SEQUENCER_CYCLES * n["instructions"] + n["frames"] + 1 + n["wait_token"]
    saved = each + sum(n[name] for name in UNITS) - n["cycles"]
    if config.value_slots > 1:
        tables = sum(isinstance(i, Table) for i in image.program[image.host.addresses["frame"] :])
        assert saved > n["frames"] * timing.table_cycles(config) * min(tables, 2)
