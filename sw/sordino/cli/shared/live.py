"""Standard input heard as it comes: sound in pieces, or a whole file where it must be one."""

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.files.pcm import HEAD, PcmStream, WavStream, kind_of
from sordino.speech.files.source import MOST_BYTES

__all__ = ["Live"]

_PIECE = 4096
_WAV_HEAD = 12


class Live:
    """A stream of bytes that is heard while it comes.

    `sound` makes samples of it, and `rate` is theirs; where it is None, the stream is a format that
    only a whole file can be read of, and `whole` has it. `raw_rate` is that of samples without a
    header. Raises InputError where nothing comes, and for what is no sound.
    """

    def __init__(self, stream: BinaryIO, raw_rate: int) -> None:
        self._stream, self._ended = stream, False
        self._held = self._begin()
        self.sound: PcmStream | None = None
        kind = kind_of(self._held)
        if kind == "raw":
            self.sound = PcmStream(raw_rate)
        elif kind == "wav":
            self._read_header(WavStream())

    def _begin(self) -> bytes:
        """Take the bytes that say what is coming, or all there are."""
        held = b""
        while len(held) < HEAD and (piece := self._next()):
            held += piece
            if len(held) >= _WAV_HEAD and kind_of(held[:_WAV_HEAD]) == "wav":
                break
        if not held:
            raise InputError(
                "wanted a recording on standard input, got nothing; pipe one into the command"
            )
        return held

    def _read_header(self, wav: WavStream) -> None:
        """Go on to a WAV file's first samples; hold all where only a whole file can be read."""
        self._first = wav.push(self._held)
        while not wav.begun and not wav.other and (piece := self._next()):
            if wav.rate is None:  # all of it may be wanted
                self._held += piece
            self._first = wav.push(piece)
        if not wav.begun and not wav.other:
            wav.end()  # says so
        self.sound = None if wav.other else wav

    @property
    def rate(self) -> int | None:
        """Samples a second of `pieces`."""
        return None if self.sound is None else self.sound.rate

    def pieces(self) -> Iterator[NDArray[np.float64]]:
        """Samples (n,) as they come, 1.0 as full scale; InputError for what is not finite."""
        assert self.sound is not None
        if isinstance(self.sound, WavStream):
            yield self._first
        else:
            yield self.sound.push(self._held)
        self._held = b""
        while piece := self._next():
            yield self.sound.push(piece)

    def whole(self) -> BinaryIO:
        """All of the stream as a file; InputError for one that is too long."""
        held = bytearray(self._held)
        while len(held) <= MOST_BYTES and (piece := self._next()):
            held += piece
        return io.BytesIO(held)

    def _next(self) -> bytes:
        """What comes next, at least a byte; nothing at the end."""
        if self._ended:
            return b""
        read = getattr(self._stream, "read1", self._stream.read)
        try:
            piece: bytes = read(_PIECE)
        except OSError as error:
            raise InputError(f"cannot read standard input: {error.strerror or error}") from None
        self._ended = not piece
        return piece
