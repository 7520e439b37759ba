"""Host's registers cycle by cycle: writes without a pause, and events in the cycle of a clear."""

import itertools
import struct
from zlib import crc32

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from sordino.arch import PRESETS
from sordino.isa.registers import REGISTERS, Control, Interrupt, LoadTarget
from sordino.rtl.host.host import Host
from sordino.stimuli.fake_machine import FakeMachine
from sordino.stimuli.simulate import simulate

CONFIG = PRESETS["tiny"]
AT = {name: register.offset for name, register in REGISTERS.items()}


class Bench(wiring.Component):
    def __init__(self, **options):
        super().__init__({})
        self.host = Host(CONFIG)
        self.machine = FakeMachine(**options)

    def elaborate(self, platform):
        m = Module()
        m.submodules.host = self.host
        m.submodules.machine = self.machine
        wiring.connect(m, self.host.machine, self.machine.host)
        return m


LOADED = (
    ("LOAD_TARGET", LoadTarget.PROGRAM.value, 15),
    ("LOAD_ADDRESS", 0, 15),
    ("LOAD_DATA", 0, 15),
    ("LOAD_CHECK", crc32(bytes(4)), 15),
)
"""The least that START asks for: a word of a program, checked."""


class Run:
    """Writes (register, value, strobe) one after the other, each as soon as it is taken.

    Afterwards `taken` holds the cycle of each write, `tokens` and `loads` what came out in which
    cycle, and `registers` what the registers in `reads` hold in the end.
    """

    def __init__(self, writes, *, idle=(), reads=("STATUS", "INTERRUPT_STATUS", "LOAD_ADDRESS")):
        self.bench = Bench()
        self.writes, self.idle, self.reads = writes, dict(idle), reads
        self.taken, self.tokens, self.loads, self.registers = [], [], [], {}
        cycles = 20 * len(writes) + sum(self.idle.values()) + 50
        simulate(self.bench, self.drive, timeout=cycles, background=(self.monitor,))

    async def drive(self, ctx):
        bus, cycle = self.bench.host.bus, 0
        for number, (name, value, strobe) in enumerate(self.writes):
            ctx.set(bus.write_valid, 0)
            for _ in range(self.idle.get(number, 0)):
                await ctx.tick()
                cycle += 1
            ctx.set(bus.write_address, AT[name] // 4)
            ctx.set(bus.write_data, value)
            ctx.set(bus.write_strobe, strobe)
            ctx.set(bus.write_valid, 1)
            for _ in range(20):
                _, _, ready, refused = await ctx.tick().sample(bus.write_ready, bus.write_refused)
                cycle += 1
                if ready:
                    break
            assert ready, "a write is never taken"
            assert not refused, (number, name)
            self.taken.append(cycle - 1)
        ctx.set(bus.write_valid, 0)
        for _ in range(40):
            await ctx.tick()
        for name in self.reads:
            ctx.set(bus.read_address, AT[name] // 4)
            self.registers[name] = ctx.get(bus.read_data)

    async def monitor(self, ctx):
        host, cycle = self.bench.machine.host, 0
        tokens, load = host.tokens, host.load
        async for _, _, token, value, loaded, p, early in ctx.tick().sample(
            tokens.valid & tokens.ready,
            tokens.payload,
            load.valid,
            load.payload,
            host.end_of_input & host.features.valid,
        ):
            assert not early, "the end of input before the last feature"
            if token:
                self.tokens.append((cycle, value))
            if loaded:
                self.loads.append((p.target, p.unit, p.address, p.data))
            cycle += 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 31])
def test_features_written_without_a_pause_come_before_the_end_of_input(count):
    features = list(range(1, count + 1))
    writes = [*LOADED, ("CONTROL", Control.START.value, 1)]
    for at in range(0, count, 4):
        part = features[at : at + 4]
        word = int.from_bytes(bytes(part), "little")
        writes.append(("FEATURE", word, (1 << len(part)) - 1))
    writes.append(("CONTROL", Control.END_OF_INPUT.value, 1))
    run = Run(writes)
    assert [value for _, value in run.tokens] == [3 * f for f in features]
    gaps = [b - a for a, b in zip(run.taken[5:], run.taken[6:], strict=False)]
    assert gaps == [min(4, count - at) + 1 for at in range(0, count, 4)]


