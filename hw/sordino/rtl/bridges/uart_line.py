"""A serial line: bits of a byte one after the other (8N1), from a clock that is divided."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from sordino.errors import InputError

__all__ = ["UartReceiver", "UartSignature", "UartTransmitter", "divider"]

_DATA_BITS = 8
_HIGH: Any = {"init": 1}
"""A line at rest."""
_LAST_SAMPLE = 9.5
"""Bit times from the start of a byte to the middle of its stop bit."""
_TOLERANCE = 0.25
"""How far off that sample may be, in bit times; as much is left to the other side."""


def divider(clock_hz: int, baud: int) -> int:
    """Clock cycles of a bit, rounded; InputError where that is too far from `baud`.

    A receiver finds the start of a byte in one of the clock's cycles, and then counts. So its last
    sample is off by up to a cycle, and by what rounding adds in 9.5 bits. Together this must be a
    quarter of a bit at most; the other side may be off by as much.
    """
    if baud < 1 or clock_hz < 1:
        raise InputError(
            f"wanted a clock and a baud rate of 1 Hz or more, got {clock_hz} and {baud}; give both"
        )
    cycles = max(round(clock_hz / baud), 1)
    rounding = abs(cycles * baud / clock_hz - 1)
    if _LAST_SAMPLE * rounding + 1 / cycles > _TOLERANCE:
        best = next(n for n in range(cycles, cycles + 64) if 1 / n <= _TOLERANCE)
        raise InputError(
            f"wanted a baud rate that a clock of {clock_hz:,} Hz can keep, got {baud:,}: a bit of "
            f"{cycles} cycles is {100 * rounding:.1f} % off; take {clock_hz // best:,} baud, or "
            "another clock"
        )
    return cycles


class UartSignature(wiring.Signature):
    """A serial line of two wires (`Out` at the host).

    Members
    -------
    rx
        To the machine; high at rest.
    tx
        From the machine; high at rest.
    """

    def __init__(self) -> None:
        super().__init__({"rx": Out(1, **_HIGH), "tx": In(1, **_HIGH)})


class UartReceiver(wiring.Component):
    """Bytes from a line: a start bit, eight bits from the lowest on, a stop bit.

    A start is a fall of the line that is still there half a bit later. Each bit is sampled in its
    middle, once.

    Members
    -------
    rx
        The line; it may change at any time.
    data, valid
        A byte has come, in one cycle, in the middle of its stop bit.
    broken
        One has come whose stop bit is low, in one cycle; it is lost.
    """

    def __init__(self, *, divider: int) -> None:
        self.divider = divider
        super().__init__(
            {
                "rx": In(1, **_HIGH),
                "data": Out(_DATA_BITS),
                "valid": Out(1),
                "broken": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        line, before = Signal(init=1), Signal(init=1)
        m.submodules.line = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self.divider))
        left = Signal(range(_DATA_BITS + 3))
        """Samples that are still to be taken, the start's among them."""
        m.d.sync += [self.valid.eq(0), self.broken.eq(0), before.eq(line)]
        with m.If(left == 0), m.If(before & ~line):
            m.d.sync += [left.eq(_DATA_BITS + 2), timer.eq(self.divider // 2 - 1)]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.divider - 1), left.eq(left - 1)]
            with m.If(left == 1):
                m.d.sync += [self.valid.eq(line), self.broken.eq(~line)]
            with m.Elif(left == _DATA_BITS + 2), m.If(line):
                m.d.sync += left.eq(0)
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], line))
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a line, each as soon as the one before has ended.

    Throughput: a byte every 10 bits.

    Members
    -------
    bytes
        What is to be sent; taken when the line is free.
    tx
        The line, from a register.
    """

    def __init__(self, *, divider: int) -> None:
        self.divider = divider
        super().__init__({"bytes": In(stream.Signature(_DATA_BITS)), "tx": Out(1, **_HIGH)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        rest = Signal(_DATA_BITS + 1, init=-1)
        left = Signal(range(_DATA_BITS + 3))
        timer = Signal(range(self.divider))
        m.d.comb += self.bytes.ready.eq((left == 0) | ((left == 1) & (timer == 0)))
        with m.If(self.bytes.ready):
            m.d.sync += left.eq(0)
            with m.If(self.bytes.valid):
                m.d.sync += [
                    self.tx.eq(0),
                    rest.eq(Cat(self.bytes.payload, 1)),
                    left.eq(_DATA_BITS + 2),
                    timer.eq(self.divider - 1),
                ]
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [
                self.tx.eq(rest[0]),
                rest.eq(Cat(rest[1:], 1)),
                left.eq(left - 1),
                timer.eq(self.divider - 1),
            ]
        return m
