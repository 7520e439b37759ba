"""Frames on a serial line: a host asks, and the bridge of a machine answers.

A frame is a row of 32-bit words, lowest byte first: a header, the words that belong to it, and the
CRC-32 (that of zlib) of all bytes before. It stands between two flags. What is a flag or an escape
in it is sent as an escape and then the byte with one bit changed, as in HDLC (RFC 1662). So a flag
on the line is always an end: after noise, the next whole frame is understood. A frame that is not
whole, or whose CRC differs, is dropped without an answer, and nothing of it has happened.

A request has a `Request` as its header, an answer an `Answer`. A request without its answer is sent
again, with the same number. The bridge makes what it asks for once, and answers as often as it is
asked. So words are neither lost nor written twice, and a token is not taken twice.

A host may send several requests before it looks for an answer. They are numbered one after the
other, from SYNC on; one out of its turn changes nothing. When a request was refused, those behind
it that are `chained` do nothing either.

`docs/uart.md` is generated from here; the bridge, the driver and the tests import it.
"""

from amaranth.lib import data, enum

__all__ = [
    "CRC_RESIDUE",
    "ESCAPE",
    "FLAG",
    "FLIP",
    "MOST_WORDS",
    "OVERHEAD_WORDS",
    "VERSION",
    "Answer",
    "Command",
    "Outcome",
    "Request",
]

VERSION = 1
"""The format's version is in every answer; it rises when a frame changes its meaning."""
FLAG = 0x7E
"""The byte before and after every frame; one may serve two frames."""
ESCAPE = 0x7D
"""The byte before one that is sent changed."""
FLIP = 0x20
"""The bit that is changed in the byte after an escape."""
MOST_WORDS = 126
"""Words of a request or answer at most, besides header and CRC."""
OVERHEAD_WORDS = 2
"""Header and CRC."""
CRC_RESIDUE = 0xDEBB_20E3
"""State of the CRC after a frame with its own CRC, before the complement."""


class Command(enum.Enum, shape=2):
    """What a request asks for."""

    SYNC = 0
    """Begin to count at this request's number, whatever was before, and send its words back.

    The answer says in `index` how many words a request may have.
    """
    READ = 1
    """Read as many registers as its one word says."""
    WRITE = 2
    """Write its words."""


class Outcome(enum.Enum, shape=3):
    """What came of a request."""

    DONE = 0
    """All of it has happened."""
    REFUSED = 1
    """The machine has refused word `index`. Those before it were written, or follow as read; those
    after it were not touched."""
    SKIPPED = 2
    """Nothing has happened, since a request before was refused, and this one is chained to it."""
    TURN = 3
    """Nothing has happened: the request is not the one after `sequence`. Send that one."""
    UNKNOWN = 4
    """Nothing has happened: there is no such command, or it has a wrong number of words."""
    EVENT = 5
    """No answer to anything: the interrupt line has risen."""
    RESET = 6
    """Nothing has happened: there was no SYNC since the bridge was reset."""


class Request(data.Struct):
    """First word of a request."""

    sequence: 8
    """Its number: one more than that of the request before, 0 after 255."""
    command: Command
    """What it asks for."""
    advance: 1
    """Each word is for the register behind that of the word before. Else all are for one."""
    chained: 1
    """It does nothing if the request before it was refused or skipped."""
    strobe: 4
    """WRITE: bit n says that byte n of each word is written."""
    address: 16
    """Byte address of the first register."""


class Answer(data.Struct):
    """First word of an answer."""

    sequence: 8
    """Number of the request that it answers; in TURN and EVENT, of the last that was taken."""
    outcome: Outcome
    """What came of it."""
    interrupt: 1
    """The machine's interrupt line."""
    version: 4
    """VERSION."""
    index: 8
    """REFUSED, SKIPPED: which word was refused. SYNC: how many words a request may have."""
    refused: 8
    """REFUSED, SKIPPED: number of the request that was refused."""
