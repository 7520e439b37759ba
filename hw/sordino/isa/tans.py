"""Table-driven asymmetric numeral systems: from symbol frequencies to decoder tables.

A decoder of 2^b states reads one symbol from its state alone, then forms the next state from a
base and `bits` fresh bits; the symbol's own `extra` raw bits follow: value = base + extra bits.
The image holds the symbols; whoever loads it expands them with `expand`, and the encoder inverts
the same table.

A stream is a sequence of 16-bit words, bits least significant first: the initial state (b bits),
then for each symbol its state bits and its extra bits. After the last symbol the state is 0.

Source: J. Duda, "Asymmetric numeral systems", 2013 (arXiv:1311.2540); the symbols of one state
table are spread by precise sorting of (k + 1/2) / frequency.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import signed
from amaranth.lib import data

from sordino.isa.encoding import encode

__all__ = [
    "ENTRY_BYTES",
    "MAX_EXTRA_BITS",
    "SYMBOL_BYTES",
    "Entry",
    "EntryLayout",
    "Symbol",
    "SymbolLayout",
    "TableError",
    "expand",
    "expanded_bytes",
]

MAX_EXTRA_BITS = 7
"""Raw bits of one symbol; with 9 state bits a symbol takes at most 16 bits, one window."""


class TableError(ValueError):
    """Symbols that do not make a decoder table."""


class SymbolLayout(data.Struct):
    """One symbol in the image's table section, padded to 32 bits."""

    base: signed(14)
    extra: 3
    padding: 1
    frequency: 10


class EntryLayout(data.Struct):
    """One state of an expanded table in table memory, padded to 64 bits."""

    next_base: 9
    mask: 9
    bits: 4
    total: 5
    extra: 3
    padding: 1
    base: signed(14)


SYMBOL_BITS: int = data.Layout.cast(SymbolLayout).size  # type: ignore[assignment]
SYMBOL_BYTES = 4
ENTRY_BYTES = 8


@dataclass(frozen=True)
class Symbol:
    """Values base to base + 2^extra - 1, `frequency` states of the table.

    `padding` marks the position alphabet's padding place: MAX_WRAPS columns on, no value.
    """

    base: int
    extra: int
    frequency: int
    padding: bool = False

    def encode(self) -> int:
        """The 32-bit word of the image; EncodingError names a field that does not fit."""
        return encode(
            SymbolLayout,
            {
                "base": self.base,
                "extra": self.extra,
                "padding": int(self.padding),
                "frequency": self.frequency,
            },
        )

    @classmethod
    def decode(cls, word: int) -> "Symbol":
        """The symbol of a 32-bit word; bits outside the fields are refused."""
        value = SymbolLayout.from_bits(word & ((1 << SYMBOL_BITS) - 1))
        symbol = cls(value.base, value.extra, value.frequency, bool(value.padding))
        if symbol.encode() != word:
            raise TableError(f"symbol word {word:#010x} has bits outside its fields")
        return symbol


@dataclass(frozen=True)
class Entry:
    """What a decoder does in one state."""

    symbol: Symbol
    next_base: int
    """Next state without its fresh bits; the low `bits` bits are 0."""
    bits: int
    """Fresh bits of the next state."""

    def encode(self) -> int:
        """The 64-bit word of table memory."""
        return encode(
            EntryLayout,
            {
                "next_base": self.next_base,
                "mask": (1 << self.bits) - 1,
                "bits": self.bits,
                "total": self.bits + self.symbol.extra,
                "extra": self.symbol.extra,
                "padding": int(self.symbol.padding),
                "base": self.symbol.base,
            },
        )


def expand(symbols: Sequence[Symbol], state_bits: int) -> list[Entry]:
    """The decoder table of 2^state_bits entries, one a state.

    The frequencies must be positive and sum to the number of states. Of a symbol with frequency
    q the k-th state in table order stands for x = q + k: it takes state_bits - floor(log2 x)
    fresh bits.
    """
    states = 1 << state_bits
    if any(s.frequency < 1 for s in symbols) or sum(s.frequency for s in symbols) != states:
        raise TableError(
            f"frequencies must be positive and sum to {states}, not "
            f"{[s.frequency for s in symbols]}"
        )
    order = sorted(
        (Fraction(2 * k + 1, 2 * symbol.frequency), number, k)
        for number, symbol in enumerate(symbols)
        for k in range(symbol.frequency)
    )
    entries = []
    seen = [0] * len(symbols)
    for _, number, _ in order:
        symbol = symbols[number]
        x = symbol.frequency + seen[number]
        seen[number] += 1
        bits = state_bits + 1 - x.bit_length()
        entries.append(Entry(symbol, (x << bits) - states, bits))
    return entries


def expanded_bytes(tables: Sequence[Sequence[Symbol]], state_bits: int) -> bytes:
    """Table memory as loaded: table after table, ENTRY_BYTES an entry, little endian."""
    return b"".join(
        entry.encode().to_bytes(ENTRY_BYTES, "little")
        for symbols in tables
        for entry in expand(symbols, state_bits)
    )
