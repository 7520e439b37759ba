"""Boot images: what a host would write to load an image, as words for a memory on the board."""

import asyncio
from struct import pack
from zlib import crc32

from sordino.driver.loading import Loading
from sordino.errors import InputError
from sordino.image.boot import COUNT_BIT, MAGIC, MOST_DATA, MOST_WORDS
from sordino.image.image import Image
from sordino.isa.registers import (
    ISA_VERSION,
    MAP_VERSION,
    MAP_VERSION_BIT,
    REGISTERS,
    capacities,
)

__all__ = ["PAGE", "boot_image", "boot_memory"]

PAGE = 4096
"""Bytes of a page of external memory."""


class _Recorder:
    """A bus to a machine that is just as the image wants it, which keeps what is written."""

    def __init__(self, image: Image) -> None:
        self.writes: list[tuple[int, list[int]]] = []
        self._words = {
            REGISTERS["ID"].offset: image.config.id,
            REGISTERS["VERSION"].offset: ISA_VERSION | MAP_VERSION << MAP_VERSION_BIT,
            REGISTERS["STATUS"].offset: 0,
        }
        first = REGISTERS["CAPACITIES"].offset
        for number, value in enumerate(capacities(image.config).values()):
            self._words[first + 4 * number] = value

    def read(self, address: int) -> int:
        return self._words[address]

    def write(self, address: int, value: int) -> None:
        self.write_many(address, [value])

    def write_many(self, address: int, values: list[int]) -> None:
        self.writes.append((address, values))


def boot_image(image: Image, *, external_page: int | None = None) -> bytes:
    """The boot image of an image, a multiple of 4 bytes: the writes of `Host.load`, in order.

    `external_page` is the page of external memory at which the image's external section lies; an
    image with streamed weights needs it. InputError where it is too large.
    """
    bus = _Recorder(image)
    asyncio.run(Loading(bus).load(image, external_page=external_page))
    body = bytearray()
    for address, values in bus.writes:
        if address == REGISTERS["CONTROL"].offset:
            continue  # CLEAR: the machine comes from a reset
        for at in range(0, len(values), MOST_DATA):
            some = values[at : at + MOST_DATA]
            body += pack(f"<I{len(some)}I", address | (len(some) - 1) << COUNT_BIT, *some)
    if len(body) // 4 > MOST_WORDS:
        raise InputError(
            f"wanted a boot image of at most {MOST_WORDS:,} words, got {len(body) // 4:,}; load "
            "the image from a host"
        )
    header = pack("<III", MAGIC, image.config.id, len(body) // 4)
    return header + pack("<I", crc32(header)) + bytes(body) + pack("<I", crc32(body))


def boot_memory(image: Image, *, address: int) -> bytes:
    """What stands from byte `address`, the start of a page, of a board's memory on.

    It is the boot image, then at the next page what the image wants in external memory.
    """
    if address % PAGE:
        raise ValueError(f"wanted the start of a page of {PAGE} bytes, got {address}")
    if not image.external:
        return boot_image(image)
    size = len(boot_image(image, external_page=0))
    pages = -(-size // PAGE)
    page = address // PAGE + pages
    first = boot_image(image, external_page=page)
    return first + bytes(pages * PAGE - size) + image.external