@pytest.mark.parametrize("target", [LoadTarget.VALUES, LoadTarget.PROGRAM])
def test_words_written_without_a_pause_are_loaded_and_checked(target):
    words = [0x1234_5678 * k & 0xFFFF_FFFF for k in range(1, 30)]
    contents = struct.pack(f"<{len(words)}I", *words)
    run = Run(
        [
            ("LOAD_TARGET", target.value, 15),
            ("LOAD_ADDRESS", 5, 15),
            *(("LOAD_DATA", word, 15) for word in words),
            ("LOAD_CHECK", crc32(contents), 15),
            *(LOADED if target is not LoadTarget.PROGRAM else ()),
            ("CONTROL", Control.START.value | Control.END_OF_INPUT.value, 15),
        ]
    )
    stream = target is LoadTarget.VALUES
    kind = "H" if stream else "I"
    data = struct.unpack(
        f"<{len(words) * (1 + stream)}{kind}", struct.pack(f"<{len(words)}I", *words)
    )
    first = 5 * (1 + stream)
    loads = [load for load in run.loads if load[0] is target]
    assert loads == [(target, 0, first + k, value) for k, value in enumerate(data)]
    assert run.registers["STATUS"] & 0xFF_0007 == 2, "done, no error"
    taken = run.taken[2 : 2 + len(words)]
    steps = {b - a for a, b in itertools.pairwise(taken)}
    assert steps == {2}


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, r in REGISTERS.items()
        # SEGMENT is refused while an image is loaded, and SEGMENT_FIRST begins with PROGRAM's.
        if r.access != "ro" and not r.streaming and not r.channels and r.offset < AT["SEGMENT"]
    ],
)
def test_a_write_without_strobes_does_nothing(name):
    before = [
        ("LOAD_TARGET", LoadTarget.PROGRAM.value, 15),
        ("LOAD_ADDRESS", 3, 15),
        ("LOAD_DATA", 0xDEAD_BEEF, 15),
    ]
    after = [("LOAD_CHECK", crc32(struct.pack("<I", 0xDEAD_BEEF)), 15)]
    reads = tuple(
        n for n, r in REGISTERS.items() if r.access != "wo" and not r.streaming and not r.channels
    )
    with_it = Run([*before, (name, 0xFFFF_FFFF, 0), *after], reads=reads)
    without = Run([*before, *after], reads=reads)
    assert with_it.registers == without.registers
    assert with_it.loads == without.loads
    assert not with_it.tokens


def test_an_event_in_the_cycle_of_its_clear_is_seen():
    """Whatever the distance, TOKEN is set unless the last token came before the clear."""
    outcomes = set()
    for wait in range(8):
        start = ("CONTROL", Control.START.value, 1)
        clear = ("INTERRUPT_STATUS", Interrupt.TOKEN.value, 15)
        run = Run([*LOADED, ("FEATURE", 5, 1), start, clear], idle={5: 6, 6: wait})
        ((token, _),) = run.tokens
        cleared = run.taken[-1]
        seen = bool(run.registers["INTERRUPT_STATUS"] & Interrupt.TOKEN)
        assert seen == (token >= cleared), (token, cleared)
        outcomes.add((token > cleared) - (token < cleared))
    assert outcomes <= {-1, 0, 1}
    assert {-1, 0} <= outcomes, "the clear must come in the cycle of the token and after it"


def test_a_counter_is_read_as_it_was_at_one_moment():
    bench = Bench(counting=True)
    bus = bench.host.bus
    offset = AT["COUNTERS"] + 8 * 3
    values = []

    async def read(ctx, byte):
        ctx.set(bus.read_address, byte // 4)
        ctx.set(bus.read_valid, 1)
        _, _, word, refused = await ctx.tick().sample(bus.read_data, bus.read_refused)
        ctx.set(bus.read_valid, 0)
        assert not refused
        return word

    async def testbench(ctx):
        for wait in range(40):  # the low word overflows between the two reads of one of these
            low = await read(ctx, offset)
            for _ in range(wait % 3):
                await ctx.tick()
            values.append(await read(ctx, offset + 4) << 32 | low)

    simulate(bench, testbench, timeout=200)
    # Each value was taken in the cycle of its low word.
    steps = [b - a for a, b in itertools.pairwise(values)]
    assert steps == [2 + wait % 3 for wait in range(39)]
    assert values[0] < 1 << 32 <= values[-1], "the carry must be among them"
