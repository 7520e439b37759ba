"""One step of training: losses, gradient, optimiser, running mean of the weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sordino.errors import InputError
from sordino.train.corpus.data import BLANK, Batch
from sordino.train.corpus.tokens import CHARACTERS, TokenSet
from sordino.train.networks.compressor import Compressor
from sordino.train.networks.discriminative import minimum_word_errors
from sordino.train.networks.loss import lattice_loss
from sordino.train.networks.network import Network
from sordino.train.recipes.recipe import Recipe, ScheduleRecipe
from sordino.train.teacher import Teacher, lattice_divergence

__all__ = ["Learner", "learning_rate"]

_LENGTHS = 16
"""Inputs are padded to multiples of this: PyTorch keeps a compiled LSTM for every length."""
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def learning_rate(schedule: ScheduleRecipe, step: int, steps: int) -> float:
    """The rate at a step from 0: a line up to the highest rate, times half a cosine to zero."""
    rising = min(1.0, (step + 1) / max(1, schedule.warmup))
    return schedule.learning_rate * rising * 0.5 * (1 + math.cos(math.pi * step / steps))


def _average_decay(schedule: ScheduleRecipe, step: int) -> float:
    """The running mean's decay: shorter at first, so that the first weights are forgotten."""
    return min(schedule.average, (1 + step) / (10 + step))


def _padded(x: np.ndarray[Any, np.dtype[np.float32]]) -> Tensor:
    """Input (B, T, dim) with T a multiple of `_LENGTHS`."""
    return functional.pad(torch.from_numpy(x), (0, 0, 0, -x.shape[1] % _LENGTHS))


