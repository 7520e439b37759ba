"""What an instruction writes: the regions that every engine's retire record holds.

A record's values are the contents of these regions right after the instruction, in order.
"""

from dataclasses import dataclass

from amaranth.lib import enum

from sordino.arch import Config
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["Region", "Store", "writes"]


class Store(enum.Enum, shape=3):
    """Machine state by memory. The first four are `Space`'s, with the same numbers."""

    ACTIVATION = 0
    STATE = 1
    BANK0 = 2
    BANK1 = 3
    REGISTER = 4
    PC = 5
    TOKEN = 6


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
            return (Region(Store(Store.BANK0.value + i.bank), 0, i.rows),)
        case Opcode.CELL:
            rows = -(-i.units // config.quads)
            return (
                Region(Store.STATE, i.state, i.units),
                Region(Store.ACTIVATION, i.destination, i.units),
                Region(Store(Store.BANK0.value + i.bank), 0, rows),
            )
        case Opcode.DRAIN:
            store = Store.STATE if i.wide else Store.ACTIVATION
            return (
                Region(store, i.destination, i.rows * config.lanes),
                Region(Store(Store.BANK0.value + i.bank), 0, i.rows),
            )
        case Opcode.FILL | Opcode.COPY:
            return (Region(Store(i.space), i.destination, i.count),)
        case _:
            return ()
