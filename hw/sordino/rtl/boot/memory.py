"""External memory that is a word source: a flash behind the machine's AXI4 read port."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.rtl.boot.source import SourceSignature
from sordino.rtl.shared.ports import external_signature

__all__ = ["SourceMemory"]

_WORD_BITS = 32
_BURST_BITS = 8
SLVERR = 2


class SourceMemory(wiring.Component):
    """AXI4 read subordinate for the bursts that a machine of `config` asks for.

    It answers one burst after the other. The source is `size` bytes large; a burst that leaves it
    is answered with zeros and SLVERR. Bursts are incrementing, of whole beats.

    Latency: a beat is offered in the cycle after the source's last word of it. The next burst's
    address is taken in the cycle after the last beat.

    Members
    -------
    axi
        The subordinate.
    source
        What is read.
    """

    def __init__(self, config: Config, *, size: int) -> None:
        self.config = config
        self.size = size
        super().__init__({"axi": In(external_signature(config)), "source": Out(SourceSignature())})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        axi, command, words = self.axi, self.source.command, self.source.words
        width = self.config.stream_bus
        beat_bytes, parts = width // 8, width // _WORD_BITS
        beats = Signal(_BURST_BITS)
        part, beat = Signal(range(parts)), Signal(width)
        outside, end = Signal(), Signal(len(axi.araddr) + 1)
        m.d.comb += [
            end.eq(axi.araddr + ((axi.arlen + 1) << (beat_bytes.bit_length() - 1))),
            axi.rdata.eq(Mux(outside, 0, beat)),
            axi.rresp.eq(Mux(outside, SLVERR, 0)),
            axi.rlast.eq(beats == 0),
        ]
        with m.If(axi.rvalid & axi.rready):
            m.d.sync += [axi.rvalid.eq(0), beats.eq(beats - 1)]
        with m.FSM(init="Idle"):
            with m.State("Idle"):
                m.d.comb += axi.arready.eq(1)
                with m.If(axi.arvalid):
                    m.d.sync += [
                        beats.eq(axi.arlen),
                        outside.eq(end > self.size),
                        command.payload.address.eq(axi.araddr),
                        command.payload.words.eq((axi.arlen + 1) * parts),
                    ]
                    m.next = "Ask"
            with m.State("Ask"):
                m.d.comb += command.valid.eq(~outside)
                with m.If(command.ready | outside):
                    m.next = "Beats"
            with m.State("Beats"):
                free = ~axi.rvalid | axi.rready
                last = axi.rvalid & axi.rready & axi.rlast
                with m.If(last):
                    m.next = "Idle"
                with m.Elif(outside):
                    m.d.sync += axi.rvalid.eq(1)
                with m.Else():
                    m.d.comb += words.ready.eq(free)
                    with m.If(words.valid & words.ready):
                        m.d.sync += [
                            part.eq(part + 1),
                            beat.eq(Cat(beat, words.payload)[_WORD_BITS:]),
                        ]
                        with m.If(part == parts - 1):
                            m.d.sync += axi.rvalid.eq(1)
        return m
