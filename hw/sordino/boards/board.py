"""What a board is: the facts that its one file states."""

import importlib
from dataclasses import dataclass, field
from typing import Any

from sordino.arch import Config
from sordino.driver.boot import PAGE
from sordino.extras import needs
from sordino.rtl.boot.source import SOURCE_ADDRESS_BITS

__all__ = ["Board", "Flash", "Pin", "load_platform"]


@dataclass(frozen=True)
class Pin:
    """A resource of the board's platform, or one of its parts: `name`, `number`, `part`."""

    name: str
    number: int = 0
    part: str | None = None


@dataclass(frozen=True, kw_only=True)
class Flash:
    """The SPI flash that holds the bitstream, and behind it the image.

    resource  the platform's name of it
    lines     data lines that reads use, 1 or 4; with 4 its bit QE must be set
    size      bytes that three bytes of address reach, of those that it has
    image_at  byte at which the image lies, behind the largest bitstream; the start of a page
    """

    resource: str
    lines: int
    size: int
    image_at: int

    def __post_init__(self) -> None:
        if self.lines not in (1, 4):
            raise ValueError(f"wanted a flash with 1 or 4 data lines, got {self.lines}")
        if not 0 < self.size <= 1 << SOURCE_ADDRESS_BITS:
            raise ValueError(f"wanted a flash of 1 byte to 16 MiB, got {self.size}")
        if self.image_at % PAGE or not 0 < self.image_at < self.size:
            raise ValueError(
                f"wanted an image at the start of a page of {PAGE} bytes, in the flash and behind "
                f"the bitstream, got {self.image_at}"
            )


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board; what its platform in amaranth-boards says is not said again.

    name      its name on the command line, which is its machine's preset too
    title     what is printed on it
    platform  module and class in the package amaranth_boards
    config    the machine
    clock_hz  the machine's clock, which the PLL makes of the board's oscillator
    baud      of the UART
    flash     where the image is
    reset     a button that resets the machine, which then boots again
    lights    what is shown by which pin; roles are those of `boards.top.ROLES`
    held      pins that other chips on the board want at a level: 1 is active
    programmer  the board's name for openFPGALoader
    """

    name: str
    title: str
    platform: str
    config: Config
    clock_hz: int
    baud: int
    flash: Flash
    reset: Pin
    lights: dict[str, Pin] = field(default_factory=dict)
    held: dict[Pin, int] = field(default_factory=dict)
    programmer: str


def load_platform(board: Board) -> Any:
    """A fresh platform of the board; InputError where amaranth-boards is missing."""
    module, _, name = board.platform.partition(":")
    with needs(f"building for {board.name}"):
        found = importlib.import_module(f"amaranth_boards.{module}")
    return getattr(found, name)()
