"""The matvec engine as a function: matrices in, accumulators out, in Amaranth's simulator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, signed
from amaranth.lib import memory
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.image.external import Streams
from sordino.image.tans import EntryLayout, Symbol, expand
from sordino.isa.operations import ISA, Matvec
from sordino.isa.registers import LoadTarget
from sordino.rtl.lanes.array import MatvecArray
from sordino.stimuli.simulate import Testbench, Workbench

__all__ = ["ArrayBench", "MatvecResult", "rtl_matvec"]

COUNTS = ("places", "padding", "useful", "gated", "wait_x")


@dataclass(frozen=True, kw_only=True)
class MatvecResult:
    """What one MATVEC did.

    accumulators  int64 (rows, lanes) of the bank afterwards
    cycles        from `start` to `done`
    error         a stream was bad
    counts        places, padding, useful, gated, wait_x, of this MATVEC alone
    """

    accumulators: NDArray[np.int64]
    cycles: int
    error: bool
    counts: dict[str, int]


class ArrayBench:
    """A `MatvecArray` with an activation memory, built once and used often.

    `run` calls a coroutine function with the simulator's context; in it, the methods that take
    `ctx` drive the ports. The circuit is not reset from one run to the next. Every wait has a
    limit: TimeoutError says what did not come.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._build()

    def _build(self) -> None:
        config = self.config
        self.array = MatvecArray(config)
        self.activation: Any = memory.Memory(
            shape=signed(8), depth=config.activation_words, init=[]
        )
        module = Module()
        module.submodules.array = self.array
        module.submodules.activation = self.activation
        read = self.activation.read_port()
        module.d.comb += [read.addr.eq(self.array.x_address), self.array.x_data.eq(read.data)]
        self._bench = Workbench(module)

    def run(self, job: Testbench) -> None:
        """Run `job` to its end; after an exception the next run finds a new circuit."""
        try:
            self._bench.run(job)
        except BaseException:
            self._build()
            raise

    async def load(self, ctx: Any, streams: Streams) -> None:
        """Write directories and stream memories, one word a cycle."""
        config, writes = self.config, []
        for unit, contents in enumerate(streams.positions):
            writes += _words(LoadTarget.POSITIONS, unit, contents)
        for unit, contents in enumerate(streams.values):
            writes += _words(LoadTarget.VALUES, unit, contents)
        position_starts, value_starts = [0] * config.groups, [0] * config.lanes
        for number, matrix in enumerate(streams.matrices):
            for unit, places in enumerate(matrix.places):
                target = LoadTarget.GROUP_DIRECTORY
                writes.append((target, unit, 2 * number, position_starts[unit]))
                writes.append((target, unit, 2 * number + 1, places))
                position_starts[unit] += matrix.position_bits[unit]
            for unit, bits in enumerate(matrix.value_bits):
                writes.append((LoadTarget.LANE_DIRECTORY, unit, number, value_starts[unit]))
                value_starts[unit] += bits
        ctx.set(self.array.load.valid, 1)
        for target, unit, address, value in writes:
            ctx.set(
                self.array.load.payload,
                {"target": target, "unit": unit, "address": address, "data": value},
            )
            await ctx.tick()
        ctx.set(self.array.load.valid, 0)

    async def table(
        self, ctx: Any, symbols: Sequence[Symbol], *, slot: int = 0, runs: bool = False
    ) -> None:
        """Write run table or value table `slot`, one entry a cycle."""
        ctx.set(self.array.table.valid, 1)
        for state, entry in enumerate(expand(symbols, self.config.state_bits)):
            ctx.set(
                self.array.table.payload,
                {
                    "runs": int(runs),
                    "slot": slot,
                    "state": state,
                    "entry": EntryLayout.from_bits(entry.encode()),
                },
            )
            await ctx.tick()
        ctx.set(self.array.table.valid, 0)

    async def start(self, ctx: Any, **arguments: Any) -> None:
        """Pulse `start` with the fields of MATVEC, range-checked, absent ones 0."""
        word = ISA.word.from_bits(Matvec(**arguments).encode())
        ctx.set(self.array.unit.arguments.matvec, word.arguments.matvec)
        ctx.set(self.array.unit.start, 1)
        await ctx.tick()
        ctx.set(self.array.unit.start, 0)

    async def matvec(self, ctx: Any, *, limit: int = 100_000, **arguments: int) -> MatvecResult:
        """Execute one MATVEC and read its bank back."""
        before = self.counts(ctx)
        await self.start(ctx, **arguments)
        cycles = 1
        while not ctx.get(self.array.unit.done):
            if cycles >= limit:
                raise TimeoutError(f"matvec is not done after {limit} cycles")
            await ctx.tick()
            cycles += 1
        error = bool(ctx.get(self.array.unit.error))
        counts = self.counts(ctx)
        return MatvecResult(
            accumulators=await self.bank(
                ctx, arguments.get("bank", 0), min(arguments["rows"], self.config.rows_per_lane)
            ),
            cycles=cycles,
            error=error,
            counts={name: counts[name] - before[name] for name in COUNTS},
        )

    def counts(self, ctx: Any) -> dict[str, int]:
        """The counters as they stand."""
        return {name: int(ctx.get(getattr(self.array.counts, name))) for name in COUNTS}

    async def bank(self, ctx: Any, bank: int, rows: int) -> NDArray[np.int64]:
        """The first `rows` rows of an accumulator bank, int64 (rows, lanes)."""
        found = []
        ctx.set(self.array.drain.bank, bank)
        for row in range(rows):
            ctx.set(self.array.drain.row, row)
            await ctx.tick()
            found.append([int(value) for value in ctx.get(self.array.drain.accumulators)])
        return np.array(found, np.int64).reshape(rows, self.config.lanes)

    async def fill(self, ctx: Any, bank: int, rows: int, value: int = 0) -> None:
        """Write `value` to the first `rows` rows of a bank in every lane."""
        drain = self.array.drain
        ctx.set(drain.write.lanes, ~0)
        ctx.set(drain.write.bank, bank)
        ctx.set(drain.write.value, value)
        for row in range(rows):
            ctx.set(drain.write.row, row)
            await ctx.tick()
        ctx.set(drain.write.lanes, 0)

    def set_x(self, ctx: Any, x: Sequence[int] | NDArray[np.int8], source: int = 0) -> None:
        """Put x in activation memory from `source` on, at once."""
        for number, value in enumerate(x):
            ctx.set(self.activation.data[source + number], int(value))


