"""A bus over memory that the system maps: a UIO device of Linux, or any file like it."""

import mmap
import os
import select
import stat
import struct
from pathlib import Path

from sordino.driver.bus import WHOLE_WORD, register_name
from sordino.driver.errors import NoAnswer
from sordino.errors import InputError
from sordino.isa.registers import ADDRESS_BITS

__all__ = ["MappedBus"]

_PAGE = 1 << ADDRESS_BITS
_PARTS = {0b1: ("B",), 0b11: ("H",), 0b111: ("H", "B"), WHOLE_WORD: ("I",)}
"""Stores that write a word's low bytes, in order, by strobe."""
_STREAMS = ("FEATURE", "CHANNEL_FEATURE")
"""Registers that take bytes one after the other: smaller stores to them come to the same."""


class MappedBus:
    """A bus for `sordino.driver.Host` at a file that can be mapped, such as /dev/uio0.

    The machine's registers begin at byte `offset` of it. A character device also has interrupts,
    as those of UIO do: `interrupt` waits for one, and raises NoAnswer after `wait` seconds.

    An access that the machine refuses is an error on the bus. Whether a processor tells of that at
    all, and whether it ends the process (SIGBUS), is its own affair: no `Refused` is raised.

    InputError for a file that cannot be mapped.
    """

    def __init__(self, path: str | Path, *, offset: int = 0, wait: float = 60.0) -> None:
        self.name, self.wait = str(path), wait
        try:
            self._file = os.open(path, os.O_RDWR | os.O_SYNC)
        except OSError as error:
            raise self._refused(error) from None
        try:
            self._map = mmap.mmap(self._file, _PAGE, offset=offset)
            special = stat.S_ISCHR(os.fstat(self._file).st_mode)
        except (OSError, ValueError, OverflowError) as error:
            os.close(self._file)
            raise self._refused(error) from None
        whole = memoryview(self._map)
        self._views = {"B": whole.cast("B"), "H": whole.cast("H"), "I": whole.cast("I")}
        if special:
            self.interrupt = self._interrupt

    def read(self, address: int) -> int:
        """The word at `address`, by one load."""
        return int(self._views["I"][_word(address)])

    def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write a word by one store; some low bytes only of a register that takes features."""
        parts = _PARTS.get(strobe)
        if parts is None or ((len(parts) > 1 or strobe != WHOLE_WORD) and not _streams(address)):
            raise InputError(
                f"wanted a whole word for {register_name(address)}, got a strobe of {strobe:#x}; "
                "a processor's stores cannot write that"
            )
        begin = _word(address) * 4
        for format in parts:
            size = struct.calcsize(format)
            self._views[format][begin // size] = value & (1 << 8 * size) - 1
            value >>= 8 * size

    def close(self) -> None:
        """Give the file back."""
        for view in self._views.values():
            view.release()
        self._map.close()
        os.close(self._file)

    def _interrupt(self) -> None:
        """Let interrupts come, and wait for one."""
        os.write(self._file, struct.pack("=I", 1))
        ready, _, _ = select.select([self._file], [], [], self.wait)
        if not ready:
            raise NoAnswer(
                f"wanted an interrupt of {self.name}, got none in {self.wait:g} s; see that the "
                "device tree names the machine's interrupt"
            )
        os.read(self._file, 4)

    def _refused(self, error: Exception) -> InputError:
        reason = getattr(error, "strerror", None) or error
        return InputError(
            f"cannot map {self.name}: {reason}; wanted a UIO device with {_PAGE} bytes of "
            "registers that you may read and write"
        )


def _word(address: int) -> int:
    """Which word an address names; InputError for one that is outside or between words."""
    if address % 4 or not 0 <= address < _PAGE:
        raise InputError(
            f"wanted an address of a word below {_PAGE:#x}, got {address:#x}; docs/registers.md "
            "has the map"
        )
    return address // 4


def _streams(address: int) -> bool:
    return register_name(address).partition("[")[0] in _STREAMS
