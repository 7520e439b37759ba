"""The vector unit: everything that happens to vectors between two matvecs."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import ACTIVATION, BIAS_BITS, CELL_STATE
from sordino.isa import timing
from sordino.isa.choices import Space
from sordino.isa.fields import REGISTER_ZERO
from sordino.isa.instruction import STREAMING_BIT, Unit
from sordino.isa.operations import ISA, Drain, Opcode
from sordino.isa.pipelines import Pipeline, latency
from sordino.rtl.shared.ports import (
    CHANNEL_BITS,
    VECTOR_UNIT,
    DrainSignature,
    WindowSignature,
    memory_write,
)
from sordino.rtl.vector.addresses import Addresses
from sordino.rtl.vector.arithmetic import Arithmetic
from sordino.rtl.vector.fetch import Fetch
from sordino.rtl.vector.kind import of_kind
from sordino.rtl.vector.plan import Decode, Order, Plan
from sordino.rtl.vector.registry import KINDS
from sordino.rtl.vector.serial import SerialArithmetic
from sordino.rtl.vector.serial_fetch import SerialFetch
from sordino.rtl.vector.stages.argmax import Argmax
from sordino.rtl.vector.walk import Walk
from sordino.rtl.vector.window import HostWord, Result

__all__ = ["VectorUnit"]


@dataclass(frozen=True)
class _Pipeline:
    """The instruction at work and its elements' way from their addresses to their results.

    plan          what the instruction means; a register
    taken         bit n: an element was presented n cycles ago
    arrives       the result of an element is there
    keeps         the new state of a unit is there
    row           of the banks: what is presented, where the element is
    addresses     where its words are
    result        what becomes of it
    """

    plan: Any
    walk: Walk
    fetch: Any
    arithmetic: Any
    taken: Value
    arrives: Signal
    keeps: Value
    row: Value
    addresses: Addresses
    result: Any


class VectorUnit(wiring.Component):
    """Execute INPUT, READ, WRITE and all that computes but MATVEC.

    One element a cycle, or in a serial unit a unit of a recurrent cell in several, and one
    instruction at a time; `Instruction.duration` says exactly how long each takes. All memories are
    read synchronously: data one cycle after the address. Addresses wrap at 2^16 (parameters 2^24);
    what a program names beyond a memory's end is not checked here. Rows of a bank are cleared as
    they are left. The ranges of a COPY must not overlap. Its twin is `sordino.golden.vector`.

    A host reads and writes the same memories, word by word, through the same ports, while they are
    `open` to it.

    Members
    -------
    unit
        The instruction to execute. After an abort the next start may come one cycle later.
        `error`: INPUT met the end of input after its first feature.
    channel, features, end_of_input
        What INPUT takes, and from where. Input ends when `end_of_input` is high and no feature is
        valid.
    drain
        The accumulator banks.
    activation_write, activation_address, activation_data
        Activation memory.
    state_write, state_address_a, state_address_b, state_data_a, state_data_b
        State memory.
    parameter_address, parameter_data
        Parameter memory.
    open, window
        No instruction is at work but an INPUT that waits: the memories are the host's.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        banks = DrainSignature(
            lanes=config.lanes,
            rows=config.rows_per_lane,
            accumulator_bits=config.accumulator_bits,
        )
        super().__init__(
            {
                "unit": In(VECTOR_UNIT),
                "channel": Out(CHANNEL_BITS),
                "features": In(stream.Signature(signed(ACTIVATION.bits))),
                "end_of_input": In(1),
                "drain": Out(banks),
                "activation_write": Out(memory_write(ACTIVATION.bits)),
                "activation_address": Out(16),
                "activation_data": In(signed(ACTIVATION.bits)),
                "state_write": Out(memory_write(CELL_STATE.bits)),
                "state_address_a": Out(16),
                "state_address_b": Out(16),
                "state_data_a": In(signed(CELL_STATE.bits)),
                "state_data_b": In(signed(CELL_STATE.bits)),
                "parameter_address": Out(24),
                "parameter_data": In(4 * BIAS_BITS),
                "open": In(1),
                "window": In(WindowSignature()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, config = Module(), self._config
        plan, arguments = Signal(Plan), self.unit.arguments
        serial = config.vector_gates == 1
        m.submodules.decode = decode = Decode()
        m.submodules.walk = walk = Walk(config)
        m.submodules.addresses = addresses = Addresses(config)
        m.submodules.fetch = fetch = (SerialFetch if serial else Fetch)(config)
        arithmetic: Any = (SerialArithmetic if serial else Arithmetic)(config)
        m.submodules.arithmetic = arithmetic
        m.submodules.host = host = HostWord(config)
        m.d.comb += [decode.word.eq(arguments.word), decode.operand.eq(arguments.operand)]
        m.d.comb += self.channel.eq(plan.channel)
        with m.If(self.unit.start):
            m.d.sync += plan.eq(decode.plan)

        last = arithmetic.last if serial else Const(1)
        # What is left in a history when an instruction is done would belong to nobody.
        taken = self._history(m, self._step(m, plan, walk, last), "taken")
        lasts = self._history(m, walk.last & walk.advance, "lasts")
        finishes = self._at_result(m, plan, lasts, "finishes")
        pipeline = _Pipeline(
            plan=plan,
            walk=walk,
            fetch=fetch,
            arithmetic=arithmetic,
            taken=taken,
            arrives=self._at_result(m, plan, taken, "arrives"),
            keeps=of_kind(plan.kind, [taken[kind.keeps.write(config)] for kind in KINDS]),
            row=self._first(m, walk) if config.stream_bus else walk.row,
            addresses=addresses,
            result=Signal(Result, name="result"),
        )
        self._move(m, pipeline, decode.plan)
        self._connect(m, pipeline)
        self._find(m, pipeline)
        self._write_activation(m, pipeline)
        self._write_state(m, pipeline)
        self._write_rows(m, pipeline)

        last_written = Signal()
        m.d.sync += [last_written.eq(finishes), self.unit.done.eq(last_written)]
        with m.If(self.unit.abort):
            m.d.sync += [last_written.eq(0), self.unit.done.eq(0)]
        with m.If(self.unit.abort & ~self.window.write):
            m.d.sync += [
                self.activation_write.valid.eq(0),
                self.state_write.valid.eq(0),
                self.drain.write.lanes.eq(0),
            ]
        self._open(m, pipeline, host)
        return m

    def _step(self, m: Module, plan: Any, walk: Walk, last: Value) -> Value:
        """Keep the walk going, at an element's `last` cycle; return whether an element is taken."""
        wants = walk.valid & (plan.work == Pipeline.FEATURE)
        yields = wants & walk.first & self.unit.request
        ends = yields | (wants & ~self.features.valid & self.end_of_input)
        m.d.comb += [
            walk.abort.eq(self.unit.abort),
            walk.order.eq(plan.order),
            walk.steps.eq(plan.steps),
            walk.advance.eq(~self.unit.waiting & last),
            walk.stop.eq(ends),
            self.features.ready.eq(wants & ~yields),
            self.unit.waiting.eq(wants & ~self.features.valid & ~self.end_of_input & ~yields),
            self.unit.begun.eq(~walk.first),
        ]
        with m.If(ends):
            m.d.sync += [self.unit.ended.eq(walk.first), self.unit.error.eq(~walk.first)]
            m.d.sync += self.unit.requested.eq(yields)
        with m.If(self.unit.start):
            m.d.sync += [self.unit.ended.eq(0), self.unit.error.eq(0)]
        return walk.valid & walk.advance & ~ends

    def _history(self, m: Module, now: Value, name: str) -> Value:
        """`now` and its values of the cycles before, the present one lowest."""
        depth = max(latency(work, self._config) for work in Pipeline)
        before = Signal(depth, name=name)
        m.d.sync += before.eq(Cat(now, before))
        with m.If(self.unit.start | self.unit.abort):
            m.d.sync += before.eq(0)
        return Cat(now, before)

    def _at_result(self, m: Module, plan: Any, history: Value, name: str) -> Signal:
        """The bit of `history` that belongs to the element whose result is there."""
        bit = Signal(name=name)
        with m.Switch(plan.work):
            for work in Pipeline:
                with m.Case(work):
                    m.d.comb += bit.eq(history[latency(work, self._config)])
        return bit

    def _move(self, m: Module, pipeline: _Pipeline, new: Any) -> None:
        """Count the addresses on; `new` is the plan at a start."""
        plan, addresses, taken = pipeline.plan, pipeline.addresses, pipeline.taken
        reads = [taken[kind.keeps.read(self._config) - 1] for kind in KINDS]
        m.d.comb += [
            addresses.start.eq(self.unit.start),
            addresses.abort.eq(self.unit.abort),
            addresses.arguments.eq(self.unit.arguments),
            addresses.new.eq(new),
            addresses.plan.eq(plan),
            addresses.phase.eq(pipeline.walk.phase),
            addresses.taken.eq(taken[0]),
            addresses.arrives.eq(pipeline.arrives),
            addresses.read.eq(of_kind(plan.kind, reads)),
            addresses.keeps.eq(pipeline.keeps),
            pipeline.walk.start.eq(addresses.first),
            self.activation_address.eq(addresses.a),
            self.state_address_a.eq(addresses.a),
            self.state_address_b.eq(addresses.b),
            self.parameter_address.eq(addresses.parameters),
        ]

    def _first(self, m: Module, walk: Walk) -> Value:
        """The row of the bank that a `first_row` makes of the walk's; of others it is the same."""
        first, row = Signal(Drain.streaming), Signal.like(walk.row)
        rows_of = [Opcode[o.mnemonic] for o in ISA if o.unit is Unit.VECTOR and o.streaming]
        with m.If(self.unit.start):
            m.d.sync += first.eq(0)
            with m.Switch(self.unit.arguments.word.opcode), m.Case(*rows_of):
                m.d.sync += first.eq(self.unit.arguments.word.arguments.raw[STREAMING_BIT:])
        m.d.comb += row.eq(walk.row + first.first_row)
        return row

    def _connect(self, m: Module, pipeline: _Pipeline) -> None:
        """Lead the memories' data to the arithmetic."""
        plan, walk = pipeline.plan, pipeline.walk
        fetch, arithmetic = pipeline.fetch, pipeline.arithmetic
        m.d.comb += [
            self.drain.bank.eq(plan.bank),
            self.drain.row.eq(pipeline.row),
            fetch.order.eq(plan.order),
            fetch.indexed.eq(plan.work == Pipeline.COMPARE),
            fetch.from_activation.eq(plan.from_activation),
            fetch.alone.eq(plan.alone),
            fetch.row.eq(walk.row),
            fetch.quad.eq(walk.quad),
            fetch.phase.eq(walk.phase),
            fetch.accumulators.eq(self.drain.accumulators),
            fetch.parameters.eq(self.parameter_data),
            fetch.a.eq(self.state_data_a),
            fetch.b.eq(self.state_data_b),
            fetch.activation.eq(self.activation_data),
            arithmetic.previous.eq(self.state_data_b),
            arithmetic.multiplier.eq(plan.multiplier),
            arithmetic.shift.eq(plan.shift),
            arithmetic.rectify.eq(plan.rectify),
            arithmetic.sigmoid.eq(plan.sigmoid),
            arithmetic.kind.eq(plan.kind),
        ]
        if isinstance(fetch, SerialFetch):
            self._connect_serial(m, pipeline)
            return
        m.d.comb += arithmetic.operands.eq(fetch.operands)
        m.d.comb += arithmetic.biases.eq(fetch.biases)

    def _connect_serial(self, m: Module, pipeline: _Pipeline) -> None:
        """Lead what comes one after the other, and the numbers that share the multiplier."""
        plan, addresses, unit = pipeline.plan, pipeline.addresses, self.unit
        fetch, arithmetic = pipeline.fetch, pipeline.arithmetic
        m.d.comb += [
            fetch.gate.eq(arithmetic.gate),
            arithmetic.start.eq(unit.start),
            arithmetic.units.eq(plan.work == Pipeline.RECURRENT),
            arithmetic.operand.eq(fetch.operands[0]),
            arithmetic.bias.eq(fetch.biases[0]),
            arithmetic.added.eq(fetch.added),
            arithmetic.multiplies.eq(plan.order == Order.PRODUCTS),
            arithmetic.activation.eq(self.activation_data),
            arithmetic.number.eq(unit.arguments.operand),
            arithmetic.stride.eq(unit.arguments.word.arguments.embed.stride),
            addresses.row.eq(arithmetic.product),
        ]

    def _find(self, m: Module, pipeline: _Pipeline) -> None:
        """Show every element to the maximum; only the results of ARGMAX and READ are looked at."""
        fetch, compares = pipeline.fetch, pipeline.plan.work == Pipeline.COMPARE
        m.submodules.argmax = argmax = Argmax(self._config)
        m.d.comb += [
            argmax.clear.eq(self.unit.start | self.unit.abort),
            argmax.valid.eq(pipeline.taken[timing.FETCH]),
            argmax.accumulator.eq(fetch.operands[fetch.SCALAR]),
            argmax.bias.eq(fetch.biases[fetch.SCALAR]),
            argmax.index.eq(fetch.index),
            self.unit.result.eq(Mux(compares, argmax.result, self.state_data_a ^ REGISTER_ZERO)),
        ]

    def _write_activation(self, m: Module, pipeline: _Pipeline) -> None:
        arithmetic, result = pipeline.arithmetic, pipeline.result
        write = self.activation_write
        m.d.sync += [
            write.valid.eq(result.valid & (result.target == Space.ACTIVATION)),
            write.address.eq(result.address),
        ]
        with m.Switch(result.work):
            for work, value in (
                (Pipeline.FEATURE, self.features.payload),
                (Pipeline.CONSTANT, result.value),
                (Pipeline.MOVE, self.activation_data),
                (Pipeline.LOOKUP, pipeline.fetch.embedded),
                (Pipeline.VALUE, arithmetic.narrow),
                (Pipeline.PRODUCT, arithmetic.narrow),
                (Pipeline.CURVE, arithmetic.squashed),
                (Pipeline.RECURRENT, arithmetic.hidden),
            ):
                with m.Case(work):
                    m.d.sync += write.data.eq(value)

    def _write_state(self, m: Module, pipeline: _Pipeline) -> None:
        arithmetic, result = pipeline.arithmetic, pipeline.result
        write = self.state_write
        m.d.sync += [
            write.valid.eq(result.valid & (result.target == Space.STATE)),
            write.address.eq(result.address),
        ]
        with m.Switch(result.work):
            with m.Case(Pipeline.CONSTANT):
                m.d.sync += write.data.eq(result.value)
            with m.Case(Pipeline.MOVE):
                m.d.sync += write.data.eq(self.state_data_a)
            with m.Case(Pipeline.VALUE, Pipeline.PRODUCT):
                m.d.sync += write.data.eq(arithmetic.value)
            with m.Case(Pipeline.RECURRENT):
                # A unit's state, besides the result that went to activation memory above.
                m.d.sync += [
                    write.valid.eq(pipeline.keeps),
                    write.address.eq(self.state_address_a),
                    write.data.eq(arithmetic.state),
                ]

    def _write_rows(self, m: Module, pipeline: _Pipeline) -> None:
        """Fill rows of a bank, or clear those that units, DRAIN and ARGMAX leave."""
        plan, walk, result = pipeline.plan, pipeline.walk, pipeline.result
        fills = result.work == Pipeline.CONSTANT
        to_bank = (result.target == Space.BANK0) | (result.target == Space.BANK1)
        banks = (plan.order == Order.UNITS) | (plan.order == Order.SLOTS)
        leaves = pipeline.taken[0] & walk.leaves & banks
        row, write = Signal(), self.drain.write
        m.d.comb += row.eq(Mux(fills, result.valid & to_bank, leaves))
        for lane in range(self._config.lanes):
            meant = ~self.window.write | (self.window.lane == lane)
            m.d.sync += write.lanes[lane].eq(row & meant)
        m.d.sync += [
            write.bank.eq(result.bank),
            write.row.eq(Mux(fills, result.address, pipeline.row)),
            write.value.eq(result.value),
        ]

    def _open(self, m: Module, pipeline: _Pipeline, host: HostWord) -> None:
        """Let the host in: its word as a result, and all that is read from where it says."""
        plan, fetch, window = pipeline.plan, pipeline.fetch, self.window
        wiring.connect(m, wiring.flipped(window), host.window)
        m.d.comb += [
            host.own.valid.eq(pipeline.arrives),
            host.own.work.eq(plan.work),
            host.own.target.eq(plan.target),
            host.own.bank.eq(plan.bank),
            host.own.address.eq(pipeline.addresses.destination),
            host.own.value.eq(plan.value),
            pipeline.result.eq(host.result),
            host.activation.eq(self.activation_data),
            host.state.eq(self.state_data_a),
            host.accumulator.eq(fetch.slot),
        ]
        with m.If(self.open):
            m.d.comb += [
                self.activation_address.eq(window.address),
                self.state_address_a.eq(window.address),
                self.drain.bank.eq(window.space == Space.BANK1),
                self.drain.row.eq(window.address),
                fetch.order.eq(Order.SLOTS),
                Cat(fetch.phase[:2], fetch.quad).eq(window.lane),
            ]
