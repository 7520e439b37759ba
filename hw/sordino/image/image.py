"""The image (.sordino) is a compiled model in one file; this module writes and reads it exactly.

An image has three parts, one after the other:

* **The header** has 64 bytes. It holds the magic `SORDINO` and a zero byte, the major and minor
  number of the format (2 bytes each), and four numbers of 4 bytes each. These are the
  configuration id, the number of sections, the length of the file, and a CRC-32. The CRC covers
  the header and the section table, with its own four bytes zero. The next 2 bytes are the least
  version of the instruction set that has all of the program, or 0 if that is version 2. The rest
  of the header is zero.
* **The section table** has 32 bytes for each section. An entry begins with four numbers of 4 bytes
  each: the section's kind, offset, length and CRC-32. The rest of an entry is zero.
* **The sections** come last. Each one begins at a multiple of 16 bytes. The bytes between two
  sections are zero.

All numbers are little endian. `ImageError` refuses any flipped bit and any missing end.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from amaranth.lib import enum

from sordino.arch import STREAM_WORD_BITS, Config, ConfigError
from sordino.image.external import external_bytes
from sordino.image.host import HostSection, ImageError, NetworkSection
from sordino.image.packing import (
    MatrixStreams,
    pack_directory,
    pack_tables,
    unpack_directory,
    unpack_tables,
)
from sordino.image.rooms import SegmentRoom, stored_words
from sordino.image.tans import Symbol, TableError, expand, expanded_bytes
from sordino.isa.encoding import EncodingError
from sordino.isa.fields import FIRST_VERSION
from sordino.isa.instruction import Instruction
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.schema.text import parse_json

__all__ = ["FORMAT", "Image", "ImageError", "MatrixStreams", "Section"]

MAGIC = b"SORDINO\0"
FORMAT = (3, 3)
"""Major and minor; another major version is refused. Images that need version 2 of the instruction
set alone are still 3.2, those without fields that only streaming machines know 3.1, those without
EXTERNAL 3.0."""
_HEADER = struct.Struct("<8sHHIIII")
_ENTRY = struct.Struct("<IIII")
_CRC = struct.Struct("<I")
_VERSION = struct.Struct("<H")
"""Right behind the header's numbers."""
HEADER_BYTES = 64
ENTRY_BYTES = 32
ALIGNMENT = 16
_CRC_OFFSET = _HEADER.size - 4
_EXCESS = 1 << 20
"""Bytes that are read beyond what the header says, so as to say how many there are."""


