"""The order in which the vector unit takes elements: which row, quad and lane, and when to end."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.rtl.vector.plan import Order

__all__ = ["Walk"]


class Walk(wiring.Component):
    """Present one element a cycle, beginning in the cycle after `start`.

    An instruction of no steps presents one empty element (`last` without `valid`), so that
    everything that waits for the last element still ends.

    Members
    -------
    start
        Begin, one cycle high.
    abort
        Present nothing from the next cycle on.
    order, steps
        Read in the cycle after `start` and until the end, held still.
    advance
        Go on to the next element.
    stop
        Together with `advance`: end, this element is the last.
    active
        An element is presented, or the empty one.
    valid
        An element is presented.
    last
        It is the last.
    first
        None has been passed yet.
    row, quad
        Where it is in the accumulators.
    phase
        Low bits of the element's number; the lane in its quad in order SLOTS.
    leaves
        It is the last of its row.
    """

    def __init__(self, config: Config) -> None:
        self._quads = config.quads
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "order": In(Order),
                "steps": In(16),
                "advance": In(1),
                "stop": In(1),
                "active": Out(1),
                "valid": Out(1),
                "last": Out(1),
                "first": Out(1),
                "row": Out(range(config.rows_per_lane)),
                "quad": Out(range(config.quads)),
                "phase": Out(4),
                "leaves": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        passed = Signal(16)
        slots = self.order == Order.SLOTS
        quad_ends = ~slots | self.phase[:2].all()
        row_ends = quad_ends & (self.quad == self._quads - 1)
        step_ends = ~slots | row_ends
        m.d.comb += [
            self.valid.eq(self.active & (self.steps != 0)),
            self.last.eq(
                self.active & (self.stop | ~self.valid | (step_ends & (passed + 1 == self.steps)))
            ),
            self.leaves.eq(self.valid & (row_ends | self.last)),
        ]
        with m.If(self.active & self.advance):
            m.d.sync += [self.first.eq(0), self.phase.eq(self.phase + 1)]
            with m.If(quad_ends):
                m.d.sync += self.quad.eq(Mux(row_ends, 0, self.quad + 1))
            with m.If(row_ends):
                m.d.sync += self.row.eq(self.row + 1)
            with m.If(step_ends):
                m.d.sync += passed.eq(passed + 1)
            with m.If(self.last):
                m.d.sync += self.active.eq(0)
        with m.If(self.start | self.abort):
            m.d.sync += [
                self.active.eq(~self.abort),
                self.first.eq(1),
                passed.eq(0),
                self.row.eq(0),
                self.quad.eq(0),
                self.phase.eq(0),
            ]
        return m
