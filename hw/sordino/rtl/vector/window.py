"""The host's word among the vector unit's: written in the place of a result, or read."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import ACTIVATION, CELL_STATE
from sordino.isa.choices import Space
from sordino.isa.pipelines import Pipeline
from sordino.rtl.shared.ports import ADDRESS_BITS, WINDOW_BITS, WindowSignature

__all__ = ["HostWord", "Result"]


class Result(data.Struct):
    """What is written to a memory in the next cycle; FILL, WRITE and the host have a `value`."""

    valid: 1
    work: Pipeline
    target: Space
    bank: 1
    address: ADDRESS_BITS
    value: signed(WINDOW_BITS)


class HostWord(wiring.Component):
    """Write the host's word as FILL writes its value; give it the word that it has chosen.

    Members
    -------
    window
        What the host wants.
    own, result
        What the vector unit writes, and what is written.
    activation, state, accumulator
        What stands at the window's address: the first two a cycle after it was presented, the
        lane's accumulator two.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "window": In(WindowSignature()),
                "own": In(Result),
                "result": Out(Result),
                "activation": In(signed(ACTIVATION.bits)),
                "state": In(signed(CELL_STATE.bits)),
                "accumulator": In(signed(config.accumulator_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        window, result = self.window, self.result
        m.d.comb += result.eq(self.own)
        with m.If(window.write):
            m.d.comb += [
                result.valid.eq(1),
                result.work.eq(Pipeline.CONSTANT),
                result.target.eq(window.space),
                result.bank.eq(window.space == Space.BANK1),
                result.address.eq(window.address),
                result.value.eq(window.value),
            ]
        # Each word is 0 unless it is the one that was chosen.
        activation, state = Signal.like(self.activation), Signal.like(self.state)
        banks = (window.space == Space.BANK0) | (window.space == Space.BANK1)
        m.d.sync += [
            activation.eq(Mux(window.space == Space.ACTIVATION, self.activation, 0)),
            state.eq(Mux(window.space == Space.STATE, self.state, 0)),
        ]
        m.d.comb += window.data.eq(activation | state | Mux(banks, self.accumulator, 0))
        return m
