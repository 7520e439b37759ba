"""Segments of a small image: exchanged, checked, written and read, and used behind USE alone."""

from collections.abc import Sequence
from dataclasses import replace
from struct import pack
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.arch import PRESETS, Config
from sordino.codec import encode_matrices
from sordino.errors import InputError
from sordino.image.checks.verify import verify
from sordino.image.host import HostSection
from sordino.image.image import Image, ImageError
from sordino.image.loading import load_sections
from sordino.image.rooms import SegmentRoom, checked_mask
from sordino.image.segments.file import from_bytes, load_segment, to_bytes
from sordino.image.segments.segment import (
    Segment,
    filled_sections,
    fixed_digest,
    place_streams,
    segment_crc,
    segment_of,
    segment_sections,
    with_segment,
    without_segment,
)
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Argmax, Halt, Input, Jump, Matvec, Set, Table, Use
from sordino.isa.registers import LoadTarget

CONFIG = PRESETS["tiny"]
LANES, ROWS, COLUMNS = CONFIG.lanes, 3, 10
NAMES = ("own", "first", "second")
TABLES = {"first": (2, 2), "second": (4, 2)}
ROOMS = {"first": ((16, 20), (40, 40)), "second": (((36, 30)), ((80, 60)))}


def matrix(rng: np.random.Generator) -> Any:
    values = rng.integers(-7, 8, (ROWS, LANES, COLUMNS))
    return (values * (rng.random(values.shape) < 0.4)).astype(np.int8)


def network(table: int, matrix_number: int, parameters: int) -> list[Instruction]:
    """A matrix of a segment, and the index of the largest of its results."""
    return [
        Table(source=table, runs=1),
        Table(source=table + 1, slot=0),
        Matvec(matrix=matrix_number, columns=COLUMNS, rows=ROWS),
        Argmax(rows=ROWS, parameters=parameters, register=1),
    ]


def image(seed: int = 0, others: Sequence[int] = (0, 0), config: Config = CONFIG) -> Image:
    """A matrix of the image's own and two rooms with one each, whose contents `others` seed."""
    entries = ROWS * LANES // 2
    drawn = [matrix(np.random.default_rng([seed, 9]))]
    drawn += [matrix(np.random.default_rng([n, number])) for number, n in enumerate(others)]
    encoded = [encode_matrices([one], config) for one in drawn]
    code: list[Instruction] = [
        Input(count=COLUMNS, end=12),
        Use(segment=1, otherwise=6),
        *network(2, 1, entries),
        Use(segment=4, otherwise=0),
        *network(4, 2, 2 * entries),
        Jump(target=0),
        Halt(),
    ]
    rooms = {
        name: SegmentRoom(
            number=number,
            filled=1,
            matrices=(k, 1),
            positions=ROOMS[name][0],
            values=ROOMS[name][1],
            parameters=(k * entries, entries),
            tables=TABLES[name],
        )
        for k, (name, number) in enumerate((("first", 1), ("second", 4)), 1)
    }
    joined = _Joined(encoded, config)
    positions, values = place_streams(joined, list(rooms.values()))
    rng = np.random.default_rng(list(others))
    parameters = rng.integers(-50, 50, (3 * entries, 2, 2)).astype("<i4")
    parameters[..., 1] = np.abs(parameters[..., 1])
    fixed = np.random.default_rng(seed).integers(-50, 50, (entries, 2, 2))
    parameters[:entries] = np.abs(fixed)
    return Image(
        config=config,
        program=tuple(code),
        parameters=parameters.tobytes(),
        tables=tuple(table for one in encoded for table in one.tables),
        matrices=joined.matrices,
        positions=positions,
        values=values,
        host=HostSection(segments=rooms, non_zeros=(1, 2, 3), padding=(0, 0, 0)),
    )


