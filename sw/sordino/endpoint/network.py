"""The training of an end-pointer, with PyTorch: quantised and sparse as the machine has it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sordino.arch import QUAD
from sordino.arith import HIDDEN, WEIGHT
from sordino.endpoint.hearing import RUN_ROWS
from sordino.endpoint.recipe import EndpointRecipe
from sordino.endpoint.sets import Example, read
from sordino.errors import InputError
from sordino.train.networks.compress import round_to_grid

__all__ = ["Version", "train"]

Version = Callable[[], Sequence[Example]]
"""What gives examples, made or read anew each time."""

_STEP = 2.0**-HIDDEN.fraction
_TOP = WEIGHT.high * _STEP
_SPARSE, _ROUNDED = (0.3, 0.7), 0.5
"""Shares of the training between which zeros grow, and after which weights are rounded."""
_CLIP = 0.999


class _Network(nn.Module):
    """Table, LSTM and score, whose forward pass sees the weights as the machine has them."""

    def __init__(self, recipe: EndpointRecipe, width: int) -> None:
        super().__init__()
        self._recipe = recipe
        run = torch.arange(RUN_ROWS, dtype=torch.float32)
        table = 0.3 * torch.randn(RUN_ROWS, recipe.width)
        table[:, 0] = run / RUN_ROWS - 0.5
        self.table = nn.Parameter(table)
        self.lstm = nn.LSTM(width + recipe.width, recipe.units, batch_first=True)
        self.output = nn.Linear(recipe.units, 1)
        self.masks: dict[str, Tensor] = {}
        self.rounded = False

    def rows(self) -> Tensor:
        """The table as the machine has it; one number is the largest there is."""
        table = self.table.clamp(-_TOP, _TOP)
        table = table + ((table / _STEP).round() * _STEP - table).detach()
        top = torch.zeros_like(table, dtype=torch.bool)
        top[0, 0] = True
        return torch.where(top, _TOP, table)

    def weights(self) -> dict[str, Tensor]:
        """The matrices as the machine has them."""
        found = {
            "weight_ih": self.lstm.weight_ih_l0,
            "weight_hh": self.lstm.weight_hh_l0,
            "output": self.output.weight,
        }
        return {name: self._seen(name, weight) for name, weight in found.items()}

    def _seen(self, name: str, weight: Tensor) -> Tensor:
        mask = self.masks.get(name)
        if mask is not None:
            weight = weight * mask
        if self.rounded:
            grid = round_to_grid(self._recipe.bits, _CLIP, weight, mask)
            weight = weight + (grid - weight).detach()
        return weight

    def choose_zeros(self, share: float) -> None:
        """Mask the smallest groups of four weights of a unit, of both matrices together."""
        sizes = {}
        for name in ("weight_ih", "weight_hh"):
            weight = getattr(self.lstm, f"{name}_l0").detach()
            sizes[name] = weight.reshape(QUAD, -1, weight.shape[1]).square().sum(0).sqrt()
        limit = torch.quantile(torch.cat([s.flatten() for s in sizes.values()]), share)
        self.masks = {n: (s > limit).repeat(QUAD, 1) for n, s in sizes.items()}

    def forward(self, x: Tensor, run: Tensor) -> Tensor:
        """Scores (B, T) of inputs (B, T, width) and runs (B, T)."""
        x = torch.cat([x, self.rows()[run]], dim=2)
        seen = self.weights()
        given = {
            "weight_ih_l0": seen["weight_ih"],
            "weight_hh_l0": seen["weight_hh"],
            "bias_ih_l0": self.lstm.bias_ih_l0,
            "bias_hh_l0": self.lstm.bias_hh_l0,
        }
        hidden, _ = torch.func.functional_call(self.lstm, given, (x,))
        return functional.linear(hidden, seen["output"], self.output.bias)[..., 0]

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """All of it by the names of an end-pointer's file."""
        seen = self.weights()
        found = {
            "run.weight": self.rows(),
            "weight_ih": seen["weight_ih"],
            "weight_hh": seen["weight_hh"],
            "bias_ih": self.lstm.bias_ih_l0,
            "bias_hh": self.lstm.bias_hh_l0,
            "output.weight": seen["output"],
            "output.bias": self.output.bias,
        }
        return {f"endpoint.{name}": tensor.detach().numpy() for name, tensor in found.items()}


