"""Boot images: the writes of a host, in its order, and external memory at a page behind them."""

import zlib
from dataclasses import replace
from struct import unpack

import numpy as np
import pytest

from sordino.driver.boot import PAGE, boot_image, boot_memory
from sordino.image.boot import COUNT_BIT, HEADER_WORDS, MAGIC
from sordino.image.loading import load_sections
from sordino.isa.registers import REGISTERS
from sordino.testing.images.programs import random_config, random_program
from sordino.testing.images.streaming import SMALL, streamed_image

MACHINE = replace(SMALL, parameter_words=1024, program_words=192, matrices=8)


def writes_of(contents):
    """Writes of a boot image as (offset, words), its CRCs checked."""
    words = list(unpack(f"<{len(contents) // 4}I", contents))
    magic, config_id, count, crc = words[:HEADER_WORDS]
    assert magic == MAGIC
    assert crc == zlib.crc32(contents[:12])
    body = contents[4 * HEADER_WORDS : -4]
    assert len(body) == 4 * count
    assert words[-1] == zlib.crc32(body)
    rest, found = words[HEADER_WORDS:-1], []
    while rest:
        head = rest.pop(0)
        data = (head >> COUNT_BIT) + 1
        found.append((head & 0xFFFF, rest[:data]))
        rest = rest[data:]
    return config_id, found


@pytest.mark.parametrize("seed", range(3))
def test_they_are_the_sections_of_the_image(seed):
    rng = np.random.default_rng(seed)
    image = random_program(rng, random_config(rng), steps=1)
    config_id, writes = writes_of(boot_image(image))
    expected = []
    for section in load_sections(image):
        expected += [
            ("LOAD_TARGET", [section.chosen]),
            ("LOAD_ADDRESS", [section.address]),
            ("LOAD_DATA", list(section)),
            ("LOAD_CHECK", [section.crc]),
        ]
    assert config_id == image.config.id
    assert writes == [(REGISTERS[name].offset, words) for name, words in expected]


def test_external_memory_begins_at_the_page_that_is_said():
    rng = np.random.default_rng(7)
    image = streamed_image(random_program(rng, MACHINE, steps=1))
    assert image.external
    address = 3 * PAGE
    memory = boot_memory(image, address=address)
    size = 4 * (HEADER_WORDS + unpack("<I", memory[8:12])[0] + 1)
    _, writes = writes_of(memory[:size])
    assert writes[-1][0] == REGISTERS["STREAM_BASE"].offset
    at = PAGE * writes[-1][1][0] - address
    assert 0 <= at - size < PAGE
    assert memory[at:] == image.external
    assert not any(memory[size:at])


def test_it_begins_at_a_page():
    rng = np.random.default_rng(0)
    image = random_program(rng, random_config(rng), steps=1)
    with pytest.raises(ValueError, match=r"^wanted the start of a page of 4096 bytes, got 100$"):
        boot_memory(image, address=100)
