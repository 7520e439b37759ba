"""Messages between a service and its workers: four bytes of length, high byte first, and bytes."""

import struct
from asyncio import IncompleteReadError, StreamReader
from typing import BinaryIO

from sordino.serve.protocol import limit

__all__ = ["MOST", "frame", "read_frame", "receive_frame"]

_LENGTH = struct.Struct(">I")
MOST = limit("answer") + 4096
"""Bytes of a message at the most; a longer one is none."""


def frame(data: bytes) -> bytes:
    """The bytes of a message."""
    return _LENGTH.pack(len(data)) + data


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next message of a file; None at its end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return data if len(data) == length else None


async def receive_frame(stream: StreamReader) -> bytes | None:
    """The next message of a stream; None at its end, and for one that is too long."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return await stream.readexactly(length) if length <= MOST else None
    except IncompleteReadError:
        return None
