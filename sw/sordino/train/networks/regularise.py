"""Penalties that are zero where a weight has a value of its codebook.

H. D. Nguyen, A. Alexandridis and A. Mouchtaris, "Quantization aware training with absolute-cosine
regularization for automatic speech recognition", Interspeech 2020; K. Zhen et al., "Sub-8-bit
quantization aware training for 8-bit neural network accelerator with on-device speech recognition",
Interspeech 2022 (arXiv:2206.15408). A sine takes the place of the cosine, so that zero is one of
the values; weights that are zero for good are left alone.
"""

import math

import torch
from torch import Tensor

__all__ = ["absolute_cosine", "regional_absolute_cosine"]


def absolute_cosine(weight: Tensor, mask: Tensor | None, step: float, top: int) -> Tensor:
    """Sum of |sin(π w / step)| over the kept weights up to `top` steps from zero.

    Those beyond are left alone: pulling them would make the grid, which is fitted to them, shrink.
    """
    if not step:
        return weight.new_zeros(())
    places = weight / step
    within = (places.detach().abs() <= top) & _kept(weight, mask)
    return torch.where(within, (math.pi * places).sin().abs(), 0.0).sum()


def regional_absolute_cosine(weight: Tensor, mask: Tensor | None, codebook: Tensor) -> Tensor:
    """Sum over the kept weights of |sin(π (w − c) / (d − c))|, c ≤ w < d the values around each.

    Beyond the outermost values, each the mean of weights on both its sides, it goes on as steeply
    as it begins.
    """
    if len(codebook) < 2:
        return weight.new_zeros(())
    upper = torch.bucketize(weight.detach(), codebook, right=True).clamp(1, len(codebook) - 1)
    low, high = codebook[upper - 1], codebook[upper]
    place = (weight - low) / (high - low)
    beyond = (place.detach() - 0.5).abs() > 0.5
    outside = math.pi * ((place - 0.5).abs() - 0.5)
    penalty = torch.where(beyond, outside, (math.pi * place).sin().abs())
    return torch.where(_kept(weight, mask), penalty, 0.0).sum()


def _kept(weight: Tensor, mask: Tensor | None) -> Tensor:
    return torch.ones_like(weight, dtype=torch.bool) if mask is None else mask
