"""Registers, FIFOs and interrupt through every bridge, equal to a model of the register file."""

import random
from collections import Counter
from zlib import crc32

import pytest

from sordino.isa.choices import Space
from sordino.isa.commands import ANSWERS, Answer, State
from sordino.isa.fields import SEGMENTS
from sordino.isa.registers import (
    ADDRESS_BITS,
    NO_TOKEN,
    REGISTERS,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
)
from sordino.stimuli.simulate import simulate
from tests.hw.rtl.host.register_file import AT, CONFIG, OKAY, SLVERR, Model

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
