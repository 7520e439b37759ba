"""What the registers for commands, status and loading hold, and what each write does in each state.

The circuit takes its refusals from here, `docs/registers.md` shows the table and the tests walk it.
"""

from collections.abc import Mapping

from amaranth.lib import enum

__all__ = [
    "ANSWERS",
    "OPENED",
    "Answer",
    "Control",
    "Error",
    "Interrupt",
    "LoadTarget",
    "State",
    "Status",
]


class Control(enum.IntFlag, shape=32):
    """Bits of CONTROL; each acts when 1 is written."""

    START = 1
    """Begin at ENTRY with cleared registers, stack and counters.

    It takes a checked program. Refused together with ABORT.
    """
    END_OF_INPUT = 2
    """No features follow those already written, on any channel; FEATURE is refused from now on
    until CLEAR."""
    ABORT = 4
    """Stop as if the cycle limit were reached."""
    CLEAR = 8
    """Forget errors, FIFO contents, END_OF_INPUT and REQUEST; give up a loading that is not
    checked, and close a segment.

    What was loaded and checked stays. Refused together with any other bit.
    """


class Status(enum.IntFlag, shape=32):
    """Bits of STATUS; bits 15 to 8 hold the HALT code, bits 23 to 16 the error code."""

    BUSY = 1
    DONE = 2
    FAILED = 4
    TOKEN = 8
    """A token waits."""
    LOADED = 16
    """A program was checked, and so was all that was written since: START needs nothing but the
    end of a run and of errors."""
    WAITING = 32
    """The program waits at a yield point: at an INPUT with a `request`, before its first feature,
    while there is no feature on any channel and no request. BUSY is set too. Until the host writes
    a feature, a request or the end of input, nothing is at work, and the window is open."""


class Interrupt(enum.IntFlag, shape=32):
    """Bits of INTERRUPT_ENABLE and INTERRUPT_STATUS.

    Clear a bit first, then look at what it announces: nothing that comes later is lost.
    """

    STOPPED = 1
    """The machine stopped, with or without an error, or did not start because of one."""
    TOKEN = 2
    """A token was emitted."""
    FEATURES = 4
    """The feature FIFO of channel 0 is at most half full; set again at once as long as that is
    so."""


class Error(enum.Enum, shape=8):
    """Why a machine stopped. Errors are sticky until CONTROL.CLEAR."""

    NONE = 0
    ILLEGAL = 1
    """Opcode without a meaning."""
    STACK = 2
    """Too many nested calls, or a return without a call."""
    STREAM = 3
    """A weight stream left its matrix or did not end in state 0.

    Instructions that began beside the MATVEC may have retired.
    """
    LIMIT = 4
    """The cycle limit was reached."""
    INPUT = 5
    """Input ended in the middle of a feature vector."""
    LOAD = 6
    """A loaded section's CRC did not match, or START without a checked program."""
    MEMORY = 7
    """External memory answered with an error, or a stream's CRC-32 did not match.

    Instructions that began beside the MATVEC may have retired.
    """


class LoadTarget(enum.Enum, shape=3):
    """Memories that the host loads. The unit is a group or a lane, else 0."""

    PROGRAM = 0
    """128-bit words, four 32-bit words each."""
    PARAMETERS = 1
    """128-bit words, four 32-bit words each."""
    TABLES = 2
    """Expanded tables, two 32-bit words an entry; entry = table * states + state."""
    GROUP_DIRECTORY = 3
    """Unit g: two 32-bit words a matrix: first bit of its position stream, places to decode."""
    LANE_DIRECTORY = 4
    """Unit l: one 32-bit word a matrix: first bit of its value stream."""
    POSITIONS = 5
    """Unit g: two 16-bit stream words in one 32-bit word, lower address first."""
    VALUES = 6
    """Unit l: two 16-bit stream words in one 32-bit word, lower address first."""
    EXTERNAL_DIRECTORY = 7
    """Unit s, a stream's number: four 32-bit words a matrix: first burst, length in 16-bit words,
    CRC-32 of its beats, whether the matrix is streamed. Only in machines that stream."""


