"""The page of a design-space sweep: what `sordino sweep` left in a folder."""

import json
from pathlib import Path
from typing import Any

import click

from campaigns.common import (
    BUILD,
    MODELS,
    corpus_in,
    needed,
    optional_data_option,
    output_option,
    sordino,
    write_page,
)
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.reference.markdown import table
from sordino.tools.bench.trained import SHIPPED

__all__ = ["main", "sweep_rows"]

_HEADINGS = (
    "lanes",
    "group",
    "bits",
    "zeros asked",
    "zeros",
    "bytes",
    "bits/weight",
    "frame at best",
    "at worst",
    "memory, kbit",
    "LUTs, about",
    "smallest FPGA",
    "WER",
    "Pareto",
)
_KILOBIT = 1024


def sweep_rows(results: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One line a point; of one that cannot be built, why."""
    rows: list[tuple[str, ...]] = []
    for r in results:
        asked = "keep" if r["zeros"] is None else f"{r['zeros']:.0%}"
        head = (str(r["lanes"]), str(r["group"]), str(r["bits"]), asked)
        if r["error"] is not None:
            rows.append((*head, *("–",) * 7, r["error"], "–", ""))
            continue
        rows.append(
            (
                *head,
                f"{r['actual_zeros']:.1%}",
                f"{r['bytes']:,}",
                f"{r['bits_per_weight']:.3f}",
                f"{r['frame_best']:,}",
                f"{r['frame_worst']:,}",
                f"{r['memory_bits'] / _KILOBIT:,.0f}",
                f"{r['luts']:,}",
                (r["fits"] or ["none of the table"])[0],
                "–" if r["wer"] is None else f"{r['wer']:.2%}",
                "**yes**" if r["pareto"] else "",
            )
        )
    return rows


_GRID = {"--lanes": "8,16,32,64", "--group": "1,4", "--bits": "4,5", "--zeros": "keep,0.85"}


@click.command()
@optional_data_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Take what `sordino sweep` left there.  [default: make a sweep in build/sweep of the "
    "repository]",
)
@output_option("sweep.md")
def main(data: Path | None, folder: Path | None, output: Path) -> None:
    """Sweep, and write the table, and the plot beside it."""
    if folder is None:
        folder = BUILD / "sweep"
        grid = [word for pair in _GRID.items() for word in pair]
        sordino("sweep", MODELS / SHIPPED, *grid, "--wer", corpus_in(needed(data)), "-o", folder)
    try:
        results = json.loads((folder / "points.json").read_text())
        plot = (folder / "pareto.svg").read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(
            f"wanted a folder of `sordino sweep`, got {folder}: {error}; make it with one"
        ) from None
    write_atomically(output.with_suffix(".svg"), plot)
    worst = max((r["luts_error"] for r in results if r["error"] is None), default=0.0)
    write_page(
        output,
        "Design space",
        [
            "The shipped model, pruned further where zeros are asked for (without training again), "
            "memories as large as each point needs. Cycles and bytes are exact; LUTs are "
            f"[estimated](estimate.md), at worst {worst:.0%} off; word errors on the development "
            "split, counted once for points that decode alike. Pareto: no other point is as good "
            "in bytes, cycles at best and word errors, and better in one.\n",
            f"![cycles against bytes]({output.with_suffix('.svg').name})\n",
            table(_HEADINGS, sweep_rows(results)),
        ],
    )
