"""Radiona ULX3S with an ECP5-85: eight lanes, all weights on the chip.

Its flash is written over JTAG through the FTDI chip that is the UART, too. The oldest ones have
4 MiB. The bitstream takes up to 2 MiB without compression.
"""

from sordino.arch import PRESETS
from sordino.boards.board import Board, Flash, Pin

__all__ = ["BOARD"]

BOARD = Board(
    name="ulx3s",
    title="Radiona ULX3S 85F",
    platform="ulx3s:ULX3S_85F_Platform",
    config=PRESETS["ulx3s"],
    clock_hz=60_000_000,
    baud=1_000_000,
    flash=Flash(resource="spi_flash", lines=1, size=4 << 20, image_at=0x20_0000),
    reset=Pin("button_fire", 0),
    lights={
        "alive": Pin("led", 0),
        "booting": Pin("led", 1),
        "loaded": Pin("led", 2),
        "refused": Pin("led", 3),
        "interrupt": Pin("led", 4),
    },
    # The ESP32 could reload the FPGA.
    held={Pin("esp32", 0, "en"): 0},
    programmer="ulx3s",
)
