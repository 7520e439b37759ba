"""Loading: replayed into plain memories, the sections are exactly the image's contents."""

import struct
from collections import defaultdict
from zlib import crc32

import numpy as np
import pytest

from sordino.image.loading import load_sections
from sordino.isa.instruction import Instruction
from sordino.isa.operations import ISA, Halt
from sordino.isa.registers import LoadTarget
from sordino.rtl.host.loader import load_words
from sordino.testing.images.programs import ProgramBuilder, random_config, random_slots


def an_image(seed):
    """Several matrices whose streams differ in length from unit to unit."""
    rng = np.random.default_rng(seed)
    config = random_config(rng).with_settings({"rows_per_lane": 3})
    builder = ProgramBuilder(config)
    for _ in range(4):
        builder.matrix(random_slots(rng, config, rows=3, columns=60, density=0.4))
    builder.embedding(rng.integers(-128, 128, (3, 20)).astype(np.int8))
    builder.clear()
    builder.add(Halt, code=seed)
    return builder.image()


def memories(image):
    """(target, unit) to bytes, as the loader would leave them."""
    found = defaultdict(bytearray)
    for section in load_sections(image):
        found[section.target, section.unit] += section.words
    return found


@pytest.mark.parametrize("seed", range(4))
def test_memories_hold_the_image(seed):
    image = an_image(seed)
    found = memories(image)
    program = found[LoadTarget.PROGRAM, 0]
    size = Instruction.BYTES
    words = [int.from_bytes(program[n : n + size], "little") for n in range(0, len(program), size)]
    assert [ISA.decode(word).fields for word in words] == [
        instruction.fields for instruction in image.program
    ]
    assert found[LoadTarget.PARAMETERS, 0] == image.parameters
    assert found[LoadTarget.TABLES, 0] == image.expanded_tables()
    for target, streams in (
        (LoadTarget.POSITIONS, image.positions),
        (LoadTarget.VALUES, image.values),
    ):
        for unit, stream in enumerate(streams):
            assert found[target, unit] == stream + bytes(-len(stream) % 4)


@pytest.mark.parametrize("seed", range(4))
def test_directories_find_every_stream(seed):
    image = an_image(seed)
    found = memories(image)
    count = len(image.matrices)
    for group in range(image.config.groups):
        entries = struct.unpack(f"<{2 * count}I", found[LoadTarget.GROUP_DIRECTORY, group])
        assert entries[1::2] == tuple(matrix.places[group] for matrix in image.matrices)
        lengths = [matrix.position_bits[group] for matrix in image.matrices]
        assert list(entries[::2]) == [sum(lengths[:n]) for n in range(count)]
    for lane in range(image.config.lanes):
        starts = struct.unpack(f"<{count}I", found[LoadTarget.LANE_DIRECTORY, lane])
        lengths = [matrix.value_bits[lane] for matrix in image.matrices]
        assert list(starts) == [sum(lengths[:n]) for n in range(count)]
    assert len({matrix.value_bits for matrix in image.matrices}) > 1
    assert len(set(image.matrices[0].value_bits)) > 1


@pytest.mark.parametrize("seed", range(4))
def test_sections_suit_the_loader(seed):
    """Whole words, none empty, each memory once, the program last, all within their memories."""
    image = an_image(seed)
    sections = list(load_sections(image))
    keys = [(section.target.value, section.unit) for section in sections]
    *others, last = keys
    assert last == (LoadTarget.PROGRAM.value, 0), "nothing starts before all is there"
    assert others == sorted(set(others) - {last})
    for section in sections:
        units, most = load_words(image.config, section.target)
        assert section.unit < units
        assert 0 < len(section.words) <= 4 * most
        assert len(section.words) % 4 == 0
        assert section.crc == crc32(b"".join(struct.pack("<I", word) for word in section))
