"""Table-driven asymmetric numeral systems: from symbol frequencies to decoder tables.

A decoder of 2^b states reads one symbol from its state alone, then forms the next state from a
base and `bits` fresh bits; the symbol's own `extra` raw bits follow: value = base + extra bits, or
for a mirrored symbol ±(base + extra bits after the first), the first being the sign.
The image holds the symbols; whoever loads it expands them with `expand`, and the encoder inverts
the same table.

A stream is a string of bits, least significant first, that begins anywhere in a 16-bit word: the
initial state (b bits), then for each symbol its state bits and its extra bits. After the last
symbol the state is 0.

Source: J. Duda, "Asymmetric numeral systems", 2013 (arXiv:1311.2540). The symbols of one state
table are spread by its tuned rule: the state for x = frequency + k (k = 0 … frequency - 1) goes
where an exact coder would have it, at 1 / (p ln(1 + 1/x)) with the symbol's share p. Here p is
frequency + tune / 4, two bits closer to what the encoder counted, and 1 / ln(1 + 1/x) is
x + 1/2 - 1 / (12 x + 6), all in exact fractions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import signed
from amaranth.lib import data

from sordino.isa.encoding import EncodingError, encode

__all__ = [
    "ENTRY_BYTES",
    "MAX_EXTRA_BITS",
    "MAX_VALUE_EXTRA_BITS",
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
MAX_VALUE_EXTRA_BITS = 6
"""Of a symbol of a value table; its sign, if it is mirrored, not counted."""


class TableError(ValueError):
    """Symbols that do not make a decoder table."""


class SymbolLayout(data.Struct):
    """How large a symbol's fields may be; the image packs them (`sordino.isa.packing`)."""

    base: signed(14)
    extra: 3
    padding: 1
    frequency: 10
    tune: signed(2)
    mirrored: 1


class EntryLayout(data.Struct):
    """One state of an expanded table in table memory, padded to 64 bits.

    Of `total` bits the decoder passes `skip` and adds the following `extra` to `base`. Of a
    mirrored symbol the bit before those is the sign, and `base` is one less than the symbol's:
    the decoder inverts the sum for a negative value, and adds the missing one for a positive.
    """

    next_base: 9
    mask: 9
    total: 5
    skip: 4
    extra: 3
    padding: 1
    base: signed(14)
    mirrored: 1


ENTRY_BYTES = 8


@dataclass(frozen=True)
class Symbol:
    """Values base to base + 2^extra - 1, `frequency` states of the table.

    `tune` (-2 to 1) says in quarters how far the symbol's share is from its frequency. `padding`
    marks the position alphabet's padding place: MAX_WRAPS columns on, no value. A `mirrored` one,
    of a value alphabet, stands for base to base + 2^(extra - 1) - 1 and their negatives; it has a
    single state, so that the sign, its first raw bit, is always at the same place.
    """

    base: int
    extra: int
    frequency: int
    padding: bool = False
    tune: int = 0
    mirrored: bool = False

    @property
    def span(self) -> int:
        """Values from `base` on that it stands for, of one sign."""
        return 1 << self.extra - self.mirrored

    def encode(self) -> int:
        """Its fields as one word; EncodingError names a field that does not fit."""
        if self.mirrored and (
            self.padding or self.extra < 1 or self.base < 1 or self.frequency != 1
        ):
            raise EncodingError(
                f"a mirrored symbol wants values from 1 on, a raw bit and frequency 1, got {self}"
            )
        return encode(
            SymbolLayout,
            {
                "base": self.base,
                "extra": self.extra,
                "padding": int(self.padding),
                "frequency": self.frequency,
                "tune": self.tune,
                "mirrored": int(self.mirrored),
            },
        )


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
                "total": self.bits + self.symbol.extra,
                "skip": self.bits + self.symbol.mirrored,
                "extra": self.symbol.extra - self.symbol.mirrored,
                "padding": int(self.symbol.padding),
                "base": self.symbol.base - self.symbol.mirrored,
                "mirrored": int(self.symbol.mirrored),
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
        (_place(symbol.frequency + k, 4 * symbol.frequency + symbol.tune), number, k)
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


def _place(x: int, share: int) -> Fraction:
    """(x + 1/2 - 1 / (12 x + 6)) / share, times a constant."""
    odd = 2 * x + 1
    return Fraction(3 * odd * odd - 1, odd * share)


def expanded_bytes(tables: Sequence[Sequence[Symbol]], state_bits: int) -> bytes:
    """Table memory as loaded: table after table, ENTRY_BYTES an entry, little endian."""
    return b"".join(
        entry.encode().to_bytes(ENTRY_BYTES, "little")
        for symbols in tables
        for entry in expand(symbols, state_bits)
    )
