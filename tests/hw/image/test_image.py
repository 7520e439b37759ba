"""The image file: round trip, and refusal of anything else."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from sordino.arch import PRESETS, Config
from sordino.image.host import HostSection
from sordino.image.image import (
    ALIGNMENT,
    ENTRY_BYTES,
    FORMAT,
    HEADER_BYTES,
    Image,
    ImageError,
    MatrixStreams,
    Section,
)
from sordino.image.tans import Symbol
from sordino.isa.operations import Halt, Set

CONFIG = Config(
    name="t",
    lanes=4,
    group=2,
    x_fifo=8,
    state_bits=4,
    lane_words=16,
    group_words=16,
    rows_per_lane=1,
)
IMAGE = Image(
    config=CONFIG,
    program=(
        Set("start", register=1, value=7),
        Halt("end", code=3),
    ),
    parameters=bytes(range(16)),
    tables=((Symbol(0, 1, 10), Symbol(3, 0, 6)), (Symbol(-8, 3, 16),)),
    matrices=(
        MatrixStreams((2, 1), (9, 20), (5, 0, 17, 16)),
        MatrixStreams((0, 1), (0, 21), (0, 0, 20, 9)),
    ),
    positions=(b"ab", b"cdefgh"),
    values=(b"ij", b"", b"klmnop", b"qrst"),
    host=HostSection(entries={"main": 0, "é": 1}, licence="ö"),
)
CONTENTS = IMAGE.to_bytes()
SECTIONS = [kind for kind in Section if kind is not Section.EXTERNAL]


def entry(kind: Section) -> tuple[int, ...]:
    """The section table's entry: kind, offset, length, CRC-32."""
    at = HEADER_BYTES + ENTRY_BYTES * SECTIONS.index(kind)
    return struct.unpack_from("<IIII", CONTENTS, at)


def rebuilt(change: Callable[[Section, bytes], bytes]) -> bytes:
    """The image with changed sections, all offsets and check sums made to fit."""
    size = HEADER_BYTES + ENTRY_BYTES * len(SECTIONS)
    body = bytearray(CONTENTS[:size])
    for number, kind in enumerate(SECTIONS):
        _, offset, length, _ = entry(kind)
        contents = change(kind, CONTENTS[offset : offset + length])
        body += bytes(-len(body) % ALIGNMENT)
        at = HEADER_BYTES + ENTRY_BYTES * number
        struct.pack_into("<IIII", body, at, kind.value, len(body), len(contents), crc32(contents))
        body += contents
    struct.pack_into("<I", body, 20, len(body))
    return with_checksum(body)


def with_checksum(contents: bytes | bytearray) -> bytes:
    """The image with its header's CRC-32 made to fit."""
    size = HEADER_BYTES + ENTRY_BYTES * len(SECTIONS)
    body = bytearray(contents)
    struct.pack_into("<I", body, 24, 0)
    struct.pack_into("<I", body, 24, crc32(body[:size]))
    return bytes(body)


def test_round_trip() -> None:
    assert Image.from_bytes(CONTENTS) == IMAGE
    assert Image.from_bytes(CONTENTS).to_bytes() == CONTENTS


def test_helpers_leave_a_valid_image_as_it_is() -> None:
    assert rebuilt(lambda _, contents: contents) == CONTENTS
    assert with_checksum(CONTENTS) == CONTENTS


def test_round_trip_of_a_preset_and_empty_sections() -> None:
    groups, lanes = PRESETS["small"].groups, PRESETS["small"].lanes
    empty = Image(
        config=PRESETS["small"],
        program=(Halt(),),
        parameters=b"",
        tables=(),
        matrices=(),
        positions=(b"",) * groups,
        values=(b"",) * lanes,
    )
    assert Image.from_bytes(empty.to_bytes()) == empty


def test_every_flipped_bit_is_refused() -> None:
    for bit in range(8 * len(CONTENTS)):
        changed = bytearray(CONTENTS)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ImageError):
            Image.from_bytes(bytes(changed))


def test_every_truncation_is_refused() -> None:
    for length in range(len(CONTENTS)):
        with pytest.raises(ImageError):
            Image.from_bytes(CONTENTS[:length])


@pytest.mark.parametrize("tail", [b"\0", b"\xff", bytes(16)])
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    with pytest.raises(ImageError, match=r"^image should have \d+ bytes, the file has \d+$"):
        Image.from_bytes(CONTENTS + tail)
    longer = bytearray(CONTENTS + tail)
    struct.pack_into("<I", longer, 20, len(longer))
    with pytest.raises(ImageError, match=rf"^{len(tail)} bytes follow the last section$"):
        Image.from_bytes(with_checksum(longer))


