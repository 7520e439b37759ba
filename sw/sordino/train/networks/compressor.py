"""The schedule by which weights become few-valued and zero, and how forward passes see them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sordino.train.networks.compress import (
    choose_zeros,
    fit_codebook,
    grid_step,
    last_choice,
    round_to_codebook,
    round_to_grid,
    share_of_zeros,
    shrink,
    top_level,
)
from sordino.train.networks.regularise import absolute_cosine, regional_absolute_cosine
from sordino.train.recipes.methods import QuantiseRecipe, SparsifyRecipe

__all__ = ["Compressor"]

_Matrices = Mapping[str, Tensor]


class Compressor:
    """The masks and codebooks of a training of `steps` steps.

    A step is `begin`, a forward pass through `seen`, `penalty` beside its loss, and `end` after the
    optimiser; `final` is what is measured and exported, `state` what a checkpoint must hold.
    """

    def __init__(self, quantise: QuantiseRecipe, sparsify: SparsifyRecipe, steps: int) -> None:
        self._quantise, self._sparsify, self._steps = quantise, sparsify, steps
        self._precision = quantise.precision
        self._regularised = quantise.method != "straight_through"
        self._masks: dict[str, Tensor] = {}
        self._codebooks: dict[str, Tensor] = {}

    def check(self, matrices: _Matrices) -> None:
        """Raise CompileError for bits of matrices that are not there."""
        if self._precision is not None:
            self._precision.check(matrices)

    def state(self) -> dict[str, Any]:
        """Everything that changes from step to step."""
        return {"masks": self._masks, "codebooks": self._codebooks}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._masks, self._codebooks = dict(state["masks"]), dict(state["codebooks"])

    def begin(self, step: int, matrices: _Matrices) -> None:
        """Choose zeros and values, where this step is one to do so."""
        self._choose_zeros(step, matrices)
        recipe = self._quantise
        if self._precision is None or recipe.codebook == "uniform" or step % recipe.every:
            return
        for name, weight in matrices.items():
            mask = self._masks.get(name)
            bits, before = self._precision.bits_of(name), self._codebooks.get(name)
            codebook = fit_codebook(bits, weight, mask, before)
            self._codebooks[name] = codebook
            if self._regularised and step:  # the first time they have not come near yet
                with torch.no_grad():
                    weight.copy_(round_to_codebook(codebook, weight))

    def _choose_zeros(self, step: int, matrices: _Matrices) -> None:
        recipe = self._sparsify
        last = last_choice(recipe, self._steps)
        if not recipe.zeros or step > last:
            return
        turn = step % recipe.every
        if recipe.method == "compressed_sensing":
            if turn == 0:
                self._masks = {}  # all may learn
            turn -= recipe.every // 2
        if turn == 0 or step == last:
            share = share_of_zeros(recipe, step, self._steps)
            self._masks = choose_zeros(recipe, matrices, share)

    def end(self, matrices: _Matrices, learning_rate: float) -> None:
        """Shrink the weights themselves, as compressed sensing does, after the optimiser's step."""
        recipe = self._sparsify
        if not recipe.zeros or recipe.method != "compressed_sensing":
            return
        threshold = recipe.shrink * learning_rate
        with torch.no_grad():
            for name, weight in matrices.items():
                if name in self._masks:
                    weight.mul_(self._masks[name])
                else:
                    weight.copy_(shrink(recipe, name, weight, threshold))

    def seen(self, name: str, weight: Tensor) -> Tensor:
        """The weight as a forward pass sees it while training.

        The gradient passes straight through rounding and zeros, as if nothing had happened to the
        weight (Y. Bengio et al., 2013, arXiv:1308.3432), so that it can come back.
        """
        if not self._regularised:
            return self.final(name, weight)
        mask = self._masks.get(name)
        return weight if mask is None else weight + (weight * mask - weight).detach()

    def final(self, name: str, weight: Tensor) -> Tensor:
        """The weight as it is measured and exported, with a gradient as in `seen`."""
        mask = self._masks.get(name)
        if mask is None and self._precision is None:
            return weight
        with torch.no_grad():
            seen = self._rounded(name, weight, mask)
            if mask is not None:
                seen = seen * mask
            change = seen - weight
        return weight + change

    def _rounded(self, name: str, weight: Tensor, mask: Tensor | None) -> Tensor:
        if self._precision is None:
            return weight
        bits = self._precision.bits_of(name)
        if self._quantise.codebook == "uniform":
            return round_to_grid(bits, self._quantise.clip, weight, mask)
        codebook = self._codebooks.get(name)
        return round_to_codebook(
            fit_codebook(bits, weight, mask) if codebook is None else codebook, weight
        )

    def penalty(self, step: int, matrices: _Matrices) -> Tensor | None:
        """The loss's part for weights that lie between the values; None where there is none."""
        recipe = self._quantise
        if self._precision is None or not self._regularised:
            return None
        rising = step / (recipe.rise * self._steps) if recipe.rise else 1.0
        total, count = torch.zeros(()), 0
        for name, weight in matrices.items():
            mask = self._masks.get(name)
            count += weight.numel() if mask is None else int(mask.sum())
            if recipe.method == "regional":
                total = total + regional_absolute_cosine(weight, mask, self._codebooks[name])
                continue
            bits = self._precision.bits_of(name)
            spacing = grid_step(bits, recipe.clip, weight, mask)
            total = total + absolute_cosine(weight, mask, spacing, top_level(bits))
        return recipe.penalty * min(1.0, rising) * total / max(1, count)
