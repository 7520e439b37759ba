"""Streams are coded with table-driven asymmetric numeral systems (tANS).

This module expands symbols and their frequencies to decoder tables. A table has 2^b states, and
each state stands for one symbol. The image holds the symbols alone. Whoever loads an image expands
them with `expand`, and the encoder inverts the same table.

**Decoding.** The decoder's state names the symbol. A symbol stands for a range of values. Its
`extra` raw bits choose one of them: value = base + raw bits. For a mirrored symbol the first raw
bit is the sign. The others are added to the base, and then the sign is applied. The next state is
a base of its own, found in the table entry, plus `bits` fresh bits. Fresh bits come before raw
bits.

**Streams.** A stream is a string of bits, least significant first. It may begin at any bit of a
16-bit word. The initial state comes first, in b bits. Then each symbol has its fresh bits and its
raw bits. After the last symbol the state is 0.

**Order of the states.** The tables follow J. Duda, "Asymmetric numeral systems", 2013
(arXiv:1311.2540), with his tuned rule. A symbol of frequency q has the states x = q + k, for
k = 0 … q - 1. Each state goes where an exact coder would place it: at 1 / (p ln(1 + 1/x)), where p
is the symbol's share. The share is p = q + tune / 4. So `tune` brings the share two bits closer to
the encoder's count. The term 1 / ln(1 + 1/x) is taken as x + 1/2 - 1 / (12 x + 6), in exact
fractions.
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
    """How large a symbol's fields may be; the image packs them (`sordino.image.packing`)."""

    base: signed(14)
    extra: 3
    padding: 1
    frequency: 10
    tune: signed(2)
    mirrored: 1


class EntryLayout(data.Struct):
    """One state of an expanded table in table memory, padded to 64 bits.

    The decoder consumes `total` bits. It passes `skip` of them and adds the following `extra` bits
    to `base`. For a mirrored symbol the bit before those `extra` bits is the sign, and `base` is
    one less than the symbol's base. The decoder inverts the sum for a negative value, and adds the
    missing one for a positive value.
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
    """A symbol stands for the values base to base + 2^extra - 1 and has `frequency` states.

    `tune` (-2 to 1) says in quarters how far the symbol's share is from its frequency.

    `padding` marks the padding place of a position alphabet. A padding place moves MAX_WRAPS
    columns on and takes no value.

    `mirrored` marks a symbol of a value alphabet that stands for both signs. Its values are base
    to base + 2^(extra - 1) - 1 and their negatives. A mirrored symbol has a single state, so its
    sign, the first raw bit, always stands at the same place.
    """

    base: int
    extra: int
    frequency: int
    padding: bool = False
    tune: int = 0
    mirrored: bool = False

    @property
    def span(self) -> int:
        """The number of values from `base` on that the symbol stands for, of one sign."""
        return 1 << self.extra - self.mirrored

    def encode(self) -> int:
        """The symbol's fields as one word; EncodingError names a field that does not fit."""
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
    """The symbol that a decoder reads in one state, and the way to the next state."""

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
    """The decoder table: 2^state_bits entries, one for each state.

    The frequencies must be positive and sum to the number of states; TableError otherwise. Let a
    symbol have frequency q. Its k-th state in table order stands for x = q + k and takes
    state_bits - floor(log2 x) fresh bits.
    """
    states = 1 << state_bits
    if any(s.frequency < 1 for s in symbols) or sum(s.frequency for s in symbols) != states:
        raise TableError(
            f"wanted frequencies to be positive and sum to {states}, got "
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
    """The key by which states are ordered: (x + 1/2 - 1 / (12 x + 6)) / share, times a constant."""
    odd = 2 * x + 1
    return Fraction(3 * odd * odd - 1, odd * share)


def expanded_bytes(tables: Sequence[Sequence[Symbol]], state_bits: int) -> bytes:
    """Table memory as loaded: table after table, ENTRY_BYTES an entry, little endian."""
    return b"".join(
        entry.encode().to_bytes(ENTRY_BYTES, "little")
        for symbols in tables
        for entry in expand(symbols, state_bits)
    )