class _Joined:
    """Several encodings of one matrix each as one, with streams behind each other."""

    def __init__(self, encoded: Sequence[Any], config: Config) -> None:
        self.config = config
        self.matrices = tuple(one.matrices[0] for one in encoded)
        self.rooms: tuple[SegmentRoom, ...] = ()
        self.external = b""
        self.positions = self._memories(encoded, "positions", "position_bits")
        self.values = self._memories(encoded, "values", "value_bits")

    def _memories(self, encoded: Sequence[Any], kind: str, bits: str) -> tuple[bytes, ...]:
        found = []
        for unit in range(len(getattr(encoded[0], kind))):
            value, at = 0, 0
            for one in encoded:
                value |= int.from_bytes(getattr(one, kind)[unit], "little") << at
                at += getattr(one.matrices[0], bits)[unit]
            found.append(value.to_bytes(2 * -(-at // 16), "little"))
        return tuple(found)


def test_contents_are_exchanged() -> None:
    """What was compiled with other contents and what got them later are the same image."""
    base, other = image(), image(others=(5, 6))
    verify(base)
    assert fixed_digest(base) == fixed_digest(other) != fixed_digest(image(seed=1))
    one = with_segment(base, segment_of(other, "first"))
    assert segment_of(one, "second") == segment_of(base, "second")
    both = with_segment(one, segment_of(other, "second"))
    assert both == other
    assert both.to_bytes() == other.to_bytes()
    assert Image.from_bytes(both.to_bytes()) == both


def test_a_room_without_contents() -> None:
    base = image()
    empty = without_segment(without_segment(base, "first"), "second")
    verify(empty)
    assert Image.from_bytes(empty.to_bytes()) == empty
    assert checked_mask(empty.rooms) == 0
    assert checked_mask(base.rooms) == 1 << 1 | 1 << 4
    assert fixed_digest(empty) == fixed_digest(base)
    assert len(empty.to_bytes()) < len(base.to_bytes())
    with pytest.raises(InputError, match="contents for first"):
        segment_of(empty, "first")
    assert not list(filled_sections(empty))
    assert (
        with_segment(with_segment(empty, segment_of(base, "second")), segment_of(base, "first"))
        == base
    )


def test_what_is_loaded_is_all_of_the_room_and_nothing_else() -> None:
    """Main sections leave out a room's streams; segment sections write inside the room alone."""
    base = image()
    own = {(s.target, s.unit): len(s.words) // 4 for s in load_sections(base)}
    assert own[LoadTarget.POSITIONS, 0] <= ROOMS["first"][0][0]
    sections = list(segment_sections(base, "second"))
    assert {s.target for s in sections} == set(LoadTarget) - {
        LoadTarget.PROGRAM,
        LoadTarget.EXTERNAL_DIRECTORY,
    }
    for section in sections:
        if section.target is LoadTarget.VALUES:
            first, words = ROOMS["second"][1]
            assert section.address == first
            assert len(section.words) <= 4 * words
        if section.target is LoadTarget.GROUP_DIRECTORY:
            assert (section.address, len(section.words)) == (4, 8)


def test_the_check_is_over_number_targets_addresses_and_words() -> None:
    sections = list(segment_sections(image(), "first"))
    data = pack("<I", 2)
    for s in sections:
        data += pack("<II", s.target.value | s.unit << 16, s.address) + s.words
    assert segment_crc(1, sections) == crc32(data)
    moved = [replace(sections[0], address=sections[0].address + 1), *sections[1:]]
    assert segment_crc(1, moved) != segment_crc(1, sections) != segment_crc(2, sections)


def test_a_segment_of_another_image_is_refused() -> None:
    with pytest.raises(InputError, match="got one for another"):
        with_segment(image(), segment_of(image(seed=1), "first"))
    with pytest.raises(InputError, match="it has first, second"):
        with_segment(image(), replace(segment_of(image(), "first"), name="third"))


def changed_room(base: Image, name: str, **entries: Any) -> Image:
    rooms = {**base.host.segments, name: base.host.segments[name].changed(**entries)}
    return replace(base, host=base.host.changed(segments=rooms))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"number": 1}, "numbers of their own"),
        ({"matrices": (1, 1)}, "segment .* from 2 on"),
        ({"matrices": (2, 0)}, "last of 3 matrices"),
        ({"positions": (30, 30)}, "positions of segment second from 36 on"),
        ({"positions": (0, 30)}, "behind those of"),
        ({"values": (80, 1)}, "words of lane"),
        ({"tables": (4, 3)}, "last of 6 tables"),
        ({"tables": (5, 1)}, "last of 6 tables"),
        ({"filled": 0}, "not filled"),
        ({"matrices": (3, 0), "parameters": (0, 0), "tables": (0, 0)}, "got an empty room"),
        ({"values": (80, 1 << 30)}, "does not fit: lane_words"),
    ],
)
def test_rooms_lie_apart_and_last(entries: dict[str, Any], words: str) -> None:
    with pytest.raises(ImageError, match=words):
        verify(changed_room(image(), "second", **entries))


