"""`sordino package`."""

from pathlib import Path

import click

from sordino.arch import load_config
from sordino.cli.shared.options import config_option, json_option, set_option
from sordino.cli.shared.output import console, print_json
from sordino.cli.shared.paths import OutputFolder

__all__ = ["package"]


def _number(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Click callback: '0x43c00000' or '1136656384'."""
    try:
        return int(value.replace("_", ""), 0)
    except ValueError:
        raise click.BadParameter(f"wanted a number such as 0x43c00000, got {value!r}") from None


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino package -o build/ip\n"
    "  sordino package --config tiny --set stream_bus=64 -o build/ip\n"
    "  sordino package --part xc7a100tcsg324-1 --base 0x44a00000 --interrupt 62 -o build/ip --json",
)
@config_option
@set_option
@click.option(
    "-o",
    "--output",
    type=OutputFolder("*.v", "component.tcl", "sordino.dtso"),
    required=True,
    help="Folder to write to.",
)
@click.option(
    "--part",
    default="xc7z020clg400-1",
    show_default=True,
    help="Device as Vivado names it.",
)
@click.option(
    "--base",
    default="0x43c00000",
    show_default=True,
    callback=_number,
    metavar="ADDRESS",
    help="Where the system has the registers.",
)
@click.option(
    "--interrupt",
    type=int,
    default=61,
    show_default=True,
    help="Number of its line at the interrupt controller.",
)
@json_option
def package(
    config: str,
    changes: dict[str, int],
    output: Path,
    part: str,
    base: int,
    interrupt: int,
    as_json: bool,
) -> None:
    """Write the machine as an IP with AXI ports for Vivado, and its node of a device tree.

    `vivado -mode batch -source component.tcl` in that folder makes the IP. Vivado was not there to
    try it.
    """
    from sordino.boards.axi_ip import AxiIp, write_ip

    machine = load_config(config, changes)
    paths = write_ip(machine, AxiIp(part=part, base=base, interrupt=interrupt), output)
    if as_json:
        verilog, script, tree = map(str, paths)
        print_json(
            {
                "verilog": verilog,
                "script": script,
                "device_tree": tree,
                "id": f"{machine.id:08x}",
                "part": part,
                "base": base,
                "interrupt": interrupt,
            }
        )
    else:
        for path in paths:
            console.print(str(path))
