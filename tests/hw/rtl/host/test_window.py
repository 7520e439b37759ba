"""The window: every word of every memory that programs write, equal to golden and as written."""

import random
from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sordino.arch import Config
from sordino.golden.machine import Golden
from sordino.image.loading import load_sections
from sordino.image.memories import memory_shape
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.isa.operations import Add, Copy, Drain, Fill, Halt, Input
from sordino.isa.registers import REGISTERS, Control, Error, Status
from sordino.rtl.host.host import Host
from sordino.rtl.machine import Machine
from sordino.stimuli.simulate import simulate
from sordino.testing.images.programs import ProgramBuilder

CONFIG = Config(
    lanes=8,
    group=2,
    x_fifo=8,
    lane_words=16,
    group_words=16,
    rows_per_lane=5,
    accumulator_bits=27,
    activation_words=37,
    state_words=90,
    parameter_words=64,
    program_words=64,
    tables=2,
    matrices=2,
)
AT = {name: register.offset // 4 for name, register in REGISTERS.items()}
WORD = 0xFFFF_FFFF
SHAPES = {space: memory_shape(CONFIG, Store[space.name]) for space in Space}
PLACES = [
    (space, lane, address)
    for space, shape in SHAPES.items()
    for lane in range(shape.lanes)
    for address in range(shape.words)
]
"""Every word that the window reaches."""


def image():
    """Two entry points: `main` fills all memories from its input, `use` reads all of them."""
    config, builder = CONFIG, ProgramBuilder(CONFIG)
    slots = config.rows_per_lane * config.lanes
    biases = builder.ints([0] * slots)
    builder.label("main")
    builder.add(Input, destination=0, count=config.activation_words, end="end")
    for space, value, count in (
        (Space.STATE, -77, config.state_words),
        (Space.BANK0, 99, config.rows_per_lane),
        (Space.BANK1, -128, config.rows_per_lane - 1),
    ):
        builder.add(Fill, space=space, destination=0, count=count, value=value)
    builder.label("end")
    builder.add(Halt, code=3)
    builder.label("use")
    builder.add(Add, a=0, b=5, destination=0, count=30, multiplier=30_000, shift=22)
    for bank, destination in ((0, 0), (1, slots)):
        builder.add(
            Drain,
            bank=bank,
            rows=config.rows_per_lane,
            parameters=biases,
            destination=destination,
            wide=1,
            multiplier=21_000,
            shift=25,
        )
    builder.add(Copy, space=Space.ACTIVATION, source=3, destination=20, count=9)
    builder.add(Halt, code=4)
    wait = len(builder)
    builder.label("wait")
    builder.add(Fill, space=Space.ACTIVATION, destination=0, count=20, value=9)
    builder.add(Input, destination=10, count=3, end="over", request="over")
    builder.label("over")
    builder.add(Add, a=0, b=5, destination=0, count=8, multiplier=30_000, shift=22)
    builder.add(Halt, code=5)
    made = builder.image()
    use = next(k for k, i in enumerate(made.program) if isinstance(i, Add))
    entries = {"main": 0, "use": use, "wait": wait}
    return replace(made, host=replace(made.host, entries=entries))


IMAGE = image()
FEATURES = np.random.default_rng(7).integers(-128, 128, (1, CONFIG.activation_words), np.int8)


def limits(space):
    return SHAPES[space].lowest, SHAPES[space].highest


def signed(word):
    return word - (word >> 31 << 32)


def exact(memory, place):
    """The golden memory's array and index of a place."""
    space, lane, address = place
    words = memory.store(Store[space.name])
    return (words, (address, lane)) if words.ndim == 2 else (words, (address,))


class Bench(wiring.Component):
    """Host and machine, with the register bus open to the test: an access every cycle."""

    def __init__(self):
        super().__init__({"interrupt": Out(1)})
        self.host, self.machine = Host(CONFIG), Machine(CONFIG)

    def elaborate(self, platform):
        m = Module()
        m.submodules.host, m.submodules.machine = self.host, self.machine
        wiring.connect(m, self.host.machine, self.machine.host)
        m.d.comb += self.interrupt.eq(self.host.interrupt)
        return m


class Session:
    def __init__(self, ctx, bus):
        self.ctx, self.bus = ctx, bus

    async def write(self, name, value, strobe=15):
        """Whether it was done; it is offered in this cycle and held until it is ready."""
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.write_address, AT[name])
        ctx.set(bus.write_data, value & WORD)
        ctx.set(bus.write_strobe, strobe)
        ctx.set(bus.write_valid, 1)
        for _ in range(20):
            _, _, ready, refused = await ctx.tick().sample(bus.write_ready, bus.write_refused)
            if ready:
                break
        assert ready
        ctx.set(bus.write_valid, 0)
        return not refused

    async def does(self, name, value):
        assert await self.write(name, value), name

    async def read(self, name):
        """The word, None where it is refused; offered in this cycle."""
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.read_address, AT[name])
        ctx.set(bus.read_valid, 1)
        for _ in range(8):
            _, _, ready, word, refused = await ctx.tick().sample(
                bus.read_ready, bus.read_data, bus.read_refused
            )
            if ready:
                break
        assert ready
        ctx.set(bus.read_valid, 0)
        assert not (refused and word)
        return None if refused else word

    async def load(self):
        for section in load_sections(IMAGE):
            await self.does("LOAD_TARGET", section.target.value | section.unit << 16)
            await self.does("LOAD_ADDRESS", 0)
            for word in section:
                await self.does("LOAD_DATA", word)
            await self.does("LOAD_CHECK", section.crc)

    async def start(self, entry):
        await self.does("ENTRY", IMAGE.entry(entry))
        await self.does("CONTROL", Control.START)

    async def stopped(self):
        while await self.read("STATUS") & Status.BUSY:
            pass

    async def features(self):
        for feature in FEATURES.reshape(-1).tolist():
            while not await self.write("FEATURE", feature & 0xFF, 1):
                pass

    async def at(self, place):
        space, lane, address = place
        await self.does("WINDOW_MEMORY", space.value | lane << 16)
        await self.does("WINDOW_ADDRESS", address)

    async def look(self, place):
        await self.at(place)
        return signed(await self.read("WINDOW_DATA"))

    async def equals(self, memory):
        """Every word is golden's, each memory in one go; behind its end there is nothing."""
        for place in PLACES:
            if not place[-1]:
                await self.at(place)
            words, index = exact(memory, place)
            assert signed(await self.read("WINDOW_DATA")) == words[index], place
            if place[-1] + 1 == SHAPES[place[0]].words:
                assert await self.read("WINDOW_DATA") is None


