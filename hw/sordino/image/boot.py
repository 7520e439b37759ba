"""Boot images: the register writes that load a machine, as words in a memory on the board.

A boot image is HEADER_WORDS words, then the body, then the body's CRC-32. All words have 32 bits
and are little-endian bytes; CRCs are those of `zlib.crc32` over these bytes.

header  MAGIC, the machine's configuration id, words of the body, CRC-32 of these three
body    writes: a word with the register's byte offset in bits 11 to 0 and the number of data words
        less one in bits 31 to 16 (bits 15 to 12 are 0), then the data, all to that register

`sordino.driver.boot` writes one; `sordino.rtl.boot.loader` carries it out.
"""

__all__ = ["COUNT_BIT", "ERASED", "HEADER_WORDS", "MAGIC", "MOST_DATA", "MOST_WORDS"]

MAGIC = int.from_bytes(b"SRDB", "little")
HEADER_WORDS = 4
COUNT_BIT = 16
"""First of the bits with the number of data words less one."""
MOST_DATA = 1 << 16
"""Data words of one write."""
MOST_WORDS = (1 << 22) - 1
"""Words of a body: 16 MiB, as many as three bytes of address reach."""
ERASED = (0, 0xFFFF_FFFF)
"""What stands in MAGIC's place where nobody has written a boot image."""
