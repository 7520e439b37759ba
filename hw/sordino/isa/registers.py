"""Register map, load targets, error codes and counters: what a host sees of the machine.

`docs/registers.md` is generated from here; the AXI4-Lite subordinate, the drivers and the
cocotb bench import it.
"""

from dataclasses import dataclass

from sordino.arch import RANGES as CONFIG_RANGES
from sordino.arch import Config
from sordino.isa.commands import Control, Error, Interrupt, LoadTarget, Status
from sordino.isa.fields import SEGMENTS

__all__ = [
    "ADDRESS_BITS",
    "CAPACITIES",
    "COUNTERS",
    "COUNTER_BITS",
    "ISA_VERSION",
    "MAP_VERSION",
    "MAP_VERSION_BIT",
    "NO_TOKEN",
    "RANGES",
    "REFUSED",
    "REGISTERS",
    "REGISTER_MAP",
    "STATUS_CODE",
    "STATUS_ERROR",
    "Control",
    "Counter",
    "Error",
    "Interrupt",
    "LoadTarget",
    "Range",
    "Register",
    "Status",
    "capacities",
]

ISA_VERSION = 4
"""Rises when operations or fields come; each says since which version there is it (`since`)."""
MAP_VERSION = 1
"""Rises when a register changes its place or its meaning; maps before the first had 0 there."""
MAP_VERSION_BIT = 16
"""First of the bits of VERSION with MAP_VERSION; the instruction set's is below."""
ADDRESS_BITS = 12
"""Bits of a byte offset: all of the map is one 4 KiB page."""
COUNTER_BITS = 48
MOST_CHANNELS = CONFIG_RANGES["channels"][1]
"""Channels of the input at most."""


@dataclass(frozen=True)
class Counter:
    """One event counter; `timed` ones depend on the machine's timing, the others do not."""

    name: str
    timed: bool
    text: str


COUNTERS = (
    Counter("cycles", True, "cycles from START until the machine stopped"),
    Counter("instructions", False, "instructions retired"),
    Counter("frames", False, "INPUT instructions that read a feature vector"),
    Counter("tokens", False, "tokens emitted"),
    Counter("places", False, "places walked by all groups, padding places not among them"),
    Counter("padding", False, "padding places walked by all groups"),
    Counter("useful", False, "products of two non-zero operands"),
    Counter("gated", False, "products not computed because x or the weight is zero"),
    Counter("matvec", True, "cycles in which a MATVEC was in progress"),
    Counter("vector", True, "cycles in which a vector instruction was in progress"),
    Counter("table", True, "cycles in which a TABLE was in progress"),
    Counter("wait_x", True, "group cycles in which a place waited for its column of x"),
    Counter("wait_input", True, "cycles INPUT waited for a feature"),
    Counter("wait_token", True, "cycles EMIT waited for room in the token FIFO"),
)
"""In register order: counter n is read at COUNTERS + 8 n, low word first."""

CAPACITIES = (
    "lanes",
    "group",
    "state_bits",
    "x_fifo",
    "value_slots",
    "run_slots",
    "lane_words",
    "group_words",
    "rows_per_lane",
    "accumulator_bits",
    "activation_words",
    "state_words",
    "parameter_words",
    "program_words",
    "tables",
    "matrices",
    "feature_fifo",
    "token_fifo",
    "stream_bus",
    "stream_burst",
    "stream_outstanding",
    "stream_ring",
    "channels",
)
"""In register order: the field of the configuration that is read at CAPACITIES + 4 n.

All its numbers but the stated clock; new ones come last. `sordino.arch.Config` says what they are.
"""


def capacities(config: Config) -> dict[str, int]:
    """What the capacity registers of a machine hold, by name; `stream_*` are 0 without a bus."""
    absent = () if config.stream_bus else [n for n in CAPACITIES if n.startswith("stream_")]
    return {name: 0 if name in absent else getattr(config, name) for name in CAPACITIES}


@dataclass(frozen=True)
class Range:
    """`size` bytes of the map from offset `first` on, and what they are for.

    What holds no register is refused; a range that holds none is kept for what its text says.
    """

    name: str
    first: int
    size: int
    text: str


