"""Which run tables the position decoders hold; what a MATVEC takes depends on its own."""

from sordino.golden.state import State
from sordino.isa.instructions import Instruction, Opcode

__all__ = ["EMPTY", "RunTables", "after", "decoding", "loaded"]

RunTables = tuple[int | None, ...]
"""For each run table of a decoder, the number of one of the image's tables; None: never loaded."""

EMPTY: RunTables = (None,)


def loaded(state: State) -> RunTables:
    """Those of an exact machine."""
    return (state.run_table,)


def after(instruction: Instruction, tables: RunTables) -> RunTables:
    """Those that later instructions find."""
    if instruction.opcode is Opcode.TABLE and instruction.runs:
        return (instruction.source,)
    return tables


def decoding(instruction: Instruction, tables: RunTables) -> int | None:
    """The table whose runs a MATVEC decodes; None for any other instruction."""
    return tables[0] if instruction.opcode is Opcode.MATVEC else None
