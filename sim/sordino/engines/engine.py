"""What every engine offers: run features through an image, one record per retired instruction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.image.memories import check_words
from sordino.image.segments.segment import Segment
from sordino.isa.control import Input
from sordino.isa.fields import REGISTER_HIGH, Store
from sordino.isa.registers import Error

__all__ = ["Engine", "Features", "OpenEngine", "Record", "Requests", "RunResult"]
__all__ += ["by_channel", "checked_values", "expect_yield_points", "in_order"]
__all__ += ["numbers_in_order"]

Features = NDArray[np.int8] | Mapping[int, NDArray[np.int8]]
"""Input vectors (frames, dim) of channel 0, or the same by channel; of others there are none."""
Requests = Sequence[tuple[int, int | Segment]]
"""What a host asks for, in order: how many input vectors are read before it comes, its number.

A number is 1 to 65535. A request waits until the one before it is taken. A segment in the place of
a number is loaded at the next yield point, an INPUT that takes requests; the exact machine and the
compiled circuit do that.
"""


def by_channel(features: Features, config: Config) -> list[NDArray[np.int8]]:
    """The features of every channel of a machine, one after the other.

    Raises ValueError for others than int8, InputError for a channel that the machine lacks.
    """
    given = features if isinstance(features, Mapping) else {0: features}
    for channel, array in given.items():
        if not 0 <= channel < config.channels:
            raise InputError(
                f"wanted features for channels 0 to {config.channels - 1}, got some for channel "
                f"{channel}; raise channels of the configuration"
            )
        if array.dtype != np.int8:
            raise ValueError(f"wanted features to be int8, got {array.dtype}")
    none = np.zeros(0, np.int8)
    return [
        np.ascontiguousarray(given.get(channel, none)).reshape(-1)
        for channel in range(config.channels)
    ]


def numbers_in_order(requests: Requests) -> list[tuple[int, int]]:
    """The requests as `in_order`; InputError for a segment among them."""
    found = []
    for after, asked in in_order(requests):
        if isinstance(asked, Segment):
            raise InputError(
                f"wanted requests as numbers, got segment {asked.name}, which this engine does not "
                "load in the midst of a run; load it before the run"
            )
        found.append((after, asked))
    return found


def expect_yield_points(image: Image, requests: Requests) -> None:
    """InputError for a segment among the requests of a program that would never load it."""
    yields = any(isinstance(i, Input) and i.request for i in image.program)
    for _, asked in requests:
        if isinstance(asked, Segment) and not yields:
            raise InputError(
                f"wanted numbers as requests of a program without yield points, got segment "
                f"{asked.name}; load it before the run"
            )


def in_order(requests: Requests) -> tuple[tuple[int, int | Segment], ...]:
    """The requests; InputError where one comes before the one before it, or for a wrong number."""
    found = tuple(
        (int(after), asked if isinstance(asked, Segment) else int(asked))
        for after, asked in requests
    )
    earlier = 0
    for after, number in found:
        if after < earlier:
            raise InputError(
                f"wanted requests in the order in which they come, got one after {after} vectors "
                f"behind one after {earlier}"
            )
        if not isinstance(number, Segment) and not 1 <= number <= REGISTER_HIGH:
            raise InputError(f"wanted a request to be 1 to {REGISTER_HIGH}, got {number}")
        earlier = after
    return found


@dataclass(frozen=True)
class Record:
    """One retired instruction.

    index   its number in program order, from 0
    pc      its address
    values  int64, one-dimensional: the regions of `isa.hazards.writes` one after the other as
            they are right after the instruction, accumulator rows flattened lane by lane; for an
            INPUT that found the end of input or a request, the next address alone; of an EMIT the
            token, with its channel in bits 23 to 16
    """

    index: int
    pc: int
    values: NDArray[np.int64]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    tokens    tokens in the order they were emitted
    error     NONE after HALT
    code      HALT's code, 0 after an error
    counters  by name; an engine without time leaves out the timed ones
    records   every record if they were asked for as a list, else None
    final     memories at the end: int64, activation and state memory (words,), accumulator banks
              (rows, lanes), registers (8,)
    channels  of each token the channel that it was emitted on
    networks  the channels of the image's networks that the entry point runs, by name
    """

    tokens: list[int]
    error: Error
    code: int
    counters: dict[str, int]
    records: list[Record] | None
    final: dict[Store, NDArray[np.int64]]
    channels: list[int] = field(default_factory=list)
    networks: Mapping[str, int] = field(default_factory=dict)

    def on(self, channel: int | str) -> list[int]:
        """The tokens of one channel or network, in the order they were emitted.

        InputError for the name of a network that did not run, that emits nothing, or whose channel
        is not its own.
        """
        if isinstance(channel, str):
            channel = self._channel(channel)
        pairs = zip(self.tokens, self.channels, strict=True)
        return [token for token, its in pairs if its == channel]

    def _channel(self, network: str) -> int:
        """The channel that one network alone emits on."""
        if network not in self.networks:
            known = ", ".join(self.networks) or "none by name"
            raise InputError(
                f"wanted a network that this run emits tokens of, got {network!r}; there are "
                f"{known}"
            )
        channel = self.networks[network]
        others = [n for n, its in self.networks.items() if its == channel and n != network]
        if others:
            raise InputError(
                f"wanted {network} to emit on a channel of its own, got channel {channel}, which "
                f"is that of {others[0]} too; compile with another channel, or take the channel"
            )
        return channel


