"""`sordino bench codec` and `sordino bench matvec`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from sordino.cli.options import json_option, path_type
from sordino.cli.output import print_json, print_table
from sordino.compiler.bench_codec import bench_codec
from sordino.engines.matvec_bench import bench_matvec
from sordino.errors import InputError

__all__ = ["bench"]

_matrix = click.option(
    "--matrix", type=path_type, required=True, metavar="FILE.npy", help="int8, rows = outputs."
)


def load_matrix(path: Path) -> NDArray[np.int8]:
    """An int8 matrix from .npy; InputError for anything else."""
    try:
        with path.open("rb") as file:  # opened here, since np.load leaves archives open
            array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"wanted an int8 matrix in .npy, cannot read {path}: {error}") from None
    if not isinstance(array, np.ndarray) or array.ndim != 2 or 0 in array.shape:
        raise InputError(f"wanted a matrix with rows and columns in {path}, got {array!r:.60}")
    if not np.issubdtype(array.dtype, np.integer) or array.min() < -128 or array.max() > 127:
        raise InputError(f"wanted int8 values in {path}, got {array.dtype}; quantise first")
    return array.astype(np.int8)


def _report(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(figures)
    else:
        print_table(
            ("figure", "value"),
            [
                (k, f"{v:,.4f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else v)
                for k, v in figures.items()
            ],
        )


@click.group()
def bench() -> None:
    """Measure codec and array on your own matrices."""


@bench.command(epilog="\b\nExample:\n  sordino bench codec --matrix w.npy --lanes 64 --group 4")
@_matrix
@click.option("--lanes", type=click.IntRange(4), default=16, show_default=True)
@click.option("--group", type=click.IntRange(1), default=1, show_default=True)
@json_option
def codec(matrix: Path, lanes: int, group: int, as_json: bool) -> None:
    """Bits per weight, entropy and padding of one matrix, everything counted."""
    _report(asdict(bench_codec(load_matrix(matrix), lanes, group)), as_json)


@bench.command(epilog="\b\nExample:\n  sordino bench matvec --matrix w.npy --lanes 16 --group 4")
@_matrix
@click.option("--lanes", type=click.IntRange(4), default=16, show_default=True)
@click.option("--group", type=click.IntRange(1), default=1, show_default=True)
@click.option("--engine", type=click.Choice(["rtl"]), default="rtl", show_default=True)
@json_option
def matvec(matrix: Path, lanes: int, group: int, engine: str, as_json: bool) -> None:
    """Cycles and utilisation of one matrix times a random vector, checked against numpy."""
    _report({**bench_matvec(load_matrix(matrix), lanes, group), "engine": engine}, as_json)
