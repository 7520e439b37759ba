"""Which tables the decoders hold; what a MATVEC takes depends on its own.

Of a resident matrix that is its run table alone; of a streamed one the value table too, which says
how fast the rings empty. Value tables are followed in machines that stream only.
"""

from typing import NamedTuple

from sordino.arch import Config
from sordino.golden.state import State
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Matvec, Table

__all__ = ["NO_TABLES", "Decoding", "Tables", "after", "decoding", "empty", "loaded"]

Decoding = int | tuple[int, int]
"""The run table that a MATVEC decodes, with its value table in a machine that streams."""


class Tables(NamedTuple):
    """The number of the image's table in each slot of a decoder; None where none was loaded."""

    runs: tuple[int | None, ...] = ()
    values: tuple[int | None, ...] = ()


NO_TABLES = Tables()
"""Of a machine without slots."""


def empty(config: Config) -> Tables:
    """The tables before the first load."""
    values = config.value_slots if config.stream_bus else 0
    return Tables((None,) * config.run_slots, (None,) * values)


def loaded(state: State, config: Config) -> Tables:
    """The tables that an exact machine has loaded."""
    values = state.value_tables if config.stream_bus else ()
    return Tables(tuple(state.run_tables), tuple(values))


def after(instruction: Instruction, tables: Tables) -> Tables:
    """The tables that later instructions find."""
    if not isinstance(instruction, Table):
        return tables
    kind = "runs" if instruction.runs else "values"
    held, slot = getattr(tables, kind), instruction.slot
    if not held:
        return tables
    return tables._replace(**{kind: (*held[:slot], instruction.source, *held[slot + 1 :])})


def decoding(instruction: Instruction, tables: Tables) -> Decoding | None:
    """What a MATVEC decodes with; None for any other instruction, or without a table."""
    if not isinstance(instruction, Matvec):
        return None
    runs: int | None = tables.runs[instruction.run_slot]
    if not tables.values or runs is None:
        return runs
    values: int | None = tables.values[instruction.slot]
    return None if values is None else (runs, values)
