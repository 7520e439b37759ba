"""External memory: every stream keeps its bits wherever its matrix lies; images of it."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import Config, ConfigError
from sordino.codec import encode_matrices
from sordino.golden.codec import decode_matrix
from sordino.image.checks.verify import verify
from sordino.image.external import (
    DIRECTORY_WORDS,
    external_streams,
    lane_stream,
    move_out,
    position_stream,
    value_stream,
)
from sordino.image.image import FORMAT, Image, ImageError, Section
from sordino.image.loading import load_sections
from sordino.isa.operations import Cell, Halt
from sordino.isa.registers import LoadTarget

CONFIG = Config(
    lanes=8,
    group=2,
    x_fifo=8,
    lane_words=512,
    group_words=512,
    rows_per_lane=16,
    stream_bus=64,
    stream_burst=4,
    stream_ring=2,
)


def image_of(seed: int, streamed: list[bool]) -> tuple[Image, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    slots = []
    for _ in streamed:
        shape = (int(rng.integers(1, 12)), CONFIG.lanes, int(rng.integers(1, 20)))
        values = rng.integers(-20, 21, shape) * (rng.random(shape) < rng.choice([0.05, 0.6]))
        slots.append(values.astype(np.int8))
    encoded = encode_matrices(slots, CONFIG)
    moved = move_out(encoded, streamed)
    image = Image(
        config=CONFIG,
        program=(Halt(),),
        parameters=b"",
        tables=encoded.tables,
        matrices=moved.matrices,
        positions=moved.positions,
        values=moved.values,
        external=moved.external,
    )
    return image, slots, encoded


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(st.booleans(), min_size=1, max_size=4))
def test_matrices_are_the_same_wherever_they_lie(seed: int, streamed: list[bool]) -> None:
    image, slots, encoded = image_of(seed, streamed)
    image = Image.from_bytes(image.to_bytes())
    runs, values = encoded.run_tables, encoded.value_tables
    for number, matrix in enumerate(slots):
        rows, _, columns = matrix.shape
        found = decode_matrix(
            image,
            number,
            rows=rows,
            columns=columns,
            runs=image.tables[runs[number]],
            values=image.tables[values[number]],
        )
        np.testing.assert_array_equal(found.slots, matrix)


def test_layout_and_directory() -> None:
    """Streams begin at whole bursts in their order; the directory says what the bus reads."""
    image, *_ = image_of(3, [True, False, True])
    config, end = image.config, 0
    placed = external_streams(image.matrices, config)
    assert [bool(streams) for streams in placed] == [True, False, True]
    directory = {
        section.unit: list(section)
        for section in load_sections(image)
        if section.target is LoadTarget.EXTERNAL_DIRECTORY
    }
    for number, streams in enumerate(placed):
        for stream, one in enumerate(streams):
            assert one.burst == end
            end += -(-one.bits // (8 * config.burst_bytes))
            begin = one.burst * config.burst_bytes
            beats = image.external[begin : begin + one.beats * config.stream_bus // 8]
            at = DIRECTORY_WORDS * number
            wanted = [one.burst, one.words, crc32(beats), 1]
            assert directory[stream][at : at + DIRECTORY_WORDS] == wanted
    assert all(directory[s][4:8] == [0, 0, 0, 0] for s in range(config.streams))
    assert len(image.external) == end * config.burst_bytes
    assert position_stream(image, 0, 0)[1] == 0
    first = placed[2][lane_stream(5, config.group)].burst * config.burst_bytes
    assert image.external[first:].startswith(value_stream(image, 2, 5)[0])


def test_images_without_streaming_are_as_they_were() -> None:
    bare = replace(CONFIG, stream_bus=0)
    image, *_ = image_of(1, [False])
    resident = replace(image, config=bare)
    contents = resident.to_bytes()
    assert contents[8:12] == bytes((FORMAT[0], 0, 0, 0))
    assert Section.EXTERNAL not in resident.section_bytes()
    assert "stream_bus" not in bare.as_dict()
    assert image.to_bytes()[8:12] == bytes((FORMAT[0], 0, 1, 0))
    extended = Cell(units=1, first_row=2)
    program = (extended, *image.program)
    assert replace(image, program=program).to_bytes()[8:12] == bytes((FORMAT[0], 0, 2, 0))


def test_refusals() -> None:
    image, *_ = image_of(2, [True, False])
    verify(image)
    with pytest.raises(ImageError, match=r"^the directory counts \d+ bytes of external memory"):
        verify(replace(image, external=image.external[:-8]))
    with pytest.raises(ImageError, match="no bus to external memory"):
        verify(replace(image, config=replace(CONFIG, stream_bus=0), external=b""))
    shorter = replace(image, external=image.external[:-1])
    with pytest.raises(ImageError, match="bytes of external memory, the section has"):
        Image.from_bytes(shorter.to_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stream_bus": 32}, "wanted stream_bus to be 0 or one of"),
        ({"stream_bus": True}, "wanted stream_bus to be a positive integer"),
        ({"stream_burst": 3}, "wanted stream_burst to be a power of two, 4 to 256, got 3"),
        ({"stream_bus": 512, "stream_burst": 128}, "wanted stream_burst to be at most 64"),
        ({"stream_ring": 1}, "wanted stream_ring to be a power of two, 2 to 64, got 1"),
        ({"lane_words": 16}, "wanted lane_words to be a multiple of 4 .* at least 32"),
        ({"group_words": 35}, "wanted group_words to be a multiple of 4 .* got 35"),
    ],
)
def test_configurations(change: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(CONFIG, **change)


def test_id_names_the_bursts() -> None:
    assert CONFIG.id != replace(CONFIG, stream_burst=8).id
    assert CONFIG.id == replace(CONFIG, stream_outstanding=2).id
    assert replace(CONFIG, stream_bus=0).id == replace(CONFIG, stream_bus=0, stream_burst=8).id
