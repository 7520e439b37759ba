"""Programs that multiply several vectors by each streamed matrix while the rings hold it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD
from sordino.image.image import Image
from sordino.isa.operations import CELLS
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.programs import overlapped, random_slots
from sordino.testing.images.streaming import ROOMY, STREAMING, moved

__all__ = ["replay_image", "ring_slots"]

_INPUTS = 200
_MOST_PLACES = 50
"""Of a group, in a matrix that always fits rings of 512 bits."""


def ring_slots(rng: np.random.Generator) -> NDArray[np.int8]:
    """A dealt matrix for STREAMING whose streams fit the rings, of 1 row and 1 column and more."""
    rows = int(rng.choice([1, 2, 3, 7]))
    columns = int(rng.integers(1, 1 + _MOST_PLACES // rows))
    density = float(rng.choice([0.05, 0.4, 1.0]))
    return random_slots(rng, STREAMING, rows=rows, columns=columns, density=density)


class _Chunks:
    """Writes the program; the first matrices fit the rings, then one large, one resident."""

    def __init__(self, rng: np.random.Generator, tiles: int) -> None:
        self.rng, self.builder = rng, ProgramBuilder(ROOMY)
        self.tiles = [self.builder.matrix(ring_slots(rng)) for _ in range(tiles)]
        self.large = self.builder.matrix(random_slots(rng, ROOMY, rows=12, columns=40, density=0.8))
        self.resident = self.builder.matrix(
            random_slots(rng, ROOMY, rows=2, columns=9, density=0.5)
        )
        self.biases = self.builder.ints(rng.integers(-999, 1000, QUAD * 64))

    def below(self, high: int) -> int:
        return int(self.rng.integers(high))

    def product(self, matrix: int, **fields: Any) -> None:
        """A MATVEC on any vector, to any rows of a bank."""
        rows, _, columns = self.builder.slots[matrix].shape
        self.builder.matvec(
            matrix,
            source=self.below(_INPUTS - columns + 1),
            first_row=self.below(STREAMING.rows_per_lane - rows + 1),
            bank=self.below(2),
            shift=self.below(3),
            **fields,
        )

    def between(self, matrix: int) -> bool:
        """Add instructions that leave the rings as they are; whether the tables are still there."""
        requantise = {"multiplier": 40000, "shift": 20}
        first = self.below(STREAMING.rows_per_lane - 3)
        fields: dict[str, Any] = {
            "bank": self.below(2),
            "parameters": self.biases,
            "first_row": first,
            **requantise,
        }
        match self.below(4):
            case 0:
                self.product(self.resident)
                return False
            case 1:
                cell, units = CELLS[self.below(len(CELLS))], 1 + self.below(3)
                self.builder.add(cell, units=units, state=9, destination=_INPUTS, **fields)
            case 2:
                self.builder.drain(rows=1 + self.below(4), destination=_INPUTS, **fields)
        return True

    def image(self, chunks: int) -> Image:
        self.builder.clear()
        self.builder.read(0, _INPUTS)
        for _ in range(chunks):
            matrix = self.tiles[self.below(len(self.tiles))]
            self.product(matrix)
            for _ in range(self.below(4)):
                there = self.between(matrix)
                self.product(matrix, from_ring=1, load=not there)
            if self.below(3) == 0:
                self.product(self.large)
        self.builder.label("done")
        self.builder.end()
        return self.builder.image()


def replay_image(rng: np.random.Generator, *, chunks: int = 6, tiles: int = 3) -> Image:
    """An image for STREAMING that takes 200 features and then works in chunks.

    Each is a MATVEC of a matrix that fits the rings and up to three more of it with `from_ring`, on
    any rows; between them products of a resident matrix, cells and DRAINs, between chunks a
    matrix much larger than the rings.
    """
    made = _Chunks(rng, tiles)
    image = made.image(chunks)
    marks = [number != made.resident for number in range(len(image.matrices))]
    return overlapped(moved(image, marks), rng)
