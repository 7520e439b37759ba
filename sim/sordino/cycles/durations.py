"""What the units take for each instruction of an image; constants, found once."""

from sordino.cycles.matvec import MatvecCycles, matvec_cycles
from sordino.golden.codec import decode_walks
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode, Unit, unit_of
from sordino.rtl.tables import table_cycles
from sordino.rtl.vector_timing import duration

__all__ = ["Durations"]


class Durations:
    """Cycles from a unit's start to its done, by program address.

    A MATVEC's places depend on its run table, `run_table` in all of these: the number of one of the
    image's tables (`tables.decoding`).
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self._matvecs: dict[tuple[int, int, int, int], MatvecCycles] = {}
        self._fixed = [self._of(address) for address in range(len(image.program))]

    def _of(self, address: int) -> int:
        """Of everything but MATVEC; an INPUT finds all its features."""
        instruction, config = self.image.program[address], self.image.config
        match unit_of(instruction.opcode):
            case Unit.TABLE:
                return table_cycles(config)
            case Unit.VECTOR:
                return duration(instruction, config)
            case _:
                return 0

    def at(self, address: int, run_table: int | None) -> int:
        """Cycles of the instruction at `address`; 0 if the sequencer executes it."""
        if self.image.program[address].opcode is Opcode.MATVEC:
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