def test_words_between_streams_are_zero() -> None:
    base = image()
    memory = bytearray(base.values[0])
    memory[4 * ROOMS["first"][1][0] - 1] = 1
    with pytest.raises(ImageError, match="zeros between"):
        verify(replace(base, values=(bytes(memory), *base.values[1:])))


def with_code(base: Image, changes: dict[int, Instruction]) -> Image:
    code = [changes.get(at, i) for at, i in enumerate(base.program)]
    return replace(base, program=tuple(code))


NOTHING = Set(register=7, value=0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({1: NOTHING}, r"instruction 2 \(TABLE\): segment 1 may not be in use"),
        ({1: NOTHING, 2: NOTHING, 3: NOTHING}, r"4 \(MATVEC\): segment 1 may not"),
        ({1: Use(segment=1, otherwise=4)}, r"4 \(MATVEC\): segment 1 may not"),
        ({1: Use(segment=4, otherwise=6)}, "segment 1 may not"),
        ({2: NOTHING}, "run slot 0 may hold a table of an earlier time"),
        ({3: NOTHING}, "value slot 0 may hold a table of an earlier time"),
        ({6: Use(segment=5, otherwise=0)}, r"segment is 5, the image has \[1, 4\]"),
        ({1: NOTHING, 2: NOTHING, 3: NOTHING, 4: NOTHING}, r"5 \(ARGMAX\): segment 1 may not"),
    ],
)
def test_a_segment_is_used_behind_use_alone(changes: dict[int, Instruction], words: str) -> None:
    verify(image())
    with pytest.raises(ImageError, match=words):
        verify(with_code(image(), changes))


LATE = {
    10: Matvec(matrix=0, columns=COLUMNS, rows=ROWS),
    11: Jump(target=0),
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),  # the tables of segment 4, which is in use
        ({1: Use(segment=1, otherwise=0), 6: Jump(target=10)}, None),  # or those of segment 1
        ({6: Jump(target=10)}, "10 .MATVEC.: value slot 0 may hold .* put a TABLE of the image's"),
        ({6: Table(source=1), 7: Jump(target=10)}, "10 .MATVEC.: run slot 0 may hold a table of"),
        ({6: Jump(target=13), 13: Table(source=1), 14: Table(source=0, runs=1)}, None),
    ],
)
def test_the_image_itself_takes_no_table_of_contents_that_are_gone(
    changes: dict[int, Instruction], words: str | None
) -> None:
    """In the circuit a slot holds the old table, in the exact machine its number."""
    base = image()
    tail = (NOTHING, NOTHING, Jump(target=10))
    base = with_code(replace(base, program=(*base.program, *tail)), {**LATE, **changes})
    if words is None:
        verify(base)
    else:
        with pytest.raises(ImageError, match=words):
            verify(base)