def _words(
    target: LoadTarget, unit: int, contents: bytes
) -> list[tuple[LoadTarget, int, int, int]]:
    words = np.frombuffer(contents, "<u2").tolist()
    return [(target, unit, address, word) for address, word in enumerate(words)]


def rtl_matvec(
    slots: NDArray[np.int8],
    x: NDArray[np.int8],
    config: Config,
    *,
    shift: int = 0,
    bench: ArrayBench | None = None,
) -> MatvecResult:
    """2^shift * M x on cleared accumulators, M dealt as int8 (rows, lanes, columns).

    Encodes the matrix, loads everything and simulates. Pass a `bench` of the same configuration
    to build the circuit only once.
    """
    bench = bench or ArrayBench(config)
    encoded = encode_matrices([slots], config)
    results: list[MatvecResult] = []

    async def job(ctx: Any) -> None:
        await bench.load(ctx, encoded)
        await bench.table(ctx, encoded.tables[0], runs=True)
        await bench.table(ctx, encoded.tables[1])
        bench.set_x(ctx, x)
        await bench.fill(ctx, 0, slots.shape[0])
        results.append(
            await bench.matvec(ctx, columns=slots.shape[2], rows=slots.shape[0], shift=shift)
        )

    bench.run(job)
    return results[0]
