"""CRC-32 (that of zlib): of many bits at once, as one network of exclusive-ors, or bit by bit."""

from functools import cache

from amaranth.hdl import Cat, Mux, Value

__all__ = ["CRC_BITS", "CRC_START", "crc_bit", "crc_step"]

CRC_BITS = 32
CRC_START = 0xFFFF_FFFF
"""The state before the first byte; the CRC is the complement of the state after the last one."""
_POLYNOMIAL = 0xEDB8_8320


def _shift(state: int) -> int:
    """One bit's step without data."""
    return state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)


@cache
def _columns(width: int) -> tuple[int, ...]:
    """What each bit of the state, that with the data added to its low end, becomes.

    Bit k of the data meets the state's bit 0 after k steps; it then goes through the others.
    """
    columns = []
    for bit in range(max(width, CRC_BITS)):
        state, steps = (1 << bit, width) if bit < CRC_BITS else (1, width - bit)
        for _ in range(steps):
            state = _shift(state)
        columns.append(state)
    return tuple(columns)


def crc_step(state: Value, bits: Value) -> Value:
    """State (32 bits) after `bits`, at least 32, lowest first: bytes as they stand on a bus.

    Its twin is zlib.crc32, which `sordino.image.external` stores in images.
    """
    mixed = Cat(state ^ bits[:CRC_BITS], bits[CRC_BITS:])
    columns = _columns(len(bits))
    masks = [
        sum((column >> out & 1) << k for k, column in enumerate(columns)) for out in range(CRC_BITS)
    ]
    return Cat((mixed & mask).xor() for mask in masks)


def crc_bit(state: Value, bit: Value) -> Value:
    """State (32 bits) after one bit; of a byte the lowest comes first.

    Its twin is zlib.crc32, which `sordino.frames.codec` puts behind frames.
    """
    return state[1:] ^ Mux(state[0] ^ bit, _POLYNOMIAL, 0)
