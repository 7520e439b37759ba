"""What the units take for each instruction of an image; constants, found once."""

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.matvec import MatvecCycles, matvec_cycles
from sordino.cycles.schedule import UNITS, Unit
from sordino.golden.codec import decode_walks
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode
from sordino.rtl.tables import table_cycles
from sordino.rtl.vector_timing import duration

__all__ = ["Durations"]


class Durations:
    """Cycles from a unit's start to its done, by program address.

    A MATVEC's places depend on the run table that is loaded, `run_table` in all of these: the
    number of one of the image's tables.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self._matvecs: dict[tuple[int, int, int, int], MatvecCycles] = {}
        self._fixed = [self._of(address) for address in range(len(image.program))]
        self._units = [UNITS[i.opcode] for i in image.program]

    def _of(self, address: int) -> int:
        """Of everything but MATVEC; an INPUT finds all its features."""
        instruction, config = self.image.program[address], self.image.config
        match UNITS[instruction.opcode]:
            case Unit.TABLE:
                return table_cycles(config)
            case Unit.VECTOR:
                return duration(instruction, config)
            case _:
                return 0

    @property
    def units(self) -> list[Unit]:
        """Who executes the instruction at each address."""
        return self._units

    def at(self, address: int, run_table: int | None) -> int:
        """Cycles of the instruction at `address`; 0 if the sequencer executes it."""
        if self._units[address] is Unit.MATVEC:
            return self.matvec(address, run_table).cycles
        return self._fixed[address]

    def short_input(self, address: int, features: int) -> int:
        """Cycles of an INPUT that meets the end of input after so many features."""
        last = self.image.program[address].count - 1
        return self._fixed[address] - last + features

    def matvec(self, address: int, run_table: int | None) -> MatvecCycles:
        """Of the MATVEC at `address`; ValueError if no run table is loaded."""
        i = self.image.program[address]
        if run_table is None:
            raise ValueError(f"instruction {address} (MATVEC) runs before any run table is loaded")
        key = (i.matrix, run_table, i.rows, i.columns)
        if key not in self._matvecs:
            walks = decode_walks(
                self.image,
                i.matrix,
                rows=i.rows,
                columns=i.columns,
                runs=self.image.tables[run_table],
            )
            self._matvecs[key] = matvec_cycles(walks, x_fifo=self.image.config.x_fifo)
        return self._matvecs[key]

    def all(self, run_table: int | None) -> NDArray[np.int64]:
        """Of every address, while `run_table` is loaded; of a MATVEC without one, 0."""
        return np.array(
            [
                0 if unit is Unit.MATVEC and run_table is None else self.at(address, run_table)
                for address, unit in enumerate(self._units)
            ],
            np.int64,
        )

    @property
    def is_input(self) -> NDArray[np.bool_]:
        """Which addresses hold an INPUT."""
        return np.array([i.opcode is Opcode.INPUT for i in self.image.program])
