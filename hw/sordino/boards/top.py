"""The circuit of a board: clock, reset, flash, UART and lights around a machine."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Instance, Module, Signal, Value
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from sordino.boards.board import Board, Pin
from sordino.boards.pll import Pll, PllSettings
from sordino.rtl.boot.system import FlashSystem
from sordino.rtl.bridges.registry import make_bridge

__all__ = ["ROLES", "BoardTop"]

ROLES = {
    "alive": "blinks: there is a clock",
    "booting": "the image is on its way from the flash",
    "loaded": "it has arrived unchanged; START is allowed",
    "refused": "what is in the flash is no image for this machine, or a damaged one",
    "interrupt": "the machine's interrupt line",
}
"""What lights show."""
_BLINK_BIT = 25
"""The bit of a counter that changes about once a second."""


class BoardTop(Elaboratable):
    """All of a board's circuit.

    The machine is held in reset until the PLL has locked, and while the board's button is pressed.
    Then it boots from the flash. The machine's clock is what the PLL makes.
    """

    def __init__(self, board: Board, pll: PllSettings) -> None:
        self.board, self.pll = board, pll
        self.clock_hz = pll.output_hz
        self.bridge = make_bridge("uart", clock_hz=self.clock_hz, baud=board.baud)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board, flash = self.board, self.board.flash
        m.submodules.system = system = FlashSystem(
            board.config, self.bridge, lines=flash.lines, size=flash.size, address=flash.image_at
        )
        ports: dict[tuple[str, int], Any] = {}

        def port(pin: Pin) -> Any:
            key = pin.name, pin.number
            if key not in ports:
                ports[key] = platform.request(*key, dir="-")
            return ports[key] if pin.part is None else getattr(ports[key], pin.part)

        def take(name: str, pin: Pin) -> Value:
            m.submodules[f"pin_{name}"] = buffer = io.Buffer(io.Direction.Input, port(pin))
            return buffer.i

        def drive(name: str, pin: Pin, value: Any) -> None:
            m.submodules[f"pin_{name}"] = buffer = io.Buffer(io.Direction.Output, port(pin))
            m.d.comb += buffer.o.eq(value)

        self._clock(m, take("clock", Pin(platform.default_clk)), take("reset", board.reset))
        self._flash(m, port(Pin(flash.resource)), system.spi)
        m.d.comb += system.uart.rx.eq(take("uart_rx", Pin("uart", 0, "rx")))
        drive("uart_tx", Pin("uart", 0, "tx"), system.uart.tx)
        blink = Signal(_BLINK_BIT + 1)
        m.d.sync += blink.eq(blink + 1)
        shown = {
            "alive": blink[-1],
            "booting": ~system.boot.done,
            "loaded": system.boot.loaded,
            "refused": system.boot.refused,
            "interrupt": system.irq,
        }
        for role, pin in board.lights.items():
            drive(f"light_{role}", pin, shown[role])
        for number, (pin, level) in enumerate(board.held.items()):
            drive(f"held_{number}", pin, level)
        return m

    def _clock(self, m: Module, oscillator: Value, button: Value) -> None:
        m.domains.sync = ClockDomain()
        m.submodules.pll = pll = Pll(self.pll)
        m.d.comb += [pll.i.eq(oscillator), ClockSignal().eq(pll.o)]
        m.submodules.reset = ResetSynchronizer(~pll.locked | button, domain="sync")

    def _flash(self, m: Module, port: Any, spi: Any) -> None:
        """Pins of the flash; its clock is the configuration's, which only USRMCLK reaches."""
        m.submodules.flash_clock = Instance("USRMCLK", i_USRMCLKI=spi.clk, i_USRMCLKTS=0)
        m.submodules.pin_flash_cs = cs = io.Buffer(io.Direction.Output, port.cs)
        m.d.comb += cs.o.eq(spi.cs)
        if hasattr(port, "dq"):
            for number in range(len(port.dq)):
                m.submodules[f"pin_flash_{number}"] = line = io.Buffer(
                    io.Direction.Bidir, port.dq[number]
                )
                m.d.comb += [
                    line.o.eq(spi.o[number]),
                    line.oe.eq(spi.oe[number]),
                    spi.i[number].eq(line.i),
                ]
            return
        m.submodules.pin_flash_copi = copi = io.Buffer(io.Direction.Output, port.copi)
        m.submodules.pin_flash_cipo = cipo = io.Buffer(io.Direction.Input, port.cipo)
        m.d.comb += [copi.o.eq(spi.o[0]), spi.i.eq(cipo.i << 1)]
        for name in ("wp", "hold"):  # active low pins, at rest
            m.submodules[f"pin_flash_{name}"] = rest = io.Buffer(
                io.Direction.Output, getattr(port, name)
            )
            m.d.comb += rest.o.eq(0)
