"""What a vector instruction means to the vector unit's pipelines."""

from collections.abc import Iterator
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from sordino.arith import (
    CELL_STATE,
    JOINT,
    MAX_REQUANTISE_SHIFT,
    MULTIPLIER_BITS,
    PREACTIVATION,
)
from sordino.isa.choices import Function, Space
from sordino.isa.fields import REGISTER_BITS, REGISTER_ZERO
from sordino.isa.operations import ISA, Opcode
from sordino.isa.pipelines import Pipeline
from sordino.rtl.shared.ports import CHANNEL_BITS
from sordino.rtl.vector.kind import Kind
from sordino.rtl.vector.registry import KINDS

__all__ = ["Decode", "Order", "Plan"]

_DOUBLINGS = PREACTIVATION.fraction - JOINT.fraction
"""Joint sums are taken times 2 to this into tanh and sigmoid."""


class Order(enum.Enum, shape=2):
    """How the elements of an instruction follow one another; what one step is."""

    ELEMENTS = 0
    """A step is an element."""
    UNITS = 1
    """A step is a unit of a recurrent cell: the next quad of the row, then the next row."""
    SLOTS = 2
    """A step is a row; its elements are its lanes, lowest first."""
    PRODUCTS = 3
    """A step is an element, whose two words are multiplied."""


class Plan(data.Struct):
    """A decoded instruction.

    `a` and `b` are read addresses in activation or state memory; of units, `a` is where the state
    is read and `b` where the new one is written. `kind` is the number of their cell. The parameter
    address moves on by one when the low bits of the element's number that are set in `pace` are all
    ones.
    """

    work: Pipeline
    kind: range(len(KINDS))
    order: Order
    steps: 16
    target: Space
    bank: 1
    destination: 16
    a: 16
    b: 16
    parameters: 24
    pace: 4
    rectify: 1
    sigmoid: 1
    from_activation: 1
    alone: 1
    multiplier: MULTIPLIER_BITS
    shift: range(MAX_REQUANTISE_SHIFT + 1)
    value: signed(CELL_STATE.bits)
    channel: CHANNEL_BITS


def _is_curve(function: Any) -> Value:
    """Whether it is tanh or sigmoid."""
    return Value.cast((function == Function.TANH) | (function == Function.SIGMOID))


class Decode(wiring.Component):
    """Derive the plan of an instruction, combinationally; other opcodes give any plan.

    Members
    -------
    word, operand
        The instruction, and what the register holds that it reads.
    plan
        Its plan.
    """

    word: In(ISA.word)
    operand: In(REGISTER_BITS)
    plan: Out(Plan)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        with m.Switch(self.word.opcode):
            for opcode, fields in (
                (Opcode.INPUT, self._input()),
                *((Opcode[k.operation.mnemonic], self._units(n, k)) for n, k in enumerate(KINDS)),
                (Opcode.DRAIN, self._drain()),
                (Opcode.ARGMAX, self._argmax()),
                (Opcode.ADD, self._add()),
                (Opcode.MULTIPLY, self._multiply()),
                (Opcode.EMBED, self._embed()),
                (Opcode.FILL, self._fill()),
                (Opcode.COPY, self._copy()),
                (Opcode.READ, self._read()),
                (Opcode.WRITE, self._write()),
            ):
                with m.Case(opcode):
                    m.d.comb += [self.plan[name].eq(value) for name, value in fields]
        return m

    def _same(self, arguments: Any, *names: str) -> Iterator[tuple[str, Any]]:
        """Fields that go by the same name in instruction and plan."""
        for name in names:
            yield name, arguments[name]

    def _input(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.input
        yield from (("work", Pipeline.FEATURE), ("steps", i.count), ("target", Space.ACTIVATION))
        yield from self._same(i, "destination", "channel")

    def _units(self, number: int, kind: Kind) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments[kind.operation.mnemonic.lower()]
        yield from (("work", Pipeline.RECURRENT), ("kind", number))
        yield from (("order", Order.UNITS), ("steps", i.units))
        yield from (("target", Space.ACTIVATION), ("a", i.state), ("b", i.state), ("pace", 0b0000))
        yield from self._same(i, "bank", "destination", "parameters", "multiplier", "shift")

    def _drain(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.drain
        yield "work", Mux(~i.wide & _is_curve(i.function), Pipeline.CURVE, Pipeline.VALUE)
        yield "sigmoid", i.function == Function.SIGMOID
        yield from (("order", Order.SLOTS), ("steps", i.rows), ("pace", 0b0011))
        yield "target", Mux(i.wide, Space.STATE, Space.ACTIVATION)
        yield "rectify", ~i.wide & (i.function == Function.RELU)
        yield from self._same(i, "bank", "destination", "parameters", "multiplier", "shift")

    def _argmax(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.argmax
        yield from (("work", Pipeline.COMPARE), ("order", Order.SLOTS), ("steps", i.rows))
        # A target that nothing but FILL writes: only the rows are cleared.
        yield from (("target", Space.BANK0), ("pace", 0b0001))
        yield from self._same(i, "bank", "parameters")

    def _add(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.add
        # A curve is of sat16(2 v), which is what requantising by 4 / 2^1 computes, exactly: so
        # the sum takes the same way as in the other functions.
        curve = _is_curve(i.function)
        yield "work", Mux(curve, Pipeline.CURVE, Pipeline.VALUE)
        yield "multiplier", Mux(curve, 2 << _DOUBLINGS, i.multiplier)
        yield "shift", Mux(curve, 1, i.shift)
        yield from (("steps", i.count), ("target", Mux(i.wide, Space.STATE, Space.ACTIVATION)))
        yield "rectify", i.function == Function.RELU
        yield "sigmoid", i.function == Function.SIGMOID
        yield from self._same(i, "a", "b", "destination", "from_activation", "alone")

    def _multiply(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.multiply
        yield from (("work", Pipeline.PRODUCT), ("order", Order.PRODUCTS), ("steps", i.count))
        yield "target", Mux(i.wide, Space.STATE, Space.ACTIVATION)
        yield from (("a", i.activation), ("b", i.state))
        yield from self._same(i, "destination", "multiplier", "shift")

    def _embed(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.embed
        yield from (("work", Pipeline.LOOKUP), ("steps", i.count), ("target", Space.ACTIVATION))
        yield "pace", 0b1111
        yield from self._same(i, "destination", "parameters")

    def _fill(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.fill
        yield from (("work", Pipeline.CONSTANT), ("steps", i.count), ("target", i.space))
        yield "bank", i.space == Space.BANK1
        yield from self._same(i, "destination", "value")

    def _copy(self) -> Iterator[tuple[str, Any]]:
        i = self.word.arguments.copy
        yield from (("work", Pipeline.MOVE), ("steps", i.count), ("target", i.space))
        yield "a", i.source
        yield from self._same(i, "destination")

    def _read(self) -> Iterator[tuple[str, Any]]:
        # As ARGMAX's, a target that nothing but FILL writes.
        yield from (("work", Pipeline.MOVE), ("steps", 1), ("target", Space.BANK0))
        yield "a", self.word.arguments.read.state

    def _write(self) -> Iterator[tuple[str, Any]]:
        yield from (("work", Pipeline.CONSTANT), ("steps", 1), ("target", Space.STATE))
        yield "destination", self.word.arguments.write.state
        yield "value", self.operand ^ REGISTER_ZERO
