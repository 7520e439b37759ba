"""Registers, FIFOs and interrupt through every bridge, equal to a model of the register file."""

import random
import struct
from collections import Counter, deque
from zlib import crc32

import pytest

from sordino.arch import Config
from sordino.image.memories import memory_shape
from sordino.isa.choices import Space
from sordino.isa.commands import ANSWERS, OPENED, Answer, State
from sordino.isa.fields import SEGMENTS, Store
from sordino.isa.registers import (
    ADDRESS_BITS,
    CAPACITIES,
    COUNTERS,
    ISA_VERSION,
    MAP_VERSION,
    NO_TOKEN,
    REGISTER_MAP,
    REGISTERS,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
)
from sordino.rtl.host.loader import load_words
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.fake_machine import counter_value, window_word
from sordino.stimuli.simulate import simulate
from sordino.testing.twins.segments import SegmentsModel

CONFIG = Config(
    lanes=8,
    group=4,
    x_fifo=16,
    state_bits=5,
    lane_words=102,
    group_words=36,
    rows_per_lane=8,
    parameter_words=12,
    program_words=16,
    tables=3,
    matrices=5,
    feature_fifo=8,
    token_fifo=4,
)
AT = {name: register.offset for name, register in REGISTERS.items()}
OKAY, SLVERR = Response.OKAY, Response.SLVERR
SETTLE = 16
"""Cycles in which everything that one access can move has moved."""


def run(bench, *testbenches, cycles=100_000):
    """Run `testbenches`; returns the writes that the machine's memories saw."""
    loads = []

    async def monitor(ctx):
        load, window = bench.machine.host.load, bench.machine.host.window
        async for _, _, valid, p, writes, *word in ctx.tick().sample(
            load.valid, load.payload, window.write, window.space, window.lane, window.address,
            window.value,
        ):  # fmt: skip
            if valid:
                loads.append((p.target.value, p.unit, p.address, p.data))
            if writes:
                loads.append(tuple(word))

    simulate(bench, *testbenches, timeout=cycles, background=(monitor,))
    return loads


LOADING = (
    ("LOAD_TARGET", LoadTarget.PROGRAM.value),
    ("LOAD_ADDRESS", 0),
    ("LOAD_DATA", 0),
    ("LOAD_CHECK", crc32(bytes(4))),
)
"""The least that START asks for: a word of a program, checked."""


async def load(ctx, manager):
    for name, value in LOADING:
        assert await manager.write(ctx, AT[name], value) is OKAY


def signed(word):
    return word - (word >> 31 << 32)


