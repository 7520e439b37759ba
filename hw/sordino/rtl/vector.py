"""The vector unit: everything that happens to vectors between two matvecs."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import ACTIVATION, BIAS_BITS, CELL_STATE
from sordino.isa import timing
from sordino.isa.instructions import EXTENSION_BIT, Opcode, Rows, Space, Word
from sordino.rtl.argmax import Argmax
from sordino.rtl.ports import DrainSignature
from sordino.rtl.vector_arithmetic import Arithmetic
from sordino.rtl.vector_fetch import SCALAR, Fetch
from sordino.rtl.vector_plan import Decode, Order, Plan, Work
from sordino.rtl.vector_timing import LATENCY
from sordino.rtl.vector_walk import Walk

__all__ = ["VectorUnit"]

_DEPTH = max(LATENCY.values())


def _memory_write(width: int) -> data.StructLayout:
    return data.StructLayout({"valid": 1, "address": 16, "data": signed(width)})


class VectorUnit(wiring.Component):
    """Execute INPUT, CELL, DRAIN, ARGMAX, ADD, EMBED, FILL and COPY, one element a cycle.

    One instruction at a time; `vector_timing.duration` says exactly how long each takes. All
    memories are read synchronously: data one cycle after the address. Addresses wrap at 2^16
    (parameters 2^24); what a program names beyond a memory's end is not checked here. Rows of a
    bank are cleared as they are left. The ranges of a COPY must not overlap.

    Members
    -------
    start : In(1)
        One cycle high: execute `word`. Not while busy; at the earliest in the cycle of `done`.
    word : In(Word), operand : In(16)
        The instruction and, for EMBED, the value of its register; read with `start`.
    done : Out(1)
        One cycle high: a read in this cycle sees everything the instruction wrote.
    result : Out(16)
        What ARGMAX found, valid with `done`.
    ended : Out(1), error : Out(1)
        Valid with `done`: INPUT met the end of input before its first feature (`ended`) or
        after it (`error`).
    waiting : Out(1)
        INPUT wants a feature that is not there in this cycle, and input has not ended.
    abort : In(1)
        Forget the instruction. A write presented in this cycle still happens, none later, and
        `done` does not follow. The next `start` may come one cycle later.
    features : In(stream of signed(8)), end_of_input : In(1)
        Input ends when `end_of_input` is high and no feature is valid.
    drain : Out(DrainSignature)
        The accumulator banks.
    activation_write : Out({valid, address, data}), activation_address : Out(16),
    activation_data : In(signed(8))
        Activation memory.
    state_write : Out({valid, address, data}), state_address_a, state_address_b : Out(16),
    state_data_a, state_data_b : In(signed(16))
        State memory.
    parameter_address : Out(24), parameter_data : In(128)
        Parameter memory.
    """

    start: Signal
    word: Any
    operand: Signal
    done: Signal
    result: Signal
    ended: Signal
    error: Signal
    waiting: Signal
    abort: Signal
    features: Any
    end_of_input: Signal
    drain: Any
    activation_write: Any
    activation_address: Signal
    activation_data: Signal
    state_write: Any
    state_address_a: Signal
    state_address_b: Signal
    state_data_a: Signal
    state_data_b: Signal
    parameter_address: Signal
    parameter_data: Signal

    def __init__(self, config: Config) -> None:
        self._config = config
        banks = DrainSignature(
            lanes=config.lanes,
            rows=config.rows_per_lane,
            accumulator_bits=config.accumulator_bits,
        )
        super().__init__(
            {
                "start": In(1),
                "word": In(Word),
                "operand": In(16),
                "done": Out(1),
                "result": Out(16),
                "ended": Out(1),
                "error": Out(1),
                "waiting": Out(1),
                "abort": In(1),
                "features": In(stream.Signature(signed(ACTIVATION.bits))),
                "end_of_input": In(1),
                "drain": Out(banks),
                "activation_write": Out(_memory_write(ACTIVATION.bits)),
                "activation_address": Out(16),
                "activation_data": In(signed(ACTIVATION.bits)),
                "state_write": Out(_memory_write(CELL_STATE.bits)),
                "state_address_a": Out(16),
                "state_address_b": Out(16),
                "state_data_a": In(signed(CELL_STATE.bits)),
                "state_data_b": In(signed(CELL_STATE.bits)),
                "parameter_address": Out(24),
                "parameter_data": In(4 * BIAS_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan = Signal(Plan)
        m.submodules.decode = decode = Decode()
        m.submodules.walk = walk = Walk(self._config)
        m.submodules.fetch = fetch = Fetch(self._config)
        m.submodules.arithmetic = arithmetic = Arithmetic(self._config)
        m.d.comb += decode.word.eq(self.word)
        with m.If(self.start):
            m.d.sync += plan.eq(decode.plan)

        # taken[n]: an element was presented n cycles ago; lasts[n]: so was the last one. What is
        # left in there when an instruction is done would belong to nobody.
        taken = self._history(m, self._step(m, plan, walk), "taken")
        lasts = self._history(m, walk.last & walk.advance, "lasts")
        arrives = self._at_result(m, plan, taken, "arrives")
        finishes = self._at_result(m, plan, lasts, "finishes")
        destination = self._move(m, plan, decode.plan, walk, taken, arrives)
        self._row = self._first(m, walk) if self._config.stream_bus else walk.row
        self._connect(m, plan, walk, fetch, arithmetic)
        self._find(m, fetch, taken)
        self._write_activation(m, plan, arrives, destination, fetch, arithmetic)
        self._write_state(m, plan, arrives, taken, destination, arithmetic)
        self._write_rows(m, plan, walk, arrives, taken, destination)

        last_written = Signal()
        m.d.sync += [last_written.eq(finishes), self.done.eq(last_written)]
        with m.If(self.abort):
            m.d.sync += [
                last_written.eq(0),
                self.done.eq(0),
                self.activation_write.valid.eq(0),
                self.state_write.valid.eq(0),
                self.drain.write.eq(0),
            ]
        return m

    def _step(self, m: Module, plan: Any, walk: Walk) -> Value:
        """Start the walk and keep it going; return whether an element is taken."""
        wants = walk.valid & (plan.work == Work.INPUT)
        ends = wants & ~self.features.valid & self.end_of_input
        m.d.comb += [
            walk.abort.eq(self.abort),
            walk.order.eq(plan.order),
            walk.steps.eq(plan.steps),
            walk.advance.eq(~self.waiting),
            walk.stop.eq(ends),
            self.features.ready.eq(wants),
            self.waiting.eq(wants & ~self.features.valid & ~self.end_of_input),
        ]
        with m.If(ends):
            m.d.sync += [self.ended.eq(walk.first), self.error.eq(~walk.first)]
        with m.If(self.start):
            m.d.sync += [self.ended.eq(0), self.error.eq(0)]
        return walk.valid & walk.advance & ~ends

    def _history(self, m: Module, now: Value, name: str) -> Value:
        """`now` and its values of the `_DEPTH` cycles before, the present one lowest."""
        before = Signal(_DEPTH, name=name)
        m.d.sync += before.eq(Cat(now, before))
        with m.If(self.start | self.abort):
            m.d.sync += before.eq(0)
        return Cat(now, before)

    def _at_result(self, m: Module, plan: Any, history: Value, name: str) -> Signal:
        """The bit of `history` that belongs to the element whose result is there."""
        bit = Signal(name=name)
        with m.Switch(plan.work):
            for work, latency in LATENCY.items():
                with m.Case(work):
                    m.d.comb += bit.eq(history[latency])
        return bit

    def _move(
        self, m: Module, plan: Any, new: Any, walk: Walk, taken: Value, arrives: Signal
    ) -> Signal:
        """Count the addresses on, each when its word was used; return that of the result."""
        destination, a, b = (Signal(16, name=name) for name in ("destination", "a", "b"))
        parameters = self.parameter_address
        m.d.comb += [
            self.activation_address.eq(a),
            self.state_address_a.eq(a),
            self.state_address_b.eq(b),
        ]
        # A unit's c is read so that it arrives with its pre-activations.
        unit = plan.work == Work.CELL
        paced = (walk.phase & plan.pace) == plan.pace
        m.d.sync += [
            destination.eq(destination + arrives),
            a.eq(a + Mux(unit, taken[timing.VECTOR_VALUE - 1], taken[0])),
            b.eq(b + Mux(unit, taken[timing.VECTOR_STATE], taken[0])),
            parameters.eq(parameters + (taken[0] & paced)),
        ]
        # The row of an embedding takes a multiplication before its first address.
        embeds, row = Signal(), Signal(32)
        embed = self.word.opcode == Opcode.EMBED
        m.d.comb += walk.start.eq((self.start & ~embed) | embeds)
        m.d.sync += [
            embeds.eq(self.start & embed & ~self.abort),
            row.eq(self.operand * self.word.arguments.embed.stride),
        ]
        with m.If(embeds):
            m.d.sync += parameters.eq(parameters + row)
        with m.If(self.start):
            m.d.sync += [
                destination.eq(new.destination),
                a.eq(new.a),
                b.eq(new.b),
                parameters.eq(new.parameters),
            ]
        return destination

    def _first(self, m: Module, walk: Walk) -> Value:
        """The row of the bank that CELL and DRAIN mean by the walk's; of others it is the same."""
        first, row = Signal(Rows), Signal.like(walk.row)
        rows_of = (Opcode.CELL, Opcode.DRAIN)
        with m.If(self.start):
            m.d.sync += first.eq(0)
            with m.Switch(self.word.opcode), m.Case(*rows_of):
                m.d.sync += first.eq(self.word.arguments.raw[EXTENSION_BIT:])
        m.d.comb += row.eq(walk.row + first.first)
        return row

    def _connect(
        self, m: Module, plan: Any, walk: Walk, fetch: Fetch, arithmetic: Arithmetic
    ) -> None:
        """Lead the memories' data to the arithmetic."""
        m.d.comb += [
            self.drain.bank.eq(plan.bank),
            self.drain.row.eq(self._row),
            fetch.order.eq(plan.order),
            fetch.indexed.eq(plan.work == Work.ARGMAX),
            fetch.row.eq(walk.row),
            fetch.quad.eq(walk.quad),
            fetch.phase.eq(walk.phase),
            fetch.accumulators.eq(self.drain.accumulators),
            fetch.parameters.eq(self.parameter_data),
            fetch.a.eq(self.state_data_a),
            fetch.b.eq(self.state_data_b),
            arithmetic.operands.eq(fetch.operands),
            arithmetic.biases.eq(fetch.biases),
            arithmetic.previous.eq(self.state_data_a),
            arithmetic.multiplier.eq(plan.multiplier),
            arithmetic.shift.eq(plan.shift),
            arithmetic.rectify.eq(plan.rectify),
        ]

    def _find(self, m: Module, fetch: Fetch, taken: Value) -> None:
        """Show every element to the maximum; only ARGMAX's result is looked at."""
        m.submodules.argmax = argmax = Argmax(self._config)
        m.d.comb += [
            argmax.clear.eq(self.start | self.abort),
            argmax.valid.eq(taken[timing.FETCH]),
            argmax.accumulator.eq(fetch.operands[SCALAR]),
            argmax.bias.eq(fetch.biases[SCALAR]),
            argmax.index.eq(fetch.index),
            self.result.eq(argmax.result),
        ]

    def _write_activation(
        self,
        m: Module,
        plan: Any,
        arrives: Signal,
        destination: Signal,
        fetch: Fetch,
        arithmetic: Arithmetic,
    ) -> None:
        write = self.activation_write
        m.d.sync += [
            write.valid.eq(arrives & (plan.target == Space.ACTIVATION)),
            write.address.eq(destination),
        ]
        with m.Switch(plan.work):
            for work, value in (
                (Work.INPUT, self.features.payload),
                (Work.FILL, plan.value),
                (Work.COPY, self.activation_data),
                (Work.EMBED, fetch.embedded),
                (Work.VALUE, arithmetic.narrow),
                (Work.TANH, arithmetic.squashed),
                (Work.CELL, arithmetic.hidden),
            ):
                with m.Case(work):
                    m.d.sync += write.data.eq(value)

    def _write_state(
        self,
        m: Module,
        plan: Any,
        arrives: Signal,
        taken: Value,
        destination: Signal,
        arithmetic: Arithmetic,
    ) -> None:
        write = self.state_write
        m.d.sync += [
            write.valid.eq(arrives & (plan.target == Space.STATE)),
            write.address.eq(destination),
        ]
        with m.Switch(plan.work):
            with m.Case(Work.FILL):
                m.d.sync += write.data.eq(plan.value)
            with m.Case(Work.COPY):
                m.d.sync += write.data.eq(self.state_data_a)
            with m.Case(Work.VALUE):
                m.d.sync += write.data.eq(arithmetic.value)
            with m.Case(Work.CELL):
                # A unit's second result; its first went to activation memory above.
                m.d.sync += [
                    write.valid.eq(taken[timing.VECTOR_STATE]),
                    write.address.eq(self.state_address_b),
                    write.data.eq(arithmetic.state),
                ]

    def _write_rows(
        self,
        m: Module,
        plan: Any,
        walk: Walk,
        arrives: Signal,
        taken: Value,
        destination: Signal,
    ) -> None:
        """Fill rows of a bank, or clear those that CELL, DRAIN and ARGMAX leave."""
        fills = plan.work == Work.FILL
        to_bank = (plan.target == Space.BANK0) | (plan.target == Space.BANK1)
        leaves = taken[0] & walk.leaves & (plan.order != Order.ELEMENTS)
        m.d.sync += [
            self.drain.write.eq(Mux(fills, arrives & to_bank, leaves)),
            self.drain.write_bank.eq(plan.bank),
            self.drain.write_row.eq(Mux(fills, destination, self._row)),
            # Only FILL has a value; of other instructions it is 0.
            self.drain.value.eq(plan.value),
        ]
