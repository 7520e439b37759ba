"""A training as the command line starts it: one process a folder, threads, determinism."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils import deterministic

from sordino.errors import InputError
from sordino.locks import exclusive_folder
from sordino.train.launch import check_launch
from sordino.train.networks.widen import widen
from sordino.train.recipes.recipe import Recipe
from sordino.train.start import load_start
from sordino.train.stopping import StopSignals
from sordino.train.teacher import Teacher
from sordino.train.trainer import Trained, Trainer

__all__ = ["train"]

_MOST_THREADS = 1024
"""More than any processor has; with a hundred thousand PyTorch ends the process."""


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
    stop: StopSignals | None = None,
) -> Trained:
    """Train as `Trainer` does; PyTorch's settings are afterwards what they were before.

    also     further corpora to train on; InputError for none where the recipe names some
    start    weights to start from, as `load_start` takes them; a narrower network is widened;
             InputError for none where the recipe names one
    teacher  a model file; InputError unless it is given exactly where the recipe learns from one
    threads  of the processor, PyTorch's own choice for None; sums are split among them, so that
             another number gives other last bits
    stop     signals that stop training, where the caller has begun to listen to them

    A signal that ends a process saves a checkpoint and raises `Stopped`. Raises InputError where
    another training uses the folder, and where a launcher has started several processes.
    """
    _check_given(recipe, also, start, teacher)
    if threads is not None and not 1 <= threads <= _MOST_THREADS:
        raise InputError(f"wanted 1 to {_MOST_THREADS} threads, got {threads}")
    check_launch(os.environ)
    alone = exclusive_folder(output, "the folder of a training")
    with alone, _settings(threads), _listening(stop) as stopping:
        started = None if start is None else load_start(start)
        if started is not None:
            wide = widen(started.weights, recipe.network, recipe.schedule.seed)
            started = replace(started, weights=wide)
        taught_by = None if teacher is None else Teacher(teacher)
        return Trainer(
            recipe,
            data,
            output,
            also=also,
            start=started,
            teacher=taught_by,
            on_step=on_step,
            stop=stopping,
        ).run()


def _check_given(
    recipe: Recipe, also: Sequence[Path], start: Path | None, teacher: Path | None
) -> None:
    """Raise InputError unless there is all that a recipe goes on from."""
    if recipe.teacher.used and teacher is None:
        raise InputError(
            f"wanted a teacher, which {recipe.name} learns from, got none; give --teacher"
        )
    if teacher is not None and not recipe.teacher.used:
        raise InputError(
            f"wanted no teacher, since {recipe.name} does not learn from one; "
            "leave out --teacher, or give [teacher] in the recipe a weight"
        )
    if recipe.start and start is None:
        raise InputError(
            f"wanted the training {recipe.start}, which {recipe.name} goes on from, got none; give "
            "--start"
        )
    if recipe.also and not also:
        raise InputError(
            f"wanted the corpora {', '.join(recipe.also)}, which {recipe.name} is trained on too, "
            "got none; give --also"
        )


def _listening(stop: StopSignals | None) -> AbstractContextManager[StopSignals]:
    return StopSignals() if stop is None else nullcontext(stop)


@contextmanager
def _settings(threads: int | None) -> Iterator[None]:
    """PyTorch's threads and determinism; afterwards what they were before."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filled = deterministic.fill_uninitialized_memory
    torch.set_num_threads(threads or before[0])
    torch.use_deterministic_algorithms(True)
    deterministic.fill_uninitialized_memory = False  # nothing here reads it; an eighth of the time
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        deterministic.fill_uninitialized_memory = filled
