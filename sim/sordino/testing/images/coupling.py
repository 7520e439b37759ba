"""Random matrices whose groups hold each other up, and images that multiply by many of them."""

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.image.image import Image
from sordino.isa.operations import Halt
from sordino.testing.images.builder import ProgramBuilder

__all__ = ["coupled_image", "coupled_slots"]

_MOST_WEIGHTS = 24_000


def coupled_slots(rng: np.random.Generator, config: Config) -> NDArray[np.int8]:
    """A dealt matrix of 1 row and 1 column and more, of one of many kinds.

    All over the same density; groups of different density, or without any place; dense blocks of
    columns at different places in different groups; a few places far apart; whole columns empty;
    one row a lane, which the broadcast limits.
    """
    rows = int(rng.choice([1, 1, 2, 3, 7, 16, 40]))
    columns = int(rng.choice([1, 2, 7, 8, 9, 33, 60, 200, 500]))
    rows = min(rows, config.rows_per_lane)
    columns = max(1, min(columns, _MOST_WEIGHTS // (rows * config.lanes), config.activation_words))
    shape = (rows, config.groups, columns)
    density = float(rng.choice([0.005, 0.03, 0.1, 0.3, 0.7, 1.0]))
    share = np.full((1, config.groups, 1), density)
    match int(rng.integers(6)):
        case 0:
            share = density * rng.choice([0.0, 0.1, 0.5, 1.0], (1, config.groups, 1))
        case 1:
            # Every group is busy for a while when the others are not.
            length = int(rng.choice([3, 9, 20, 40]))
            blocks = rng.random((1, config.groups, -(-columns // length))) < 0.4
            share = np.where(np.repeat(blocks, length, axis=2)[:, :, :columns], density, 0.02)
        case 2:
            share = density * (rng.random((1, 1, columns)) < 0.2)
        case 3:
            share = np.full((1, config.groups, 1), 0.003)
            share[0, int(rng.integers(config.groups))] = 1.0
    occupied = np.repeat(rng.random(shape) < share, config.group, axis=1)
    values = rng.integers(1, 4, occupied.shape) * rng.choice([-1, 1], occupied.shape)
    return np.where(occupied, values, 0).astype(np.int8)


def coupled_image(rng: np.random.Generator, config: Config, matrices: int) -> Image:
    """An image that multiplies activation memory, whatever it holds, by so many matrices."""
    builder = ProgramBuilder(config)
    for _ in range(matrices):
        builder.matrix(coupled_slots(rng, config))
    for number in range(matrices):
        builder.matvec(
            number,
            source=0,
            bank=number % 2,
            slot=number % config.value_slots,
            run_slot=number % config.run_slots,
        )
    builder.add(Halt)
    return builder.image()
