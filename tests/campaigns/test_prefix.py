"""The prefix decoders against streams written bit by bit; sizes worked by hand."""

import numpy as np
import pytest

from campaigns.prefix import (
    ESCAPE,
    LONGEST,
    HuffmanDecoder,
    RiceDecoder,
    canonical,
    prefix_bits,
)
from sordino.arch import Config
from sordino.stimuli.simulate import simulate
from sordino.tools.peers.huffman import code_lengths

FIRST = 5
"""Words of other streams before this one."""


def words_of(bits: str) -> list[int]:
    padded = bits + "0" * (-len(bits) % 16)
    return [int(padded[at : at + 16][::-1], 2) for at in range(0, len(padded), 16)]


def rice(run: int, raw: int) -> tuple[str, list[tuple[int, int]]]:
    """Bits, and the decoder's outputs (value, padding)."""
    skips = (run >> raw) // ESCAPE
    rest = run - (skips * ESCAPE << raw)
    low = f"{rest & ((1 << raw) - 1):0{raw}b}"[::-1] if raw else ""
    bits = "0" * (ESCAPE * skips + (rest >> raw)) + "1" + low
    return bits, [(ESCAPE << raw, 1)] * skips + [(rest, 0)]


def decode(dut, entries, words, count: int, seed: int | None) -> tuple[list, int]:
    """Outputs (value, padding) in order, and cycles from the first take to the last output."""
    rng, found, cycles = np.random.default_rng(seed), [], [0]

    async def testbench(ctx) -> None:
        ctx.set(dut.entries.valid, 1)
        for address, entry in entries:
            ctx.set(dut.entries.payload.address, address)
            ctx.set(dut.entries.payload.entry.as_value(), entry)
            await ctx.tick()
        ctx.set(dut.entries.valid, 0)
        ctx.set(dut.words.valid, 1)
        for address, word in enumerate(words):
            ctx.set(dut.words.payload, {"address": FIRST + address, "data": word})
            await ctx.tick()
        ctx.set(dut.words.valid, 0)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        ctx.set(dut.start, 1)
        ctx.set(dut.address, 16 * FIRST)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await ctx.tick().until(dut.ready)
        taken = 0
        for _ in range(20 * count + 20):
            move = seed is None or rng.random() < 0.7
            take = move and taken < count and (seed is None or rng.random() < 0.7)
            ctx.set(dut.move, int(move))
            ctx.set(dut.take, int(take))
            if move and ctx.get(dut.valid):
                found.append((ctx.get(dut.value), ctx.get(dut.padding)))
            if len(found) == count:
                return
            await ctx.tick()
            taken += take
            cycles[0] += 1

    simulate(dut, testbench, timeout=len(entries) + len(words) + 20 * count + 40)
    return found, cycles[0]


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("raw", [0, 2, 7])
def test_rice_runs(raw: int, seed: int | None) -> None:
    runs = np.random.default_rng(raw).geometric(0.6 / (1 << raw), 60) - 1
    runs[:4] = (0, (8 << raw) - 1, 8 << raw, (17 << raw) + (1 << raw) - 1)
    coded = [rice(int(run), raw) for run in runs]
    outputs = [output for _, part in coded for output in part]
    words = words_of("".join(bits for bits, _ in coded))
    found, cycles = decode(RiceDecoder(words=64), [(0, raw)], words, len(outputs), seed)
    assert found == outputs
    if seed is None:
        assert cycles == len(outputs) + 1, "one symbol a cycle"


@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("scale", [0.3, 3.0, 40.0])
def test_huffman_values(scale: float, seed: int | None) -> None:
    rng = np.random.default_rng(int(scale))
    values = np.clip(np.rint(rng.laplace(scale=scale, size=100)), -128, 127).astype(int)
    counts = np.bincount(values + 128, minlength=256)
    lengths = code_lengths((counts * 100).tolist(), LONGEST)
    limits, offsets, order, codes = canonical(lengths)
    entries = [(n, limit | offsets[n] << 13) for n, limit in enumerate(limits)]
    entries += [(256 + n, (symbol - 128) & 0xFF) for n, symbol in enumerate(order)]
    bits = "".join(f"{codes[v + 128]:0{lengths[v + 128]}b}" for v in values)
    found, cycles = decode(HuffmanDecoder(words=64), entries, words_of(bits), len(values), seed)
    assert [value for value, _ in found] == values.tolist()
    if seed is None:
        assert cycles == len(values) + 1, "one symbol a cycle"


def test_sizes_by_hand() -> None:
    """Runs 0, 1, 0 with no raw bits: 4 bits. Values 1, 2, 1 in two bits each, zeros in one.

    Five memories whose last word is half empty. Table: 16 bits, 4 for each of 0, 1 and 2, 3 for
    the raw bits; directory: lists 3 and 4 of width 0, then 6, 3, 3, 3 of width 2.
    """
    config = Config(lanes=4, group=4, x_fifo=8, lane_words=16, group_words=16, rows_per_lane=4)
    row = np.array([1, 0, 0, 0], np.int8)
    slots = np.stack([row * 1, row * 0, row * 0, row * 0])[None]
    slots[0, 0] = (1, 0, 2, 1)
    assert prefix_bits([slots], config) == (4 + 6 + 9) + 5 * 8 + (16 + 4 * 3 + 3) + (10 + 10 + 18)
