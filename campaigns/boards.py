"""Build the bitstreams of all boards with the shipped model: cells, memories, clock, real time.

Needs the `boards` extra. Each board takes a core for some ten to twenty minutes, and 3 GB. A build
of the very same circuit by the same tools is taken as it is.
"""

import json
from pathlib import Path

import click

from campaigns.common import BUILD, MODELS, make_image, output_option, write_page
from sordino.boards.board import Board
from sordino.boards.flow import MANIFEST, WORK, build, flash_memory, prepare
from sordino.boards.registry import BOARDS
from sordino.boards.report import BuildReport
from sordino.boards.tools import tool_versions
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.durations import Durations
from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.files import write_atomically
from sordino.image.image import Image
from sordino.reference.markdown import table
from sordino.rtl.boot.flash import HEAD_BITS, read_cycles
from sordino.tools.estimate.estimate import frame_seconds

__all__ = ["flash_rate", "flash_timing", "main", "real_time", "stored"]

_BETWEEN = 4
"""Cycles from a burst's end to the next one's command, behind the AXI port."""


def flash_timing(image: Image, lines: int) -> MemoryTiming:
    """The flash as the cycle model takes external memory: no faster than the circuit reads it."""
    config = image.config
    words = config.stream_burst * config.stream_bus // 32
    cycles = read_cycles(words, lines) + _BETWEEN
    first = 2 * (HEAD_BITS + config.stream_bus // lines) + _BETWEEN
    rate = BEAT * config.stream_burst // cycles
    return MemoryTiming(latency=max(first, -(-2 * BEAT // rate)), rate=rate)


def flash_rate(image: Image, lines: int, clock_hz: int) -> float:
    """Bytes a second that a burst after the other brings; 0 where nothing is streamed."""
    if not image.config.stream_bus:
        return 0.0
    return flash_timing(image, lines).rate / BEAT * image.config.stream_bus / 8 * clock_hz


def real_time(image: Image, lines: int, clock_hz: int) -> tuple[float, float, float]:
    """Real-time factors of a frame without tokens and of the worst, and the clock of factor 1."""
    memory = flash_timing(image, lines) if image.config.stream_bus else None
    bounds = frame_bounds(image, durations=Durations(image, memory))
    seconds = frame_seconds(image)
    assert bounds is not None
    assert seconds is not None
    quiet, worst = bounds.tokens[0].worst, bounds.frame.worst
    assert quiet is not None
    assert worst is not None
    return quiet / clock_hz / seconds, worst / clock_hz / seconds, quiet / seconds


def stored(board: Board, image: Image, folder: Path, seed: int) -> BuildReport | None:
    """The report of a build that is in `folder` already, of the same circuit, seed and tools.

    The image is written anew. None where there is no such build.
    """
    if not (folder / MANIFEST).is_file():
        return None
    report = BuildReport.of_dict(json.loads((folder / MANIFEST).read_text()))
    circuit, _ = prepare(board)
    same = (report.board, report.seed, report.tools) == (board.name, seed, tool_versions())
    kept = [folder / WORK / name for name in circuit]
    same = same and report.placed.clock_hz == board.clock_hz and all(map(Path.is_file, kept))
    if not same or [path.read_text() for path in kept] != list(circuit.values()):
        return None
    write_atomically(folder / report.memory, flash_memory(board, image))
    return report


def _row(report: BuildReport, image: Image, lines: int) -> tuple[str, ...]:
    placed = report.placed
    quiet, worst, needed = real_time(image, lines, placed.clock_hz)
    rate = flash_rate(image, lines, placed.clock_hz)
    uses = [str(placed.uses[name]) for name in ("cells", "flip_flops", "block_rams", "multipliers")]
    return (
        report.board,
        *uses,
        f"{placed.clock_hz / 1e6:g}",
        f"{placed.reached_hz / 1e6:.1f}",
        f"{quiet:.4f}",
        f"{worst:.4f}",
        f"{needed / 1e6:.2f}",
        f"{rate / 1e6:.1f}" if rate else "",
        f"{sum(report.minutes.values()):.0f}",
    )


_HEADINGS = (
    "board", "TRELLIS_COMB", "flip-flops", "DP16KD", "MULT18X18D", "MHz", "placed for, MHz",
    "real-time factor", "worst frame", "MHz of real time", "flash, MB/s", "minutes",
)  # fmt: skip


@click.command()
@output_option("boards.md")
@click.option("--seed", type=int, default=1, help="Seed of nextpnr.")
@click.option("--only", type=click.Choice(list(BOARDS)), help="One board.")
def main(output: Path, seed: int, only: str | None) -> None:
    """Bitstreams of the shipped model for every board, into build/boards."""
    rows = []
    for name, board in BOARDS.items():
        if only not in (None, name):
            continue
        image = make_image(MODELS / "voices_rnnt_causal.npz", name, None)
        folder = BUILD / "boards" / name
        report = stored(board, image, folder, seed) or build(
            board, image, folder, seed=seed, allow_slow=True,
            say=lambda text: click.echo(text, err=True),
        )  # fmt: skip
        rows.append(_row(report, image, board.flash.lines))
        click.echo(" | ".join(rows[-1]), err=True)
    text = (
        "Whole boards: machine, UART, flash, boot loader, PLL and lights, by Yosys and nextpnr "
        "from wheels. The shipped model. Factors are of a frame without tokens and of the worst "
        "one, by the cycle model at the machine's clock; where weights are streamed, with a "
        "flash no faster than the circuit reads it. The clock of real time is the one at which a "
        "frame without tokens takes as long as it is. Minutes are those of a core, which had other "
        "work, too. Power is not measured.\n"
    )
    write_page(output, "Boards", [text, table(_HEADINGS, rows)])
