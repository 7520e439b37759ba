"""The command group and the mapping from errors to exit codes.

0 fine; 1 a check failed or the machine stopped with an error; 2 bad usage, bad input or a missing
tool, with one line on standard error; 130 on Ctrl-C.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import click

from sordino.arch import ConfigError
from sordino.cli.boards.build import build
from sordino.cli.boards.package import package
from sordino.cli.boards.program import program
from sordino.cli.commands.bench import bench
from sordino.cli.commands.compile import compile_command
from sordino.cli.commands.cosim import cosim
from sordino.cli.commands.estimate import estimate
from sordino.cli.commands.evaluate import evaluate
from sordino.cli.commands.inspect import disasm, info
from sordino.cli.commands.lattice import lattice_command
from sordino.cli.commands.lm import lm
from sordino.cli.commands.report import report
from sordino.cli.commands.rerank import rerank_command
from sordino.cli.commands.run import run
from sordino.cli.commands.serve import serve_command
from sordino.cli.commands.sweep import sweep_command
from sordino.cli.commands.train import train
from sordino.cli.commands.verilog import verilog
from sordino.cli.shared.output import echo, fail, shown_warnings
from sordino.cli.shared.paths import checked
from sordino.cli.shared.streams import drop_output, ending_on_signals, open_streams
from sordino.compiler.limits.errors import CompileError
from sordino.driver import MachineError, Refused
from sordino.driver.errors import LinkError
from sordino.engines.errors import Mismatch, ToolError
from sordino.errors import InputError
from sordino.image.image import ImageError
from sordino.isa.encoding import EncodingError

__all__ = ["main"]

_READER_GONE = 1
"""The exit code where nobody reads standard output any longer, as `| head` ends."""
_USER_ERRORS = (
    ConfigError,
    CompileError,
    EncodingError,
    ImageError,
    InputError,
    LinkError,
    ToolError,
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  sordino compile models/voices_rnnt_causal.npz -o voices.sordino\n"
    "  sordino run voices.sordino speech.wav --engine rtl\n"
    "  sordino cosim voices.sordino speech.wav\n"
    "  sordino verilog --config tiny -o build/verilog\n"
    "  sordino train recipes/an4_float.toml --data an4 -o runs/an4_float",
)
@click.version_option(version("sordino"), prog_name="sordino")
def cli() -> None:
    """Sordino: speech recognition on an open neural edge processor that mutes every zero."""


for command in (
    compile_command,
    run,
    cosim,
    lattice_command,
    rerank_command,
    serve_command,
    evaluate,
    info,
    report,
    estimate,
    sweep_command,
    disasm,
    verilog,
    build,
    program,
    package,
    bench,
    train,
    lm,
):
    cli.add_command(checked(command))


def main(
    arguments: Sequence[str] | None = None, *, command: click.Command = cli, name: str = "sordino"
) -> None:
    """Entry point of the `sordino` command; `arguments` default to the process's. Always exits.

    Another `command`, called `name` in its help, gets the same exit codes and messages.
    """
    open_streams()
    with ending_on_signals():
        try:
            code: Any = _run(arguments, command, name)
        except SystemExit as error:
            code = error.code
        except BrokenPipeError:
            code = _READER_GONE
        try:
            sys.stdout.flush()
        except OSError as error:
            drop_output(sys.stdout)
            if not code:
                if isinstance(error, BrokenPipeError):
                    sys.exit(_READER_GONE)
                fail(f"cannot write on standard output: {error.strerror}")
    sys.exit(code)


def _run(arguments: Sequence[str] | None, command: click.Command, name: str) -> int:
    """The exit code of a command; SystemExit with one where it ends early."""
    try:
        with shown_warnings():
            code = command.main(arguments, prog_name=name, standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        message = error.format_message().rstrip(".")
        if isinstance(error, click.UsageError) and error.ctx is not None:
            message += f"; see `{error.ctx.command_path} --help`"
        fail(message)
    except BrokenPipeError:
        raise
    except (Mismatch, MachineError, Refused) as error:
        fail(str(error), 1)
    except _USER_ERRORS as error:
        fail(str(error))
    except OSError as error:
        if error.filename is None:
            fail(f"cannot read or write: {error.strerror or error}")
        fail(f"cannot use {error.filename}: {error.strerror}; check the path and its permissions")
    return code if isinstance(code, int) else 0
