"""What an image tells its host of each of several networks."""

from collections.abc import Mapping
from dataclasses import dataclass

from sordino.schema.kinds import TEXT, Choice, Many, Map, Number, Whole
from sordino.schema.record import Nested, Record, declare

__all__ = ["ImageNetwork", "Kept", "NetworkInput", "NetworkResult", "NetworkTokens", "Range"]
__all__ += ["CONTEXTS", "LEVEL_FRAMES", "THRESHOLD", "EndLevel", "Ends", "Search"]

CONTEXTS = ("reset", "encoder")
"""What is kept from one utterance to the next: nothing, or the encoder's state."""
THRESHOLD = Number(-1e3, 1e3)
"""Thresholds of a score."""
LEVEL_FRAMES = Whole(1, 1000)
"""For how many frames a score has to reach one."""

_COUNT = Whole(0, (1 << 32) - 1)
_UNITS = Whole(1, 1 << 20)
_CHANNEL = Whole(0, 255)
_REGISTER = Whole(0, 0xFFFF)
_NUMBERS = Many(_COUNT, "whole numbers")
_RANGE = Many(_COUNT, "whole numbers", 2)
_RANGES = Many(_RANGE, "pairs of whole numbers")
Range = tuple[int, int]
"""First word and number of words."""


@dataclass(frozen=True, kw_only=True)
class Search(Record):
    """Where a host that searches by itself finds what the entry points leave.

    A range is its first word and its number of words.
    """

    frames: int = declare(_UNITS, "input vectors that `encode` takes at most")
    embedding: tuple[int, int, int] = declare(
        Many(_COUNT, "whole numbers", 3),
        "first parameter word, words a row and width: the host gives `advance` a row",
    )
    hidden: tuple[Range, ...] = declare(
        _RANGES, "activation memory: h of the prediction network's layers"
    )
    cells: tuple[Range, ...] = declare(_RANGES, "state memory: c of the same layers")
    predicted: Range = declare(_RANGE, "state memory: the prediction network's half of the joint")
    encoded: Range = declare(_RANGE, "state memory: the encoder's half of the joint")
    scores: Range = declare(_RANGE, "state memory: the joint's outputs, int16, slot by slot")
    index_table: int = declare(
        _COUNT, "parameter word of ARGMAX's entries, which say what token a slot is"
    )
    fraction: int = declare(Whole(-4096, 4096), "fraction bits of the scores")


@dataclass(frozen=True, kw_only=True)
class EndLevel(Record):
    """When an end-pointer decides: a threshold, reached for so many frames in a row."""

    threshold: float = declare(THRESHOLD, "what the score has to reach")
    frames: int = declare(LEVEL_FRAMES, "so many frames in a row")
    longest: int | None = declare(
        LEVEL_FRAMES, "after so many frames without a token any score reaches it", None
    )


@dataclass(frozen=True, kw_only=True)
class Ends(Record):
    """What a host must know of an end-pointer.

    A host that searches by itself writes the frames since the last token, less 32768, before it
    starts the entry point: 0 where there is none yet, 1 in a frame with a token, and so on.
    """

    speculative: EndLevel = declare(Nested(EndLevel), "when the end is likely: the first token")
    final: EndLevel = declare(Nested(EndLevel), "when the utterance ends: the token after it")
    run: int = declare(_COUNT, "word of state memory: frames since the last token")
    runs: int = declare(Whole(3, 1 << 16), "how many numbers of these frames it tells apart")
    context: str = declare(
        Choice(CONTEXTS), "what the encoder keeps from one utterance to the next", CONTEXTS[0]
    )


@dataclass(frozen=True, kw_only=True)
class NetworkInput(Record):
    """The vectors that a host gives a network."""

    channel: int = declare(_CHANNEL, "channel that they come on")
    count: int = declare(_UNITS, "values in a vector, int8")
    fraction: int = declare(Whole(0, 15), "fraction bits of these values")


@dataclass(frozen=True, kw_only=True)
class NetworkTokens(Record):
    """The tokens that a network emits."""

    channel: int = declare(_CHANNEL, "channel that they are emitted on")
    numbers: tuple[int, int] = declare(
        Many(_REGISTER, "whole numbers", 2), "the lowest token, and how many there are"
    )
    texts: tuple[str, ...] = declare(
        Many(TEXT, "strings"), "text of each of them; without any they have none", ()
    )
    blank: int | None = declare(_REGISTER, "number of the token that writes nothing", None)
    most: int = declare(_REGISTER, "most tokens for one input vector", 1)


@dataclass(frozen=True, kw_only=True)
class NetworkResult(Record):
    """A vector that a network leaves in a memory, for the host or for other networks."""

    memory: str = declare(Choice(("activation", "state")), "the memory")
    words: tuple[int, ...] = declare(_NUMBERS, "the word of each number, in the vector's order")
    step: float = declare(Number(1e-300, 1e300), "what 1 stands for")


@dataclass(frozen=True, kw_only=True)
class Kept(Record):
    """What a network keeps from one input vector to the next; a run begins with zeros there.

    A range is its first word and its number of words. Networks that both have a word name each
    other in `shares`.
    """

    activation: tuple[Range, ...] = declare(_RANGES, "ranges of activation memory", ())
    state: tuple[Range, ...] = declare(_RANGES, "ranges of state memory", ())
    bank1: tuple[Range, ...] = declare(_RANGES, "ranges of rows of accumulator bank 1", ())


@dataclass(frozen=True, kw_only=True)
class ImageNetwork(Record):
    """What an image tells its host of one of its networks.

    To interrupt a network, a host reads the words of `state` and `results` between two input
    vectors, and writes them back later. Zeros in `state` are a new beginning for a network that
    reads nothing of the frame before but that.
    """

    entries: Mapping[str, str] = declare(
        Map(TEXT), "the entry points that run it, by what they do for it"
    )
    request: int | None = declare(
        Whole(1, 0xFFFF), "the request that runs it once, where it runs on request", None
    )
    input: NetworkInput | None = declare(
        Nested(NetworkInput), "its input vectors; without it it reads other networks' results", None
    )
    tokens: NetworkTokens | None = declare(Nested(NetworkTokens), "the tokens that it emits", None)
    results: Mapping[str, NetworkResult] = declare(
        Map(Nested(NetworkResult)), "vectors that it leaves in memory, by the layer's name", {}
    )
    state: Kept = declare(Nested(Kept), "what it keeps from one input vector to the next", Kept())
    program: tuple[Range, ...] = declare(
        _RANGES, "ranges of the program that are its own: first address, instructions", ()
    )
    shares: tuple[str, ...] = declare(
        Many(TEXT, "strings"), "networks that some of its state belongs to, too", ()
    )
    search: Search | None = declare(
        Nested(Search), "where a host that searches finds what it needs", None
    )
    ends: Ends | None = declare(Nested(Ends), "of an end-pointer: when it decides", None)
