"""`sordino build`."""

from pathlib import Path

import click

from sordino.boards.registry import BOARDS
from sordino.cli.shared.options import IMAGE, json_option
from sordino.cli.shared.output import console, echo, frequency, print_json, print_table
from sordino.cli.shared.paths import OutputFolder

__all__ = ["build"]


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino compile models/voices_rnnt_causal.npz --config ulx3s -o ulx3s.sordino\n"
    "  sordino build --board ulx3s ulx3s.sordino -o build/ulx3s\n"
    "  sordino build --board ulx3s ulx3s.sordino -o build/ulx3s --clock 45MHz --seed 3\n"
    "  sordino build --board ecpix5 ecpix5.sordino -o build/ecpix5 --json",
)
@IMAGE
@click.option(
    "--board",
    type=click.Choice(list(BOARDS)),
    required=True,
    help="The board; its machine is the preset of that name.",
)
@click.option(
    "-o",
    "--output",
    type=OutputFolder("*.bit", "*.flash", "build.json"),
    required=True,
    help="Folder to write to.",
)
@click.option(
    "--clock",
    callback=frequency,
    metavar="HZ",
    help="Clock of the machine, such as 45MHz.  [default: the board's]",
)
@click.option(
    "--seed", type=click.IntRange(1, 1 << 30), default=1, show_default=True,
    help="Where placement begins; another one may reach a faster clock.",
)  # fmt: skip
@click.option(
    "--allow-slow",
    is_flag=True,
    help="Write a bitstream that does not keep its clock, too.",
)
@json_option
def build(
    image: Path,
    board: str,
    output: Path,
    clock: int | None,
    seed: int,
    allow_slow: bool,
    as_json: bool,
) -> None:
    """Build the bitstream of a board, and what stands behind it in the board's flash.

    IMAGE must be compiled for the board's machine: --config with the board's name. Everything comes
    from wheels; place and route takes some ten minutes. At power-up the board loads the image from
    its flash, and checks it as if a host had loaded it.
    """
    from sordino.boards.flow import build as build_board
    from sordino.errors import warn
    from sordino.image.image import Image

    chosen = BOARDS[board]
    report = build_board(
        chosen,
        Image.load(image),
        output,
        clock_hz=clock,
        seed=seed,
        allow_slow=allow_slow,
        say=lambda text: echo(f"{text} …", err=True),
    )
    placed = report.placed
    if not placed.in_time:
        warn(
            f"{board} reaches {placed.reached_hz / 1e6:.1f} MHz and gets "
            f"{placed.clock_hz / 1e6:g} MHz; it may fail"
        )
    if as_json:
        print_json(report.as_dict())
        return
    print_table(
        ("what", "used", "of"),
        [(name.replace("_", " "), use.used, use.available) for name, use in placed.uses.items()],
    )
    minutes = ", ".join(f"{name} {value:.1f}" for name, value in report.minutes.items())
    console.print(
        f"clock {placed.clock_hz / 1e6:g} MHz; placed for {placed.reached_hz / 1e6:.1f} MHz"
    )
    console.print(f"minutes: {minutes}")
    console.print(f"{output / report.bitstream}; {output / report.memory} goes behind it")
