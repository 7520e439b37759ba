"""A system on a chip without a processor: a manager of a Wishbone bus, a memory, and a machine.

The manager reads its orders from a memory: what a driver writes to load a program and to feed it,
then which tokens to take. The bus has two devices, the machine and a small memory for the tokens.
All of it is simulated, and written as one Verilog file on request:

    python examples/wishbone_soc.py                # simulate; prints the tokens
    python examples/wishbone_soc.py --verilog build/soc.v

A LiteX system has such a bus, too: there the machine is one more device, in the place of its
manager is a processor.
"""

import argparse
from pathlib import Path

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import Out

from sordino.arch import Config
from sordino.image.loading import load_sections
from sordino.isa.operations import Emit, Input, Jump, Set
from sordino.isa.registers import ADDRESS_BITS, NO_TOKEN, REGISTERS, Control, Status
from sordino.rtl.bridges.registry import make_bridge
from sordino.rtl.bridges.wishbone import WishboneSignature
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.top import Sordino
from sordino.stimuli.simulate import simulate
from sordino.testing.images.by_hand import program_image

CONFIG = Config(
    lanes=4, group=4, x_fifo=8, lane_words=64, group_words=64, rows_per_lane=4,
    activation_words=16, state_words=16, parameter_words=4, program_words=16, tables=2,
    matrices=2, feature_fifo=8, token_fifo=4,
)  # fmt: skip
IMAGE = program_image(
    (Input, {"destination": 0, "count": 2, "end": 6}),
    (Set, {"register": 0, "value": 7}),
    (Emit, {"register": 0}),
    (Set, {"register": 0, "value": 8}),
    (Emit, {"register": 0}),
    (Jump, {"target": 0}),
    config=CONFIG,
)
"""It takes features in twos, and emits 7 and 8 for each pair."""
FEATURES = bytes([1, 2, 3, 4])
TOKENS = 4
MEMORY = 1 << ADDRESS_BITS
"""Byte address of the tokens; the machine is below."""
CYCLES = 50_000


class Order(enum.Enum, shape=2):
    """What the manager does."""

    WRITE = 0
    POLL = 1
    """Read an address until bits of the word are set."""
    COPY = 2
    """Read an address until a token is there, and write it to the memory."""
    END = 3


class Entry(data.Struct):
    """One order; `word` is what is written, the bits that are awaited, or the place of a token."""

    order: Order
    address: ADDRESS_BITS
    word: 32


def orders():
    """Load the image, run it, take its tokens: what the driver would do."""

    def write(name, value):
        return {"order": Order.WRITE, "address": REGISTERS[name].offset, "word": value}

    def poll(name, bits):
        return {"order": Order.POLL, "address": REGISTERS[name].offset, "word": bits}

    for section in load_sections(IMAGE):
        yield write("LOAD_TARGET", section.chosen)
        yield write("LOAD_ADDRESS", section.address)
        yield from (write("LOAD_DATA", word) for word in section)
        yield write("LOAD_CHECK", section.crc)
    yield poll("STATUS", Status.LOADED.value)
    yield write("ENTRY", IMAGE.entry("main"))
    yield write("CONTROL", Control.START.value)
    yield write("FEATURE", int.from_bytes(FEATURES, "little"))
    for number in range(TOKENS):
        yield {"order": Order.COPY, "address": REGISTERS["TOKEN"].offset, "word": number}
    yield write("CONTROL", Control.END_OF_INPUT.value)
    yield poll("STATUS", Status.DONE.value)
    yield {"order": Order.END}


