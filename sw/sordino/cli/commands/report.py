"""`sordino report`."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import click

from sordino.cli.shared.options import IMAGE, output_type, path_type
from sordino.cli.shared.output import console, frequency, progress
from sordino.cli.shared.paths import default_output
from sordino.files import write_atomically
from sordino.image.image import Image
from sordino.tools.report.build import Report, make_report
from sordino.tools.report.compare import compare
from sordino.tools.report.page import render_page

__all__ = ["report"]


def _make(path: Path, tokens: float, clock: int | None) -> Report:
    image = Image.load(path)
    with progress() as bar:
        task = bar.add_task(path.name, total=len(image.matrices))
        return make_report(
            image,
            path.name,
            tokens_per_second=tokens,
            clock_hz=clock,
            on_matrix=lambda done: bar.advance(task, done),
        )


def _plain(ours: Report, theirs: Report | None) -> dict[str, Any]:
    if theirs is None:
        return ours.as_dict()
    return {
        **ours.as_dict(),
        "other": theirs.as_dict(),
        "differences": [difference.as_dict() for difference in compare(ours, theirs)],
    }


def _table(ours: Report, theirs: Report | None) -> str:
    """One line a matrix; with another image its name comes first, and its lines follow."""
    reports = [ours] if theirs is None else [ours, theirs]
    rows = [{"image": r.head["image"], **row} for r in reports for row in r.matrix_rows()]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino report model.sordino\n"
    "  sordino report model.sordino -o model.html --csv model.csv --clock 100MHz\n"
    "  sordino report model.sordino --compare other.sordino -o both.html"
)
@IMAGE
@click.option("-o", "--output", type=output_type, help="Page to write.  [default: IMAGE.html]")
@click.option("--json", "json_path", type=output_type, metavar="FILE", help="The figures as JSON.")
@click.option("--csv", "csv_path", type=output_type, metavar="FILE", help="A line for each matrix.")
@click.option("--compare", "other", type=path_type, metavar="IMAGE", help="Put another beside it.")
@click.option(
    "--tokens",
    type=click.FloatRange(0, 1000),
    default=10.0,
    show_default=True,
    help="Tokens in a second of speech, for times of speech.",
)
@click.option(
    "--clock",
    callback=frequency,
    metavar="HZ",
    help="Clock for the real-time factor.  [default: the configuration's]",
)
def report(
    image: Path,
    output: Path | None,
    json_path: Path | None,
    csv_path: Path | None,
    other: Path | None,
    tokens: float,
    clock: int | None,
) -> None:
    """What IMAGE costs and where its time goes, as one page that needs no script.

    For every matrix the page shows zeros, bits, entropy, places, cycles and what limits it. It also
    shows a frame's timeline, the memory map, what each bit and each zero saved, and the host's
    part.
    """
    page = output or default_output(image, ".html")
    ours = _make(image, tokens, clock)
    theirs = None if other is None else _make(other, tokens, clock)
    files = {page: render_page(ours, theirs)}
    if json_path is not None:
        text = json.dumps(_plain(ours, theirs), indent=2, ensure_ascii=False, allow_nan=False)
        files[json_path] = text + "\n"
    if csv_path is not None:
        files[csv_path] = _table(ours, theirs)
    for path, contents in files.items():
        console.print(f"{path}: {write_atomically(path, contents):,} bytes")