def run(testbench):
    bench = Bench()

    async def job(ctx):
        session = Session(ctx, bench.host.bus)
        await session.load()
        await testbench(session)

    simulate(bench, job, timeout=40_000)


def test_what_a_run_has_left_and_what_the_next_run_finds():
    """Read after a run, all words written with anything, read by a run: as golden each time."""
    golden = Golden(IMAGE)
    memory = golden.state.memory
    generator = random.Random("window")
    written = {
        p: generator.choice([*limits(p[0]), generator.randint(*limits(p[0]))]) for p in PLACES
    }

    async def testbench(s):
        await s.start("main")
        await s.features()
        await s.stopped()
        assert golden.run(FEATURES).code == 3
        await s.equals(memory)
        for place, value in written.items():
            if not place[-1]:
                await s.at(place)
            await s.does("WINDOW_DATA", value)
            words, index = exact(memory, place)
            words[index] = value
        await s.equals(memory)
        await s.start("use")
        await s.stopped()
        assert golden.run(FEATURES[:0], entry="use").code == 4
        await s.equals(memory)
        assert not memory.banks.any(), "drained rows are cleared, in every lane"

    run(testbench)


@pytest.mark.parametrize("seed", range(3))
def test_a_word_is_what_it_is_now_however_fast_it_is_read(seed):
    """Accesses in any order, without a pause or with some: reads are never late and never early."""
    generator = random.Random(f"fast {seed}")
    memory = Golden(IMAGE).state.memory
    near = generator.sample(PLACES, 12)

    async def testbench(s):
        place = near[0]
        await s.at(place)
        for step in range(700):
            words, index = exact(memory, place)
            space, lane, address = place
            inside = address < SHAPES[space].words
            kind = generator.choice(["read"] * 4 + ["write"] * 3 + ["again"] * 2 + ["go", "move"])
            if kind == "read":
                word = await s.read("WINDOW_DATA")
                assert (word is not None) == inside, step
                if inside:
                    assert signed(word) == words[index], (step, place)
                    place = space, lane, address + 1
            elif kind == "write":
                value = generator.randint(*limits(space))
                assert await s.write("WINDOW_DATA", value) == inside, step
                if inside:
                    words[index] = value
                    place = space, lane, address + 1
            elif kind == "again" and address:
                place = space, lane, address - 1
                await s.does("WINDOW_ADDRESS", address - 1)
            elif kind == "move":
                place = space, lane, generator.choice(near)[-1]
                await s.does("WINDOW_ADDRESS", place[-1])
            elif kind == "go":
                space, lane, _ = generator.choice(near)
                place = space, lane, address
                await s.does("WINDOW_MEMORY", space.value | lane << 16)
            for _ in range(generator.choice([0, 0, 0, 0, 0, 1, 2, 5])):
                await s.ctx.tick()

    run(testbench)


