"""Sound that comes as bytes, bit by bit: WAV as its header says, or raw 16-bit samples."""

import codecs
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.files.audio import MOST_CHANNELS, RATES

__all__ = ["HEAD", "PcmStream", "WavStream", "kind_of"]

HEAD = 2048
"""So many first bytes, or all that there are, say what a stream is."""
_WAV = (b"RIFF", b"RF64", b"BW64")
_WHOLE = (b"fLaC", b"NIST_1A", b".snd", b"dns.", b"FORM", b"RIFX", b"OggS", b"caff", b"riff",
          b"ID3", b"\x93NUMPY")  # fmt: skip
_FOREIGN = {
    b"\x1a\x45\xdf\xa3": "WebM or Matroska",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b\x08": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"#!AMR": "AMR",
    b"wvPk": "WavPack",
    b"MAC ": "Monkey's Audio",
    b"MThd": "MIDI",
    b"SORDINO\0": "an image of `sordino compile`",
}
_STREAMED = 0x7FFF_FFFF - 4096
"""Sizes from here on are left by writers that do not know the length yet."""
_RIFF_BYTES = 12
_MOST_CHUNKS = 10_000
_MOST_FORMAT = 4096
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the format's number in an extensible header."""


def kind_of(head: bytes) -> Literal["wav", "whole", "raw"]:
    """What a stream is, by its first HEAD bytes or all that there are.

    "wav" and "raw" can be heard as they come; "whole" are the other formats that files may have.
    Raises InputError for what is no sound that can be heard.
    """
    if head[:4] in _WAV and (len(head) < 12 or head[8:12] == b"WAVE"):
        return "wav"
    if head[:4] in _WAV:
        _refuse(f"a RIFF file of another kind than WAVE, {head[8:12]!r}")
    if head.startswith(_WHOLE) or _is_mp3(head):
        return "whole"
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            _refuse(name)
    if head[4:8] == b"ftyp":
        _refuse("MP4")
    if _is_aac(head):
        _refuse("AAC")
    if _is_text(head):
        _refuse("text")
    return "raw"


def _refuse(got: str) -> None:
    raise InputError(
        "wanted WAV, FLAC or NIST Sphere audio or raw 16-bit samples, but standard input is none "
        f"of them: it begins as {got}; convert it first"
    )


def _is_text(head: bytes) -> bool:
    """Whether all is printed characters, of UTF-8 too, which the end may cut."""
    if len(head) < 4:
        return False
    try:
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            head = head[: len(head) // 2 * 2].decode("utf-16").encode()
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < HEAD:
            return False
        text = head[: error.start].decode()
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text)


_MP3_RATES = (44_100, 48_000, 32_000)
_MP3_KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_LOWER_KILOBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_PARTS = {0xFA: 1, 0xF2: 2, 0xE2: 4}
"""By the second byte without its last bit: layer 3 of MPEG-1, 2 and 2.5, and what the rates are
divided by."""


def _is_mp3(head: bytes) -> bool:
    """Whether a frame of MPEG layer 3 begins here and another one where it ends."""
    parts = _MP3_PARTS.get(head[1] & 0xFE) if len(head) >= 4 and head[0] == 0xFF else None
    kilobits, rate = (head[2] >> 4, head[2] >> 2 & 3) if parts else (0, 3)
    if parts is None or kilobits in (0, 15) or rate == 3:
        return False
    bits = (_MP3_KILOBITS if parts == 1 else _MP3_LOWER_KILOBITS)[kilobits] * 1000
    samples = 1152 if parts == 1 else 576
    size = samples // 8 * bits // (_MP3_RATES[rate] // parts) + (head[2] >> 1 & 1)
    following = head[size : size + 2]
    return following[:1] == b"\xff" and following[1:] in (head[1:2], bytes([head[1] ^ 1]))


