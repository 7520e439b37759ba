"""TABLE: every entry of the named table once, in order, one a cycle, with the cost documented."""

import random

import pytest

from sordino.arch import Config
from sordino.image.tans import Symbol, expand, expanded_bytes
from sordino.isa import timing
from sordino.isa.registers import LoadTarget
from sordino.rtl.tables import TableLoader
from sordino.stimuli.simulate import simulate

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=5,
    lane_words=16,
    group_words=16,
    rows_per_lane=1,
    tables=3,
)
TIMEOUT = 2000


def random_tables(rng):
    """As many tables as there is room for, with all fields of symbols in use."""
    tables = []
    for _ in range(CONFIG.tables):
        cuts = sorted(rng.sample(range(2, CONFIG.states), rng.randint(0, 12)))
        frequencies = [b - a for a, b in zip([0, *cuts], [*cuts, CONFIG.states], strict=True)]
        tables.append(
            [
                Symbol(rng.randint(1, 8191), rng.randint(1, 7), f, mirrored=True)
                if f == 1
                else Symbol(rng.randint(-8192, 8191), rng.randint(0, 7), f, rng.random() < 0.3)
                for f in [1, frequencies[0] - 1, *frequencies[1:]]
            ]
        )
    return tables


class Bench:
    """A loader with random tables; `sent` holds (cycle, runs, slot, state, entry bits)."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.tables = random_tables(self.rng)
        self.dut = TableLoader(CONFIG)
        self.sent = []
        self.done = []
        self.cycle = 0

    async def load(self, ctx):
        contents = expanded_bytes(self.tables, CONFIG.state_bits)
        writes = [
            (LoadTarget.TABLES, n, int.from_bytes(contents[4 * n : 4 * n + 4], "little"))
            for n in range(len(contents) // 4)
        ]
        self.rng.shuffle(writes)
        # Words for other memories are not ours.
        writes += [
            (t, n, 0xFFFFFFFF) for t in LoadTarget if t is not LoadTarget.TABLES for n in (0, 9)
        ]
        for target, address, word in writes:
            payload = {"target": target, "unit": 0, "address": address, "data": word}
            ctx.set(self.dut.load.payload, payload)
            ctx.set(self.dut.load.valid, 1)
            await ctx.tick()
        ctx.set(self.dut.load.valid, 0)

    async def monitor(self, ctx):
        table, done = self.dut.table, self.dut.unit.done
        async for _, _, valid, p, end in ctx.tick().sample(table.valid, table.payload, done):
            if valid:
                entry = p.entry.as_bits()
                self.sent.append((self.cycle, p.runs, p.slot, p.state, entry))
            if end:
                self.done.append(self.cycle)
            self.cycle += 1

    async def start(self, ctx, **arguments):
        """Start; returns the cycle of `start`."""
        ctx.set(self.dut.unit.arguments, arguments)
        ctx.set(self.dut.unit.start, 1)
        began = self.cycle
        await ctx.tick()
        ctx.set(self.dut.unit.start, 0)
        return began

    def expected(self, began, *, source, slot, runs):
        entries = expand(self.tables[source], CONFIG.state_bits)
        return [
            (began + 1 + timing.TABLE_READ + state, runs, slot, state, entry.encode())
            for state, entry in enumerate(entries)
        ]

    def run(self, testbench):
        simulate(self.dut, testbench, timeout=TIMEOUT, background=(self.monitor,))


@pytest.mark.parametrize("seed", range(3))
def test_sends_every_entry_once(seed):
    bench = Bench(seed)
    expected, done = [], []

    async def testbench(ctx):
        await bench.load(ctx)
        for _ in range(5):
            fields = {
                "source": bench.rng.randrange(CONFIG.tables),
                "slot": bench.rng.randrange(16),
                "runs": bench.rng.randrange(2),
            }
            began = await bench.start(ctx, **fields)
            expected.extend(bench.expected(began, **fields))
            done.append(began + timing.table_cycles(CONFIG))
            # The next may start right in the cycle after done.
            await ctx.tick().repeat(timing.table_cycles(CONFIG) + bench.rng.choice([0, 0, 5]))

    bench.run(testbench)
    assert bench.sent == expected
    assert bench.done == done


@pytest.mark.parametrize("after", [0, 1, 2, 7, CONFIG.states - 1, CONFIG.states])
def test_abort(after):
    bench = Bench(9)
    fields = {"source": 1, "slot": 2, "runs": 0}
    expected, done = [], []

    async def testbench(ctx):
        await bench.load(ctx)
        began = await bench.start(ctx, **fields)
        for _ in range(after):
            await ctx.tick()
        ctx.set(bench.dut.unit.abort, 1)
        await ctx.tick()
        ctx.set(bench.dut.unit.abort, 0)
        aborted = began + 1 + after
        expected.extend(e for e in bench.expected(began, **fields) if e[0] <= aborted)
        await ctx.tick().repeat(5)
        again = await bench.start(ctx, **fields)
        expected.extend(bench.expected(again, **fields))
        # `done` may come in the very cycle of the abort, not later.
        done.extend(c + timing.table_cycles(CONFIG) for c in (began, again))
        if done[0] > aborted:
            del done[0]
        await ctx.tick().repeat(CONFIG.states + 10)

    bench.run(testbench)
    assert bench.sent == expected
    assert bench.done == done
