"""Where a layer stands on the machine: its dealt matrices and the addresses of its vectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sordino.layers.base.integers import QuantisedLayer
from sordino.layers.layout.layout import Layout

__all__ = ["Buffer", "Joined", "Memory", "Piece", "PlacedLayer", "Rank", "Site", "Vector"]
__all__ += ["Where"]


@dataclass(frozen=True)
class Piece:
    """One directory entry: a tile of some columns of a layer's matrix."""

    tile: int
    matrix: int
    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class PlacedLayer:
    """One dealt layer.

    columns       for each of its matrices, the input at each column
    first_matrix  number of its first matrix in the directory; tile by tile, W before U
    cut           columns of the first tile's U that are a matrix of their own; 0: U is whole
    bounds        columns at which W is cut, in every tile
    seams         columns at which W is cut since its input is another vector from there on
    """

    layer: QuantisedLayer
    layout: Layout
    columns: tuple[NDArray[np.int64], ...]
    first_matrix: int
    cut: int = 0
    bounds: tuple[int, ...] = ()
    seams: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The layer's directory entries in the order of their numbers."""
        pieces = []
        for tile in range(len(self.layout.tiles)):
            for matrix, columns in enumerate(self.columns):
                width = len(columns)
                cuts = [self.cut] if matrix and not tile and self.cut else []
                if not matrix:
                    cuts = sorted({*self.bounds, *self.seams})
                bounds = (0, *cuts, width)
                pieces += [Piece(tile, matrix, a, b) for a, b in pairwise(bounds)]
        return tuple(pieces)

    @property
    def numbered(self) -> Iterator[tuple[int, Piece]]:
        """The layer's directory entries, each after its number."""
        return enumerate(self.pieces, self.first_matrix)

    def numbers(self, tile: int, matrix: int) -> list[int]:
        """The numbers of the directory entries of a matrix in one tile, by column."""
        return [n for n, piece in self.numbered if (piece.tile, piece.matrix) == (tile, matrix)]

    def slots(self) -> list[NDArray[np.int8]]:
        """Dealt matrices in the order of their numbers, each int8 (rows, lanes, columns)."""
        dealt = [
            self.layout.slots(matrix.values, columns)
            for matrix, columns in zip(self.layer.matrices, self.columns, strict=True)
        ]
        return [dealt[p.matrix][p.tile][:, :, p.begin : p.end] for p in self.pieces]

    def weights(self) -> list[int]:
        """The number of weights of each dealt matrix, empty slots not counted."""
        found = []
        for piece in self.pieces:
            matrix = self.layer.matrices[piece.matrix]
            rows = (len(matrix.values) - matrix.empty) // len(self.layout.order)
            count = self.layout.tiles[piece.tile].count
            found.append(rows * count * (piece.end - piece.begin))
        return found


class Memory(Enum):
    """A memory of which the compiler gives out words."""

    ACTIVATION = "activation"
    STATE = "state"
    PARAMETERS = "parameters"


class Rank(IntEnum):
    """The order in which a memory is given out; within a rank, the order of the graph."""

    INPUT = 0
    """What comes from the host or from a table."""
    SCRATCH = 1
    """A vector that several layers use in turn."""
    LASTING = 2
    """State that the next frame needs, and what belongs to it."""
    VECTOR = 3
    """What is computed anew before it is used."""
    COMPARED = 4
    """What a comparison needs."""
    TABLE = 5
    """Tables that are looked up."""
    RESULT = 6
    """What the host reads, and what belongs to it."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Words that a layer wants.

    words     of one copy, in activation or state memory
    contents  bytes of parameter memory
    copied    whether each frame of a group or a chunk has a copy of its own
    """

    name: str
    memory: Memory
    rank: Rank
    words: int = 0
    contents: bytes = b""
    copied: bool = False


@dataclass(frozen=True)
class Vector:
    """The address of a vector, of which each frame may have a copy.

    base    first word of the first copy
    stride  words from one copy to the next
    copies  how many there are: frame n has copy n modulo this
    """

    base: int
    stride: int = 0
    copies: int = 1

    def at(self, frame: int, number: int = 0) -> int:
        """The word of a number in a frame's copy; -1 is the frame before the first."""
        return self.base + frame % self.copies * self.stride + number

    @property
    def alone(self) -> "Vector":
        """The first copy as the only one."""
        return Vector(self.base, self.stride)


@dataclass(frozen=True)
class Joined(Vector):
    """Several vectors that are read as one.

    parts  the vectors, each after the number that it begins with
    """

    parts: tuple[tuple[int, Vector], ...] = ()

    def at(self, frame: int, number: int = 0) -> int:
        """The word of a number in a frame's copies."""
        first, vector = [(n, part) for n, part in self.parts if n <= number][-1]
        return vector.at(frame, number - first)

    @property
    def alone(self) -> "Joined":
        """The first copies as the only ones."""
        return replace(self, parts=tuple((n, part.alone) for n, part in self.parts))


@dataclass(frozen=True, eq=False)
class Site:
    """What a layer's words depend on.

    layer    the layer in integers
    placed   its dealt matrices; None for a layer without
    before   the layers whose results it reads, in the order of its inputs; None for an input of the
             network
    widths   numbers in each input
    outputs  numbers in its result
    fed      whether it reads another layer's result of the frame before
    banks    accumulator banks that it may use
    """

    layer: QuantisedLayer
    placed: PlacedLayer | None
    before: tuple["Site | None", ...]
    widths: tuple[int, ...]
    outputs: int
    fed: bool
    banks: int

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def dealt(self) -> PlacedLayer:
        """The dealt matrices of a layer that has some."""
        assert self.placed is not None, f"{self.name} has no matrices"
        return self.placed

    @property
    def sums(self) -> PlacedLayer:
        """The dealt matrices of the layer whose sums a head reads."""
        (before,) = self.before
        assert before is not None, f"{self.name} reads no sums"
        return before.dealt


@dataclass(frozen=True, eq=False)
class Where:
    """A layer's addresses.

    site     the layer
    sources   the vectors that it reads, in the order of its inputs
    out       the vector that it writes
    previous  the vector whose copy of the frame before it reads, if it does so
    at        first words of its other buffers, by name
    """

    site: Site
    sources: tuple[Vector, ...]
    out: Vector
    previous: Vector
    at: Mapping[str, int]

    @property
    def alone(self) -> "Where":
        """The layer where it works on one frame at a time, in the first copies."""
        sources = tuple(vector.alone for vector in self.sources)
        return replace(self, sources=sources, out=self.out.alone, previous=self.previous.alone)
