"""Boot loader: carries out a boot image's writes, or leaves nothing that can start."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from sordino.image.boot import COUNT_BIT, ERASED, HEADER_WORDS, MAGIC, MOST_DATA, MOST_WORDS
from sordino.image.loading import WORD_BYTES
from sordino.isa.registers import ADDRESS_BITS, REGISTERS, Control, LoadTarget, Status
from sordino.rtl.boot.source import SourceSignature
from sordino.rtl.shared.crc import CRC_BITS, CRC_START, crc_step
from sordino.rtl.shared.register_bus import STROBES, RegisterBusSignature

__all__ = ["BootLoader", "BootSignature"]

_WANTED = Status.LOADED.value | Status.FAILED.value
"""Flags of which the first alone is wanted at the end."""
_SPOILING = (
    ("CONTROL", Control.CLEAR.value),
    ("LOAD_TARGET", LoadTarget.PROGRAM.value),
    ("LOAD_ADDRESS", 0),
    ("LOAD_DATA", 0),
    ("LOAD_CHECK", 0xFFFF_FFFF),
)
"""Writes after which no program is loaded and the error LOAD is sticky, whatever was before.

The last one is not the CRC-32 of the word before.
"""


class BootSignature(wiring.Signature):
    """How the boot went (`Out` at the loader).

    Members
    -------
    done
        The boot has ended, whether or not there is an image.
    loaded
        All of it has arrived unchanged, no write was refused, and the machine says LOADED.
    refused
        There is an image, but not one that arrived unchanged and that the machine takes. Nothing
        is loaded then, and the machine has the error LOAD.
    """

    def __init__(self) -> None:
        super().__init__({"done": Out(1), "loaded": Out(1), "refused": Out(1)})


class BootLoader(wiring.Component):
    """Carry out the boot image at byte `address` of a source, a multiple of 4, after each reset.

    The image is what `sordino.driver.boot` writes: the writes of a host that loads. So the
    machine's own load window checks every section. The loader checks the header before it goes by
    it, that the machine is the one of `config_id`, and the CRC-32 of all. It never writes CONTROL
    for an image. Where something is wrong it clears the machine and has a check of PROGRAM fail,
    so that nothing counts as loaded. Where no image was ever written it writes nothing.

    Members
    -------
    source
        Where the image is.
    bus
        The registers, of which only STATUS is read.
    boot
        How it went.
    """

    def __init__(self, *, config_id: int, address: int) -> None:
        self.config_id = config_id
        self.address = address
        super().__init__(
            {
                "source": Out(SourceSignature()),
                "bus": Out(RegisterBusSignature(address_width=ADDRESS_BITS - 2)),
                "boot": Out(BootSignature()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        words, bus = self.source.words, self.bus
        crc, after = Signal(CRC_BITS, init=CRC_START), Signal(CRC_BITS)
        left, takes = Signal(range(MOST_WORDS + 1)), Signal()
        wrong, absent = Signal(), Signal()
        m.d.comb += [
            after.eq(crc_step(crc, words.payload)),
            takes.eq(words.valid & words.ready),
            bus.write_strobe.eq((1 << STROBES) - 1),
        ]
        with m.If(takes):
            m.d.sync += crc.eq(after)
        with m.FSM(init="Ask for header"):
            with m.State("Ask for header"):
                self._ask(m, self.address, HEADER_WORDS, "Header")
            with m.State("Header"):
                self._header(m, takes, left, wrong, absent, crc)
            with m.State("Judge header"):
                with m.If(absent):
                    m.next = "End"
                with m.Elif(wrong | (left == 0)):
                    m.next = "Refuse"
                with m.Else():
                    m.next = "Ask for body"
            with m.State("Ask for body"):
                m.d.sync += crc.eq(CRC_START)
                self._ask(m, self.address + WORD_BYTES * HEADER_WORDS, left + 1, "Body")
            with m.State("Body"):
                self._body(m, takes, left, wrong)
                with m.If(left == 0):
                    m.next = "Judge"
            with m.State("Judge"):
                m.d.comb += words.ready.eq(1)
                with m.If(takes):
                    with m.If(wrong | (words.payload != ~crc)):
                        m.next = "Refuse"
                    with m.Else():
                        m.next = "Ask machine"
            with m.State("Ask machine"):
                self._ask_machine(m)
            self._refuse(m)
            with m.State("End"):
                m.d.sync += self.boot.done.eq(1)
        return m

    def _ask(self, m: Module, address: int, words: Any, following: str) -> None:
        command = self.source.command
        m.d.comb += [
            command.valid.eq(1),
            command.payload.address.eq(address),
            command.payload.words.eq(words),
        ]
        with m.If(command.ready):
            m.next = following

    def _ask_machine(self, m: Module) -> None:
        bus = self.bus
        m.d.comb += [
            bus.read_valid.eq(1),
            bus.read_address.eq(REGISTERS["STATUS"].offset // WORD_BYTES),
        ]
        with m.If(bus.read_ready):
            loaded = (bus.read_data & _WANTED) == Status.LOADED.value
            m.d.sync += self.boot.loaded.eq(loaded)
            m.next = "Refuse"
            with m.If(loaded):
                m.next = "End"

    def _header(
        self, m: Module, takes: Value, left: Signal, wrong: Signal, absent: Signal, crc: Value
    ) -> None:
        words = self.source.words
        word, place = words.payload, Signal(range(HEADER_WORDS))
        m.d.comb += words.ready.eq(1)
        with m.If(takes):
            m.d.sync += place.eq(place + 1)
            with m.Switch(place):
                with m.Case(0):
                    erased = Cat(word == value for value in ERASED).any()
                    m.d.sync += [wrong.eq(word != MAGIC), absent.eq(erased)]
                with m.Case(1):
                    m.d.sync += wrong.eq(wrong | (word != self.config_id))
                with m.Case(2):
                    m.d.sync += [left.eq(word), wrong.eq(wrong | (word > MOST_WORDS))]
                with m.Case(3):
                    m.d.sync += wrong.eq(wrong | (word != ~crc))
                    m.next = "Judge header"

    def _body(self, m: Module, takes: Value, left: Signal, wrong: Signal) -> None:
        """Take a write's first word, or carry out one of its data words."""
        words, bus = self.source.words, self.bus
        word, data = words.payload, Signal(range(MOST_DATA + 1))
        offset, target = word[:ADDRESS_BITS], Signal.like(bus.write_address)
        m.d.comb += [bus.write_address.eq(target), bus.write_data.eq(word)]
        with m.If(left == 0):
            m.d.sync += wrong.eq(wrong | (data != 0))  # it must not end within a write
        with m.Elif(data == 0):
            m.d.comb += words.ready.eq(1)
            with m.If(takes):
                m.d.sync += [
                    target.eq(offset[2:]),
                    data.eq(word[COUNT_BIT:] + 1),
                ]
                with m.If(word[ADDRESS_BITS:COUNT_BIT].any() | offset[:2].any()):
                    m.d.sync += wrong.eq(1)
                with m.If(offset == REGISTERS["CONTROL"].offset):
                    m.d.sync += wrong.eq(1)
        with m.Else():
            m.d.comb += [
                bus.write_valid.eq(words.valid & ~wrong),
                words.ready.eq(bus.write_ready | wrong),
            ]
            with m.If(takes):
                m.d.sync += data.eq(data - 1)
                with m.If(bus.write_valid & bus.write_refused):
                    m.d.sync += wrong.eq(1)
        with m.If(takes):
            m.d.sync += left.eq(left - 1)

    def _refuse(self, m: Module) -> None:
        """Leave no loaded program, whatever was written until now, and the error LOAD."""
        bus, step = self.bus, Signal(range(len(_SPOILING)))
        with m.State("Refuse"):
            m.d.comb += bus.write_valid.eq(1)
            with m.Switch(step):
                for number, (name, value) in enumerate(_SPOILING):
                    with m.Case(number):
                        m.d.comb += [
                            bus.write_address.eq(REGISTERS[name].offset // WORD_BYTES),
                            bus.write_data.eq(value),
                        ]
            with m.If(bus.write_ready):
                m.d.sync += step.eq(step + 1)
                with m.If(step == len(_SPOILING) - 1):
                    m.d.sync += self.boot.refused.eq(1)
                    m.next = "End"