RANGES = (
    Range("HOST", 0x000, 0x100, "identity, commands, status, load window, FIFOs"),
    Range("COUNTERS", 0x100, 0x100, "counters, 32 at most"),
    Range("CAPACITIES", 0x200, 0x100, "capacities, 64 at most"),
    Range("WINDOW", 0x300, 0x080, "words of activation, state and accumulator memory"),
    Range("REQUEST", 0x380, 0x080, "requests to a program that waits for input"),
    Range("CHANNELS", 0x400, 0x200, "input by channel"),
    Range("SEGMENTS", 0x600, 0x200, "parts of memories that are loaded and checked on their own"),
    Range("SPARE", 0x800, 0x800, "reserved"),
)
"""All of the map, in order."""


@dataclass(frozen=True)
class Register:
    """One 32-bit register, or `words` of them: byte offset, access (ro, wo, rw, w1c) and meaning.

    Bits outside `mask` read as zero; setting one is refused, but in `w1c` ignored. Writing with
    some byte strobes only leaves the other bytes of a `rw` register, and counts as zero bytes in
    CONTROL and `w1c`; LOAD_DATA, LOAD_CHECK and the registers of WINDOW and SEGMENTS take whole
    words only, and while a segment is open so do LOAD_TARGET and LOAD_ADDRESS. A write without any
    strobe does nothing where it is not refused.

    A refused access is answered with SLVERR and changes nothing: an offset outside the map or not
    a multiple of 4, reading `wo`, writing `ro`, what the texts below call refused, and what
    `sordino.isa.commands` refuses in the state the machine is in. Registers for `streaming` are
    outside the map of machines without, and those for `channels` outside that of machines with one
    channel.
    """

    name: str
    offset: int
    access: str
    text: str
    mask: int = 0xFFFF_FFFF
    streaming: bool = False
    words: int = 1
    channels: bool = False

    def present(self, config: Config) -> bool:
        """Whether a machine has the register."""
        streams = bool(config.stream_bus) or not self.streaming
        return streams and (config.channels > 1 or not self.channels)


STATUS_CODE = 8
"""First of the eight bits of STATUS with the HALT code."""
STATUS_ERROR = 16
"""First of the eight bits of STATUS with the error code."""