class Section(enum.Enum, shape=32):
    """Kinds of section; each occurs exactly once, in this order, but for EXTERNAL."""

    HOST = 1
    """Canonical JSON: what a host needs, see below."""
    PROGRAM = 2
    """128-bit instructions."""
    PARAMETERS = 3
    """128-bit words of parameter memory."""
    TABLES = 4
    """CRC-32 of the expanded tables, then the tables, packed: `sordino.image.packing`."""
    DIRECTORY = 5
    """Number of places and bits of every stream of every matrix, packed:
    `sordino.image.packing`."""
    POSITIONS = 6
    """16-bit words, group after group. In each the matrices follow in order without gaps."""
    VALUES = 7
    """16-bit words, lane after lane. In each the matrices follow in order without gaps."""
    EXTERNAL = 8
    """External memory: `sordino.image.external`. Only in images for machines that stream."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A compiled model.

    `positions` and `values` hold each unit's stream memory as bytes, `external` what streamed
    matrices are read from. The program is of the operations of `isa`.
    """

    config: Config
    program: tuple[Instruction, ...]
    parameters: bytes
    tables: tuple[tuple[Symbol, ...], ...]
    matrices: tuple[MatrixStreams, ...]
    positions: tuple[bytes, ...]
    values: tuple[bytes, ...]
    external: bytes = b""
    host: HostSection = field(default_factory=HostSection)
    isa: InstructionSet = ISA

    def section_bytes(self) -> dict[Section, bytes]:
        """Every section's contents."""
        host = {
            **self.host.as_dict(),
            "config": self.config.as_dict(),
            "labels": [instruction.layer for instruction in self.program],
        }
        return {
            Section.HOST: json.dumps(
                host, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
            ).encode(),
            Section.PROGRAM: b"".join(
                i.encode().to_bytes(Instruction.BYTES, "little") for i in self.program
            ),
            Section.PARAMETERS: self.parameters,
            Section.TABLES: _CRC.pack(crc32(self.expanded_tables())) + pack_tables(self.tables),
            Section.DIRECTORY: pack_directory(self.matrices, self.config),
            Section.POSITIONS: b"".join(self.positions),
            Section.VALUES: b"".join(self.values),
            **({Section.EXTERNAL: self.external} if self.config.stream_bus else {}),
        }

    @property
    def entries(self) -> Mapping[str, int]:
        """Addresses of the entry points by name.

        Raises ImageError without a program, and if what the host section says is no address of it.
        """
        if not self.program:
            raise ImageError("the program has no instructions; it should at least HALT")
        last = len(self.program) - 1
        for name, address in self.host.entries.items():
            if address > last:
                raise ImageError(f"entry point {name!r} is address {address}, wanted 0 to {last}")
        return self.host.entries

    def entry(self, name: str) -> int:
        """Address of an entry point; ImageError if the image has none of that name."""
        _ = self.entries
        return self.host.entry(name)

    @property
    def network(self) -> NetworkSection:
        """The host section of a compiled network; ImageError for an image of a program alone."""
        return self.host.network

    @property
    def rooms(self) -> tuple[SegmentRoom, ...]:
        """The rooms for segments."""
        return tuple(self.host.segments.values())

    @property
    def version(self) -> int:
        """The least version of the instruction set that has every instruction of the program."""
        return max((i.version for i in self.program), default=FIRST_VERSION)

    def _stated(self) -> int:
        """The version of the instruction set as the header states it."""
        return 0 if self.version == FIRST_VERSION else self.version

    def _minor(self) -> int:
        """The least minor version that says all of it."""
        if self._stated():
            return 3
        if not self.config.stream_bus:
            return 0
        extended = any(
            i.fields[name] and field.meaning.streaming
            for i in self.program
            for name, field in i.FIELDS.items()
        )
        return 2 if extended else 1

    def expanded_tables(self) -> bytes:
        """Table memory as the loader writes it."""
        return expanded_bytes(self.tables, self.config.state_bits)

    def to_bytes(self) -> bytes:
        """The file."""
        sections = self.section_bytes()
        body = bytearray(HEADER_BYTES + ENTRY_BYTES * len(sections))
        for number, (kind, contents) in enumerate(sections.items()):
            body += bytes(-len(body) % ALIGNMENT)
            _ENTRY.pack_into(
                body,
                HEADER_BYTES + ENTRY_BYTES * number,
                kind.value,
                len(body),
                len(contents),
                crc32(contents),
            )
            body += contents
        _HEADER.pack_into(
            body, 0, MAGIC, FORMAT[0], self._minor(), self.config.id, len(sections), len(body), 0
        )
        _VERSION.pack_into(body, _HEADER.size, self._stated())
        checksum = crc32(body[: HEADER_BYTES + ENTRY_BYTES * len(sections)])
        struct.pack_into("<I", body, _CRC_OFFSET, checksum)
        return bytes(body)

    @classmethod
    def load(cls, path: str | Path, isa: InstructionSet = ISA) -> "Image":
        """Read and check an image file."""
        try:
            with Path(path).open("rb") as file:
                contents = file.read(HEADER_BYTES)
                length = 0
                if contents.startswith(MAGIC) and len(contents) == HEADER_BYTES:
                    length = _HEADER.unpack_from(contents)[5]
                contents += file.read(length + _EXCESS)
        except OSError as error:
            raise ImageError(f"cannot read image {path}: {error.strerror}") from None
        try:
            return cls.from_bytes(contents, isa)
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from None

    @classmethod
    def from_bytes(cls, contents: bytes, isa: InstructionSet = ISA) -> "Image":
        """Parse and check every byte; ImageError says what is wrong."""
        sections, config_id = _read_sections(contents)
        stated = _stated_version(contents, isa)
        host, config, labels = _host(sections[Section.HOST])
        if config.id != config_id:
            raise ImageError(
                f"header names configuration {config_id:#010x}, host section {config.id:#010x}; "
                "compile the model again"
            )
        if bool(config.stream_bus) != (Section.EXTERNAL in sections):
            raise ImageError(
                f"a machine with stream_bus = {config.stream_bus} wants "
                f"{'an' if config.stream_bus else 'no'} external section; compile again"
            )
        try:
            matrices = unpack_directory(sections[Section.DIRECTORY], config)
            directory = _Directory(matrices, tuple(host.segments.values()))
            image = cls(
                config=config,
                program=_program(sections[Section.PROGRAM], labels, isa),
                isa=isa,
                parameters=sections[Section.PARAMETERS],
                tables=_tables(sections[Section.TABLES], config),
                matrices=matrices,
                positions=_split(
                    sections[Section.POSITIONS], directory, config.groups, values=False
                ),
                values=_split(sections[Section.VALUES], directory, config.lanes, values=True),
                external=sections.get(Section.EXTERNAL, b""),
                host=host,
            )
        except (EncodingError, TableError, struct.error, ValueError) as error:
            raise ImageError(str(error)) from None
        if image._stated() != stated:
            raise ImageError(
                f"header states version {stated} of the instruction set, wanted {image._stated()} "
                "for this program; compile the model again"
            )
        for name in ("non_zeros", "padding"):
            counts = getattr(host, name)
            if counts and len(counts) != len(matrices):
                raise ImageError(
                    f"wanted the image's {name} of {len(matrices)} matrices, got {len(counts)}; "
                    "compile its model again"
                )
        if len(image.parameters) % PARAMETER_BYTES:
            raise ImageError("parameter section is not a whole number of 128-bit words")
        if len(image.external) != (wanted := external_bytes(matrices, config)):
            raise ImageError(
                f"directory counts {wanted} bytes of external memory, "
                f"the section has {len(image.external)}"
            )
        return image


