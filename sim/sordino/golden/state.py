"""Everything that changes while a program runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.engines.engine import Requests
from sordino.golden.memory import Memory
from sordino.image.rooms import SegmentRoom
from sordino.image.segments.segment import Segment
from sordino.isa.instruction import REGISTERS
from sordino.isa.registers import COUNTERS, Error

__all__ = ["State", "Stop"]


class Stop(Exception):
    """The instruction in progress stops the machine with an error and does not retire."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.name)
        self.error = error


def _counters() -> dict[str, int]:
    return {counter.name: 0 for counter in COUNTERS if not counter.timed}


@dataclass
class State:
    """A machine between two instructions.

    memory, run_tables, value_tables (numbers of the image's tables, None before the first TABLE)
    and checked outlast a program; the rest begins anew with every `start`.

    checked      numbers of the segments that the host has loaded and checked
    registers    8 unsigned 16-bit integers
    stack        return addresses, the latest last
    features     of each channel int8, all that the host writes; `read` of them are taken
    requests     of the host, in order: input vectors that are taken before it comes, its number
    served       requests that are taken, and segments that are loaded
    ended        the latest instruction was an INPUT that found the end of input or a request
    tokens       emitted ones, each on its channel in `channels`
    error, code  why the machine stopped, once `running` is false
    counters     the untimed ones by name
    """

    memory: Memory
    run_tables: list[int | None]
    value_tables: list[int | None]
    checked: set[int] = field(default_factory=set)
    running: bool = False
    pc: int = 0
    registers: list[int] = field(default_factory=lambda: [0] * REGISTERS)
    stack: list[int] = field(default_factory=list)
    features: list[NDArray[np.int8]] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    requests: Requests = ()
    served: int = 0
    ended: bool = False
    tokens: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    error: Error = Error.NONE
    code: int = 0
    counters: dict[str, int] = field(default_factory=_counters)

    @classmethod
    def of(cls, config: Config, rooms: Sequence[SegmentRoom] = ()) -> "State":
        """A machine that has just been loaded, the filled `rooms` with it; all memories zero."""
        state = cls(Memory(config), [None] * config.run_slots, [None] * config.value_slots)
        state.hold(rooms)
        return state

    def hold(self, rooms: Sequence[SegmentRoom]) -> None:
        """Have the segments of the filled rooms checked, and no others."""
        self.checked.clear()
        self.checked.update(room.number for room in rooms if room.filled)

    def start(
        self, features: Sequence[NDArray[np.int8]], entry: int, requests: Requests = ()
    ) -> None:
        """START at address `entry`, with the input that the host will write, and its requests."""
        self.running, self.pc = True, entry
        self.registers, self.stack = [0] * REGISTERS, []
        self.features, self.read, self.ended = list(features), [0] * len(features), False
        self.requests, self.served = requests, 0
        self.tokens, self.channels = [], []
        self.error, self.code = Error.NONE, 0
        self.counters = _counters()

    def request(self) -> int:
        """The number of the request that waits, 0 for none."""
        asked = self._due()
        return asked if isinstance(asked, int) else 0

    def segment(self) -> Segment | None:
        """The segment that the host loads now, once; None if there is none."""
        asked = self._due()
        if not isinstance(asked, Segment):
            return None
        self.served += 1
        return asked

    def _due(self) -> int | Segment:
        """What the host asks for next, 0 if it does not do so yet."""
        if self.served < len(self.requests):
            after, asked = self.requests[self.served]
            return asked if self.counters["frames"] >= after else 0
        return 0