class Engine(Protocol):
    """A machine with an image in it."""

    @property
    def name(self) -> str:
        """What users call it."""

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        """Run from a named entry point until the machine stops.

        `features` (frames, dim) int8 arrive in order, then the end of input, on every channel by
        itself. A request comes as soon as so many vectors were read on all channels together.
        `record` True keeps every record in the result; a callback gets each as it is made, and none
        is kept.
        `cycle_limit` 0 means none. Memories keep what an earlier run left. Raises ImageError for
        an entry point that the image does not have.
        """


class OpenEngine(Engine, Protocol):
    """An engine whose memories the host reads and writes between runs, as through the window."""

    @property
    def image(self) -> Image:
        """The image in it."""

    def read(self, store: Store, first: int, count: int) -> NDArray[np.int64]:
        """`count` words from word `first` on (count,), or rows of a bank (count, lanes).

        InputError for what is not one of `sordino.image.memories.MEMORIES`, and beyond its end.
        """

    def write(self, store: Store, first: int, values: NDArray[np.int64]) -> None:
        """Write words from `first` on, in the shape in which `read` gives them.

        InputError for what `read` refuses, and for values that a word cannot hold.
        """

    def load_segment(self, segment: Segment) -> None:
        """Load other contents of one segment between two runs; `image` has them then.

        A session in progress is over, as it is with another run. InputError for a segment of
        another image, ImageError for contents that do not fit.
        """


def checked_values(
    image: Image, store: Store, first: int, values: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Values that may be written from `first` on, as int64; else InputError."""
    found = np.asarray(values)
    if found.dtype.kind not in "iu":
        raise InputError(f"wanted whole numbers for {store.name}, got {found.dtype}; round them")
    if not found.ndim:
        raise InputError(f"wanted a vector of values for {store.name}, got one number; make it one")
    shape = check_words(image.config, store, first, len(found))
    wanted = (len(found), shape.lanes) if store in (Store.BANK0, Store.BANK1) else (len(found),)
    if found.shape != wanted:
        raise InputError(
            f"wanted values of shape {wanted} for {store.name}, got {found.shape}; reshape them"
        )
    if found.size and not shape.lowest <= found.min() <= found.max() <= shape.highest:
        raise InputError(
            f"wanted values of {shape.lowest} to {shape.highest} for {store.name}, got "
            f"{found.min()} to {found.max()}; saturate them"
        )
    return found.astype(np.int64)
