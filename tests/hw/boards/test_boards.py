"""Board files: every pin that they name is there, and every part of the board is in the circuit."""

from dataclasses import replace

import pytest

from sordino.arch import PRESETS
from sordino.boards.board import Flash, load_platform
from sordino.boards.flow import NAME, flash_memory, prepare
from sordino.boards.pll import pll_settings
from sordino.boards.registry import BOARDS, find_board
from sordino.boards.top import ROLES
from sordino.errors import InputError
from sordino.image.image import ImageError
from sordino.testing.images.by_hand import program_image
from sordino.testing.images.streaming import SMALL, STREAMING

pytest.importorskip("amaranth_boards", reason="needs the extra boards")


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_whole(name):
    board = BOARDS[name]
    assert find_board(name) is board
    assert board.name == name
    assert board.config is PRESETS[name]
    assert board.config.clock_hz == board.clock_hz
    assert set(board.lights) == set(ROLES)
    oscillator = load_platform(board)
    clock = oscillator.lookup(oscillator.default_clk).clock.frequency
    assert pll_settings(round(clock), board.clock_hz).output_hz == board.clock_hz


@pytest.mark.parametrize("name", BOARDS)
def test_every_part_of_the_board_is_in_the_circuit(name):
    """With a small machine, which has the same pins."""
    board = BOARDS[name]
    small = STREAMING if board.config.stream_bus else SMALL
    files, options = prepare(replace(board, config=small))
    circuit, pins = files[f"{NAME}.il"], files[f"{NAME}.lpf"]
    for primitive in ("EHXPLLL", "USRMCLK"):
        assert circuit.count(f"cell \\{primitive} ") == 1
    platform = load_platform(board)
    wanted = [board.reset, *board.lights.values(), *board.held]
    for pin in wanted:
        whole = platform.lookup(pin.name, pin.number)
        place = pin.name if pin.part is None else f"{pin.name}_{pin.number}__{pin.part}"
        assert f'LOCATE COMP "{place}' in pins, pin
        assert whole is not None
    flash = platform.lookup(board.flash.resource)
    lines = sum(f'LOCATE COMP "{flash.name}_0__dq' in line for line in pins.splitlines())
    assert lines == (4 if board.flash.lines == 4 else 0)
    for part in ("cs", "uart_0__rx", "uart_0__tx"):
        assert f"{part}__io" in pins
    assert "FREQUENCY PORT" in pins
    assert options[1] == "--package"


def test_other_names_are_refused():
    with pytest.raises(InputError, match=r"^wanted one of the boards ulx3s, ecpix5, got 'ulx4s'; "):
        find_board("ulx4s")


def test_an_image_for_another_machine_is_refused():
    board = BOARDS["ulx3s"]
    with pytest.raises(ImageError, match="configuration id"):
        flash_memory(board, program_image(config=PRESETS["ecpix5"]))
    large = replace(board.config, lane_words=1 << 20)
    memory = flash_memory(board, program_image(config=large))
    assert memory[:4] == b"SRDB"


def test_an_image_that_is_larger_than_the_flash_is_refused():
    flash = replace(BOARDS["ulx3s"].flash, size=0x20_0020)
    board = replace(BOARDS["ulx3s"], flash=flash)
    with pytest.raises(InputError, match=r"^wanted an image of at most 32 bytes for the "):
        flash_memory(board, program_image(config=board.config))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lines": 2}, "wanted a flash with 1 or 4 data lines, got 2"),
        ({"size": 1 << 25}, "wanted a flash of 1 byte to 16 MiB, got 33554432"),
        ({"image_at": 12}, "wanted an image at the start of a page of 4096 bytes, .*, got 12"),
        ({"image_at": 0}, "wanted an image at the start of a page of 4096 bytes, .*, got 0"),
    ],
)
def test_a_flash_that_cannot_be_is_refused(change, message):
    fields = {"resource": "spi_flash", "lines": 1, "size": 1 << 22, "image_at": 1 << 21}
    with pytest.raises(ValueError, match=message):
        Flash(**{**fields, **change})


def test_a_clock_that_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="wanted a clock that the PLL can make of 25,000,000 Hz"):
        prepare(BOARDS["ulx3s"], clock_hz=41_234_567)
