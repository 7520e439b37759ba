"""Where the words of the vector unit's elements are, counted on from one to the next."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.fields import REGISTER_BITS
from sordino.isa.operations import Opcode
from sordino.isa.pipelines import Pipeline
from sordino.rtl.shared.ports import VectorArguments
from sordino.rtl.vector.plan import Plan

__all__ = ["ROW_BITS", "Addresses"]

ROW_BITS = REGISTER_BITS + 16
"""Bits of an embedding's row: its number times the stride."""


class Addresses(wiring.Component):
    """Count the addresses on, each when its word was used.

    Members
    -------
    start, abort, arguments, new
        An instruction begins, and what it means; none goes on.
    plan
        The instruction at work.
    phase
        Low bits of the element's number.
    taken, arrives
        An element was presented; the result of one is there.
    read, keeps
        The state of a unit was read; its new one is there.
    a, b, parameters, destination
        The addresses.
    first
        The first element may be presented in the next cycle.
    row
        In a serial unit: the product of the two numbers of the cycle before the last one.
    """

    def __init__(self, config: Config) -> None:
        self._serial = config.vector_gates == 1
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "arguments": In(VectorArguments),
                "new": In(Plan),
                "plan": In(Plan),
                "phase": In(4),
                "taken": In(1),
                "arrives": In(1),
                "read": In(1),
                "keeps": In(1),
                "a": Out(16),
                "b": Out(16),
                "parameters": Out(24),
                "destination": Out(16),
                "first": Out(1),
                **({"row": In(ROW_BITS)} if self._serial else {}),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        # A unit's state is read so that it arrives when its kind wants it. What is read for a
        # register stays until it is done: its target is no memory of words.
        a_used, b_used = Signal(), Signal()
        m.d.comb += [a_used.eq(self.taken & ~self.plan.target.as_value()[1]), b_used.eq(self.taken)]
        with m.If(self.plan.work == Pipeline.RECURRENT):
            m.d.comb += [a_used.eq(self.keeps), b_used.eq(self.read)]
        paced = (self.phase & self.plan.pace) == self.plan.pace
        embeds, row = self._row(m)
        m.d.sync += [
            self.destination.eq(self.destination + self.arrives),
            self.a.eq(self.a + a_used),
            self.b.eq(self.b + b_used),
            self.parameters.eq(self.parameters + Mux(embeds, row, self.taken & paced)),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.destination.eq(self.new.destination),
                self.a.eq(self.new.a),
                self.b.eq(self.new.b),
                self.parameters.eq(self.new.parameters),
            ]
        return m

    def _row(self, m: Module) -> tuple[Value, Value]:
        """The row of an embedding, which takes a multiplication before the first address."""
        embed = self.arguments.word.opcode == Opcode.EMBED
        embeds = Signal()
        m.d.sync += embeds.eq(self.start & embed & ~self.abort)
        if self._serial:
            later = Signal()
            m.d.sync += later.eq(embeds & ~self.abort)
            embeds, row = later, self.row
        else:
            row = Signal(ROW_BITS)
            stride = self.arguments.word.arguments.embed.stride
            m.d.sync += row.eq(self.arguments.operand * stride)
        m.d.comb += self.first.eq((self.start & ~embed) | embeds)
        return embeds, row
