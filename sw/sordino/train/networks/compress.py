"""What the accelerator rewards: weights with few values, and zeros.

Zeros grow along a cubic schedule (M. Zhu and S. Gupta, 2017, arXiv:1710.01878) and are chosen by
the compiler's own rule, `prune_matrix`; values are the compiler's, evenly spaced or Lloyd-Max.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sordino.arch import QUAD
from sordino.compiler.numbers.lloyd import lloyd_max
from sordino.compiler.numbers.prune import prune_matrices
from sordino.layers.numbers.groups import Groups
from sordino.train.recipes.methods import SparsifyRecipe

__all__ = [
    "choose_zeros",
    "fit_codebook",
    "grid_step",
    "last_choice",
    "round_to_codebook",
    "round_to_grid",
    "share_of_zeros",
    "shrink",
    "top_level",
]


def last_choice(recipe: SparsifyRecipe, steps: int) -> int:
    """The step, of `steps`, at which the final share of zeros is reached."""
    return max(0, round(recipe.end * steps) - 1)


def share_of_zeros(recipe: SparsifyRecipe, step: int, steps: int) -> float:
    """The share of zeros at a step: s · (1 − (1 − t)³), t from 0 to 1 at `last_choice`."""
    last = last_choice(recipe, steps)
    done = min(1.0, step / last) if last else 1.0
    return recipe.zeros * (1 - (1 - done) ** 3)


def _groups(recipe: SparsifyRecipe, name: str, rows: int) -> Groups:
    """The groups of weights that become zero together in a matrix of so many rows."""
    if recipe.unit == "single":
        return Groups()
    return Groups(QUAD, 1 if name.startswith("joint") else rows // QUAD)


def choose_zeros(
    recipe: SparsifyRecipe, matrices: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Masks by name, bool, false where a matrix is to be zero: the smallest `share` of its groups.

    The share holds for each matrix, or for all together, as the recipe's `shares` say.
    """
    found = {
        name: (weight.detach().double().numpy(), _groups(recipe, name, len(weight)))
        for name, weight in matrices.items()
    }
    pruned = prune_matrices(found, share, recipe.shares)
    return {name: torch.from_numpy(values != 0) for name, values in pruned.items()}


def shrink(recipe: SparsifyRecipe, name: str, weight: Tensor, threshold: float) -> Tensor:
    """The matrix with every group of weights nearer to zero by `threshold`, or zero.

    Single weights by the soft threshold; connections of four by that of their root mean square, so
    that they become zero together.
    """
    if recipe.unit == "single":
        return functional.softshrink(weight, threshold)
    rows, columns = weight.shape
    if name.startswith("joint"):
        padded = functional.pad(weight, (0, 0, 0, -rows % QUAD))
        quads, over = padded.reshape(-1, QUAD, columns), 1
    else:
        quads, over = weight.reshape(QUAD, -1, columns), 0
    size = quads.square().mean(over, keepdim=True).sqrt()
    share = (1 - threshold / size.clamp(min=1e-30)).clamp(min=0)
    return (quads * share).reshape(-1, columns)[:rows]


def grid_step(bits: int, clip: float, weight: Tensor, mask: Tensor | None) -> float:
    """The step of the even grid of 2^bits − 1 values whose top is a weight of the matrix.

    The top is the weight that a share `clip` of the magnitudes (where `mask` is true) lies below:
    the few larger ones would make the grid coarse for all. The step is 0 where all is zero.
    """
    kept = weight.detach() if mask is None else weight.detach()[mask]
    magnitudes = np.abs(kept.numpy())
    top = float(np.quantile(magnitudes, clip, method="higher")) if magnitudes.size else 0.0
    return top / top_level(bits)


def top_level(bits: int) -> int:
    """The number of values above zero on an even grid."""
    return (1 << (bits - 1)) - 1


def round_to_grid(bits: int, clip: float, weight: Tensor, mask: Tensor | None) -> Tensor:
    """The nearest value of the grid of `grid_step`; larger weights become the largest value.

    The result lies on the compiler's grid, whose top is the largest weight.
    """
    step, top = grid_step(bits, clip, weight, mask), top_level(bits)
    if not step:
        return torch.zeros_like(weight)
    return (weight / step).round_().clamp_(-top, top).mul_(step)


def fit_codebook(
    bits: int, weight: Tensor, mask: Tensor | None, previous: Tensor | None = None
) -> Tensor:
    """The Lloyd-Max values of the weights where `mask` is true: at most 2^bits, ascending.

    Zero is one of them. `previous` are the values of an earlier step; they are tried first.
    """
    kept = weight.detach() if mask is None else weight.detach()[mask]
    start = None if previous is None else previous.numpy()
    return torch.from_numpy(lloyd_max(kept.numpy(), 1 << bits, start)).to(weight.dtype)


def round_to_codebook(codebook: Tensor, weight: Tensor) -> Tensor:
    """The value of the codebook that is nearest to each weight."""
    return codebook[torch.bucketize(weight, (codebook[1:] + codebook[:-1]) / 2)]
