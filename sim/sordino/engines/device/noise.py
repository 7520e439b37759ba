"""Noise on a serial line: bytes that are changed, lost or added, as many as a test wants."""

from random import Random
from typing import Any

__all__ = ["NoisyPort", "faulty"]


def faulty(random: Random, data: bytes, count: int) -> bytes:
    """Bytes of which so many, at random places, are changed, lost or followed by another one."""
    found = bytearray(data)
    for _ in range(count):
        at, kind = random.randrange(len(found) + 1), random.randrange(3)
        if kind == 0 and at < len(found):
            found[at] ^= random.randrange(1, 256)
        elif kind == 1 and at < len(found):
            del found[at]
        else:
            found.insert(at, random.randrange(256))
    return bytes(found)


class NoisyPort:
    """A port of `sordino.driver.uart` whose line spoils a share of all bytes, both ways.

    Attributes
    ----------
    faults
        How many bytes were changed, lost or added.
    """

    def __init__(self, port: Any, share: float, *, seed: int = 1) -> None:
        self.port, self.share = port, share
        self.faults = 0
        self._random = Random(seed)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.port.write(self._spoilt(data))

    def read(self, seconds: float) -> bytes:
        """The bytes that have come; none after `seconds`, or where all are lost."""
        return self._spoilt(self.port.read(seconds))

    def _spoilt(self, data: bytes) -> bytes:
        count = sum(self._random.random() < self.share for _ in data)
        self.faults += count
        return faulty(self._random, data, count)
