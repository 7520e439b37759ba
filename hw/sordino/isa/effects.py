"""What an instruction reads and writes.

Every engine's retire record holds the regions of `writes`: their contents right after the
instruction, in order. `conflict` says which instructions must not be at work at the same time.
"""

from dataclasses import dataclass

from amaranth.lib import enum

from sordino.arch import Config
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["Region", "Store", "claims", "conflict", "writes"]

_RUN_TABLES = 16
"""Where the run table slots stand in Store.TABLE, after those of value tables."""


class Store(enum.Enum, shape=3):
    """Machine state by memory. The first four are `Space`'s, with the same numbers."""

    ACTIVATION = 0
    STATE = 1
    BANK0 = 2
    BANK1 = 3
    REGISTER = 4
    PC = 5
    TOKEN = 6
    TABLE = 7
    """Tables that the decoders hold; in no record."""


@dataclass(frozen=True)
class Region:
    """`count` words of `store` from `base`; in an accumulator bank a word is a row of all lanes."""

    store: Store
    base: int
    count: int


def writes(instruction: Instruction, config: Config) -> tuple[Region, ...]:
    """Regions that `instruction` writes.

    PC (count 1) is the address of the next instruction, TOKEN (count 1) the emitted token.
    An INPUT that finds the end of input writes nothing but the PC, and is recorded as such.
    """
    i = instruction
    match i.opcode:
        case Opcode.SET | Opcode.ARGMAX:
            register = Region(Store.REGISTER, i.register, 1)
            if i.opcode is Opcode.SET:
                return (register,)
            return (register, Region(Store(Store.BANK0.value + i.bank), 0, i.rows))
        case Opcode.LOOP:
            return (Region(Store.REGISTER, i.register, 1), Region(Store.PC, 0, 1))
        case Opcode.JUMP | Opcode.CALL | Opcode.RETURN | Opcode.BRANCH:
            return (Region(Store.PC, 0, 1),)
        case Opcode.INPUT | Opcode.ADD | Opcode.EMBED:
            return (Region(Store.ACTIVATION, i.destination, i.count),)
        case Opcode.EMIT:
            return (Region(Store.TOKEN, 0, 1),)
        case Opcode.MATVEC:
            return (Region(Store(Store.BANK0.value + i.bank), i.first, i.rows),)
        case Opcode.CELL:
            rows = -(-i.units // config.quads)
            return (
                Region(Store.STATE, i.state, i.units),
                Region(Store.ACTIVATION, i.destination, i.units),
                Region(Store(Store.BANK0.value + i.bank), i.first, rows),
            )
        case Opcode.DRAIN:
            store = Store.STATE if i.wide else Store.ACTIVATION
            return (
                Region(store, i.destination, i.rows * config.lanes),
                Region(Store(Store.BANK0.value + i.bank), i.first, i.rows),
            )
        case Opcode.FILL | Opcode.COPY:
            return (Region(Store(i.space), i.destination, i.count),)
        case _:
            return ()


def _bank(number: int, config: Config) -> Region:
    """All of a bank: while one unit works on some of its rows the others are out of reach."""
    return Region(Store(Store.BANK0.value + number), 0, config.rows_per_lane)


def _reads(i: Instruction, config: Config) -> tuple[Region, ...]:
    match i.opcode:
        case Opcode.LOOP | Opcode.BRANCH | Opcode.EMIT | Opcode.EMBED:
            return (Region(Store.REGISTER, i.register, 1),)
        case Opcode.MATVEC:
            return (
                Region(Store.ACTIVATION, i.source, i.columns),
                Region(Store.TABLE, i.slot, 1),
                Region(Store.TABLE, _RUN_TABLES + i.run_slot, 1),
            )
        case Opcode.CELL:
            return (Region(Store.STATE, i.state, i.units),)
        case Opcode.ADD:
            return (Region(Store.STATE, i.a, i.count), Region(Store.STATE, i.b, i.count))
        case Opcode.COPY:
            return (Region(Store(i.space), i.source, i.count),)
        case _:
            return ()


def claims(
    instruction: Instruction, config: Config
) -> tuple[tuple[Region, ...], tuple[Region, ...]]:
    """(Reads, writes) of `instruction` that others must keep away from while it is at work.

    Beyond `writes`: an accumulator bank counts as a whole, TABLE writes Store.TABLE; program
    counter and tokens, which are the sequencer's alone, are left out.
    """
    written = []
    for region in writes(instruction, config):
        if region.store in (Store.BANK0, Store.BANK1):
            written.append(_bank(region.store.value - Store.BANK0.value, config))
        elif region.store not in (Store.PC, Store.TOKEN):
            written.append(region)
    if instruction.opcode is Opcode.TABLE:
        first = _RUN_TABLES if instruction.runs else 0
        written.append(Region(Store.TABLE, first + instruction.slot, 1))
    return _reads(instruction, config), tuple(written)


def _common(a: tuple[Region, ...], b: tuple[Region, ...]) -> Region | None:
    """Something in both."""
    for x in a:
        for y in b:
            base = max(x.base, y.base)
            end = min(x.base + x.count, y.base + y.count)
            if x.store is y.store and base < end:
                return Region(x.store, base, end - base)
    return None


def conflict(first: Instruction, second: Instruction, config: Config) -> Region | None:
    """A region that one of them writes and the other reads or writes; None if there is none."""
    first_reads, first_writes = claims(first, config)
    second_reads, second_writes = claims(second, config)
    return (
        _common(first_writes, second_writes)
        or _common(first_writes, second_reads)
        or _common(first_reads, second_writes)
    )