class Model:
    """The register file and the stand-in, after everything has settled."""

    def __init__(self):
        self.kept = dict.fromkeys(
            (
                "ENTRY",
                "LIMIT_LOW",
                "LIMIT_HIGH",
                "INTERRUPT_ENABLE",
                "LOAD_TARGET",
                "LOAD_ADDRESS",
                "REQUEST",
                "WINDOW_MEMORY",
                "WINDOW_ADDRESS",
            ),
            0,
        )
        self.words = b""
        self.unchecked = self.program = self.loaded = self.load_failed = False
        self.ended = self.busy = self.finished = False
        self.error = Error.NONE
        self.seen = Interrupt.FEATURES.value
        self.high = self.code = self.pc = 0
        self.segments, self.segment_words, self.in_use = SegmentsModel(), 0, 0
        self.features, self.tokens, self.loads = deque(), deque(), []

    @property
    def failure(self):
        if self.error is not Error.NONE:
            return self.error
        return Error.LOAD if self.load_failed else Error.NONE

    @property
    def state(self):
        if self.busy:
            return State.BUSY
        if self.failure is not Error.NONE:
            return State.FAILED
        if self.unchecked:
            return State.LOADING
        if not self.loaded:
            return State.EMPTY
        return State.DONE if self.finished else State.READY

    @property
    def interrupt(self):
        return bool(self.seen & self.kept["INTERRUPT_ENABLE"])

    def settle(self):
        if self.busy and self.kept["LIMIT_LOW"] == 1 and not self.kept["LIMIT_HIGH"]:
            self.error = Error.ILLEGAL
            self.stop()
        while self.busy and self.features and len(self.tokens) < CONFIG.token_fifo:
            feature = self.features.popleft()
            self.in_use = feature & self.segments.bits
            self.tokens.append(3 * feature & 0xFFFF)
            self.seen |= Interrupt.TOKEN.value
        if self.busy and self.ended and not self.features:
            self.code = self.pc & 0xFF
            self.stop()
        if len(self.features) <= CONFIG.feature_fifo // 2:
            self.seen |= Interrupt.FEATURES.value

    def stop(self):
        self.busy, self.finished, self.in_use = False, True, 0
        self.seen |= Interrupt.STOPPED.value

    def read(self, address):
        if address % 4:
            return 0, SLVERR
        offset = address
        if 0 <= (number := (offset - AT["CAPACITIES"]) // 4) < len(CAPACITIES):
            name = CAPACITIES[number]
            streams = name.startswith("stream_")
            return 0 if streams else getattr(CONFIG, name), OKAY
        number, high = divmod(offset - AT["COUNTERS"], 8)
        if 0 <= number < len(COUNTERS):
            if high:
                return self.high, OKAY
            self.high = counter_value(number) >> 32
            return counter_value(number) & 0xFFFF_FFFF, OKAY
        if offset == AT["WINDOW_DATA"]:
            return self.look()
        for register in REGISTER_MAP:
            readable = register.access != "wo" and register.present(CONFIG)
            if register.offset == offset and readable:
                return self.value(register.name), OKAY
        return 0, SLVERR

    def value(self, name):
        match name:
            case "ID":
                return CONFIG.id
            case "VERSION":
                return ISA_VERSION | MAP_VERSION << 16
            case "STATUS":
                flags = (
                    (Status.BUSY, self.busy),
                    (Status.DONE, self.finished),
                    (Status.FAILED, self.failure is not Error.NONE),
                    (Status.TOKEN, bool(self.tokens)),
                    (Status.LOADED, self.loaded and not self.unchecked),
                )
                bits = sum(flag.value for flag, on in flags if on)
                return bits | self.code << 8 | self.failure.value << 16
            case "INTERRUPT_STATUS":
                return self.seen
            case "FEATURE_ROOM":
                return CONFIG.feature_fifo - len(self.features)
            case "TOKEN":
                return self.tokens.popleft() if self.tokens else NO_TOKEN
            case "TOKEN_LEVEL":
                return len(self.tokens)
            case "PC":
                return self.pc
            case "SEGMENT":
                return self.segments.chosen
            case "SEGMENT_CHECKED":
                return self.segments.bits
        return self.kept[name]

    def place(self):
        """Where the window is: the memory's shape, and the place."""
        space, lane = Space(self.kept["WINDOW_MEMORY"] & 3), self.kept["WINDOW_MEMORY"] >> 16
        shape = memory_shape(CONFIG, Store[space.name])
        return shape, (space, lane, self.kept["WINDOW_ADDRESS"])

    def look(self):
        shape, place = self.place()
        if self.busy or place[-1] >= shape.words:
            return 0, SLVERR
        self.kept["WINDOW_ADDRESS"] += 1
        return window_word(*place) & 0xFFFF_FFFF, OKAY

    def write(self, address, word, strobe):
        registers = [r for r in REGISTER_MAP if r.present(CONFIG) and r.access != "ro"]
        offsets = range(address, address - 4 * len(LoadTarget), -4)
        found = [r for r in registers if r.offset in offsets[: r.words]]
        if not found:
            return SLVERR
        name, mask = found[0].name, found[0].mask
        lanes = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
        number = (address - found[0].offset) // 4
        if self.refuses(name, word & lanes, strobe, number):
            return SLVERR
        if found[0].access != "w1c" and word & lanes & ~mask:
            return SLVERR
        if not strobe:
            return OKAY
        if self.segments.chosen and name in OPENED:
            self.load_segment(name, word)
        elif name == "SEGMENT":
            self.segments.select(word)
            self.words, self.segment_words = struct.pack("<I", word), 0
        elif name == "SEGMENT_FIRST":
            self.segments.first[LoadTarget(number)] = word
        elif name in self.kept:
            if name == "LOAD_ADDRESS":
                self.load_failed |= self.unchecked
                self.give_up()
            self.kept[name] = (word & lanes | self.kept[name] & ~lanes) & mask
        elif name == "INTERRUPT_STATUS":
            self.seen &= ~(word & lanes)
        elif name == "CONTROL":
            self.control(word & lanes & mask)
        elif name == "LOAD_DATA":
            self.load(word)
        elif name == "WINDOW_DATA":
            self.loads.append((*self.place()[1], signed(word)))
            self.kept["WINDOW_ADDRESS"] += 1
        elif name == "LOAD_CHECK":
            self.unchecked, same = False, crc32(self.words) == word
            self.loaded = same and (self.loaded or self.program)
            self.segments.forget()
            self.load_failed |= not same
        elif name == "FEATURE":
            for byte in range(4):
                if strobe >> byte & 1:
                    self.features.append(struct.pack("<I", word)[byte])
                    self.features[-1] -= (self.features[-1] & 0x80) << 1
        return OKAY

    def give_up(self):
        """What was not checked counts no longer, and what it may have written over either."""
        self.loaded &= not self.unchecked
        self.unchecked, self.program, self.words = False, False, b""
        if not self.loaded:
            self.segments.forget()

    def load_segment(self, name, word):
        """What the load window takes while a segment is open."""
        if name == "LOAD_CHECK":
            self.segments.check()
            return
        self.words += struct.pack("<I", word)
        if name == "LOAD_DATA":
            self.segment_words += 1
            self.move(word)
        else:
            self.kept[name] = word

    def refuses(self, name, word, strobe, number):
        partial = strobe not in (0, 15)
        opened = self.segments.chosen and name in OPENED
        if name == "CONTROL":
            asked = [flag for flag in Control if word & flag]
            return (
                any(ANSWERS[flag.name][self.state] is Answer.REFUSED for flag in asked)
                or (Control.CLEAR in asked and len(asked) > 1)
                or {Control.START, Control.ABORT} <= set(asked)
            )
        if (OPENED if opened else ANSWERS)[name][self.state] is Answer.REFUSED:
            return True
        if name == "SEGMENT":
            return partial or self.segments.refuses(word, self.in_use)
        if name == "SEGMENT_FIRST":
            return partial or LoadTarget(number) is LoadTarget.PROGRAM
        if opened and name == "LOAD_CHECK":
            wrong = strobe == 15 and word != crc32(self.words)
            return partial or wrong or not self.segment_words
        if name == "ENTRY":
            kept = sum(0xFF << 8 * byte for byte in range(2) if not strobe >> byte & 1)
            return (word | self.kept[name] & kept) & 0xFFFF >= CONFIG.program_words
        if name == "WINDOW_MEMORY":
            return partial or word >> 16 >= memory_shape(CONFIG, Store(word & 3)).lanes
        if name == "WINDOW_ADDRESS":
            return partial
        if name == "REQUEST":
            return partial or bool(word & 0xFFFF and self.kept[name])
        if name == "WINDOW_DATA":
            shape, (_, _, at) = self.place()
            fits = shape.lowest <= signed(word) <= shape.highest
            return partial or at >= shape.words or not fits
        if name == "LOAD_DATA":
            target, unit = self.kept["LOAD_TARGET"] & 7, self.kept["LOAD_TARGET"] >> 16
            units, words = load_words(CONFIG, LoadTarget(target)) if target < 7 else (0, 0)
            outside = unit >= units or self.kept["LOAD_ADDRESS"] >= words
            fixed = opened and self.segments.fixed(LoadTarget(target), self.kept["LOAD_ADDRESS"])
            return partial or outside or bool(fixed)
        if name == "FEATURE":
            room = CONFIG.feature_fifo - len(self.features)
            return self.ended or strobe.bit_count() > room
        if name in ("LOAD_TARGET", "LOAD_ADDRESS"):
            return bool(opened) and partial
        return name == "LOAD_CHECK" and partial

    def control(self, bits):
        if bits & Control.CLEAR:
            self.give_up()
            self.segments.chosen = 0
            self.load_failed = self.ended = False
            self.kept["REQUEST"] = 0
            self.error = Error.NONE
            self.features.clear()
            self.tokens.clear()
        if bits & Control.END_OF_INPUT:
            self.ended = True
        if bits & Control.ABORT and self.busy:
            self.error = Error.LIMIT
            self.stop()
        if bits & Control.START:
            if self.unchecked or not self.loaded or self.failure is not Error.NONE:
                self.load_failed |= self.unchecked or not self.loaded
                self.seen |= Interrupt.STOPPED.value
            else:
                self.busy, self.finished, self.pc = True, False, self.kept["ENTRY"]

    def load(self, word):
        self.move(word)
        self.words += struct.pack("<I", word)
        self.unchecked = True
        self.segments.forget()
        self.program |= LoadTarget(self.kept["LOAD_TARGET"] & 7) is LoadTarget.PROGRAM

    def move(self, word):
        """A word goes into the machine's memory."""
        target, unit = self.kept["LOAD_TARGET"] & 7, self.kept["LOAD_TARGET"] >> 16
        address = self.kept["LOAD_ADDRESS"]
        if LoadTarget(target) in (LoadTarget.POSITIONS, LoadTarget.VALUES):
            for half in range(2):
                data = word >> 16 * half & 0xFFFF
                self.loads.append((target, unit, 2 * address + half, data))
        else:
            self.loads.append((target, unit, address, word))
        self.kept["LOAD_ADDRESS"] += 1


def random_accesses(generator, model):
    """Without end: single accesses, and now and then what loads a program and starts it."""
    while True:
        yield random_access(generator, model)
        if model.state is State.EMPTY and generator.random() < 0.2:
            wrong = generator.choice([0, 0, 0, 1])
            yield from (("write", AT[name], word, 15) for name, word in LOADING[:-1])
            yield "write", AT["LOAD_CHECK"], LOADING[-1][1] ^ wrong, 15
            yield "write", AT["CONTROL"], generator.choice([1, 1, 1, 3]), 15
        if ANSWERS["SEGMENT"][model.state] is Answer.ACTS and generator.random() < 0.05:
            yield from segment_accesses(generator, model)


def segment_accesses(generator, model):
    """A word of a segment, mostly right; what else happens may come between."""
    target = generator.choice([LoadTarget.PARAMETERS, LoadTarget.VALUES]).value
    first = model.segments.first.get(LoadTarget(target), 0)
    accesses = [
        ("SEGMENT_FIRST", generator.choice([first, 4]), 4 * target),
        ("SEGMENT", generator.randrange(1, SEGMENTS + 1), 0),
        ("LOAD_TARGET", target, 0),
        ("LOAD_ADDRESS", max(0, first + generator.choice([0, 0, 0, -1])), 0),
        ("LOAD_DATA", generator.getrandbits(32), 0),
    ]
    for name, word, plus in accesses:
        yield "write", AT[name] + plus, word, 15
        if generator.random() < 0.1:
            yield random_access(generator, model)
    yield "write", AT["LOAD_CHECK"], crc32(model.words) ^ generator.choice([0, 0, 0, 1]), 15
    yield "write", AT["FEATURE"], generator.randrange(256), 1
    yield "write", AT["SEGMENT"], generator.randrange(SEGMENTS + 1), 15


def random_access(generator, model):
    """A read or a write, most of them of the kind that does something."""
    often = ["LOAD_DATA"] * 6 + ["FEATURE"] * 4 + ["CONTROL"] * 6 + ["LOAD_CHECK"] * 2
    often += ["WINDOW_DATA"] * 4 + ["CONTROL", "LOAD_CHECK"]
    often += ["SEGMENT", "SEGMENT", "SEGMENT_FIRST", "SEGMENT_FIRST"]
    there = [name for name, register in REGISTERS.items() if register.present(CONFIG)]
    name = generator.choice([*there, *often])
    strobe = generator.choice([15, 15, 15, 15, 15, 0, generator.randrange(16)])
    word = generator.getrandbits(32)
    match name:
        case "REQUEST":
            word = generator.choice([0, 1, 0xFFFF, word])
        case "ENTRY":
            word = generator.choice([generator.randrange(20), generator.randrange(20), word])
        case "LIMIT_HIGH" | "INTERRUPT_ENABLE":
            word &= generator.choice([REGISTERS[name].mask, 0xFFFF_FFFF])
        case "LOAD_TARGET":
            target = generator.choice([*LoadTarget, *[LoadTarget.PROGRAM] * 4]).value
            word = target | generator.choice([0, 0, 0, 1, 9]) << 16
            word = generator.choice([word, word, word, 7])
        case "LOAD_ADDRESS":
            word = generator.choice([0, 0, 1, 2, 4, 9, 17, 63, word])
        case "WINDOW_MEMORY":
            lane = generator.choice([0, 0, 1, 7, 8, 0x8000])
            word = generator.choice([*range(4), 2 | lane << 16, 3 | lane << 16, word])
        case "WINDOW_ADDRESS":
            ends = (CONFIG.activation_words, CONFIG.state_words, CONFIG.rows_per_lane)
            word = generator.choice([0, 3, *(end - 1 for end in ends), 0x1_FFFF, word])
        case "WINDOW_DATA":
            bits = generator.choice([8, 16, 24, 32])
            edge = generator.choice([-1 << bits - 1, (1 << bits - 1) - 1, -1, 0])
            word = edge + generator.choice([-1, 0, 0, 1]) & 0xFFFF_FFFF
        case "LOAD_CHECK":
            word = generator.choice([crc32(model.words)] * 5 + [word])
        case "SEGMENT":
            word = generator.choice([0, *range(SEGMENTS + 2), *range(1, 5), word])
        case "SEGMENT_FIRST":
            word = generator.choice([0, 0, 1, 4, 8, 0x3FF_FFFF, word])
        case "LIMIT_LOW":
            word = generator.choice([0, 0, 1, word])
        case "CONTROL":
            usual = {
                State.BUSY: [2, 4, 4],
                State.FAILED: [8, 8, 8],
                State.EMPTY: [2, 1, 8],
                State.LOADING: [2, 8, 2],
            }.get(model.state, [1, 1, 1, 1, 3])
            word = generator.choice([*usual, *usual, 1, 2, 3, 4, 8, word])
    address = AT[name] + 4 * generator.randrange(REGISTERS[name].words)
    address += generator.choice([0, 0, 0, 0, 0, generator.randrange(4)])
    if generator.random() < 0.1:
        address = 4 * generator.randrange(1 << ADDRESS_BITS - 2)
    action = "write" if generator.random() < 0.6 else "read"
    return action, address, word, strobe


@pytest.mark.parametrize("seed", range(4))
def test_random_accesses_equal_the_model(system, seed):
    generator = random.Random(f"registers {seed}")
    bench = system.fake(CONFIG)
    model = Model()
    stall = (lambda: 0) if seed == 0 else (lambda: generator.choice([0, 0, 1, 3]))
    manager = system.manager(bench, stall=stall)
    seen = {"responses": set(), "errors": set(), "stops": 0, "states": set()}
    segments = Counter()

    async def testbench(ctx):
        accesses = random_accesses(generator, model)
        for step, (action, address, word, strobe) in zip(range(2500), accesses, strict=False):
            where = f"step {step}: {action} {address:#x} {word:#x} {strobe:#x}"
            if action == "write":
                expected = model.write(address, word, strobe)
                response = await manager.write(ctx, address, word, strobe)
                assert response is expected, where
            else:
                expected = model.read(address)
                assert await manager.read(ctx, address) == expected, where
                response = expected[1]
            model.settle()
            for _ in range(SETTLE):
                await ctx.tick()
            assert bool(ctx.get(bench.irq)) == model.interrupt, where
            seen["responses"].add((action, response))
            seen["errors"].add(model.failure)
            seen["states"].add(model.state)
            seen["stops"] += model.finished and not model.busy
            segments["open"] += bool(model.segments.chosen)
            segments["open while busy"] += bool(model.segments.chosen) and model.busy
            segments["checked"] += bool(model.segments.checked)
            segments["in use"] += bool(model.in_use)
            opens = action == "write" and address == AT["SEGMENT"] and strobe == 15
            segments["refused"] += opens and model.segments.refuses(word, model.in_use)
        for name, register in REGISTERS.items():
            if register.access != "wo":
                assert await manager.read(ctx, AT[name]) == model.read(AT[name]), name
                model.settle()
                for _ in range(SETTLE):
                    await ctx.tick()

    assert run(bench, testbench) == model.loads
    assert seen["responses"] == {(a, r) for a in ("read", "write") for r in (OKAY, SLVERR)}
    assert {Error.NONE, Error.LOAD, Error.LIMIT} <= seen["errors"]
    assert seen["stops"] > 5, "the stimulus must start the machine"
    assert seen["states"] == set(State)
    assert min(segments.values()) > 2, segments
    words = [isinstance(load[0], Space) for load in model.loads]
    assert min(sum(words), len(words) - sum(words)) > 3, "the stimulus must reach its memories"


@pytest.mark.parametrize("seed", range(3))
def test_features_in_tokens_out_at_the_same_time(system, seed):
    """Writer and reader run side by side; no feature and no token is lost, doubled or swapped."""
    generator = random.Random(f"stream {seed}")
    bench = system.fake(CONFIG)
    features = [generator.randrange(-128, 128) for _ in range(150)]
    tokens = []
    stall = (lambda: 0) if seed == 0 else (lambda: generator.choice([0, 0, 1, 7]))
    manager = system.manager(bench, stall=stall)

    async def writer(ctx):
        await load(ctx, manager)
        assert await manager.write(ctx, AT["CONTROL"], Control.START.value) is OKAY
        rest = list(features)
        while rest:
            strobe = generator.randrange(1, 16)
            lanes = [byte for byte in range(4) if strobe >> byte & 1][: len(rest)]
            strobe = sum(1 << byte for byte in lanes)
            word = sum((f & 0xFF) << 8 * byte for f, byte in zip(rest, lanes, strict=False))
            response = await manager.write(ctx, AT["FEATURE"], word, strobe)
            if response is OKAY:
                del rest[: len(lanes)]
        assert await manager.write(ctx, AT["CONTROL"], Control.END_OF_INPUT.value) is OKAY

    async def reader(ctx):
        while True:
            token, _ = await manager.read(ctx, AT["TOKEN"])
            if token != NO_TOKEN:
                tokens.append(token)
                continue
            status, _ = await manager.read(ctx, AT["STATUS"])
            if status & Status.DONE and not status & Status.TOKEN:
                break
        assert not status & Status.FAILED

    run(bench, writer, reader)
    assert tokens == [3 * f & 0xFFFF for f in features]


def test_the_end_of_every_run_interrupts(system):
    """STOPPED can be cleared first and waited for, again and again."""
    bench = system.fake(CONFIG)
    manager = system.manager(bench)

    async def testbench(ctx):
        await load(ctx, manager)
        await manager.write(ctx, AT["INTERRUPT_ENABLE"], Interrupt.STOPPED.value)
        both = (Control.START | Control.END_OF_INPUT).value
        for entry in range(3):
            await manager.write(ctx, AT["INTERRUPT_STATUS"], Interrupt.STOPPED.value)
            await ctx.tick()
            assert not ctx.get(bench.irq)
            await manager.write(ctx, AT["ENTRY"], entry)
            await manager.write(ctx, AT["CONTROL"], both)
            while not ctx.get(bench.irq):
                await ctx.tick()
            status, _ = await manager.read(ctx, AT["STATUS"])
            assert status == (Status.DONE | Status.LOADED).value | entry << 8

    run(bench, testbench, cycles=500)