def test_an_input_ends_the_use() -> None:
    again = Input(count=COLUMNS, end=12, destination=COLUMNS)
    with pytest.raises(ImageError, match=r"5 \(ARGMAX\): segment 1 may not be in use"):
        verify(with_code(image(), {4: again}))


def test_more_than_the_room_holds() -> None:
    base, other = image(), image(others=(5, 6))
    small = changed_room(base, "second", values=(80, 12))
    segment = segment_of(other, "second")
    (entry,) = segment.matrices
    full = replace(
        segment,
        image=fixed_digest(small),
        matrices=(replace(entry, value_bits=(8 * 52, *entry.value_bits[1:])),),
        values=(bytes(52), *segment.values[1:]),
    )
    with pytest.raises(ImageError, match="48 bytes of lane 0"):
        with_segment(without_segment(small, "second"), full)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"non_zeros": ()}, "wanted 1 counts of weights in segment second, got 0"),
        ({"padding": (1, 2)}, "wanted 1 counts of padding in segment second, got 2"),
        ({"tables": ()}, "wanted 2 decoder tables in segment second, got 0"),
        ({"parameters": b"123"}, "words of parameters in segment second, got 0.1875"),
        (
            {"values": (b"", *segment_of(image(), "second").values[1:])},
            "value streams 0 in segment",
        ),
    ],
)
def test_contents_of_other_sizes(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ImageError, match=words):
        with_segment(image(), replace(segment_of(image(), "second"), **changes))


def test_contents_without_a_place_for_their_counts() -> None:
    base = image()
    bare = replace(base, host=base.host.changed(non_zeros=(), padding=()))
    assert with_segment(bare, segment_of(bare, "first")) == bare
    with pytest.raises(ImageError, match="wanted 0 counts of weights in segment first, got 1"):
        with_segment(bare, segment_of(base, "first"))


# The file


def test_a_file_is_read_as_it_was_written(tmp_path: Any) -> None:
    segment = segment_of(image(), "second")
    path = tmp_path / "second.segment"
    path.write_bytes(to_bytes(segment, CONFIG))
    assert load_segment(path, CONFIG) == segment
    with pytest.raises(ImageError, match="for configuration"):
        load_segment(path, PRESETS["small"])
    with pytest.raises(ImageError, match="cannot read segment"):
        load_segment(tmp_path / "none", CONFIG)


SEGMENT: Segment = segment_of(image(), "first")
FILE = to_bytes(SEGMENT, CONFIG)


@given(st.integers(0, 8 * len(FILE) - 1))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    damaged = bytearray(FILE)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ImageError):
        from_bytes(bytes(damaged), CONFIG)


@given(st.integers(0, len(FILE) - 1))
def test_any_missing_end_is_refused(length: int) -> None:
    with pytest.raises(ImageError):
        from_bytes(FILE[:length], CONFIG)
    with pytest.raises(ImageError):
        from_bytes(FILE + FILE[:length] + b"x", CONFIG)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (1, "a directory of .* bytes at most"),
        (2, "tables of .* bytes at most"),
        (3, "parameters of .* bytes at most"),
        (4, "position streams of .* bytes at most"),
        (5, "value streams of .* bytes at most"),
    ],
)
def test_more_than_any_machine_of_the_kind_holds(part: int, words: str, tmp_path: Any) -> None:
    """A part that is too long is refused before it is read: each number in it takes memory."""
    sizes = [0] * 6
    sizes[part] = 1 << 23
    length = 48 + sum(sizes)
    head = bytearray(pack("<8s10I", b"SORDSEG\0", 1, length, 0, CONFIG.id, *sizes))
    contents = head + bytes(sum(sizes))
    contents[16:20] = pack("<I", crc32(contents))
    with pytest.raises(ImageError, match=words):
        from_bytes(bytes(contents), CONFIG)
    path = tmp_path / "long.segment"
    path.write_bytes(contents)
    with pytest.raises(ImageError, match=r"long\.segment: segment should have"):
        load_segment(path, CONFIG)
