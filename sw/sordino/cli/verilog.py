"""`sordino verilog`."""

from pathlib import Path

import click

from sordino.arch import load_config
from sordino.cli.options import config_option, set_option
from sordino.cli.output import console
from sordino.cli.paths import OutputFolder

__all__ = ["verilog"]


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino verilog\n"
    "  sordino verilog --config tiny -o build/verilog\n"
    "  sordino verilog --config small --set lanes=32 -o build/wide",
)
@config_option
@set_option
@click.option(
    "-o",
    "--output",
    type=OutputFolder("*.v"),
    default=Path("."),
    show_default=True,
    help="Folder to write to.",
)
def verilog(config: str, changes: dict[str, int], output: Path) -> None:
    """Write the machine with its AXI4-Lite port as one Verilog file."""
    from sordino.rtl.verilog import write_verilog

    path = write_verilog(load_config(config, changes), output)
    console.print(f"{path}: {path.stat().st_size:,} bytes")