def test_a_run_in_between_leaves_no_old_word():
    """The word at the window's address is read ahead; a run that changes it is seen."""
    places = [(Space.ACTIVATION, 0, 4), (Space.STATE, 0, 8), (Space.BANK0, 3, 1)]

    async def testbench(s):
        for place in places:
            await s.at(place)
            await s.does("WINDOW_DATA", 42)
            assert await s.look(place) == 42
            await s.does("WINDOW_ADDRESS", place[-1])
            await s.start("main")
            await s.features()
            while (word := await s.read("WINDOW_DATA")) is None:
                pass
            left = {Space.ACTIVATION: FEATURES[0, 4], Space.STATE: -77, Space.BANK0: 99}
            assert signed(word) == left[place[0]]
            assert await s.read("WINDOW_ADDRESS") == place[-1] + 1, "refused reads move nothing"
            await s.stopped()

    run(testbench)


def test_a_run_is_not_looked_into():
    """All of it is refused while a program waits for input, and nothing changes; then it ends."""

    async def testbench(s):
        place = Space.ACTIVATION, 0, 5
        await s.start("main")
        await s.at(place)
        for _ in range(6):
            assert await s.read("WINDOW_DATA") is None
            assert not await s.write("WINDOW_DATA", 1)
            assert await s.read("STATUS") & Status.BUSY
        assert await s.read("WINDOW_ADDRESS") == 5
        await s.features()
        await s.stopped()
        assert await s.look(place) == FEATURES[0, 5]

    run(testbench)