REGISTER_MAP = (
    Register("ID", 0x00, "ro", "configuration id"),
    Register(
        "VERSION",
        0x04,
        "ro",
        "instruction set version in bits 15 to 0, version of this map in bits 31 to 16",
    ),
    Register("CONTROL", 0x08, "wo", "Control bits", mask=0xF),
    Register("STATUS", 0x0C, "ro", "Status bits, HALT code, error code", mask=0xFF_FF3F),
    Register(
        "ENTRY",
        0x10,
        "rw",
        "program address START begins at; refused outside of the program memory",
        mask=0xFFFF,
    ),
    Register("LIMIT_LOW", 0x14, "rw", "cycle limit, low word; 0 in both words: no limit"),
    Register("LIMIT_HIGH", 0x18, "rw", "cycle limit, high word", mask=0xFFFF),
    Register("INTERRUPT_ENABLE", 0x1C, "rw", "Interrupt bits that raise the line", mask=0x7),
    Register("INTERRUPT_STATUS", 0x20, "w1c", "Interrupt bits seen", mask=0x7),
    Register(
        "LOAD_TARGET", 0x24, "rw", "LoadTarget in bits 2 to 0, unit in bits 31 to 16", 0xFFFF_0007
    ),
    Register(
        "LOAD_ADDRESS",
        0x28,
        "rw",
        "next 32-bit word; unless a segment is open, writing it restarts the CRC, and gives up "
        "words that were not checked, which is a sticky LOAD error",
        mask=0x3FF_FFFF,
    ),
    Register(
        "LOAD_DATA",
        0x2C,
        "wo",
        "one word to LOAD_TARGET at LOAD_ADDRESS, which advances; refused outside the target's "
        "memory, and outside what segments may write while one is open. In a machine that streams, "
        "a segment's word for POSITIONS or VALUES waits while weights come from external memory",
    ),
    Register(
        "LOAD_CHECK",
        0x30,
        "wo",
        "CRC-32 expected of the words since LOAD_ADDRESS, as little-endian bytes; another value "
        "is a sticky LOAD error. While a segment is open: of all words written since SEGMENT, that "
        "one too, to LOAD_TARGET, LOAD_ADDRESS and LOAD_DATA; it closes the segment, which is "
        "checked then; refused are another value, and a check without words",
    ),
    Register(
        "FEATURE",
        0x34,
        "wo",
        "features: one int8 for each byte whose strobe is set, lowest byte first; refused as a "
        "whole if they do not fit",
    ),
    Register("FEATURE_ROOM", 0x38, "ro", "features that fit"),
    Register(
        "TOKEN",
        0x3C,
        "ro",
        "oldest token, taken by reading, and in bits 23 to 16 its channel; NO_TOKEN when there is "
        "none",
    ),
    Register("TOKEN_LEVEL", 0x40, "ro", "tokens that wait"),
    Register(
        "PC",
        0x44,
        "ro",
        "address of the instruction that begins next; of an INPUT at work; after an error other "
        "than LIMIT, of the one that stopped the machine",
        mask=0xFFFF,
    ),
    Register(
        "STREAM_BASE",
        0x48,
        "rw",
        "4 KiB page of external memory at which the image's external section begins; only in "
        "machines that stream",
        streaming=True,
    ),
    Register(
        "COUNTERS",
        0x100,
        "ro",
        "counters, 8 bytes each; reading a low word keeps the high word that belongs to it, which "
        "reading any high word returns",
        words=2 * len(COUNTERS),
    ),
    Register(
        "CAPACITIES",
        0x200,
        "ro",
        "capacities, 4 bytes each: what an image may need",
        words=len(CAPACITIES),
    ),
    Register(
        "WINDOW_MEMORY",
        0x300,
        "rw",
        "memory in bits 1 to 0: 0 activation, 1 state, 2 and 3 the accumulator banks; lane of a "
        "bank in bits 31 to 16, else 0; refused where the machine has no such lane",
        mask=0xFFFF_0003,
    ),
    Register("WINDOW_ADDRESS", 0x304, "rw", "next word, or row of a bank", mask=0x1_FFFF),
    Register(
        "WINDOW_DATA",
        0x308,
        "rw",
        "the word at WINDOW_ADDRESS of WINDOW_MEMORY, sign extended; WINDOW_ADDRESS advances with "
        "each read and write; both are refused outside the memory and while BUSY, but not while an "
        "INPUT waits at a yield point; a write is refused where the word cannot hold the value",
    ),
    Register(
        "REQUEST",
        0x380,
        "rw",
        "number of what the program is asked to do, 0 for nothing; TAKE takes it, and it reads as "
        "0 then; writing 0 withdraws it; another number is refused until then. It may be written "
        "at any time. An INPUT with a `request` goes on there before it takes a feature; a machine "
        "that is WAITING does so at once",
        mask=0xFFFF,
    ),
    Register(
        "CHANNEL_FEATURE",
        0x400,
        "wo",
        "FEATURE of channel n at offset 4 n; that of channel 0 is FEATURE",
        words=MOST_CHANNELS,
        channels=True,
    ),
    Register(
        "CHANNEL_ROOM",
        0x440,
        "ro",
        "FEATURE_ROOM of channel n at offset 4 n",
        words=MOST_CHANNELS,
        channels=True,
    ),
    Register(
        "CHANNEL_END",
        0x480,
        "wo",
        "bit n: no features follow on channel n; those of channels that the machine lacks are "
        "refused",
        mask=(1 << MOST_CHANNELS) - 1,
        channels=True,
    ),
    Register(
        "SEGMENT",
        0x600,
        "rw",
        "number of the open segment plus 1, or 0: the load window is the image's. Writing opens a "
        "segment, which is not checked from then on, or closes the one that is open; it begins a "
        "new CRC, of which the word itself is the first. Refused are numbers of no segment and of "
        "one that is in use",
        mask=0xF,
    ),
    Register(
        "SEGMENT_CHECKED",
        0x604,
        "ro",
        "bit n: segment n was loaded and checked, and no word of an image was loaded since",
        mask=(1 << SEGMENTS) - 1,
    ),
    Register(
        "SEGMENT_FIRST",
        0x620,
        "wo",
        "first 32-bit word of LoadTarget n, in every unit, that segments may write, at offset 4 n. "
        "At power-up they may write none; a reset changes nothing. That of PROGRAM, which they may "
        "never write, is refused",
        mask=0x3FF_FFFF,
        words=len(LoadTarget),
    ),
)

REGISTERS = {register.name: register for register in REGISTER_MAP}
"""Registers by name."""
NO_TOKEN = 0xFFFF_FFFF
"""What TOKEN holds when no token waits."""
REFUSED = 0xFFFF
"""The token of a network that did not run, since its segment is not checked."""
