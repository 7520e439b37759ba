"""Tables and directory are packed bit by bit in the image.

A number without a stated width is a Golomb number of order 0. The next section defines Golomb
numbers and signed numbers.

**Tables.** The number of tables comes first, then one table after the other. A table is its number
of symbols, and then five items for each symbol:

1. Its kind: a 0 for a plain symbol, a 1 and a 0 for a mirrored one, two 1s for the padding symbol.
2. Its `extra`, less the `extra` of the symbol before (signed).
3. Its gap, less the gap of the symbol before (signed).
4. Its frequency, less 1 (Golomb number of order 2).
5. Its `tune`, plus 2 (2 bits).

The gap of a symbol is its base less the end of the symbol before. A symbol ends at
base + 2^extra, a mirrored symbol at base + 2^(extra - 1). Before the first symbol `extra`, end and
gap are 0.

**Directory.** The number of matrices comes first. Three lists follow for each matrix: the places of
every group, the position bits of every group, and the value bits of every lane. An image for a
machine that streams has one more bit for each matrix. The bit is 1 if the matrix lies in external
memory.

**Lists.** A list begins with its least number. The width of the other numbers follows in 5 bits.
Then each entry is written in that width, as its excess over the least number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sordino.arch import Config
from sordino.image.bits import BitReader, BitWriter
from sordino.image.tans import Symbol

__all__ = [
    "MatrixStreams",
    "directory_bits",
    "pack_directory",
    "pack_tables",
    "table_bits",
    "unpack_directory",
    "unpack_tables",
]

_FREQUENCY_ORDER = 2
_WIDTH_BITS = 5


@dataclass(frozen=True)
class MatrixStreams:
    """Directory entry of one matrix; lengths in bits. Starts are the running sums.

    Those of `streamed` matrices are in external memory: `sordino.image.external`.
    """

    places: tuple[int, ...]
    """Symbols of each group's position stream, padding places included."""
    position_bits: tuple[int, ...]
    value_bits: tuple[int, ...]
    streamed: bool = False


def pack_tables(tables: Sequence[Sequence[Symbol]]) -> bytes:
    """The tables; EncodingError or BitsError where a symbol does not fit."""
    writer = BitWriter()
    writer.golomb(len(tables))
    for symbols in tables:
        _write_table(writer, symbols)
    return writer.to_bytes()


def unpack_tables(contents: bytes) -> tuple[tuple[Symbol, ...], ...]:
    """The tables of `pack_tables`; BitsError for anything else, EncodingError for a symbol."""
    reader = BitReader(contents)
    tables = tuple(_read_table(reader) for _ in range(reader.golomb()))
    reader.close()
    return tables


def table_bits(symbols: Sequence[Symbol]) -> int:
    """Bits that one table takes."""
    writer = BitWriter()
    _write_table(writer, symbols)
    return writer.bits


def pack_directory(matrices: Sequence[MatrixStreams], config: Config) -> bytes:
    """The directory; BitsError where a number does not fit."""
    writer = BitWriter()
    writer.golomb(len(matrices))
    for matrix in matrices:
        _write_matrix(writer, matrix)
        if config.stream_bus:
            writer.fixed(matrix.streamed, 1)
    return writer.to_bytes()


def unpack_directory(contents: bytes, config: Config) -> tuple[MatrixStreams, ...]:
    """The directory of `pack_directory` for this machine; BitsError for anything else."""
    reader = BitReader(contents)
    lengths = (config.groups, config.groups, config.lanes)
    matrices = []
    for _ in range(reader.golomb()):
        places, positions, values = (_read_list(reader, length) for length in lengths)
        streamed = bool(config.stream_bus and reader.fixed(1))
        matrices.append(MatrixStreams(places, positions, values, streamed))
    reader.close()
    return tuple(matrices)


def directory_bits(matrix: MatrixStreams) -> int:
    """Bits that one matrix takes in the directory."""
    writer = BitWriter()
    _write_matrix(writer, matrix)
    return writer.bits


def _write_table(writer: BitWriter, symbols: Sequence[Symbol]) -> None:
    writer.golomb(len(symbols))
    extra = end = gap = 0
    for symbol in symbols:
        symbol.encode()
        special = symbol.padding or symbol.mirrored
        writer.fixed(special, 1)
        if special:
            writer.fixed(symbol.padding, 1)
        writer.signed(symbol.extra - extra)
        writer.signed(symbol.base - end - gap)
        writer.golomb(symbol.frequency - 1, _FREQUENCY_ORDER)
        writer.fixed(symbol.tune + 2, 2)
        extra, gap = symbol.extra, symbol.base - end
        end = symbol.base + symbol.span


def _read_table(reader: BitReader) -> tuple[Symbol, ...]:
    symbols = []
    extra = end = gap = 0
    for _ in range(reader.golomb()):
        special = bool(reader.fixed(1))
        padding = special and bool(reader.fixed(1))
        extra += reader.signed()
        gap += reader.signed()
        base = end + gap
        frequency, tune = 1 + reader.golomb(_FREQUENCY_ORDER), reader.fixed(2) - 2
        symbols.append(Symbol(base, extra, frequency, padding, tune, special and not padding))
        symbols[-1].encode()
        end = base + symbols[-1].span
    return tuple(symbols)


def _write_matrix(writer: BitWriter, matrix: MatrixStreams) -> None:
    for numbers in (matrix.places, matrix.position_bits, matrix.value_bits):
        least = min(numbers)
        width = (max(numbers) - least).bit_length()
        writer.golomb(least)
        writer.fixed(width, _WIDTH_BITS)
        for number in numbers:
            writer.fixed(number - least, width)


def _read_list(reader: BitReader, length: int) -> tuple[int, ...]:
    least, width = reader.golomb(), reader.fixed(_WIDTH_BITS)
    return tuple(least + reader.fixed(width) for _ in range(length))
