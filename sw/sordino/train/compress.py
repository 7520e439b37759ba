"""What the accelerator rewards, while training: weights on a grid, and zeros.

The forward pass sees rounded, masked weights; the gradient reaches the weights behind them as if
nothing had happened to them (straight through: Y. Bengio et al., 2013, arXiv:1308.3432), so that a
weight can come back. Zeros grow along a cubic schedule (M. Zhu and S. Gupta, 2017,
arXiv:1710.01878) and are chosen by the compiler's own rule, `prune_matrix`.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from sordino.arch import QUAD
from sordino.compiler.prune import prune_matrix
from sordino.train.methods import QuantiseRecipe, SparsifyRecipe

__all__ = ["choose_zeros", "compress", "last_choice", "round_to_grid", "share_of_zeros"]


def last_choice(recipe: SparsifyRecipe, steps: int) -> int:
    """The step, of `steps`, at which the final share of zeros is reached."""
    return max(0, round(recipe.end * steps) - 1)


def share_of_zeros(recipe: SparsifyRecipe, step: int, steps: int) -> float:
    """The share at a step: s · (1 − (1 − t)³), t from 0 to 1 at `last_choice`."""
    last = last_choice(recipe, steps)
    done = min(1.0, step / last) if last else 1.0
    return recipe.zeros * (1 - (1 - done) ** 3)


def choose_zeros(
    recipe: SparsifyRecipe, matrices: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Masks, false where a matrix is to be zero: the smallest `share` of its units of choice."""
    masks = {}
    for name, weight in matrices.items():
        values = weight.detach().double().numpy()
        if recipe.unit == "single":
            pruned = prune_matrix(values, share)
        elif name.startswith("joint"):
            pruned = prune_matrix(values, share, group=QUAD)
        else:
            pruned = prune_matrix(values, share, group=QUAD, stride=len(values) // QUAD)
        masks[name] = torch.from_numpy(pruned != 0)
    return masks


def round_to_grid(recipe: QuantiseRecipe, weight: Tensor, mask: Tensor | None) -> Tensor:
    """The nearest of 2^bits − 1 evenly spaced values; larger weights become the largest value.

    That is where a share `clip` of the magnitudes (of what `mask` keeps) is smaller: the few that
    are larger would make the grid coarse for all. The result lies on the compiler's grid, whose
    top is the largest weight.
    """
    levels = (1 << (recipe.bits - 1)) - 1
    magnitudes = np.abs((weight if mask is None else weight[mask]).numpy())
    top = float(np.quantile(magnitudes, recipe.clip, method="higher")) if magnitudes.size else 0.0
    if not top:
        return torch.zeros_like(weight)
    step = top / levels
    return (weight / step).round_().clamp_(-levels, levels).mul_(step)


def compress(recipe: QuantiseRecipe, weight: Tensor, mask: Tensor | None) -> Tensor:
    """The weight as the forward pass sees it, with a straight-through gradient."""
    if mask is None and not recipe.bits:
        return weight
    with torch.no_grad():
        seen = round_to_grid(recipe, weight, mask) if recipe.bits else weight
        if mask is not None:
            seen = seen * mask
        change = seen - weight
    return weight + change
