"""`sordino bench codec`, `sordino bench matvec` and `sordino bench engines`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from sordino.cli.shared.options import json_option, path_type
from sordino.cli.shared.output import print_json, print_table, progress
from sordino.errors import InputError
from sordino.npy import MOST_NUMBERS, read_array, read_header
from sordino.tools.bench import bench_engines, default_cases, find_vela
from sordino.tools.bench.bench_codec import bench_codec
from sordino.tools.bench.cases import matrix_case
from sordino.tools.bench.cycles import EngineName, cycle_table
from sordino.tools.bench.matvec_bench import bench_matvec
from sordino.tools.bench.sizes import size_table

__all__ = ["bench"]

_matrix = click.option(
    "--matrix",
    type=path_type,
    required=True,
    metavar="FILE.npy",
    help="An int8 matrix with a row for each output.",
)
_lanes = click.option(
    "--lanes", type=click.IntRange(4), default=16, show_default=True, help="Lanes of the array."
)
_group = click.option(
    "--group", type=click.IntRange(1), default=1, show_default=True, help="Lanes in a group."
)


def _several(name: str, kind: Any, default: tuple[Any, ...], what: str) -> Callable[[Any], Any]:
    """An option that may be given several times."""
    return click.option(
        name,
        type=kind,
        default=default,
        multiple=True,
        show_default=True,
        help=f"{what}; may be given several times.",
    )


def load_matrix(path: Path) -> NDArray[np.int8]:
    """An int8 matrix from .npy; InputError for anything else."""
    try:
        with path.open("rb") as file:
            header = read_header(file)
            if len(header.shape) != 2 or 0 in header.shape:
                raise InputError(
                    f"wanted a matrix with rows and columns in {path}, got shape {header.shape}; "
                    "save one"
                )
            if header.size > MOST_NUMBERS:
                raise InputError(
                    f"wanted at most {MOST_NUMBERS:,} numbers in {path}, got {header.size:,}; cut "
                    "it"
                )
            if header.bytes > path.stat().st_size:
                raise InputError(
                    f"wanted {header.bytes:,} bytes in {path}, as its header says, got "
                    f"{path.stat().st_size:,}; save it again"
                )
            file.seek(0)
            array = read_array(file)
    except InputError:
        raise
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"wanted an int8 matrix in .npy, cannot read {path}: {reason}") from None
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
@_lanes
@_group
@json_option
def codec(matrix: Path, lanes: int, group: int, as_json: bool) -> None:
    """Bits per weight, entropy and padding of one matrix, everything counted."""
    _report(asdict(bench_codec(load_matrix(matrix), lanes, group)), as_json)


@bench.command(epilog="\b\nExample:\n  sordino bench matvec --matrix w.npy --lanes 16 --group 4")
@_matrix
@_lanes
@_group
@click.option(
    "--engine",
    type=click.Choice(["rtl", "cycles"]),
    default="rtl",
    show_default=True,
    help="Count cycles with the circuit, or with the exact model.",
)
@click.option(
    "--zeros",
    type=click.Choice(["skipped", "stored"]),
    default="skipped",
    show_default=True,
    help="Step over zero weights, or store them like others.",
)
@json_option
def matvec(
    matrix: Path,
    lanes: int,
    group: int,
    engine: EngineName,
    zeros: Literal["skipped", "stored"],
    as_json: bool,
) -> None:
    """Cycles and utilisation of one matrix times a random vector, checked against numpy."""
    result = bench_matvec(load_matrix(matrix), lanes, group, engine=engine, zeros=zeros)
    _report({**result, "engine": engine}, as_json)


@bench.command(
    epilog="\b\nExamples:\n"
    "  sordino bench engines --bits 5 --zeros 0.8 --group 1\n"
    "  sordino bench engines --matrix w.npy --group 4 --json"
)
@click.option(
    "--matrix",
    type=path_type,
    metavar="FILE.npy",
    help="An int8 matrix of your own, instead of the built-in ones.",
)
@_several("--bits", click.IntRange(2, 8), (4, 5, 8), "Bits of a weight")
@_several("--zeros", click.FloatRange(0, 1), (0.0, 0.5, 0.8, 0.95), "Share of zeros")
@_several("--group", click.IntRange(1), (1, 4), "Lanes in a group")
@_several("--lanes", click.IntRange(4), (16, 64), "Lanes")
@click.option("--trained/--no-trained", default=True, help="The trained AN4 models too.")
@click.option(
    "--models",
    type=path_type,
    show_default="models",
    help="Folder with the trained models; those not there are left out.",
)
@click.option("--cycles/--no-cycles", default=True, help="Cycles of 5-bit matrices too.")
@click.option(
    "--engine",
    type=click.Choice(["cycles", "rtl"]),
    default="cycles",
    show_default=True,
    help="Count cycles with the exact model, or with the circuit.",
)
@click.option("--vela/--no-vela", default=True, help="Ask Arm's Vela, where it is installed.")
@json_option
def engines(
    matrix: Path | None,
    bits: tuple[int, ...],
    zeros: tuple[float, ...],
    group: tuple[int, ...],
    lanes: tuple[int, ...],
    trained: bool,
    models: Path | None,
    cycles: bool,
    engine: EngineName,
    vela: bool,
    as_json: bool,
) -> None:
    """Compare Sordino with Arm's Vela, other formats and the entropy on the same matrices.

    Sizes are bits per weight. A number in brackets divides the size by the order-0 entropy or, in
    groups of several rows, by the block bound (docs/glossary.md). Sordino's sizes count everything;
    docs/results/performance.md says what the others leave out.
    """
    for rows in group:
        if rows & (rows - 1) or all(count % rows for count in lanes):
            raise InputError(f"wanted groups that are powers of two and divide lanes, got {rows}")
    peer, notes = find_vela() if vela else (None, ["Vela is left out, as told"])
    if matrix is not None:
        array = load_matrix(matrix)
        cases = [matrix_case(matrix.name, array, rows) for rows in group]
    else:
        if models is not None and not models.is_dir():
            raise InputError(f"wanted a folder with trained models, got {models}; correct --models")
        folders = (models or Path("models"),) if trained else ()
        cases, missing = default_cases(bits, zeros, group, models=folders)
        notes += missing
    with progress() as bar:
        task = bar.add_task("matrices", total=len(cases))
        result = bench_engines(
            cases,
            lanes,
            vela=peer,
            cycles=engine if cycles else None,
            notes=notes,
            on_case=lambda done: bar.advance(task, done),
        )
    if as_json:
        print_json(result.as_dict())
        return
    print_table(*size_table(result.sizes, lanes), title="Bits per weight")
    if result.cycles:
        print_table(*cycle_table(result.cycles), title="Cycles of one matrix times one vector")
    for note in notes:
        click.echo(note, err=True)
