"""A machine as a device in a LiteX system, whose bus a serial line drives.

LiteX's parts are its bus, Wishbone, its address map, and its UARTBone, which makes accesses of what
comes over the line. There is no processor. With one, what differs is `cpu_type` and a line for the
interrupt: `self.irq.add("sordino", use_loc_if_exists=True)`.
"""

from litex.build.generic_platform import GenericPlatform, Pins, Subsignal
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect.wishbone import Interface
from migen import Cat, ClockSignal, Constant, Instance, Module, ResetSignal
from migen.genlib.io import CRG

from sordino.isa.registers import ADDRESS_BITS

__all__ = ["BASE", "BAUD", "CLOCK_HZ", "LitexSoc", "litex_verilog"]

BASE = 0x3000_0000
"""Byte address of the machine's registers on the system's bus."""
CLOCK_HZ = 8_000_000
BAUD = 1_000_000
NAME = "soc"
_PINS = [
    ("clock", 0, Pins(1)),
    ("reset", 0, Pins(1)),
    ("interrupt", 0, Pins(1)),
    ("serial", 0, Subsignal("tx", Pins(1)), Subsignal("rx", Pins(1))),
]


class _Machine(Module):
    """The machine's Verilog, `sordino verilog --bus wishbone`, with LiteX's names of the bus."""

    def __init__(self, irq):
        self.bus = bus = Interface(data_width=32, adr_width=30, addressing="word")
        words = bus.adr[: ADDRESS_BITS - 2]  # LiteX counts words, the machine bytes
        self.specials += Instance(
            "sordino",
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_wb_cyc=bus.cyc,
            i_wb_stb=bus.stb,
            i_wb_we=bus.we,
            i_wb_adr=Cat(Constant(0, 2), words),
            i_wb_sel=bus.sel,
            i_wb_dat_w=bus.dat_w,
            o_wb_dat_r=bus.dat_r,
            o_wb_ack=bus.ack,
            o_wb_err=bus.err,
            o_irq=irq,
        )


class LitexSoc(SoCMini):
    """A LiteX system: UARTBone, the bus, and the machine at `BASE`."""

    def __init__(self, platform):
        SoCMini.__init__(self, platform, CLOCK_HZ)
        self.submodules.crg = CRG(platform.request("clock"), platform.request("reset"))
        self.add_uartbone(baudrate=BAUD)
        self.submodules.sordino = machine = _Machine(platform.request("interrupt"))
        region = SoCRegion(origin=BASE, size=1 << ADDRESS_BITS, cached=False)
        self.bus.add_slave("sordino", machine.bus, region)


def litex_verilog():
    """The system as Verilog, its top module `soc`; the machine's own Verilog stands beside it."""
    platform = GenericPlatform("none", _PINS, name=NAME)
    soc = LitexSoc(platform)
    soc.finalize()
    return str(platform.get_verilog(soc, name=NAME))
