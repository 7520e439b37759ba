"""Load window: words from the host to the machine's memories, with their CRC-32."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.image.external import DIRECTORY_WORDS
from sordino.image.tans import ENTRY_BYTES
from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.ports import LoadSignature, LoadWrite

__all__ = ["ADDRESS_BITS", "Loader", "load_words"]

ADDRESS_BITS = 26
"""Bits of a word address."""


def load_words(config: Config, target: LoadTarget) -> tuple[int, int]:
    """Units of `target` and the 32-bit words that one unit takes."""
    match target:
        case LoadTarget.PROGRAM:
            return 1, 4 * config.program_words
        case LoadTarget.PARAMETERS:
            return 1, 4 * config.parameter_words
        case LoadTarget.TABLES:
            return 1, ENTRY_BYTES // 4 * config.tables * config.states
        case LoadTarget.GROUP_DIRECTORY:
            return config.groups, 2 * config.matrices
        case LoadTarget.LANE_DIRECTORY:
            return config.lanes, config.matrices
        case LoadTarget.POSITIONS:
            return config.groups, -(-config.group_words // 2)
        case LoadTarget.VALUES:
            return config.lanes, -(-config.lane_words // 2)
        case LoadTarget.EXTERNAL_DIRECTORY:
            return config.streams, DIRECTORY_WORDS * config.matrices


class Loader(wiring.Component):
    """Take words for `target` and `unit`, keep their address and CRC, write them on `load`.

    One word every two cycles. One of `restart`, `write`, `check`, `require`, `clear`, `begin` and
    `count` at most is high in a cycle, and only while `idle`, but `count` may be with `restart`.

    Members
    -------
    target, unit
        Where words go.
    restart, restart_address
        Go on at that address and begin a new CRC. Words that were not checked make `failed` sticky,
        and nothing counts as loaded. For a segment it is no more than the address.
    write
        Take `data`; the address moves on. Not while `outside`. The word is on `load` in the next
        cycle; a word for POSITIONS or VALUES is two 16-bit writes in the next two.
    check
        `data` is the CRC-32 expected of all words since `restart` (zlib.crc32 of their
        little-endian bytes); another value makes `failed` sticky, and nothing counts as loaded.
    require
        Unchecked words, or no program, make `failed` sticky.
    clear
        Forget `failed` and begin a new CRC. After unchecked words nothing counts as loaded.
    data
        The word, or its CRC.
    address
        Where the next word goes.
    outside
        The target has no such unit or word; as of the cycle before.
    idle
        All is done with the word before. Low for a cycle after `write`, `begin` and `count`.
    segment
        A segment is open: what comes does nothing to `unchecked`, `loaded` and `failed`.
    begin, count
        A segment is opened or closed: begin a new CRC with `data`; `data` counts in the CRC.
    matches, begun
        `data` is the CRC of what counted since `begin`; a word was taken since.
    unchecked
        There were words since the latest `check`.
    loaded
        Words of PROGRAM were checked.
    failed
        Something was loaded that is not right.
    load
        Words for the machine.
    """

    target: In(LoadTarget)
    unit: In(16)
    restart: In(1)
    restart_address: In(ADDRESS_BITS)
    write: In(1)
    check: In(1)
    require: In(1)
    clear: In(1)
    segment: In(1)
    begin: In(1)
    count: In(1)
    matches: Out(1)
    begun: Out(1)
    data: In(32)
    address: Out(ADDRESS_BITS)
    outside: Out(1)
    idle: Out(1)
    unchecked: Out(1)
    loaded: Out(1)
    failed: Out(1)
    load: Out(LoadSignature)

    def __init__(self, config: Config) -> None:
        self.config = config
        self._halved = Signal(name="halved")
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._check(m)
        with m.If(self.write | self.begin):
            m.d.sync += self.begun.eq(self.write)
        with m.If(self.restart):
            m.d.sync += self.address.eq(self.restart_address)
        with m.If(self.write):
            m.d.sync += [self.address.eq(self.address + 1), self.unchecked.eq(~self.segment)]
        program, differs, given_up = Signal(), Signal(), Signal()
        m.d.comb += [
            differs.eq(self.check & ~self.matches),
            given_up.eq((self.restart | self.clear) & self.unchecked),
        ]
        with m.If(self.write & (self.target == LoadTarget.PROGRAM)):
            m.d.sync += program.eq(1)
        with m.If(self.restart | self.clear):
            m.d.sync += program.eq(0)
        with m.If(self.restart | self.check | self.clear):
            m.d.sync += self.unchecked.eq(0)
        with m.If(differs | given_up):
            m.d.sync += self.loaded.eq(0)
        with m.Elif(self.check & program):
            m.d.sync += self.loaded.eq(1)
        with m.If(differs | given_up | (self.require & (self.unchecked | ~self.loaded))):
            m.d.sync += self.failed.eq(1)
        with m.If(self.clear):
            m.d.sync += self.failed.eq(0)
        self._bounds(m)
        self._emit(m)
        return m

    def _check(self, m: Module) -> None:
        """Take a word's halves one after the other: half the logic, and none has to wait longer."""
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=16).create()
        takes, upper = self.write | self.count | self.begin, Signal(16)
        m.d.sync += [self._halved.eq(takes), upper.eq(self.data[16:])]
        m.d.comb += [
            crc.start.eq((self.restart & ~self.segment) | self.clear | self.begin),
            crc.valid.eq(takes | self._halved),
            crc.data.eq(Mux(self._halved, upper, self.data[:16])),
            self.matches.eq(crc.crc == self.data),
        ]

    def _bounds(self, m: Module) -> None:
        """Choose the target's last unit and word first: comparing takes more than choosing."""
        known, unit, word = Signal(), Signal.like(self.unit), Signal.like(self.address)
        with m.Switch(self.target):
            for target in LoadTarget:
                if target is LoadTarget.EXTERNAL_DIRECTORY and not self.config.stream_bus:
                    continue
                units, words = load_words(self.config, target)
                with m.Case(target):
                    m.d.comb += [known.eq(1), unit.eq(units - 1), word.eq(words - 1)]
        # A register: whether a word is taken, and all that hangs on it, comes late enough.
        m.d.sync += self.outside.eq(~known | (self.unit > unit) | (self.address > word))

    def _emit(self, m: Module) -> None:
        held = Signal(LoadWrite)
        valid = Signal()
        upper = Signal()
        halves = Signal()
        whole = Signal()
        m.d.comb += [
            halves.eq((held.target == LoadTarget.POSITIONS) | (held.target == LoadTarget.VALUES)),
            whole.eq(~valid | ~halves | upper),
            self.idle.eq(whole & ~self._halved),
            self.load.valid.eq(valid),
            self.load.payload.eq(held),
        ]
        with m.If(halves):
            m.d.comb += [
                self.load.payload.address.eq(Cat(upper, held.address)),
                self.load.payload.data.eq(held.data.word_select(upper, 16)),
            ]
            # The second half of the last word of a memory of odd depth has no place.
            for target, depth in (
                (LoadTarget.POSITIONS, self.config.group_words),
                (LoadTarget.VALUES, self.config.lane_words),
            ):
                if depth % 2:
                    with m.If((held.target == target) & upper & (held.address == depth // 2)):
                        m.d.comb += self.load.valid.eq(0)
        m.d.sync += valid.eq(valid & ~whole)
        m.d.sync += upper.eq(valid & ~whole)
        with m.If(self.write):
            m.d.sync += [
                valid.eq(1),
                held.target.eq(self.target),
                held.unit.eq(self.unit),
                held.address.eq(self.address),
                held.data.eq(self.data),
            ]
