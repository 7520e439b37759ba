"""Which run tables the position decoders hold; what a MATVEC takes depends on its own."""

from sordino.arch import Config
from sordino.golden.state import State
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["RunTables", "after", "decoding", "empty", "loaded"]

RunTables = tuple[int | None, ...]
"""For each run slot of a decoder, the number of one of the image's tables; None: never loaded."""


def empty(config: Config) -> RunTables:
    """Before the first load."""
    return (None,) * config.run_slots


def loaded(state: State) -> RunTables:
    """Those of an exact machine."""
    return tuple(state.run_tables)


def after(instruction: Instruction, tables: RunTables) -> RunTables:
    """Those that later instructions find."""
    if instruction.opcode is Opcode.TABLE and instruction.runs:
        slot = instruction.slot
        return (*tables[:slot], instruction.source, *tables[slot + 1 :])
    return tables


def decoding(instruction: Instruction, tables: RunTables) -> int | None:
    """The table whose runs a MATVEC decodes; None for any other instruction."""
    return tables[instruction.run_slot] if instruction.opcode is Opcode.MATVEC else None