def _batches(examples: Sequence[Example], size: int, rng: np.random.Generator) -> list[Any]:
    """Numbers of examples of about the same length, in any order."""
    lengths = np.array([len(e.encoder) for e in examples]) + rng.uniform(0, 10, len(examples))
    order = np.argsort(lengths)
    parts = [order[n : n + size] for n in range(0, len(order), size)]
    return [parts[n] for n in rng.permutation(len(parts))]


def _padded(
    examples: Sequence[Example], recipe: EndpointRecipe, kept: Mapping[int, NDArray[np.int8]]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs, runs, what is wanted and what it counts, of a batch."""
    longest = max(len(e.encoder) for e in examples)
    width = next(iter(kept.values())).shape[1]
    x = np.zeros((len(examples), longest, width), np.float32)
    run = np.zeros((len(examples), longest), np.int64)
    wanted = np.zeros((len(examples), longest), np.float32)
    counts = np.zeros((len(examples), longest), np.float32)
    for n, one in enumerate(examples):
        size = len(one.encoder)
        x[n, :size] = kept[id(one)]
        run[n, :size] = one.run
        behind = one.behind
        wanted[n, :size] = behind > 0
        weight = np.where(behind > recipe.patience, recipe.later, 1.0)
        inside = np.where(one.run > recipe.patience, recipe.rare, 1.0) * recipe.pause
        weight = np.where(behind > 0, weight, inside)
        counts[n, :size] = np.where(one.run >= 2, weight, 0.0)
    found = (x * np.float32(_STEP), run, wanted, counts)
    return tuple(map(torch.from_numpy, found))


def train(versions: Sequence[Version], recipe: EndpointRecipe) -> dict[str, NDArray[np.float32]]:
    """Train on versions of the same utterances; returns the tensors of an end-pointer's file.

    An epoch goes through all versions, and holds one of them at a time. InputError where they have
    other numbers of examples.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    count, width = _size(versions[0](), recipe)
    network = _Network(recipe, width)
    steps = recipe.epochs * len(versions) * -(-count // recipe.batch)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=recipe.rate, total_steps=steps)
    step = 0
    for version in _order(versions, recipe.epochs, rng):
        examples = version()
        if len(examples) != count:
            raise InputError(
                f"wanted {count} examples of each version, got {len(examples)}; make them of the "
                "same utterances"
            )
        kept = {id(one): read(one, recipe.inputs) for one in examples}
        for numbers in _batches(examples, recipe.batch, rng):
            part = step / steps
            grown = min(1.0, max(0.0, (part - _SPARSE[0]) / (_SPARSE[1] - _SPARSE[0])))
            if grown and recipe.zeros and part <= _SPARSE[1] + 1 / steps:
                network.choose_zeros(recipe.zeros * (1 - (1 - grown) ** 3))
            network.rounded = part >= _ROUNDED
            x, run, wanted, counts = _padded([examples[n] for n in numbers], recipe, kept)
            kept_inputs = torch.rand(len(x), 1, x.shape[2]) >= recipe.dropout
            scores = network(x * (kept_inputs / (1 - recipe.dropout)), run)
            loss = (
                functional.binary_cross_entropy_with_logits(scores, wanted, counts, reduction="sum")
                / counts.sum()
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
        del examples, kept
    return network.tensors()


def _size(examples: Sequence[Example], recipe: EndpointRecipe) -> tuple[int, int]:
    """How many examples, and how much is read of each frame."""
    return len(examples), read(examples[0], recipe.inputs).shape[1]


def _order(versions: Sequence[Version], epochs: int, rng: np.random.Generator) -> Iterator[Version]:
    """All versions in each epoch, in any order."""
    for _ in range(epochs):
        for number in rng.permutation(len(versions)):
            yield versions[number]
