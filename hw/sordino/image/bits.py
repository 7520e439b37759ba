"""Packed data are strings of bits, least significant first, with short codes for small numbers.

A Golomb number of order k has two parts. The exponential Golomb code of the number without its low
k bits comes first, and those k bits come last. The code of a number m uses n = m + 1, which has
b + 1 bits: it is b zeros, a one, and the b low bits of n.

A signed number is folded first: 0, -1, 1, -2, 2, … become 0, 1, 2, 3, 4, …
"""

__all__ = ["BitReader", "BitWriter", "BitsError"]

_LONGEST = 32
"""Bits of a Golomb number's rest at most."""


class BitsError(ValueError):
    """Bits that are not what a writer makes."""


class BitWriter:
    """A writer of numbers, lowest bit first; `bits` counts the bits written."""

    def __init__(self) -> None:
        self._value = 0
        self.bits = 0

    def fixed(self, number: int, width: int) -> None:
        """Append `width` bits of a number from 0 to 2^width - 1."""
        if number >> width:
            raise BitsError(f"wanted a number of {width} bits, got {number}")
        self._value |= number << self.bits
        self.bits += width

    def golomb(self, number: int, order: int = 0) -> None:
        """Append a number from 0 on; one less than 2^32 · 2^order."""
        rest = (number >> order) + 1
        length = rest.bit_length() - 1
        if number < 0 or length >= _LONGEST:
            raise BitsError(f"wanted a number below 2^{_LONGEST + order}, got {number}")
        self.fixed(1 << length, length + 1)
        self.fixed(rest - (1 << length), length)
        self.fixed(number & ((1 << order) - 1), order)

    def signed(self, number: int) -> None:
        """Append a folded number of either sign."""
        self.golomb(2 * number if number >= 0 else -2 * number - 1)

    def to_bytes(self) -> bytes:
        """All bits, the last byte filled with zeros."""
        return self._value.to_bytes(-(-self.bits // 8), "little")


class BitReader:
    """A reader of what a BitWriter wrote; it raises BitsError where the bits end too early."""

    def __init__(self, contents: bytes) -> None:
        self._value = int.from_bytes(contents, "little")
        self._size = 8 * len(contents)
        self.bits = 0

    def fixed(self, width: int) -> int:
        """The next `width` bits as a number."""
        if self.bits + width > self._size:
            raise BitsError(f"wanted {width} more bits after {self.bits}, there are {self._size}")
        number = self._value >> self.bits & ((1 << width) - 1)
        self.bits += width
        return number

    def golomb(self, order: int = 0) -> int:
        """The next Golomb number of this order."""
        length = 0
        while not self.fixed(1):
            length += 1
            if length >= _LONGEST:
                raise BitsError(f"wanted a number below 2^{_LONGEST + order} before {self.bits}")
        rest = (1 << length) + self.fixed(length) - 1
        return rest << order | self.fixed(order)

    def signed(self) -> int:
        """The next folded number."""
        folded = self.golomb()
        return -(folded + 1 >> 1) if folded & 1 else folded >> 1

    def close(self) -> None:
        """Check that nothing is left but the zeros of the last byte."""
        if self._size - self.bits >= 8 or self._value >> self.bits:
            raise BitsError(f"wanted {self.bits} bits and zeros up to the byte, got more")