@pytest.mark.parametrize("begun", [False, True])
def test_a_program_that_waits_at_a_yield_point_lets_the_host_in(begun):
    """What was written is there when the program goes on; after the first feature it is closed."""
    places = [(Space.ACTIVATION, 0, 9), (Space.ACTIVATION, 0, 10), (Space.STATE, 0, 30)]
    places += [(Space.BANK0, 3, 1), (Space.BANK1, CONFIG.lanes - 1, CONFIG.rows_per_lane - 1)]

    async def testbench(s):
        golden = Golden(IMAGE)
        for place in PLACES:
            if not place[-1]:
                await s.at(place)
            await s.does("WINDOW_DATA", 0)
        await s.start("wait")
        for _ in range(60):
            await s.ctx.tick()
        if begun:
            assert await s.write("FEATURE", 1, 1)
            for _ in range(8):
                await s.ctx.tick()
            assert not await s.write("WINDOW_DATA", 1)
            assert await s.read("WINDOW_DATA") is None
            return
        assert await s.look(places[0]) == 9
        for number, place in enumerate(places):
            await s.at(place)
            await s.does("WINDOW_DATA", number - 7)
            assert await s.look(place) == number - 7
            words, index = exact(golden.state.memory, place)
            words[index] = number - 7
        state = golden.state.memory.state.copy()
        assert await s.read("STATUS") & Status.BUSY
        for feature in (1, 2, 3):
            assert await s.write("FEATURE", feature, 1)
        await s.stopped()
        golden.run(np.array([[1, 2, 3]], np.int8), entry="wait")
        golden.write(Store.ACTIVATION, 9, np.array([-7]))
        np.testing.assert_array_equal(golden.state.memory.state, state)
        await s.equals(golden.state.memory)

    run(testbench)


def test_a_machine_that_failed_can_be_looked_into():
    """At once: what the last cycle of an aborted FILL has written is seen, and overwritten."""

    async def testbench(s):
        await s.does("WINDOW_MEMORY", Space.BANK1.value | 2 << 16)
        await s.does("LIMIT_LOW", 1)
        for limit in range(10, 190, 7):
            await s.does("LIMIT_LOW", limit)
            await s.start("main")
            for feature in FEATURES.reshape(-1).tolist():
                await s.write("FEATURE", feature & 0xFF, 1)
            await s.does("WINDOW_ADDRESS", 0)
            while (first := await s.read("WINDOW_DATA")) is None:
                pass
            for _ in range(20):
                await s.ctx.tick()
            await s.does("WINDOW_ADDRESS", 0)
            assert await s.read("WINDOW_DATA") == first, limit
            assert await s.read("STATUS") >> 16 & 0xFF == Error.LIMIT.value
            await s.does("WINDOW_ADDRESS", 0)
            await s.does("WINDOW_DATA", 7)
            await s.does("CONTROL", Control.CLEAR)

    run(testbench)


@pytest.mark.parametrize("space", Space)
def test_refusals(space):
    """A lane, an address or a value that is not there, and parts of words: nothing changes."""
    lanes, words = SHAPES[space].lanes, SHAPES[space].words
    low, high = limits(space)

    async def testbench(s):
        last = space, lanes - 1, words - 1
        await s.at(last)
        for value in (low - 1, high + 1, low - 1 & WORD >> 1, 1 << 30, -1 << 30):
            assert not await s.write("WINDOW_DATA", value), value
        for strobe in (1, 3, 7, 14):
            assert not await s.write("WINDOW_DATA", 1, strobe)
            assert not await s.write("WINDOW_ADDRESS", 1, strobe)
            assert not await s.write("WINDOW_MEMORY", space.value, strobe)
        assert await s.write("WINDOW_DATA", high + 1, 0), "nothing is asked for"
        for lane in (lanes, lanes + 1, 0x8000, 0xFFFF):
            assert not await s.write("WINDOW_MEMORY", space.value | lane << 16)
        assert not await s.write("WINDOW_MEMORY", 4 | space.value)
        assert not await s.write("WINDOW_ADDRESS", 1 << 17)
        assert await s.read("WINDOW_MEMORY") == space.value | (lanes - 1) << 16
        assert await s.read("WINDOW_ADDRESS") == words - 1
        assert await s.read("WINDOW_DATA") == 0, "nothing was written"
        assert not await s.write("WINDOW_DATA", 1), "behind the last word"
        assert await s.read("WINDOW_DATA") is None
        await s.does("WINDOW_ADDRESS", 0x1_0000)
        assert await s.read("WINDOW_DATA") is None, "the address does not wrap"
        for value in (low, high, -1):
            await s.at(last)
            await s.does("WINDOW_DATA", value)
            assert await s.look(last) == value

    run(testbench)
