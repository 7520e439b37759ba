"""StreamDecoder against the encoder: every symbol, any table, any pauses, one a cycle."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from sordino.codec.encode import Encoder
from sordino.codec.walk import PADDING
from sordino.image.tans import EntryLayout, Symbol, expand
from sordino.isa import timing
from sordino.rtl.lanes.decoder import StreamDecoder, stored_entry
from sordino.stimuli.simulate import simulate

LIMIT = 5_000


def pauses(kind: str) -> Iterator[bool]:
    """Whether a side is ready, cycle by cycle."""
    if kind == "none":
        return itertools.repeat(True)
    if kind == "fixed":
        return itertools.cycle([True, False, False, True, True, False])
    rng = np.random.default_rng(5)
    return (bool(rng.random() < 0.6) for _ in itertools.count())


def random_symbols(rng, state_bits: int, *, runs: bool, count: int) -> tuple[Symbol, ...]:
    """Symbols of random widths whose frequencies fill the table; of values, some mirrored."""
    mirrored = 0 if runs else count // 3
    count, states = count - mirrored, (1 << state_bits) - mirrored
    cuts = np.sort(rng.choice(np.arange(1, states), count - 1, replace=False))
    frequencies = np.diff([0, *cuts, states])
    symbols, base = [], 0 if runs else -128
    for number, frequency in enumerate(frequencies.tolist()):
        if runs and number == 0:
            symbols.append(Symbol(0, 0, frequency, padding=True))
            continue
        room = 8191 - base if runs else 128 - base - (count - number)
        extra = int(rng.integers(0, min(8 if runs else 7, max(1, room.bit_length()))))
        symbols.append(Symbol(base, extra, frequency))
        base += 1 << extra
    for _ in range(mirrored):
        extra = int(rng.integers(0, 7))
        base = int(rng.integers(1, 129 - (1 << extra)))
        symbols.append(Symbol(base, extra + 1, 1, mirrored=True))
    return tuple(symbols)


def random_values(rng, symbols, length: int) -> np.ndarray:
    picked = [symbols[k] for k in rng.integers(0, len(symbols), length)]
    signs = rng.integers(0, 2, length).tolist()
    return np.array(
        [
            PADDING
            if s.padding
            else (-1 if s.mirrored and sign else 1) * (s.base + rng.integers(0, s.span))
            for s, sign in zip(picked, signs, strict=True)
        ],
        np.int64,
    )


class Bench:
    """A decoder with one table in one slot and a stream from bit `offset` of word `address` on."""

    def __init__(
        self, symbols, words, *, runs: bool, state_bits: int, address=0, offset=0, slot=0
    ) -> None:
        stream = int.from_bytes(np.asarray(words, "<u2").tobytes(), "little") << offset
        # Another stream ends in the first word.
        stream |= 0x5A5A & (1 << offset) - 1
        stored = stream.to_bytes(2 * (len(words) + bool(offset)), "little")
        self.runs, self.symbols, self.words = runs, symbols, np.frombuffer(stored, "<u2").tolist()
        self.offset = offset
        self.address, self.slot, self.state_bits = address, slot, state_bits
        depth = max(2, address + len(self.words))
        self.dut = StreamDecoder(words=depth, state_bits=state_bits, slots=slot + 1, runs=runs)

    async def load(self, ctx) -> None:
        dut = self.dut
        ctx.set(dut.words.valid, 1)
        for number, word in enumerate(self.words):
            ctx.set(dut.words.payload, {"address": self.address + number, "data": int(word)})
            await ctx.tick()
        ctx.set(dut.words.valid, 0)
        ctx.set(dut.entries.valid, 1)
        for state, entry in enumerate(expand(self.symbols, self.state_bits)):
            ctx.set(dut.entries.payload.address, (self.slot << self.state_bits) + state)
            ctx.set(dut.entries.payload.entry, EntryLayout.from_bits(entry.encode()))
            await ctx.tick()
        ctx.set(dut.entries.valid, 0)
        ctx.set(dut.address, 16 * self.address + self.offset)
        ctx.set(dut.slot, self.slot)

    async def begin(self, ctx) -> None:
        """Start, and check that the first symbol can be taken DECODER_START cycles later."""
        dut = self.dut
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await ctx.tick().repeat(timing.DECODER_START - 2)
        assert not ctx.get(dut.ready)
        await ctx.tick()
        assert ctx.get(dut.ready)

    async def decode(self, ctx, count: int, move="none", take="none"):
        """Take `count` symbols; returns what came out and the moves it needed."""
        dut, found, moves, taken = self.dut, [], 0, 0
        moving, taking = pauses(move), pauses(take)
        while len(found) < count:
            go = next(moving)
            step = go and taken < count and next(taking)
            ctx.set(dut.move, int(go))
            ctx.set(dut.take, int(step))
            if go and ctx.get(dut.valid):
                padding = bool(ctx.get(dut.padding))
                found.append(PADDING if padding else ctx.get(dut.value))
            await ctx.tick()
            moves += go
            taken += step
        ctx.set(dut.move, 0)
        ctx.set(dut.take, 0)
        assert not ctx.get(dut.pending)
        return np.array(found), moves

    def run(self, testbench) -> None:
        simulate(self.dut, testbench, timeout=LIMIT)


@pytest.mark.parametrize("take", ["none", "fixed", "random"])
@pytest.mark.parametrize("move", ["none", "fixed", "random"])
@pytest.mark.parametrize(
    ("runs", "state_bits", "count"), [(True, 4, 3), (False, 5, 20), (False, 8, 40), (True, 9, 60)]
)
def test_equals_what_was_encoded(runs, state_bits, count, move, take) -> None:
    rng = np.random.default_rng(state_bits)
    symbols = random_symbols(rng, state_bits, runs=runs, count=count)
    values = random_values(rng, symbols, 150)
    words, _ = Encoder(symbols, state_bits).encode(values)
    offset = {4: 15, 5: 0, 8: 9, 9: 15}[state_bits]
    bench = Bench(
        symbols, words, runs=runs, state_bits=state_bits, address=7, offset=offset, slot=1
    )

    async def testbench(ctx) -> None:
        await bench.load(ctx)
        for _ in range(2):
            await bench.begin(ctx)
            found, moves = await bench.decode(ctx, len(values), move, take)
            np.testing.assert_array_equal(found, values)
            assert ctx.get(bench.dut.clean)
            if take == "none":
                assert moves == len(values) + timing.SYMBOL
            ctx.set(bench.dut.clear, 1)
            await ctx.tick()
            ctx.set(bench.dut.clear, 0)
            assert not ctx.get(bench.dut.ready)

    bench.run(testbench)


@pytest.mark.parametrize("state_bits", [4, 8, 9])
def test_begins_at_any_bit(state_bits) -> None:
    rng = np.random.default_rng(state_bits)
    symbols = random_symbols(rng, state_bits, runs=False, count=12)
    values = random_values(rng, symbols, 40)
    words, _ = Encoder(symbols, state_bits).encode(values)
    for offset in range(16):
        bench = Bench(symbols, words, runs=False, state_bits=state_bits, offset=offset)

        async def testbench(ctx, bench=bench) -> None:
            await bench.load(ctx)
            await bench.begin(ctx)
            found, moves = await bench.decode(ctx, len(values))
            np.testing.assert_array_equal(found, values)
            assert moves == len(values) + timing.SYMBOL
            assert ctx.get(bench.dut.clean)

        bench.run(testbench)


def test_symbols_of_no_bits_and_of_sixteen() -> None:
    one = (Symbol(-3, 0, 16),)
    widest = (Symbol(1, 7, 1, mirrored=True), Symbol(-128, 6, 511))
    for symbols, state_bits, values in (
        (one, 4, np.full(40, -3)),
        (widest, 9, np.tile([64, -1, -77, 5, -64], 12)),
    ):
        words, bits = Encoder(symbols, state_bits).encode(values.astype(np.int64))
        assert bits == 4 or bits > 14 * len(values)
        bench = Bench(symbols, words, runs=False, state_bits=state_bits)

        async def testbench(ctx, bench=bench, values=values) -> None:
            await bench.load(ctx)
            await bench.begin(ctx)
            found, moves = await bench.decode(ctx, len(values))
            np.testing.assert_array_equal(found, values)
            assert moves == len(values) + timing.SYMBOL
            assert ctx.get(bench.dut.clean)

        bench.run(testbench)


def test_end_state_tells_and_clear_forgets() -> None:
    rng = np.random.default_rng(1)
    symbols = random_symbols(rng, 6, runs=False, count=30)
    values = random_values(rng, symbols, 30)
    words, _ = Encoder(symbols, 6).encode(values)
    bench = Bench(symbols, words, runs=False, state_bits=6)

    async def testbench(ctx) -> None:
        dut = bench.dut
        await bench.load(ctx)
        await bench.begin(ctx)
        assert ctx.get(dut.clean), "nothing was taken yet"
        unclean = 0
        for _ in range(len(values) - 1):
            await bench.decode(ctx, 1)
            unclean += not ctx.get(dut.clean)
        assert unclean > len(values) // 2
        await bench.decode(ctx, 1)
        assert ctx.get(dut.clean)
        await bench.begin(ctx)
        found, _ = await bench.decode(ctx, 3)
        np.testing.assert_array_equal(found, values[:3])
        while ctx.get(dut.clean):
            await bench.decode(ctx, 1)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.clean)
        assert not ctx.get(dut.valid)

    bench.run(testbench)


def test_value_table_entry_fits_block_memory() -> None:
    assert stored_entry(8, runs=False).size == 36
    assert stored_entry(8, runs=True).size == 41
