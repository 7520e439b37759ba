"""How much sound a file's header declares, and how much of it is there.

libsndfile reads what there is of a file that was cut short and says nothing. Layouts: RIFF WAVE and
its relatives RIFX, RF64, BW64 and W64 (EBU Tech 3306), AIFF, CAF, Sun AU, and
NIST Sphere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

from sordino.speech.files.source import Source

__all__ = ["Declared", "read_declared"]

_STREAMED = 0x7FFF_0000
"""Sizes from here on that no file has are what writers leave that do not know the length yet:
0xFFFFFFFF, or 0x7FFFFFFF less a header."""
_PADDING = 65536
"""Zeros with which some recorders fill up the last block: no sound, if there are no more."""
_MOST_CHUNKS = 10_000
"""A file of nothing but empty chunks would take hours to walk through."""


_Order = Literal["big", "little"]


@dataclass(frozen=True)
class Declared:
    """The bytes of sound that a header declares, and those that are there.

    declared   what the header says; None where its writer did not know
    available  what is there of it
    uncounted  what follows and is no part of the format: sound that the header leaves out
    size_at    where a 32-bit size stands that is 0 though sound follows, or None
    order      byte order of that size
    """

    declared: int | None
    available: int
    uncounted: int = 0
    size_at: int | None = None
    order: _Order = "little"

    @property
    def missing(self) -> float | None:
        """Share of the declared sound that is not there; None where nothing is declared."""
        if self.declared is None:
            return None
        return max(0, self.declared - self.available) / self.declared if self.declared else 0.0


def read_declared(source: Source) -> Declared | None:
    """What the header of a WAV, AIFF, CAF, AU or Sphere file says; None of other or broken headers.

    Leaves the file at its beginning.
    """
    try:
        source.file.seek(0)
        start = source.file.read(24)
        for magic, read in _READERS.items():
            if start.startswith(magic):
                return read(source, start)
        return None
    finally:
        source.file.seek(0)


def _number(file: BinaryIO, at: int, size: int, order: _Order) -> int:
    file.seek(at)
    return int.from_bytes(file.read(size), order)


def _from_sizes(declared: int, available: int, streamed: int = _STREAMED) -> Declared:
    if declared > available and declared >= streamed:
        return Declared(None, available)
    return Declared(declared, min(declared, available))


@dataclass(frozen=True)
class _Chunks:
    """How a format's chunks are made: where the first begins, and its kind and size within it.

    first          of the file's bytes
    size_at, size  the size's place in a chunk's head and its bytes
    head           bytes before the contents
    counted        the size counts the head
    whole          chunks begin at multiples of it
    """

    first: int
    size_at: int
    size: int
    head: int
    order: _Order
    counted: bool = False
    whole: int = 1


def _chunk(source: Source, wanted: bytes, form: _Chunks) -> tuple[int, int] | None:
    """Where the contents of the first chunk of that kind begin, and their declared size."""
    at = form.first
    for _ in range(_MOST_CHUNKS):
        if at + form.head > source.size:
            break
        source.file.seek(at)
        kind = source.file.read(4)
        size = _number(source.file, at + form.size_at, form.size, form.order)
        size -= form.head * form.counted
        if kind == wanted:
            return at + form.head, size
        if size < 0:
            break
        at += form.head + size + -size % form.whole
    return None


def _chunks_follow(source: Source, at: int, order: _Order) -> bool:
    """Whether what there is from `at` on is whole chunks to the end, or less than one."""
    for _ in range(_MOST_CHUNKS):
        if source.size - at < 8:
            break
        source.file.seek(at)
        if not re.fullmatch(rb"[\x20-\x7e]{4}", source.file.read(4)):
            return False
        size = _number(source.file, at + 4, 4, order)
        at += 8 + size + size % 2
        if at > source.size + 1:
            return False
    return True


def _riff(source: Source, start: bytes) -> Declared | None:
    order: _Order = "big" if start.startswith((b"RIFX", b"FORM")) else "little"
    sound = b"SSND" if start.startswith(b"FORM") else b"data"
    chunks = _Chunks(12, 4, 4, 8, order, whole=2)
    if (found := _chunk(source, sound, chunks)) is None:
        return None
    at, size = found
    available = source.size - at
    if size == 0xFFFF_FFFF and start.startswith((b"RF64", b"BW64")):
        if (long := _chunk(source, b"ds64", chunks)) is not None:
            size = _number(source.file, long[0] + 8, 8, order)
        return _from_sizes(size, available, 2**63)
    after = at + size + size % 2
    if size >= available or _chunks_follow(source, after, order):
        return _from_sizes(size, available)
    source.file.seek(after)
    if not any(source.file.read(_PADDING)) and source.size - after <= _PADDING:
        return _from_sizes(size, available)
    if size == 0 and sound == b"data":
        return Declared(None, available, size_at=at - 4, order=order)
    return Declared(size, size, uncounted=source.size - after)


_W64 = _Chunks(40, 16, 8, 24, "little", counted=True, whole=8)
_CAF = _Chunks(8, 4, 8, 12, "big")


def _w64(source: Source, _start: bytes) -> Declared | None:
    return _whole(source, _chunk(source, b"data", _W64), 2**62)


def _caf(source: Source, _start: bytes) -> Declared | None:
    return _whole(source, _chunk(source, b"data", _CAF), 2**63)


def _whole(source: Source, found: tuple[int, int] | None, streamed: int) -> Declared | None:
    """The sound of a chunk that was found; sizes from `streamed` on mean that nobody knew."""
    if found is None:
        return None
    at, size = found
    return _from_sizes(size, source.size - at, streamed)


def _au(source: Source, start: bytes) -> Declared:
    order: _Order = "big" if start.startswith(b".snd") else "little"
    at, size = (_number(source.file, place, 4, order) for place in (4, 8))
    return _from_sizes(size, max(0, source.size - at))


def _sphere(source: Source, _start: bytes) -> Declared | None:
    source.file.seek(0)
    text = source.file.read(65536).partition(b"end_head")[0].decode("ascii", "replace")
    length = re.match(r"NIST_1A\s+(\d{1,7})\s", text)
    numbers = {
        name: int(value)
        for name, value in re.findall(r"^(\w+)\s+-i\s+(\d{1,18})\s*$", text, re.MULTILINE)
    }
    if length is None or "embedded" in text or "sample_count" not in numbers:
        return None
    if re.search(r"^sample_coding\s+-s\d+\s+(ulaw|alaw|mu-law)", text, re.MULTILINE):
        numbers["sample_n_bytes"] = 1  # whatever the header says: some writers leave 2
    bytes_ = numbers.get("channel_count", 1) * numbers.get("sample_n_bytes", 2)
    found = _from_sizes(numbers["sample_count"] * bytes_, source.size - int(length[1]), 2**62)
    return replace(found, available=max(0, found.available))


_READERS: dict[bytes, Callable[[Source, bytes], Declared | None]] = {
    **dict.fromkeys((b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"), _riff),
    b"riff": _w64,
    b"caff": _caf,
    **dict.fromkeys((b".snd", b"dns."), _au),
    b"NIST_1A": _sphere,
}
