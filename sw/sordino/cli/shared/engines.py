"""Engines by their command line names, and what to do without a C++ compiler."""

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sordino.arch import Config
from sordino.cli.shared.options import output_type
from sordino.cycles.engine import Cycles
from sordino.engines.amaranth.amaranth_sim import AmaranthSim, estimate_seconds
from sordino.engines.engine import Engine, OpenEngine
from sordino.engines.errors import ToolError
from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.engines.native.compiled import MACHINE, Design, compiler, is_cached
from sordino.engines.native.rtl import Rtl
from sordino.files import output_path
from sordino.golden.machine import Golden
from sordino.image.checks.verify import verify
from sordino.image.image import Image

__all__ = [
    "ENGINES",
    "announce_build",
    "make_engine",
    "make_open_engine",
    "memory_options",
    "simulator_of",
    "slow_option",
    "vcd_option",
]

ENGINES = click.Choice(["golden", "rtl", "cycles"])
_LONG_SECONDS = 300
"""Amaranth's simulator is not started for longer than this without being told."""

slow_option = click.option(
    "--slow",
    is_flag=True,
    help="Without a C++ compiler, simulate for more than five minutes too.",
)


def memory_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--memory-latency` and `--memory-rate`, which the command gets as `memory`."""

    @wraps(command)
    def with_memory(*args: Any, memory_latency: int, memory_rate: int, **more: Any) -> Any:
        timing = MemoryTiming(latency=memory_latency, rate=memory_rate)
        return command(*args, memory=timing, **more)

    latency = click.option(
        "--memory-latency",
        type=int,
        default=MemoryTiming.latency,
        show_default=True,
        help="Cycles from a burst's address to its first beat (streamed weights).",
    )
    rate = click.option(
        "--memory-rate",
        type=int,
        default=MemoryTiming.rate,
        show_default=True,
        help=f"Beats that external memory delivers in {BEAT} cycles.",
    )
    return latency(rate(with_memory))


def vcd_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--vcd`; the command gets the path to write to while it runs, as `vcd`.

    What was simulated until a check failed stays; an interrupted command leaves no waveform.
    """

    def with_option(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_vcd(*args: Any, vcd: Path | None, **more: Any) -> Any:
            failed = None
            with nullcontext() if vcd is None else output_path(vcd) as waveform:
                try:
                    result = command(*args, vcd=waveform, **more)
                except SystemExit as error:
                    if error.code not in (1, 2) or waveform is None:
                        raise
                    if error.code == 2 and not waveform.stat().st_size:
                        raise  # nothing has run
                    failed = error.code
            return result if failed is None else sys.exit(failed)

        return click.option("--vcd", type=output_type, help=help)(with_vcd)

    return with_option


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def _without_compiler(image: Image, frames: Sequence[int], slow: bool, reason: str) -> None:
    """Say how long Amaranth's simulator will take; ToolError if that is too long."""
    seconds = estimate_seconds(image, sum(frames), len(frames))
    about = f"Amaranth's simulator would take about {_duration(seconds)}"
    if seconds > _LONG_SECONDS and not slow:
        raise ToolError(f"{reason}; {about}: --slow does it all the same")
    click.echo(f"no C++ compiler: {about.replace('would take', 'takes')} ...", err=True)


def make_engine(
    name: str,
    image: Image,
    *,
    frames: Sequence[int] | None = None,
    vcd: Path | None = None,
    slow: bool = False,
    memory: MemoryTiming | None = None,
) -> Engine:
    """One of ENGINES, to run inputs of so many `frames` each.

    The first rtl engine of a machine compiles it. Where there is no C++ compiler it is Amaranth's
    simulator; ToolError if that would take more than five minutes and `slow` is not set, or if
    nobody knows how long. `memory` times external memory.
    """
    if name == "rtl":
        try:
            compiler()
        except ToolError as error:
            if frames is None:
                raise
            verify(image)
            _without_compiler(image, frames, slow, str(error))
            return AmaranthSim(image, vcd=vcd, memory=memory)
    return make_open_engine(name, image, vcd=vcd, memory=memory)


def make_open_engine(
    name: str,
    image: Image,
    *,
    vcd: Path | None = None,
    memory: MemoryTiming | None = None,
) -> OpenEngine:
    """One of ENGINES whose memories a host reads and writes between runs, as a search does.

    ToolError for the rtl engine where there is no C++ compiler: what Amaranth's simulator runs
    begins at power-up, and no memory keeps what a host writes.
    """
    if name == "golden":
        return Golden(image)
    if name == "cycles":
        return Cycles(image, memory=memory)
    verify(image)
    announce_build(image.config, MACHINE, debug=vcd is not None)
    return Rtl(image, vcd=vcd, memory=memory)


def announce_build(config: Config, design: Design, *, debug: bool = False) -> None:
    """Say that a simulator has to be built first; ToolError where there is no C++ compiler."""
    compiler()
    if not is_cached(config, debug=debug, design=design):
        click.echo(
            f"building the simulator of {config.name} once (up to a minute for 16 lanes) ...",
            err=True,
        )


def simulator_of(engine: Engine) -> str:
    """What an engine runs on: numpy, cxxrtl or amaranth."""
    return str(getattr(engine, "simulator", "numpy"))
