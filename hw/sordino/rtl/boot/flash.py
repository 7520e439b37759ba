"""Reader of an SPI flash as a word source: fast reads, over one data line or over four."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.rtl.boot.source import SOURCE_ADDRESS_BITS, SourceSignature

__all__ = [
    "FAST_READ",
    "FAST_READ_QUAD",
    "HEAD_BITS",
    "REST_CYCLES",
    "WAKE",
    "WAKE_CYCLES",
    "FlashSource",
    "SpiSignature",
    "read_cycles",
]

FAST_READ = 0x0B
FAST_READ_QUAD = 0x6B
"""Command and address over one line, data over four; the flash's bit QE must be set."""
WAKE = 0xAB
"""Release from power-down."""
_COMMAND_BITS = 8
_DUMMY_BITS = 8
HEAD_BITS = _COMMAND_BITS + SOURCE_ADDRESS_BITS + _DUMMY_BITS
"""Clocks of a read before its first bit of data."""
WAKE_CYCLES = 4096
"""Cycles after the wake-up: 40 µs at 100 MHz, and chips ask for up to 35."""
REST_CYCLES = 10
"""Cycles without chip select between two commands: 100 ns at 100 MHz."""
_LINES = 4
_WORD_BITS = 32
_KEPT = 0b1100
"""Lines 2 and 3 are write protection and hold until the data come: high."""


def read_cycles(words: int, lines: int) -> int:
    """Cycles from the one that takes a command to the one that can take the next.

    No word waits for the reader. The words come one every 64 / lines cycles, at the end.
    """
    return 2 * (HEAD_BITS + _WORD_BITS * words // lines) + REST_CYCLES + 2


class SpiSignature(wiring.Signature):
    """The pins of a flash (`Out` at the controller).

    Members
    -------
    cs
        The chip is selected; pins are often low then.
    clk
        Half the circuit's clock at most. Both sides change lines when it falls.
    o, oe, i
        The four data lines: what is driven, which of them are, and what is there.
    """

    def __init__(self) -> None:
        super().__init__(
            {"cs": Out(1), "clk": Out(1), "o": Out(_LINES), "oe": Out(_LINES), "i": In(_LINES)}
        )


class FlashSource(wiring.Component):
    """SPI flash of up to 16 MiB in mode 0 with `lines` data lines, 1 or 4.

    Its clock is half the circuit's.

    All outputs to pins are registers. A line is read at the end of the clock's high half: two
    cycles after the edge at which the flash changes it. A reader that does not take a word stops
    the clock. Its twin is `sordino.stimuli.flash.SpiFlash`; `read_cycles` says how long a read
    takes.

    Members
    -------
    source
        The reader's side.
    spi
        The flash's pins.
    """

    def __init__(self, *, lines: int) -> None:
        self.lines = lines
        super().__init__({"source": In(SourceSignature()), "spi": Out(SpiSignature())})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        command, words, spi = self.source.command, self.source.words, self.spi
        opcode = FAST_READ if self.lines == 1 else FAST_READ_QUAD
        head = Signal(HEAD_BITS, init=WAKE << HEAD_BITS - _COMMAND_BITS)
        bits = Signal(range(HEAD_BITS + 1))
        shifted, full = Signal(_WORD_BITS), Signal()
        left = Signal.like(command.payload.words)
        rest = Signal(range(WAKE_CYCLES), init=WAKE_CYCLES - 1)
        moves = Signal()
        m.d.comb += [
            moves.eq(full & (~words.valid | words.ready)),
            spi.o.eq(Cat(head[-1], C(0, 1), C(0b11, 2))),
        ]
        with m.If(words.ready):
            m.d.sync += words.valid.eq(0)
        with m.If(moves):
            m.d.sync += [
                full.eq(0),
                words.valid.eq(1),
                words.payload.eq(Cat(shifted.word_select(3 - n, 8) for n in range(4))),
            ]
        with m.FSM(init="Sleeping"):
            with m.State("Sleeping"):
                # The wake-up command itself is at the head of the shift register.
                m.d.sync += [spi.cs.eq(1), spi.oe.eq(_KEPT | 1), bits.eq(_COMMAND_BITS)]
                m.next = "Head"
            with m.State("Head"):
                m.d.sync += spi.clk.eq(~spi.clk)
                with m.If(spi.clk):
                    m.d.sync += [head.eq(head << 1), bits.eq(bits - 1)]
                    with m.If(bits == _DUMMY_BITS + 1):
                        m.d.sync += spi.oe.eq(_KEPT if self.lines == 1 else 0)
                    with m.If(bits == 1):
                        with m.If(left == 0):
                            m.next = "End"
                        with m.Else():
                            m.next = "Data"
            with m.State("Data"):
                self._data(m, left, ~full | moves, shifted, full)
            with m.State("End"):
                m.d.sync += [spi.cs.eq(0), spi.oe.eq(_KEPT | 1)]
                with m.If(~full & ~words.valid):
                    m.next = "Rest"
            with m.State("Rest"):
                m.d.sync += rest.eq(rest - 1)
                with m.If(rest == 0):
                    m.next = "Idle"
            with m.State("Idle"):
                m.d.comb += command.ready.eq(1)
                with m.If(command.valid):
                    m.d.sync += [
                        spi.cs.eq(1),
                        head.eq(Cat(C(0, _DUMMY_BITS), command.payload.address, C(opcode, 8))),
                        bits.eq(HEAD_BITS),
                        left.eq(command.payload.words),
                        rest.eq(REST_CYCLES - 3),
                    ]
                    m.next = "Head"
        return m

    def _data(self, m: Module, left: Signal, goes: Value, shifted: Signal, full: Signal) -> None:
        """Shift words in while the one before `goes`, and say when one is `full`."""
        spi, clocks = self.spi, _WORD_BITS // self.lines
        place = Signal(range(clocks))
        with m.If(spi.clk):
            got = spi.i[1:2] if self.lines == 1 else spi.i
            m.d.sync += [spi.clk.eq(0), shifted.eq(Cat(got, shifted)), place.eq(place + 1)]
            with m.If(place == clocks - 1):
                m.d.sync += [full.eq(1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "End"
        with m.Elif(goes):
            m.d.sync += spi.clk.eq(1)