_NO_HOST = (ValueError, TypeError, KeyError, AttributeError, RecursionError, ConfigError)
"""What reading a host section that was made by hand may end in."""


def _host(contents: bytes) -> tuple[HostSection, Config, list[str]]:
    """The host section, and of what the image reads by itself configuration and labels."""
    try:
        host = parse_json(contents.decode())
        config = Config(**host.pop("config"))
        labels = host.pop("labels")
        if not isinstance(labels, list) or not all(isinstance(text, str) for text in labels):
            raise ValueError("its labels are no list of texts")
    except _NO_HOST as error:
        raise ImageError(
            f"host section is not what this version writes: {error}; compile again"
        ) from None
    return HostSection.from_json(host), config, labels


def _read_sections(contents: bytes) -> tuple[dict[Section, bytes], int]:
    if len(contents) < HEADER_BYTES or contents[:8] != MAGIC:
        raise ImageError(
            f"not a Sordino image ({len(contents)} bytes, begins {contents[:8]!r}); "
            "make one with `sordino compile`"
        )
    _, major, minor, config_id, count, length, checksum = _HEADER.unpack_from(contents)
    if major != FORMAT[0]:
        raise ImageError(
            f"image format {major}.{minor}, this version reads {FORMAT[0]}.x; "
            "compile the model again"
        )
    if length != len(contents):
        raise ImageError(f"image should have {length} bytes, the file has {len(contents)}")
    table_end = HEADER_BYTES + ENTRY_BYTES * count
    most = len(Section)
    if not most - 1 <= count <= most or table_end > len(contents):
        raise ImageError(
            f"image should have {most - 1} or {most} sections, the header says {count}"
        )
    head = bytearray(contents[:table_end])
    struct.pack_into("<I", head, _CRC_OFFSET, 0)
    if crc32(head) != checksum:
        raise ImageError("header is corrupt (CRC-32 differs); copy or compile the image again")
    sections, end = {}, table_end
    for number, kind in enumerate(list(Section)[:count]):
        found, offset, size, crc = _ENTRY.unpack_from(contents, HEADER_BYTES + ENTRY_BYTES * number)
        if found != kind.value or offset != end + -end % ALIGNMENT or any(contents[end:offset]):
            raise ImageError(f"section {kind.name} is not where it belongs; compile again")
        end = offset + size
        sections[kind] = contents[offset:end]
        if crc32(sections[kind]) != crc:
            raise ImageError(
                f"section {kind.name} is corrupt (CRC-32 differs); copy or compile the image again"
            )
    if end != len(contents):
        raise ImageError(f"{len(contents) - end} bytes follow the last section")
    return sections, config_id


def _stated_version(contents: bytes, isa: InstructionSet) -> int:
    """What the header states of the instruction set; ImageError for more than `isa` has."""
    (version,) = _VERSION.unpack_from(contents, _HEADER.size)
    if version > isa.version:
        raise ImageError(
            f"the program needs version {version} of the instruction set, this one is version "
            f"{isa.version}; take a later version of Sordino, or compile the model again"
        )
    return int(version)


def _program(
    contents: bytes, labels: Sequence[str], isa: InstructionSet
) -> tuple[Instruction, ...]:
    size = Instruction.BYTES
    if len(contents) % size or len(labels) != len(contents) // size:
        raise ImageError("program section and its labels differ in length")
    program = []
    for address, label in enumerate(labels):
        word = int.from_bytes(contents[address * size : (address + 1) * size], "little")
        try:
            program.append(isa.decode(word, label))
        except EncodingError as error:
            raise ImageError(f"instruction {address}: {error}; compile again") from None
    return tuple(program)


def _tables(contents: bytes, config: Config) -> tuple[tuple[Symbol, ...], ...]:
    tables = unpack_tables(contents[_CRC.size :])
    for symbols in tables:
        expand(symbols, config.state_bits)
    if (crc32(expanded_bytes(tables, config.state_bits)),) != _CRC.unpack_from(contents):
        raise ImageError(
            "tables expand to something else than when the image was written; compile again"
        )
    return tables


@dataclass(frozen=True)
class _Directory:
    """The directory, and the rooms whose streams lie apart."""

    matrices: tuple[MatrixStreams, ...]
    rooms: tuple[SegmentRoom, ...]


def _split(
    contents: bytes, directory: _Directory, units: int, *, values: bool
) -> tuple[bytes, ...]:
    out, at = [], 0
    for unit in range(units):
        size = STREAM_WORD_BITS // 8 * stored_words(directory, values=values, unit=unit)
        out.append(contents[at : at + size])
        at += size
    if at != len(contents):
        raise ImageError(f"directory counts {at} bytes of streams, the section has {len(contents)}")
    return tuple(out)
