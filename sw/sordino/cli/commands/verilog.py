"""`sordino verilog`."""

from pathlib import Path

import click

from sordino.arch import load_config
from sordino.cli.shared.options import config_option, json_option, set_option
from sordino.cli.shared.output import console, print_json
from sordino.cli.shared.paths import OutputFolder
from sordino.rtl.bridges.registry import BRIDGES, DEFAULT

__all__ = ["verilog"]


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino verilog\n"
    "  sordino verilog --config tiny -o build/verilog\n"
    "  sordino verilog --config small --set lanes=32 -o build/wide\n"
    "  sordino verilog --config tiny --top npu_left -o build/two\n"
    "  sordino verilog --config tiny --set stream_bus=64 --top npu_right -o build/two --json\n"
    "  sordino verilog --config tiny --bus wishbone -o build/wishbone\n"
    "  sordino verilog --config tiny --bus uart --baud 3000000 -o build/uart",
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
@click.option(
    "--top",
    metavar="NAME",
    help="Name of the top module and of the file, first part of every other module's name: "
    "machines of different names stand in one design.  [default: sordino, in sordino_MACHINE.v]",
)
@click.option(
    "--bus",
    type=click.Choice(list(BRIDGES)),
    default=DEFAULT,
    show_default=True,
    help="Bus over which a host reaches the registers.",
)
@click.option(
    "--baud",
    type=click.IntRange(1),
    help="Bits a second of the bus uart, at the configuration's clock_hz.  [default: 1000000]",
)
@json_option
def verilog(
    config: str,
    changes: dict[str, int],
    output: Path,
    top: str | None,
    bus: str,
    baud: int | None,
    as_json: bool,
) -> None:
    """Write the machine, with a port to the host's bus, as one Verilog file.

    It is Verilog 2005 and means the same where it is read as SystemVerilog. Its first lines hold
    every field of the machine. Without --top a machine that is not as its preset has another file.
    """
    from sordino.rtl.export.verilog import TOP, write_verilog
    from sordino.rtl.export.yosys import yosys_version

    machine = load_config(config, changes)
    path = write_verilog(machine, output, top=top, base=load_config(config), bus=bus, baud=baud)
    size = path.stat().st_size
    if as_json:
        print_json(
            {
                "verilog": str(path),
                "bytes": size,
                "top": top or TOP,
                "bus": bus,
                "id": f"{machine.id:08x}",
                "config": machine.as_dict(),
                "yosys": yosys_version(),
            }
        )
    else:
        console.print(f"{path}: {size:,} bytes, top module {top or TOP}, bus {bus}")
