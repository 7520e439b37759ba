"""The matrices that engines are compared on: random ones, a user's own, trained layers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD
from sordino.compiler.numbers.prune import prune_matrix
from sordino.compiler.passes.prune import prune_model
from sordino.compiler.passes.quantise import QuantisedGraph
from sordino.compiler.passes.rounded import quantise_model
from sordino.model.rnnt import RnntModel

__all__ = [
    "LAPLACIAN_SHAPE",
    "BenchCase",
    "laplacian",
    "laplacian_case",
    "matrix_case",
    "model_case",
]

LAPLACIAN_SHAPE = (1024, 512)
_CLIP = 0.999
_ACCUMULATOR_BITS = 32
_Matrix = NDArray[np.int8]


@dataclass(frozen=True, eq=False, kw_only=True)
class BenchCase:
    """Matrices of one kind.

    source    what they are
    bits      of a weight where it is stored with a fixed width
    zeros     share of zero groups asked for; None: as they are
    group     rows that a position is shared by
    matrices  int8 (outputs, inputs), rows of one group side by side
    model     where they are a model's: that model, which the compiler deals and encodes
    """

    source: str
    bits: int
    zeros: float | None
    group: int
    matrices: tuple[_Matrix, ...]
    model: QuantisedGraph | None = None

    @property
    def weights(self) -> int:
        """Weights of all matrices."""
        return sum(matrix.size for matrix in self.matrices)

    @property
    def non_zeros(self) -> int:
        """The number of weights that are not 0."""
        return sum(int(np.count_nonzero(matrix)) for matrix in self.matrices)


def laplacian(
    shape: tuple[int, int], bits: int, zeros: float, group: int = 1, seed: int = 0
) -> _Matrix:
    """Random Laplacian weights, pruned by magnitude, on 2^bits − 1 even levels.

    A share `zeros` of the blocks of one column in `group` neighbouring rows is zero. The highest
    level is the magnitude that 99.9 % of the weights stay below; the others are clipped to it.
    """
    weights = np.random.default_rng(seed).laplace(size=shape)
    pruned = prune_matrix(weights, zeros, group=group)
    top = (1 << (bits - 1)) - 1
    # Where hardly any are left, none is clipped.
    largest = np.quantile(np.abs(pruned), _CLIP) or np.abs(pruned).max() or 1.0
    levels = np.rint(pruned * (top / largest))
    return np.asarray(levels.clip(-top, top), np.int8)


def laplacian_case(
    bits: int, zeros: float, group: int, shape: tuple[int, int] = LAPLACIAN_SHAPE
) -> BenchCase:
    """One random matrix, the same in every run."""
    matrix = laplacian(shape, bits, zeros, group)
    source = f"Laplacian {shape[0]}×{shape[1]}"
    return BenchCase(source=source, bits=bits, zeros=zeros, group=group, matrices=(matrix,))


def matrix_case(name: str, matrix: _Matrix, group: int) -> BenchCase:
    """A user's own int8 matrix (outputs, inputs), in as many bits as its values need."""
    bits = max(2, 1 + int(np.abs(matrix.astype(np.int64)).max()).bit_length())
    return BenchCase(source=name, bits=min(bits, 8), zeros=None, group=group, matrices=(matrix,))


def model_case(model: RnntModel, bits: int, zeros: float | None, group: int) -> BenchCase:
    """All weight matrices of a trained model, pruned as the compiler does for that group."""
    pruned = model if zeros is None else prune_model(model, zeros, group)
    quantised = quantise_model(pruned, bits, _ACCUMULATOR_BITS)
    return BenchCase(
        source=model.name,
        bits=bits,
        zeros=zeros,
        group=group,
        matrices=tuple(_neighbours(quantised, group)),
        model=quantised,
    )


def _neighbours(model: QuantisedGraph, group: int) -> Iterable[_Matrix]:
    """The layers' matrices, an LSTM's four gates of one unit side by side for groups."""
    for layer in model.layers:
        for matrix in layer.matrices:
            values = matrix.values
            if group > 1 and len(layer.matrices) > 1:
                gates = values.reshape(QUAD, -1, values.shape[1])
                values = gates.transpose(1, 0, 2).reshape(values.shape)
            yield values
