"""The vector instructions that end a layer: CELL, and DRAIN of one half of the joint."""

from typing import Any

from sordino.compiler.layout.addresses import HalfAddresses, LstmAddresses
from sordino.compiler.layout.layout import Tile
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Cell, Drain

__all__ = ["cell", "half_sums"]


def cell(lstm: LstmAddresses, tile: Tile, **place: Any) -> Instruction:
    """The LSTM cells of one tile; `place` is where their accumulators are, as fields of CELL."""
    layer = lstm.placed.layer
    return Cell(
        lstm.placed.name,
        units=tile.count,
        parameters=lstm.biases + tile.first_index,
        state=lstm.c + tile.first_index,
        destination=lstm.out + tile.first_index,
        multiplier=layer.multiplier,
        shift=layer.shift,
        **place,
    )


def half_sums(half: HalfAddresses, tile: Tile, *, offset: int = 0, **place: Any) -> Instruction:
    """One tile of a half of the joint to state memory, `offset` words further on.

    `place` is where its accumulators are, as fields of DRAIN.
    """
    layer = half.placed.layer
    return Drain(
        half.placed.name,
        rows=tile.rows,
        parameters=half.biases + tile.first_index // 4,
        destination=half.state + tile.first_index + offset,
        wide=1,
        multiplier=layer.multiplier,
        shift=layer.shift,
        **place,
    )