@pytest.mark.parametrize(
    ("version", "fine"),
    [((FORMAT[0], 9), True), ((FORMAT[0] - 1, 0), False), ((FORMAT[0] + 1, 0), False)],
)
def test_versions(version: tuple[int, int], fine: bool) -> None:
    changed = bytearray(CONTENTS)
    struct.pack_into("<HH", changed, 8, *version)
    if fine:
        assert Image.from_bytes(with_checksum(changed)) == IMAGE
    else:
        with pytest.raises(
            ImageError,
            match=rf"^image format {version[0]}\.{version[1]}, this version reads {FORMAT[0]}\.x; ",
        ):
            Image.from_bytes(with_checksum(changed))


def test_other_magic() -> None:
    with pytest.raises(ImageError, match=r"^not a Sordino image \(5 bytes, begins b'hello'\)"):
        Image.from_bytes(b"hello")


def test_configuration_id_must_match() -> None:
    changed = bytearray(CONTENTS)
    struct.pack_into("<I", changed, 12, CONFIG.id ^ 1)
    with pytest.raises(ImageError, match=r"header names configuration .*; compile the model again"):
        Image.from_bytes(with_checksum(changed))


@pytest.mark.parametrize("kind", [k for k in SECTIONS if k is not Section.PARAMETERS])
@pytest.mark.parametrize("change", ["longer", "shorter", "empty"])
def test_sections_of_another_length_are_refused(kind: Section, change: str) -> None:
    def changed(section: Section, contents: bytes) -> bytes:
        if section is not kind:
            return contents
        return {"longer": contents + bytes(4), "shorter": contents[:-4], "empty": b""}[change]

    with pytest.raises(ImageError):
        Image.from_bytes(rebuilt(changed))


def test_parameters_are_whole_words() -> None:
    def changed(section: Section, contents: bytes) -> bytes:
        return contents[:-1] if section is Section.PARAMETERS else contents

    with pytest.raises(ImageError, match="not a whole number of 128-bit words"):
        Image.from_bytes(rebuilt(changed))


@pytest.mark.parametrize(
    "host",
    [
        b"[]",
        b"{}",
        b"\xff",
        b'{"config":{},"labels":[]}',
        b'{"config":{"lanes":3},"labels":[]}',
        b'{"config":3,"labels":[]}',
        b"[" * 100_000,
        b"NaN",
        b'{"config":{},"config":{},"labels":[]}',
        json.dumps({"config": CONFIG.as_dict(), "labels": "x" * len(IMAGE.program)}).encode(),
        json.dumps({"config": CONFIG.as_dict(), "labels": [1] * len(IMAGE.program)}).encode(),
    ],
    ids=range(11),
)
def test_host_section_must_be_ours(host: bytes) -> None:
    with pytest.raises(ImageError, match=r"^host section is not what this version writes: "):
        Image.from_bytes(rebuilt(lambda k, c: host if k is Section.HOST else c))


def test_tables_must_expand_to_what_they_were() -> None:
    def changed(section: Section, contents: bytes) -> bytes:
        if section is not Section.TABLES:
            return contents
        return bytes([contents[0] ^ 1]) + contents[1:]

    with pytest.raises(ImageError, match=r"^tables expand to something else than when"):
        Image.from_bytes(rebuilt(changed))


def test_gaps_are_zero() -> None:
    gaps = []
    for number, kind in enumerate(SECTIONS):
        end = entry(kind)[1] + entry(kind)[2]
        following = [entry(k)[1] for k in SECTIONS[number + 1 : number + 2]]
        gaps += [at for start in following for at in range(end, start)]
    assert gaps, "this image has gaps"
    assert not any(CONTENTS[at] for at in gaps)


def test_host_section_is_canonical() -> None:
    _, offset, length, _ = entry(Section.HOST)
    host = json.loads(CONTENTS[offset : offset + length])
    assert host["config"] == CONFIG.as_dict()
    assert host["labels"] == ["start", "end"]
    assert (
        CONTENTS[offset : offset + length]
        == json.dumps(host, sort_keys=True, separators=(",", ":")).encode()
    )
    backwards = replace(IMAGE, host=HostSection(entries={"b": 1, "a": 0})).to_bytes()
    assert backwards == replace(IMAGE, host=HostSection(entries={"a": 0, "b": 1})).to_bytes()


def test_load_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.sordino"
    with pytest.raises(ImageError, match=rf"^cannot read image {path}: No such file"):
        Image.load(path)
    path.write_bytes(CONTENTS)
    assert Image.load(path) == IMAGE
    path.write_bytes(CONTENTS[:-1])
    with pytest.raises(ImageError, match=rf"^{path}: image should have "):
        Image.load(path)
