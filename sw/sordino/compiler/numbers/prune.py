"""Magnitude pruning to a stated share of zeros, before quantisation.

What is pruned is what the machine can skip. In groups of one lane that is a single weight. In
larger groups it is, for an LSTM, one connection of one unit, the weights of its four gates (rows
u, H + u, 2H + u, 3H + u): they stand on one quad, so a zero connection is skipped whether two,
four or more lanes share a position stream. (In groups of two, which gates share a stream depends
on the row a unit is dealt to, so pairs are not pruned on their own; in groups of more than four,
neighbouring units must be zero together before a place is skipped.) For other matrices it is the
weights of one column in `group` neighbouring rows.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sordino.layers.numbers.groups import Groups

__all__ = [
    "SHARES",
    "layer_adaptive_shares",
    "prune_matrices",
    "prune_matrix",
]

SHARES = ("even", "layer_adaptive")
"""How zeros are spread over matrices: the same share of each, or by `layer_adaptive_shares`."""


def prune_matrix(
    weight: NDArray[np.float64], sparsity: float, *, group: int = 1, stride: int = 1
) -> NDArray[np.float64]:
    """A copy of `weight` (outputs, inputs) with a share `sparsity` of its `Groups` zero.

    The groups with the smallest sums of squares go, earlier ones first where equal; their number
    is rounded to the nearest. Zero groups that are there already count.
    """
    groups = Groups(group, stride)
    energy = groups.energies(weight)
    zeros = round(sparsity * energy.size)
    keep = np.ones(energy.size, np.bool_)
    keep[np.argsort(energy, axis=None, kind="stable")[:zeros]] = False
    return np.asarray(weight * keep.reshape(energy.shape)[groups.members(len(weight))])


def layer_adaptive_shares(
    matrices: Mapping[str, tuple[NDArray[np.float64], Groups]], sparsity: float
) -> dict[str, float]:
    """Shares to prune of each matrix, so that `sparsity` of all groups go and least is lost.

    A group's score is its sum of squares over that of all groups of its matrix which are not
    smaller: what is lost of the matrix when it goes after the smaller ones. The lowest scores of
    all matrices go (J. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR
    2021, arXiv:2010.07611). Small matrices keep more, and no matrix loses everything.
    """
    scores = {}
    for name, (weight, groups) in matrices.items():
        energy = np.sort(groups.energies(weight), axis=None)
        left = np.cumsum(energy[::-1])[::-1]
        scores[name] = np.divide(energy, left, out=np.zeros_like(energy), where=left > 0)
    every = np.concatenate(list(scores.values()))
    zeros = round(sparsity * every.size)
    if not zeros:
        return dict.fromkeys(scores, 0.0)
    limit = np.partition(every, zeros - 1)[zeros - 1]
    return {name: float((score <= limit).mean()) for name, score in scores.items()}


def prune_matrices(
    matrices: Mapping[str, tuple[NDArray[np.float64], Groups]], sparsity: float, shares: str
) -> dict[str, NDArray[np.float64]]:
    """Copies of matrices with a share `sparsity` of all groups zero, spread as SHARES say."""
    each = dict.fromkeys(matrices, sparsity)
    if shares == "layer_adaptive":
        each = layer_adaptive_shares(matrices, sparsity)
    return {
        name: prune_matrix(weight, each[name], group=groups.group, stride=groups.stride)
        for name, (weight, groups) in matrices.items()
    }