class Learner:
    """A network, what it is trained with, and all that a checkpoint must hold of them.

    steps    in all
    start    weights to start from by their canonical names; the CTC head may be missing
    teacher  for recipes that learn from one
    tokens   what the network writes
    """

    def __init__(
        self,
        recipe: Recipe,
        inputs: int,
        steps: int,
        start: Mapping[str, Tensor] | None = None,
        teacher: Teacher | None = None,
        tokens: TokenSet = CHARACTERS,
    ) -> None:
        self._teacher, self._tokens = teacher, tokens
        self._recipe, self._schedule, self._steps = recipe, recipe.schedule, steps
        self.network = Network(recipe.network, inputs, self._schedule.seed)
        self._weights = self.network.named()
        if start is not None:
            self._copy(start)
        elif self._schedule.start_share:
            raise InputError(
                f"wanted weights to start from, of which {recipe.name} keeps a share, got none; "
                "give --start, or leave start_share out"
            )
        self._started = {name: p.detach().clone() for name, p in self._weights.items()}
        self._averaged = {name: p.detach().clone() for name, p in self._weights.items()}
        self._compressor = Compressor(recipe.quantise, recipe.sparsify, steps)
        self._compressor.check(self.network.matrices())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self._weights.values() if p.ndim == 2]},
            {"params": [p for p in self._weights.values() if p.ndim == 1], "weight_decay": 0.0},
        ]
        self._optimiser = torch.optim.AdamW(
            groups, lr=0.0, weight_decay=self._schedule.weight_decay, fused=True
        )

    def _copy(self, weights: Mapping[str, Tensor]) -> None:
        for name, parameter in self._weights.items():
            if name not in weights and name.startswith("ctc"):
                continue
            if name not in weights or weights[name].shape != parameter.shape:
                raise InputError(
                    f"wanted {name} of shape {tuple(parameter.shape)} in the model to start from, "
                    f"got {tuple(weights[name].shape) if name in weights else 'none'}; "
                    "give the recipe the sizes of that model"
                )
            with torch.no_grad():
                parameter.copy_(weights[name])

    def state(self) -> dict[str, Any]:
        """Everything that changes from step to step, for a checkpoint."""
        return {
            "weights": {name: p.detach() for name, p in self._weights.items()},
            "averaged": self._averaged,
            "compressor": self._compressor.state(),
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; ValueError for what it did not."""
        for kind in ("weights", "averaged"):
            if {n: (p.shape, p.dtype) for n, p in self._weights.items()} != {
                n: (w.shape, w.dtype) for n, w in state[kind].items()
            }:
                raise ValueError("other weights")
        self._copy(state["weights"])
        self._averaged = dict(state["averaged"])
        self._compressor.restore(state["compressor"])
        self._optimiser.load_state_dict(state["optimiser"])

    def _seen_noisy(self, name: str, weight: Tensor) -> Tensor:
        noise = torch.empty_like(weight).normal_(
            0.0, self._schedule.weight_noise, generator=self.network.random
        )
        return self._compressor.seen(name, weight) + noise

    def learn(self, batch: Batch, step: int, epoch: int) -> float:
        """Take step number `step`, in epoch number `epoch`; the batch's loss without penalty."""
        schedule, network = self._schedule, self.network
        seed = np.random.SeedSequence([schedule.seed, step]).generate_state(1)
        network.random.manual_seed(int(seed[0]))
        network.train()
        network.precision, network.dropout = _PRECISIONS[schedule.precision], schedule.dropout
        compressor, matrices = self._compressor, network.matrices()
        network.view = self._seen_noisy if schedule.weight_noise else compressor.seen
        compressor.begin(step, matrices)
        rate = learning_rate(schedule, step, self._steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        loss = self._loss(batch, epoch)
        if not math.isfinite(value := loss.item()):
            raise InputError(
                f"wanted a finite loss, got {value} at step {step + 1}; lower learning_rate"
            )
        penalty = compressor.penalty(step, matrices)
        (loss if penalty is None else loss + penalty).backward()
        norm = torch.nn.utils.clip_grad_norm_(list(self._weights.values()), schedule.clip)
        if not math.isfinite(norm.item()):  # before it is in the weights, and in a checkpoint
            raise InputError(
                f"wanted a finite gradient, got {norm.item()} at step {step + 1}; lower "
                "learning_rate"
            )
        self._optimiser.step()
        compressor.end(matrices, rate)
        decay = _average_decay(schedule, step)
        with torch.no_grad():
            for name, parameter in self._weights.items():
                self._averaged[name].lerp_(parameter, 1 - decay)
        return float(value)

    def _loss(self, batch: Batch, epoch: int) -> Tensor:
        """Mean over the batch of nats a token: the transducer's, CTC's, or both.

        And nats a node of the divergence from a teacher, and expected word errors.
        """
        frames, targets, labels = map(torch.from_numpy, (batch.frames, batch.targets, batch.labels))
        skipped = torch.from_numpy(batch.skipped)
        encoded = self.network.encode(_padded(batch.x), skipped)
        tokens = labels.clamp(min=1)
        ctc = functional.ctc_loss(
            self.network.ctc(encoded).transpose(0, 1),
            targets,
            frames,
            labels,
            blank=BLANK,
            reduction="none",
            zero_infinity=True,  # of utterances that are too short for their tokens
        )
        loss = (ctc / tokens).mean()
        if epoch < self._schedule.ctc_epochs:
            return loss
        arcs = self.network.scores(encoded, targets, frames, labels)
        transducer = (lattice_loss(*arcs, frames, labels) / tokens).mean()
        loss = transducer + self._schedule.ctc_weight * loss
        if self._teacher is not None and batch.teacher_x is not None:
            wanted = self._teacher.scores(
                _padded(batch.teacher_x),
                skipped,
                targets,
                frames,
                labels,
                precision=self.network.precision,
            )
            divergence = lattice_divergence(wanted, arcs, frames, labels)
            loss = loss + self._recipe.teacher.weight * divergence.mean()
        recipe = self._recipe.discriminative
        if not recipe.weight:
            return loss
        texts = [row[:n].tolist() for row, n in zip(targets, labels.tolist(), strict=True)]
        errors = minimum_word_errors(
            self.network, encoded, frames, texts, recipe, self._tokens.spell
        )
        return recipe.likelihood * loss + recipe.weight * errors

    @contextmanager
    def in_use(self) -> Iterator[Network]:
        """The network as it would be exported now: averaged, compressed, less willing to be silent
        by the blank penalty, in evaluation mode."""
        latest = {name: p.detach().clone() for name, p in self._weights.items()}
        if self._schedule.average:
            self._copy(self._averaged)
        if share := self._schedule.start_share:
            with torch.no_grad():
                for name, parameter in self._weights.items():
                    parameter.lerp_(self._started[name], share)
        with torch.no_grad():
            self._weights["joint.output.bias"][BLANK] -= self._schedule.blank_penalty
        network = self.network.eval()
        network.view, network.precision = self._compressor.final, torch.float32
        try:
            with network.held_still():
                yield network
        finally:
            self._copy(latest)

    def exported(self) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """All weights as `in_use` sees them, by their canonical names."""
        with self.in_use() as network, torch.no_grad():
            matrices = network.matrices()
            return {
                name: (network.view(name, p) if name in matrices else p).detach().clone().numpy()
                for name, p in network.named().items()
            }
