"""The vector unit with memories around it, one instruction at a time, in Amaranth's simulator."""

import copy
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, memory

from sordino.arch import Config
from sordino.golden.execution import SEMANTICS, Context, bind
from sordino.golden.memory import Memory
from sordino.golden.state import State
from sordino.isa.instruction import Instruction
from sordino.isa.operations import ISA, Argmax, Read
from sordino.isa.parameters import PARAMETER_BITS, PARAMETER_BYTES
from sordino.rtl.vector.unit import VectorUnit
from sordino.stimuli.simulate import Testbench, Workbench
from sordino.stimuli.stalls import Stall, never

__all__ = [
    "VectorBench",
    "VectorResult",
    "argmax_entries",
    "assert_same",
    "check_vector",
    "exact",
    "random_contents",
    "small_vector_bench",
]


@dataclass(frozen=True, kw_only=True)
class VectorResult:
    """How an instruction ended.

    cycles   from `start` to `done`
    waited   cycles of them in which INPUT waited for a feature
    result   what ARGMAX found, or READ read
    ended    INPUT met the end of input, or a request, before its first feature
    request  it was a request
    error    INPUT met it later
    """

    cycles: int
    waited: int
    result: int
    ended: bool
    error: bool
    request: bool


class VectorBench:
    """A `VectorUnit` with all its memories, built by the first run and used often.

    `run` calls a coroutine function with the simulator's context; in it, the methods that take
    `ctx` drive the ports of `vector`. Between runs the circuit is not reset. A second testbench
    writes `features` to the stream, with a `stall` before each; together with the last, if `ends`,
    it raises end of input. Features that were taken are no longer in the list.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.features: list[int] = []
        self.ends = False
        self.stall: Stall = never
        self._bench: Workbench | None = None

    def _build(self) -> Workbench:
        config = self.config
        self.vector = VectorUnit(config)
        row = data.ArrayLayout(signed(config.accumulator_bits), config.lanes)
        self._activation = self._memory(signed(8), config.activation_words)
        self._state = self._memory(signed(16), config.state_words)
        self._parameters = self._memory(PARAMETER_BITS, config.parameter_words)
        self._banks = tuple(self._memory(row, config.rows_per_lane) for _ in range(2))
        return Workbench(self._circuit(), background=(self._host,))

    def run(self, job: Testbench) -> None:
        """Run `job` to its end; after an exception the next run begins with a new circuit."""
        bench = self._bench or self._build()
        self._bench = None
        bench.run(job)
        self._bench = bench

    def load(self, ctx: Any, contents: Memory, parameters: bytes) -> None:
        """Put contents into all memories, at once; missing parameters are 0."""
        words = np.frombuffer(
            parameters.ljust(PARAMETER_BYTES * self.config.parameter_words, b"\0"), np.uint8
        ).reshape(-1, PARAMETER_BYTES)
        initial: list[tuple[Any, list[Any]]] = [
            (self._activation, contents.activation.tolist()),
            (self._state, contents.state.tolist()),
            (self._parameters, [int.from_bytes(word.tobytes(), "little") for word in words]),
            *zip(self._banks, contents.banks.tolist(), strict=True),
        ]
        for store, values in initial:
            for address, value in enumerate(values):
                ctx.set(store.data[address], value)

    def contents(self, ctx: Any) -> Memory:
        """The contents of all memories but parameter memory."""
        found = Memory(self.config)
        for store, values in (
            (self._activation, found.activation),
            (self._state, found.state),
            *zip(self._banks, found.banks, strict=True),
        ):
            for address in range(len(values)):
                value = ctx.get(store.data[address])
                values[address] = value if isinstance(value, int) else list(value)
        return found

    async def start(self, ctx: Any, instruction: Instruction, operand: int = 0) -> None:
        """Pulse `start`; ends in the cycle after it."""
        ctx.set(self.vector.unit.arguments.word, ISA.word.from_bits(instruction.encode()))
        ctx.set(self.vector.unit.arguments.operand, operand)
        ctx.set(self.vector.unit.start, 1)
        await ctx.tick()
        ctx.set(self.vector.unit.start, 0)

    async def execute(
        self, ctx: Any, instruction: Instruction, operand: int = 0, *, limit: int = 10_000
    ) -> VectorResult:
        """Execute one instruction; ends in the cycle of `done`, or TimeoutError."""
        await self.start(ctx, instruction, operand)
        return await self.finish(ctx, limit=limit)

    async def finish(self, ctx: Any, *, limit: int = 10_000) -> VectorResult:
        """Wait for `done` from the cycle after `start` on; ends in its cycle, or TimeoutError."""
        unit, waited = self.vector.unit, 0
        for cycles in range(1, limit):
            if ctx.get(unit.done):
                return VectorResult(
                    cycles=cycles,
                    waited=waited,
                    result=int(ctx.get(unit.result)),
                    ended=bool(ctx.get(unit.ended)),
                    request=bool(ctx.get(unit.requested)),
                    error=bool(ctx.get(unit.error)),
                )
            _, _, waiting = await ctx.tick().sample(unit.waiting)
            waited += waiting
        raise TimeoutError(f"the vector unit is not done after {limit} cycles")

    @staticmethod
    def _memory(shape: Any, depth: int) -> Any:
        return memory.Memory(shape=shape, depth=depth, init=[])

    def _circuit(self) -> Module:
        m, unit = Module(), self.vector
        m.submodules.unit = unit
        m.submodules.activation = self._activation
        m.submodules.state = self._state
        m.submodules.parameters = self._parameters
        for store, address, found in (
            (self._activation, unit.activation_address, unit.activation_data),
            (self._state, unit.state_address_a, unit.state_data_a),
            (self._state, unit.state_address_b, unit.state_data_b),
            (self._parameters, unit.parameter_address, unit.parameter_data),
        ):
            port = store.read_port()
            m.d.comb += [port.addr.eq(address), found.eq(port.data)]
        for store, write in (
            (self._activation, unit.activation_write),
            (self._state, unit.state_write),
        ):
            port = store.write_port()
            m.d.comb += [
                port.en.eq(write.valid),
                port.addr.eq(write.address),
                port.data.eq(write.data),
            ]
        self._connect_banks(m, unit.drain)
        return m

    def _connect_banks(self, m: Module, drain: Any) -> None:
        rows: list[Any] = []
        for number, store in enumerate(self._banks):
            m.submodules[f"bank{number}"] = store
            read, write = store.read_port(), store.write_port(granularity=1)
            m.d.comb += [
                read.addr.eq(drain.row),
                write.en.eq(Mux(drain.write.bank == number, drain.write.lanes, 0)),
                write.addr.eq(drain.write.row),
            ]
            m.d.comb += [lane.eq(drain.write.value) for lane in write.data]
            rows.append(read.data.as_value())
        bank = Signal()
        m.d.sync += bank.eq(drain.bank)
        m.d.comb += drain.accumulators.eq(Mux(bank, rows[1], rows[0]))

    async def _host(self, ctx: Any) -> None:
        stream: Any = self.vector.features
        rest: int | None = None
        while True:
            offered = ctx.get(stream.valid)
            if self.features and not offered:
                rest = self.stall() if rest is None else rest - 1
                if not rest:
                    ctx.set(stream.payload, self.features[0])
                    ctx.set(stream.valid, 1)
                    offered, rest = True, None
            ctx.set(self.vector.end_of_input, self.ends and len(self.features) <= offered)
            _, _, ready = await ctx.tick().sample(stream.ready)
            if offered and ready:
                self.features.pop(0)
                ctx.set(stream.valid, 0)


def random_contents(config: Config, rng: np.random.Generator, spread: float = 1.0) -> Memory:
    """Memories full of random words; accumulators within `spread` of their range."""
    found = Memory(config)
    high = int(spread * (1 << (config.accumulator_bits - 1)))
    found.activation[:] = rng.integers(-(1 << 7), 1 << 7, found.activation.shape)
    found.state[:] = rng.integers(-(1 << 15), 1 << 15, found.state.shape)
    found.banks[:] = rng.integers(-high, high, found.banks.shape)
    return found


def exact(
    instruction: Instruction, config: Config, before: Memory, parameters: bytes, operand: int = 0
) -> State:
    """The exact machine after one vector instruction, all registers holding `operand` before."""
    state = State.of(config)
    state.memory = copy.deepcopy(before)
    state.registers[:] = [operand] * len(state.registers)
    image: Any = SimpleNamespace(program=[instruction], config=config, parameters=parameters)
    weights: Any = None
    bind(Context(image, weights, state, 0), SEMANTICS)()
    return state


def assert_same(actual: Memory, expected: Memory) -> None:
    """All words of all memories are equal, or AssertionError names the memory."""
    for name in ("activation", "state", "banks"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name), err_msg=name)


@cache
def small_vector_bench(
    lanes: int, accumulator_bits: int = 32, rows_per_lane: int = 7, vector_gates: int = 4
) -> VectorBench:
    """A bench of a few words, one for each size; tests leave nothing in its stream."""
    return VectorBench(
        Config(
            lanes=lanes,
            group=4,
            x_fifo=8,
            lane_words=16,
            group_words=16,
            rows_per_lane=rows_per_lane,
            accumulator_bits=accumulator_bits,
            activation_words=200,
            state_words=190,
            parameter_words=120,
            vector_gates=vector_gates,
        )
    )


def _biases(config: Config, rng: np.random.Generator, spread: float = 1.0) -> bytes:
    high = int(spread * (1 << 31))
    return rng.integers(-high, high, 4 * config.parameter_words).astype("<i4").tobytes()


def check_vector(
    lanes: int,
    *instructions: Instruction,
    seed: int = 0,
    operand: int = 0,
    spread: float = 1.0,
    parameters: bytes | None = None,
    accumulator_bits: int = 32,
    rows_per_lane: int = 7,
    vector_gates: int = 4,
) -> list[VectorResult]:
    """Execute, each instruction in the cycle in which the one before is done, and compare.

    Memories, duration and what goes to a register are the exact machine's, or AssertionError.
    Memories begin random, and so do `parameters`, unless they are given.
    """
    dut = small_vector_bench(lanes, accumulator_bits, rows_per_lane, vector_gates)
    config, rng = dut.config, np.random.default_rng(seed)
    wanted = random_contents(config, rng, spread)
    words = _biases(config, rng, spread) if parameters is None else parameters
    results: list[VectorResult] = []

    async def job(ctx: Any) -> None:
        nonlocal wanted
        dut.load(ctx, wanted, words)
        for instruction in instructions:
            result = await dut.execute(ctx, instruction, operand)
            state = exact(instruction, config, wanted, words, operand)
            wanted = state.memory
            assert_same(dut.contents(ctx), wanted)
            assert result.cycles == instruction.duration(config)
            if isinstance(instruction, Argmax | Read):
                assert result.result == state.registers[instruction.register]
            results.append(result)

    dut.run(job)
    return results


def argmax_entries(values: list[tuple[int, int]], first: int) -> bytes:
    """Parameters whose ARGMAX entries, (bias, index) pairs, stand from word `first` on."""
    flat = [number for entry in values for number in entry]
    return bytes(16 * first) + np.array(flat, "<i4").tobytes()