class Manager(wiring.Component):
    """A Wishbone manager that does what a memory says, one access after the other."""

    def __init__(self):
        super().__init__(
            {
                "wb": Out(WishboneSignature(address_width=ADDRESS_BITS + 1)),
                "done": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        listed = list(orders())
        m.submodules.orders = rom = memory.Memory(shape=Entry, depth=len(listed), init=listed)
        read, entry, token = rom.read_port(), Signal(Entry), Signal(32)
        m.d.comb += [entry.eq(read.data), self.wb.sel.eq(0xF), self.wb.stb.eq(self.wb.cyc)]
        at = Signal(range(len(listed)))
        m.d.comb += read.addr.eq(at)
        with m.FSM():
            with m.State("FETCH"):
                m.next = "ACCESS"
            with m.State("ACCESS"):
                m.d.comb += [
                    self.wb.cyc.eq(entry.order != Order.END),
                    self.wb.we.eq(entry.order == Order.WRITE),
                    self.wb.adr.eq(entry.address),
                    self.wb.dat_w.eq(entry.word),
                    self.done.eq(entry.order == Order.END),
                ]
                with m.If(self.wb.err):
                    m.d.sync += self.failed.eq(1)
                with m.If(self.wb.ack):
                    m.d.sync += token.eq(self.wb.dat_r)
                    m.next = "AGAIN"
                    with m.If(
                        (entry.order == Order.WRITE)
                        | (entry.order == Order.POLL) & (self.wb.dat_r & entry.word).any()
                    ):
                        m.d.sync += at.eq(at + 1)
                    with m.If((entry.order == Order.COPY) & (self.wb.dat_r != NO_TOKEN)):
                        m.next = "KEEP"
            with m.State("AGAIN"):
                m.next = "FETCH"
            with m.State("KEEP"):
                m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += [
                    self.wb.cyc.eq(1),
                    self.wb.we.eq(1),
                    self.wb.adr.eq(MEMORY | entry.word << 2),
                    self.wb.dat_w.eq(token),
                ]
                with m.If(self.wb.ack):
                    m.d.sync += at.eq(at + 1)
                    m.next = "AGAIN"
        return m


class Soc(wiring.Component):
    """The manager, the machine at address 0, and a memory of tokens behind it.

    `tokens` are the words of the memory; `done` and `failed` say how the orders went.
    """

    def __init__(self):
        self.machine = Sordino(CONFIG, make_bridge("wishbone"))
        super().__init__(
            {f"token{n}": Out(32) for n in range(TOKENS)}
            | {"done": Out(1), "failed": Out(1), "irq": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.manager = manager = Manager()
        m.submodules.machine = machine = self.machine
        wb, device = manager.wb, machine.wb
        tokens = Array([getattr(self, f"token{n}") for n in range(TOKENS)])
        chosen, ack = wb.adr[ADDRESS_BITS], Signal()
        m.d.comb += [
            device.cyc.eq(wb.cyc & ~chosen),
            device.stb.eq(wb.stb & ~chosen),
            *(getattr(device, n).eq(getattr(wb, n)) for n in ("we", "adr", "sel", "dat_w")),
            wb.ack.eq(Mux(chosen, ack, device.ack)),
            wb.err.eq(device.err & ~chosen),
            wb.dat_r.eq(device.dat_r),
            self.done.eq(manager.done),
            self.failed.eq(manager.failed),
            self.irq.eq(machine.irq),
        ]
        m.d.sync += ack.eq(wb.cyc & wb.stb & chosen & ~ack)
        with m.If(ack & wb.we):
            m.d.sync += tokens[wb.adr[2:5]].eq(wb.dat_w)
        return m


def tokens():
    """The tokens that the system has taken, in Amaranth's simulator."""
    soc, found = Soc(), []

    async def testbench(ctx):
        while not ctx.get(soc.done):
            assert not ctx.get(soc.failed), "the machine has refused an access"
            await ctx.tick()
        found.extend(ctx.get(getattr(soc, f"token{n}")) for n in range(TOKENS))

    simulate(soc, testbench, timeout=CYCLES)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verilog", type=Path, help="write the system to a file, too")
    arguments = parser.parse_args()
    if arguments.verilog:
        arguments.verilog.parent.mkdir(parents=True, exist_ok=True)
        arguments.verilog.write_text(to_verilog(to_rtlil(Soc(), name="soc", joint="_")))
    print(*tokens())


if __name__ == "__main__":
    main()
