"""What the units take for each instruction of an image; constants, found once."""

from sordino.cycles.matvec import MatvecCycles, matvec_cycles
from sordino.cycles.streamed import streamed_cycles
from sordino.cycles.tables import Decoding
from sordino.engines.errors import ToolError
from sordino.engines.memory_timing import MemoryTiming
from sordino.golden.codec import decode_streams, decode_walks
from sordino.image.image import Image
from sordino.isa import timing
from sordino.isa.operations import Matvec

__all__ = ["Durations", "NotLoaded"]


class NotLoaded(ValueError):
    """A MATVEC is met before its tables are loaded."""


class Durations:
    """Cycles from a unit's start to its done, by program address.

    What a MATVEC takes depends on its tables, `tables` in all of these (`tables.decoding`), and, of
    a streamed matrix, on external memory, timed as `memory` says.
    """

    def __init__(self, image: Image, memory: MemoryTiming | None = None) -> None:
        self.image = image
        self.memory = memory or MemoryTiming()
        if self.memory.jitter:
            raise ToolError(
                "wanted a memory without jitter, since these cycles are exact, got jitter "
                f"{self.memory.jitter}; use --engine rtl"
            )
        self._matvecs: dict[tuple[int, Decoding, int, int, bool], MatvecCycles] = {}
        self._fixed = [self._of(address) for address in range(len(image.program))]

    def _of(self, address: int) -> int:
        """The cycles of everything but MATVEC; an INPUT finds all its features."""
        return self.image.program[address].duration(self.image.config) or 0

    def at(self, address: int, tables: Decoding | None) -> int:
        """Cycles of the instruction at `address`; 0 if the sequencer executes it."""
        if isinstance(self.image.program[address], Matvec):
            return self.matvec(address, tables).cycles
        return self._fixed[address]

    def short_input(self, features: int) -> int:
        """Cycles of an INPUT that meets the end of input after so many features."""
        return timing.FIRST_ELEMENT + features + timing.INPUT_END

    def matvec(self, address: int, tables: Decoding | None) -> MatvecCycles:
        """The cycles of the MATVEC at `address`; NotLoaded without its tables."""
        i = self.image.program[address]
        if tables is None:
            raise NotLoaded(f"instruction {address} (MATVEC) runs before its tables are loaded")
        key = (i.matrix, tables, i.rows, i.columns, bool(i.from_ring))
        if key not in self._matvecs:
            self._matvecs[key] = self._matvec(*key)
        return self._matvecs[key]

    def _matvec(
        self, matrix: int, tables: Decoding, rows: int, columns: int, again: bool
    ) -> MatvecCycles:
        image = self.image
        if image.matrices[matrix].streamed:
            assert isinstance(tables, tuple)
            runs, values = (image.tables[number] for number in tables)
            streams = decode_streams(
                image, matrix, rows=rows, columns=columns, runs=runs, values=values
            )
            return streamed_cycles(streams, config=image.config, memory=self.memory, again=again)
        runs = image.tables[tables[0] if isinstance(tables, tuple) else tables]
        walks = decode_walks(image, matrix, rows=rows, columns=columns, runs=runs)
        return matvec_cycles(walks, x_fifo=image.config.x_fifo)