def _is_aac(head: bytes) -> bool:
    """Whether a frame of AAC (ADTS) begins here and another one where it ends."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return size >= 7 and head[size : size + 2] == head[:2]


@dataclass(frozen=True)
class _Coding:
    """How samples stand in bytes."""

    rate: int
    channels: int
    size: int
    decode: Callable[[bytes], NDArray[np.float64]]

    @property
    def block(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.size


def _integers(size: int) -> Callable[[bytes], NDArray[np.float64]]:
    def decode(data: bytes) -> NDArray[np.float64]:
        if size == 3:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return np.asarray(wide.view("<i4")[:, 0] / 2.0**31, np.float64)
        if size == 1:
            return np.asarray((np.frombuffer(data, np.uint8) - 128.0) / 128.0, np.float64)
        return np.asarray(np.frombuffer(data, f"<i{size}") / 2.0 ** (8 * size - 1), np.float64)

    return decode


def _floats(size: int) -> Callable[[bytes], NDArray[np.float64]]:
    def decode(data: bytes) -> NDArray[np.float64]:
        return np.frombuffer(data, f"<f{size}").astype(np.float64)

    return decode


_DECODERS = {
    **{(_PCM, 8 * size): _integers(size) for size in (1, 2, 3, 4)},
    **{(_FLOAT, 8 * size): _floats(size) for size in (4, 8)},
}
"""By the number of a format and its bits."""


class PcmStream:
    """Raw samples: 16 bits, little endian, one channel, `rate` of them a second.

    `uncounted` is the share of what came that a header leaves out.
    """

    def __init__(self, rate: int) -> None:
        self.rate: int | None = rate
        self.uncounted = 0.0
        self._coding, self._left = _Coding(rate, 1, 2, _integers(2)), b""

    @property
    def begun(self) -> bool:
        """Whether a header, if there is one, has come whole."""
        return True

    @property
    def channels(self) -> int:
        """Channels, of which the mean is heard."""
        return self._coding.channels

    def push(self, data: bytes) -> NDArray[np.float64]:
        """The samples (n,) that the next bytes hold, with 1.0 as full scale."""
        return self._decoded(data)

    def end(self) -> float | None:
        """Say that nothing follows: the share that is missing of what was declared, or None.

        Raises InputError where it ends within a sample.
        """
        if self._left:
            raise InputError(
                f"wanted samples of {self._coding.block} bytes on standard input, got "
                f"{len(self._left)} of the last one; what comes before it was heard"
            )
        return None

    def _decoded(self, data: bytes) -> NDArray[np.float64]:
        """The mean of the channels; what is left of the last sample waits for the rest of it."""
        data, block = self._left + data, self._coding.block
        whole = len(data) // block * block
        self._left = data[whole:]
        samples = self._coding.decode(data[:whole])
        return np.asarray(samples.reshape(-1, self._coding.channels).mean(axis=1))


class WavStream(PcmStream):
    """A WAV file: PCM of 8, 16, 24 or 32 bits, or floats.

    `rate` is None until the header was read, and `other` says then whether its sound has another
    coding, which only a whole file can be read of. Sound goes on to the end of its chunk; where
    its writer did not know the length, to the end of the stream.
    """

    def __init__(self) -> None:
        self.rate, self.other, self.uncounted = None, False, 0.0
        self._left, self._head = b"", bytearray()
        self._skip = _RIFF_BYTES
        self._declared: int | None = None
        self._long: int | None = None
        self._in_sound, self._read, self._chunks = False, 0, 0
        self._tail, self._more, self._padding = b"", 0, True

    @property
    def begun(self) -> bool:
        """Whether the header has come whole, and sound may follow."""
        return self._in_sound

    def push(self, data: bytes) -> NDArray[np.float64]:
        """The samples (n,) that the next bytes hold, the mean of the channels; 1.0 is full scale.

        Raises InputError for a header that is none, or of a rate or channels that nobody has, and
        for samples that are not finite.
        """
        if not self._in_sound:
            self._head += data
            while not self._in_sound and not self.other and self._chunk():
                pass
            if not self._in_sound:
                return np.zeros(0)
            data = bytes(self._head)
            self._head.clear()
        if self._declared is not None:
            left = self._declared - self._read
            sound, rest = data[:left], data[left:]
            self._read += len(sound)
            self._after(rest)
            return self._decoded(sound)
        self._read += len(data)
        return self._decoded(data)

    def _after(self, data: bytes) -> None:
        """What follows the sound: other chunks, or sound that the header leaves out."""
        self._tail = (self._tail + data[:8])[:8]
        self._more += len(data)
        self._padding = self._padding and not any(data)
        kind = self._tail[self._read % 2 :][:4]
        if not self._padding and not re.fullmatch(rb"[\x20-\x7e]*", kind):
            self.uncounted = self._more / (self._read + self._more)

    def end(self) -> float | None:
        """Say that nothing follows, as `PcmStream.end`.

        Raises InputError also where the header has not come whole.
        """
        if not self._in_sound:
            raise InputError(
                "wanted a whole WAV header on standard input, got the beginning of one; send the "
                "file from its first byte on"
            )
        if self._declared is not None and self._read < self._declared:
            return (self._declared - self._read) / self._declared
        super().end()
        return None if self._declared is None else 0.0

    def _chunk(self) -> bool:
        """Go past a chunk; False where more bytes must come first, or where the sound begins."""
        gone = min(self._skip, len(self._head))
        del self._head[:gone]
        self._skip -= gone
        if self._skip or len(self._head) < 8:
            return False
        kind, size = bytes(self._head[:4]), int.from_bytes(self._head[4:8], "little")
        self._chunks += 1
        if self._chunks > _MOST_CHUNKS:
            _refuse_header(f"{_MOST_CHUNKS:,} chunks and no sound")
        if kind == b"data":
            self._begin_sound(size)
            return False
        if kind in (b"fmt ", b"ds64"):
            if not 16 <= size <= _MOST_FORMAT:
                _refuse_header(f"{size:,} bytes in its chunk {kind.decode().strip()}")
            if len(self._head) < 8 + size:
                self._chunks -= 1
                return False
            held = bytes(self._head[8 : 8 + size])
            if kind == b"fmt ":
                self._read_format(held)
            else:
                self._long = int.from_bytes(held[8:16], "little")
        self._skip = 8 + size + size % 2
        return True

    def _begin_sound(self, size: int) -> None:
        if self.rate is None:
            _refuse_header("sound before its format")
        del self._head[:8]
        self._in_sound = True
        if size == 0xFFFF_FFFF and self._long is not None:
            self._declared = self._long
        else:
            self._declared = None if size == 0 or size >= _STREAMED else size

    def _read_format(self, form: bytes) -> None:
        code, channels, rate, _, block, bits = struct.unpack("<HHIIHH", form[:16])
        if code == _EXTENSIBLE and len(form) >= 40 and form[26:40] == _SUBFORMAT:
            code = int.from_bytes(form[24:26], "little")
        low, high = RATES
        if not low <= rate <= high:
            _refuse_header(f"{rate:,} samples a second")
        if not 1 <= channels <= MOST_CHANNELS:
            _refuse_header(f"{channels:,} channels")
        decode = _DECODERS.get((code, bits))
        self.other = decode is None or block * 8 != channels * bits
        if decode is not None and not self.other:
            self._coding = _Coding(rate, channels, bits // 8, decode)
            self.rate = rate


def _refuse_header(got: str) -> NoReturn:
    raise InputError(
        f"wanted a WAV header on standard input, got one with {got}; it is damaged, or not a WAV "
        "file"
    )
