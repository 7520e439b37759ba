"""Memories equal a Python list: reads one cycle later, the old word during a write."""

import random

import pytest

from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.memories import VectorMemory, WideMemory
from sordino.stimuli.simulate import simulate

CYCLES = 600


@pytest.mark.parametrize(("width", "depth"), [(8, 37), (16, 32)])
def test_vector_memory_equals_list(width, depth):
    dut = VectorMemory(width=width, depth=depth)
    rng = random.Random(width)
    words = [0] * depth
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1

    async def testbench(ctx):
        for _ in range(CYCLES):
            # Few addresses, so that reads and writes of one word meet.
            a, b, at = (rng.randrange(depth) if rng.random() < 0.3 else depth - 1 for _ in "abw")
            write = {
                "valid": rng.random() < 0.6,
                "address": at,
                "data": rng.choice([low, high, rng.randint(low, high)]),
            }
            ctx.set(dut.write, write)
            ctx.set(dut.address_a, a)
            ctx.set(dut.address_b, b)
            before = words[a], words[b]
            if write["valid"]:
                words[at] = write["data"]
            await ctx.tick()
            assert (ctx.get(dut.data_a), ctx.get(dut.data_b)) == before

    simulate(dut, testbench, timeout=CYCLES + 1)
    assert any(words)


@pytest.mark.parametrize("target", [LoadTarget.PROGRAM, LoadTarget.PARAMETERS])
def test_wide_memory_equals_list(target):
    depth = 5
    dut = WideMemory(target, depth=depth)
    rng = random.Random(3)
    words = [0] * depth
    seen = 0

    async def testbench(ctx):
        nonlocal seen
        for _ in range(CYCLES):
            load = {
                "target": rng.choice([target, target, *LoadTarget]),
                "unit": 0,
                "address": rng.randrange(4 * depth),
                "data": rng.getrandbits(32),
            }
            valid, enable, at = rng.random() < 0.7, rng.random() < 0.7, rng.randrange(depth)
            ctx.set(dut.load.valid, valid)
            ctx.set(dut.load.payload, load)
            ctx.set(dut.enable, enable)
            ctx.set(dut.address, at)
            if enable:
                seen = words[at]
            if valid and load["target"] is target:
                word, part = divmod(load["address"], 4)
                keep = ~(0xFFFFFFFF << 32 * part)
                words[word] = words[word] & keep | load["data"] << 32 * part
            await ctx.tick()
            assert ctx.get(dut.data) == seen

    simulate(dut, testbench, timeout=CYCLES + 1)
    assert all(words)
