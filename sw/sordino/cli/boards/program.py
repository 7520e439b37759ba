"""`sordino program`."""

from pathlib import Path

import click

from sordino.cli.shared.options import json_option, path_type
from sordino.cli.shared.output import console, print_json

__all__ = ["program"]


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino program build/ulx3s\n"
    "  sordino program build/ulx3s --part volatile\n"
    "  sordino program build/ecpix5 --part image\n"
    "  sordino program build/ulx3s --dry-run --json",
)
@click.argument("folder", type=path_type)
@click.option(
    "--part",
    type=click.Choice(["all", "bitstream", "image", "volatile"]),
    default="all",
    show_default=True,
    help="What goes to the flash; volatile: the bitstream, until power goes.",
)
@click.option("--cable", metavar="SERIAL", help="Serial number of the board's FTDI chip.")
@click.option("--dry-run", is_flag=True, help="Say what would be called, and call nothing.")
@json_option
def program(folder: Path, part: str, cable: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring what `sordino build` wrote into FOLDER onto its board.

    openFPGALoader does it, which pip does not install.
    """
    from sordino.boards.program import TOOL, commands, find_tool, read_manifest, run

    board, built = read_manifest(folder)
    calls = commands(board, built, part, cable)
    if not dry_run:
        tool = find_tool()
        for call in calls:
            run(tool, call)
    if as_json:
        done = [[TOOL, *call] for call in calls]
        print_json({"board": board.name, "part": part, "called": not dry_run, "commands": done})
    elif dry_run:
        for call in calls:
            console.print(" ".join([TOOL, *call]))
    else:
        console.print(f"{board.title}: {part} is there")
