"""Options that several commands share."""

from pathlib import Path

import click

from sordino.arch import PRESETS
from sordino.cli.shared.output import settings
from sordino.cli.shared.paths import InputPath, MachinePath, OutputFile
from sordino.compiler.numbers.prune import SHARES
from sordino.tools.estimate.capacity import MEMORIES

__all__ = [
    "IMAGE",
    "INPUTS",
    "config_option",
    "data_option",
    "json_option",
    "machine_type",
    "memory_option",
    "output_type",
    "path_type",
    "set_option",
    "shares_option",
]

path_type = InputPath(path_type=Path)
"""Of everything that a command reads; what it writes must not be among it."""
output_type = OutputFile()
"""Of every file that a command writes; folders have an `OutputFolder` of their own."""
machine_type = MachinePath(path_type=str)

config_option = click.option(
    "--config",
    type=machine_type,
    metavar="MACHINE",
    default="small",
    show_default=True,
    help=f"Machine: a TOML file or one of {', '.join(PRESETS)}.",
)
data_option = click.option(
    "--data",
    type=path_type,
    required=True,
    help="An AN4 tree, an FSDD recordings folder, or a folder with transcripts.tsv.",
)
set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    callback=settings,
    metavar="FIELD=N",
    help="Change a field of the machine, such as lanes=32.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
IMAGE = click.argument("image", type=path_type)
INPUTS = click.argument(
    "inputs", type=InputPath(path_type=str, readable=False), nargs=-1, required=True
)

shares_option = click.option(
    "--shares",
    type=click.Choice(SHARES),
    default=SHARES[0],
    show_default=True,
    help="How --sparsity is spread over the matrices: evenly, or where least is lost.",
)

memory_option = click.option(
    "--memory",
    type=click.Choice(MEMORIES),
    default=MEMORIES[0],
    show_default=True,
    help="Memories as the configuration has them, or just as large as needed.",
)
