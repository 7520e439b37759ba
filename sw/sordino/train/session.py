"""A training as the command line starts it: where weights come from, threads, determinism."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils import deterministic

from sordino.errors import InputError
from sordino.model.load import load_model
from sordino.train.checkpoint import load_checkpoint
from sordino.train.recipe import Recipe
from sordino.train.teacher import Teacher
from sordino.train.trainer import CHECKPOINT, Trained, Trainer
from sordino.train.widen import widen

__all__ = ["load_weights", "train"]


def load_weights(path: Path) -> dict[str, Tensor]:
    """Weights to start from, by their canonical names, float32.

    `path` is the folder of a training (its averaged weights before they are rounded, with its
    zeros, CTC head included) or a model file (without that head). InputError for anything else.
    """
    if path.is_dir():
        state = load_checkpoint(path / CHECKPOINT)
        try:
            learner = state["learner"]
            masks = learner.get("compressor", {}).get("masks", {})
            return {
                name: weight * masks[name] if name in masks else weight
                for name, weight in learner["averaged"].items()
            }
        except (KeyError, TypeError, AttributeError):
            raise InputError(f"wanted the folder of a training, but {path} is none") from None
    arrays = load_model(path).arrays()
    for name in [name for name in arrays if name.endswith("bias_hh")]:
        arrays[name.replace("_hh", "_ih")] = arrays[name.replace("_hh", "_ih")] + arrays.pop(name)
    return {name: torch.from_numpy(values).float() for name, values in arrays.items()}


def train(
    recipe: Recipe,
    data: Path,
    output: Path,
    *,
    also: Sequence[Path] = (),
    start: Path | None = None,
    teacher: Path | None = None,
    threads: int | None = None,
    on_step: Callable[[int, int, str], None] = lambda _done, _steps, _text: None,
) -> Trained:
    """Train as `Trainer` does; PyTorch's settings are afterwards what they were before.

    also     further corpora to train on
    start    weights to start from, as `load_weights` takes them; a narrower network is widened
    teacher  a model file; InputError unless it is given exactly where the recipe learns from one
    threads  of the processor, PyTorch's own choice for None; sums are split among them, so that
             another number gives other last bits
    """
    if recipe.teacher.used and teacher is None:
        raise InputError(
            f"wanted a teacher, which {recipe.name} learns from, got none; give --teacher"
        )
    if teacher is not None and not recipe.teacher.used:
        raise InputError(
            f"wanted no teacher, since {recipe.name} does not learn from one; "
            "leave out --teacher, or give [teacher] in the recipe a weight"
        )
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory
    torch.set_num_threads(threads or before[0])
    torch.use_deterministic_algorithms(True)
    deterministic.fill_uninitialized_memory = False  # nothing here reads it; an eighth of the time
    try:
        weights = None if start is None else load_weights(start)
        if weights is not None:
            weights = widen(weights, recipe.network, recipe.schedule.seed)
        taught_by = None if teacher is None else Teacher(teacher)
        return Trainer(
            *(recipe, data, output),
            also=also,
            start=weights,
            started=None if start is None else start.name,
            teacher=taught_by,
            on_step=on_step,
        ).run()
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        deterministic.fill_uninitialized_memory = filled
