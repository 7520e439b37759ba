"""Lattices as bytes: a byte of version and form, the vocabulary's, a range coder's, a checksum.

The first byte has the version in its upper four bits, then whether there are times, whether ways
may cost less than the first one (a language model took part in the search), and the number of the
step's size in two bits. Four bytes of the vocabulary's hash follow; the last two are the inverted
CRC-16 (polynomial 0x1021, from 0xFFFF) of all bytes before them, high byte first.
"""

import binascii

from sordino.errors import InputError
from sordino.lattice.coding.range_coder import Reader, Writer
from sordino.lattice.coding.vocabulary import IDENTITY_BYTES, Vocabulary
from sordino.lattice.coding.walk import code_lattice
from sordino.lattice.graph import STEPS, Lattice, refuse

__all__ = ["MOST_BYTES", "SUFFIX", "OtherVocabulary", "check_bytes", "looks_packed", "pack"]
__all__ += ["unpack"]

SUFFIX = ".slat"
MOST_BYTES = 1 << 16
_VERSION = 1
_CRC = 2
_LEAST = 1 + IDENTITY_BYTES + _CRC


class OtherVocabulary(InputError):
    """A lattice that was written for another model, or with another n-gram."""


def pack(lattice: Lattice, vocabulary: Vocabulary) -> bytes:
    """The bytes of a lattice; InputError for one that no reader would take."""
    lattice.check()
    times = lattice.frames is not None
    signed = any(arc.steps < 0 for state in lattice.states for arc in state.arcs)
    writer = Writer()
    code_lattice(writer, vocabulary, lattice.step, times=times, signed=signed, lattice=lattice)
    first = _VERSION << 4 | times << 3 | signed << 2 | STEPS.index(lattice.step)
    data = bytes([first]) + vocabulary.identity + writer.finish()
    data += _checksum(data)
    if len(data) > MOST_BYTES:
        refuse(f"{len(data):,} bytes, of which {MOST_BYTES:,} are allowed")
    return data


def check_bytes(data: bytes, identity: bytes) -> None:
    """InputError for bytes that are damaged, OtherVocabulary for those of another identity.

    It looks at size, checksum, version and vocabulary. Whether a graph is in them, `unpack` says.
    """
    if not data:
        refuse("an empty file")
    if len(data) < _LEAST or len(data) > MOST_BYTES:
        refuse(f"{len(data):,} bytes, not {_LEAST} to {MOST_BYTES:,}")
    version = data[0] >> 4
    if data[-_CRC:] != _checksum(data[:-_CRC]):
        refuse("bytes whose checksum is wrong")
    if version != _VERSION:
        raise InputError(f"wanted a lattice of version {_VERSION}, got version {version}; update")
    if data[1 : 1 + IDENTITY_BYTES] != identity:
        raise OtherVocabulary(
            f"wanted a lattice of the vocabulary {identity.hex()}, got one of "
            f"{data[1 : 1 + IDENTITY_BYTES].hex()}; give the model and the n-gram (--words) that "
            "it was written with"
        )


def unpack(data: bytes, vocabulary: Vocabulary) -> Lattice:
    """The lattice in bytes; InputError where they are damaged, or written for another model."""
    check_bytes(data, vocabulary.identity)
    times, signed, step = bool(data[0] & 8), bool(data[0] & 4), STEPS[data[0] & 3]
    reader = Reader(data[1 + IDENTITY_BYTES : -_CRC])
    lattice = code_lattice(reader, vocabulary, step, times=times, signed=signed)
    lattice.check()
    if pack(lattice, vocabulary) != data:
        refuse("bytes that are not those of the lattice in them")
    return lattice


def looks_packed(data: bytes) -> bool:
    """Whether bytes of unknown kind are a lattice, perhaps a damaged one: no sound begins so."""
    if len(data) < _LEAST or len(data) > MOST_BYTES:
        return False
    return data[0] >> 4 == _VERSION or data[-_CRC:] == _checksum(data[:-_CRC])


def _checksum(data: bytes) -> bytes:
    """A CRC, inverted: without that, zeros after it would go unseen."""
    return (binascii.crc_hqx(data, 0xFFFF) ^ 0xFFFF).to_bytes(_CRC, "big")
