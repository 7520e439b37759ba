"""UART: register accesses in frames on a serial line."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.frames.format import FLAG
from sordino.rtl.bridges.uart_frames import FrameReceiver, FrameSender
from sordino.rtl.bridges.uart_line import UartReceiver, UartSignature, UartTransmitter, divider
from sordino.rtl.bridges.uart_requests import Requests
from sordino.rtl.shared.register_bus import RegisterBusSignature

__all__ = ["BAUD", "UartBridge"]

BAUD = 1_000_000
"""Bits a second where nothing else is said."""


class UartBridge(wiring.Component):
    """Frames of `sordino.frames.format` on a serial line, manager of a register bus.

    A request is kept until its CRC is right; nothing of it happens before. A memory has room for
    two frames: one that is made and answered, and one that comes meanwhile. What comes when both
    are full is dropped, as noise is. Words that are read take the room of their request, so that
    the last answer is there to be sent again.

    A bit takes `divider(clock_hz, baud)` cycles. Throughput: an access every three cycles, which is
    less time than its word takes on the line.

    Members
    -------
    uart
        The line.
    interrupt
        The machine's interrupt line, which hosts are told of.
    bus
        The registers.
    """

    def __new__(cls, *, clock_hz: int = 50_000_000, baud: int = BAUD, **_: Any) -> "UartBridge":
        """Refuse a rate before there is a component, which would be missed in the circuit."""
        divider(clock_hz, baud)
        return super().__new__(cls)

    def __init__(self, *, address_width: int, clock_hz: int = 50_000_000, baud: int = BAUD) -> None:
        self.divider = divider(clock_hz, baud)
        super().__init__(
            {
                "uart": In(UartSignature()),
                "interrupt": In(1),
                "bus": Out(RegisterBusSignature(address_width=address_width - 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(divider=self.divider)
        m.submodules.transmitter = transmitter = UartTransmitter(divider=self.divider)
        m.submodules.frames = frames = FrameReceiver()
        m.submodules.sender = sender = FrameSender()
        m.submodules.requests = requests = Requests(address_width=self.bus.signature.address_width)
        wiring.connect(m, sender.bytes, transmitter.bytes)
        wiring.connect(m, requests.answers, sender.words)
        wiring.connect(m, requests.bus, wiring.flipped(self.bus))
        m.d.comb += [
            receiver.rx.eq(self.uart.rx),
            self.uart.tx.eq(transmitter.tx),
            frames.data.eq(receiver.data),
            frames.valid.eq(receiver.valid),
            # A flag that comes while there is no room spoils nothing: it only ends a frame.
            frames.spoil.eq(
                receiver.broken | (receiver.valid & requests.full & (receiver.data != FLAG))
            ),
            requests.word.eq(frames.word),
            requests.place.eq(frames.place),
            requests.store.eq(frames.store),
            frames.stored.eq(requests.stored),
            requests.whole.eq(frames.whole),
            requests.interrupt.eq(self.interrupt),
        ]
        return m
