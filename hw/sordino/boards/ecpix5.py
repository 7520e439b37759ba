"""LambdaConcept ECPIX-5 with an ECP5-45: four lanes, most weights streamed from its flash.

The flash is there on every ECP5 board, since it holds the bitstream. It keeps the weights without
power, and four lines read faster than speech wants them. The chip here is an ISSI IS25LP256 with
32 MiB, of which three bytes of address reach half; openFPGALoader sets its bit QE.
"""

from sordino.arch import PRESETS
from sordino.boards.board import Board, Flash, Pin

__all__ = ["BOARD"]

BOARD = Board(
    name="ecpix5",
    title="LambdaConcept ECPIX-5 45F",
    platform="ecpix5:ECPIX545Platform",
    config=PRESETS["ecpix5"],
    clock_hz=50_000_000,
    baud=1_000_000,
    flash=Flash(resource="spi_flash_4x", lines=4, size=16 << 20, image_at=0x20_0000),
    reset=Pin("rst", 0),
    lights={
        "alive": Pin("rgb_led", 0, "g"),
        "booting": Pin("rgb_led", 1, "b"),
        "loaded": Pin("rgb_led", 2, "g"),
        "refused": Pin("rgb_led", 2, "r"),
        "interrupt": Pin("rgb_led", 3, "b"),
    },
    programmer="ecpix5",
)