class State(enum.Enum):
    """Where a machine stands; it is in exactly one state. Reset leads to EMPTY, whatever was."""

    EMPTY = 0
    """No program to begin: none was checked since reset, or a loading failed or was given up since.

    Memories survive reset, but nothing says that they still hold what was loaded: load again. A
    loading fails or is given up if its check does not match, or if CLEAR or a write to LOAD_ADDRESS
    comes before its check. Everything is loaded anew then: with PROGRAM last, as the driver does
    it, nothing starts before all is there.
    """
    LOADING = 1
    """Words were written to LOAD_DATA that no LOAD_CHECK has covered, all of an image or a part;
    words of a segment are not meant."""
    READY = 2
    """A program was checked, and so was all that was written since.

    The machine cannot tell whose parts these are. A host may exchange weights under a program; one
    that loads another image first gives the old one up, so that no mixture starts: LOAD_TARGET,
    LOAD_ADDRESS, one word to LOAD_DATA, and CLEAR instead of its check lead to EMPTY. Nor does it
    know a program's length: ENTRY has to be an entry point of the image.
    """
    BUSY = 3
    """From START until the machine stops; an INPUT or EMIT that waits is a part of that."""
    DONE = 4
    """As READY, after a run."""
    FAILED = 5
    """An error is sticky."""


class Answer(enum.Enum):
    """What comes of a write."""

    ACTS = 0
    """OKAY: it takes effect."""
    IGNORED = 1
    """OKAY: it changes nothing."""
    REFUSED = 2
    """SLVERR: it changes nothing."""
    FAILS = 3
    """OKAY: the machine does not start. INTERRUPT_STATUS has STOPPED; without an error before, a
    LOAD error is sticky now."""


def _row(default: Answer = Answer.ACTS, **others: Answer) -> Mapping[State, Answer]:
    return {state: others.get(state.name, default) for state in State}


_CLOSED = {"BUSY": Answer.REFUSED, "FAILED": Answer.REFUSED}
"""The load window: closed while something reads the memories, and until an error is cleared."""

ANSWERS: Mapping[str, Mapping[State, Answer]] = {
    "START": _row(Answer.FAILS, READY=Answer.ACTS, DONE=Answer.ACTS, BUSY=Answer.REFUSED),
    "END_OF_INPUT": _row(),
    "ABORT": _row(Answer.IGNORED, BUSY=Answer.ACTS),
    "CLEAR": _row(BUSY=Answer.REFUSED),
    "ENTRY": _row(),
    "LIMIT_LOW": _row(),
    "LIMIT_HIGH": _row(),
    "INTERRUPT_ENABLE": _row(),
    "INTERRUPT_STATUS": _row(),
    "LOAD_TARGET": _row(**_CLOSED),
    "LOAD_ADDRESS": _row(**_CLOSED),
    "LOAD_DATA": _row(**_CLOSED),
    "LOAD_CHECK": _row(Answer.REFUSED, LOADING=Answer.ACTS),
    "FEATURE": _row(),
    "REQUEST": _row(),
    "CHANNEL_FEATURE": _row(),
    "CHANNEL_END": _row(),
    "STREAM_BASE": _row(BUSY=Answer.REFUSED),
    "WINDOW_MEMORY": _row(),
    "WINDOW_ADDRESS": _row(),
    "WINDOW_DATA": _row(BUSY=Answer.REFUSED),
    "SEGMENT": _row(Answer.REFUSED, READY=Answer.ACTS, BUSY=Answer.ACTS, DONE=Answer.ACTS),
    "SEGMENT_FIRST": _row(BUSY=Answer.REFUSED),
}
"""The answer to each bit of CONTROL and to each register that can be written, by state.

A write may be refused for what it says, too: that is in the register's or the bit's text. Reading
WINDOW_DATA is answered as writing it is. While an INPUT waits at a yield point, WINDOW_DATA acts in
BUSY, too. While a segment is open, OPENED says more.
"""
OPENED: Mapping[str, Mapping[State, Answer]] = dict.fromkeys(
    ("LOAD_TARGET", "LOAD_ADDRESS", "LOAD_DATA", "LOAD_CHECK"), ANSWERS["SEGMENT"]
)
"""The answers of the load window while a segment is open: whenever one can be opened.

CLEAR closes it then, and so does what unchecks a program; words of a segment do nothing to that.
"""
