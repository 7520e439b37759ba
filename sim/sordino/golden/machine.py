"""The exact machine: executes an image in numpy, one instruction at a time."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from sordino.engines.engine import (
    Features,
    Record,
    Requests,
    RunResult,
    by_channel,
    checked_values,
    expect_yield_points,
    in_order,
)
from sordino.engines.session import Emitted, expect_open
from sordino.golden.execution import SEMANTICS, Context, Semantics, bind
from sordino.golden.state import State, Stop
from sordino.golden.weights import WeightStore
from sordino.image.checks.verify import verify
from sordino.image.image import Image
from sordino.image.memories import MEMORIES, check_words
from sordino.image.segments.segment import Segment, with_segment, without_segment
from sordino.isa.fields import REGISTER_BITS, Store
from sordino.isa.hazards import Region, writes
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Input
from sordino.isa.registers import Error

__all__ = ["Golden", "GoldenSession"]


class Golden:
    """An image in the exact machine; an `OpenEngine` without time.

    The image is verified first (ImageError). `state` holds everything a program changes and may
    be read, and written, between instructions. Memories start at zero and keep what a run leaves.
    `semantics` says what operations do, where an image has others than those of ISA.

    Where the contract leaves something open: an INPUT that stops with Error.INPUT has written the
    features there were; a MATVEC that stops with Error.STREAM has changed nothing.
    """

    name = "golden"

    def __init__(
        self, image: Image, semantics: Mapping[type[Instruction], Semantics] = SEMANTICS
    ) -> None:
        verify(image)
        self.state = State.of(image.config)
        self._semantics = semantics
        self._hold(image)
        self._regions = [writes(instruction, image.config) for instruction in image.program]
        self._inputs = {at: i for at, i in enumerate(image.program) if isinstance(i, Input)}
        self.starts = 0
        self.networks: Mapping[str, int] = {}

    def _hold(self, image: Image) -> None:
        """Execute this image from now on; memories keep what they hold."""
        self.image = image
        weights = WeightStore(image)
        self._operations = [
            bind(Context(image, weights, self.state, address), self._semantics)
            for address in range(len(image.program))
        ]
        self.state.hold(image.rooms)

    def load_segment(self, segment: Segment) -> None:
        """Load other contents of one segment, as `OpenEngine.load_segment`."""
        self._hold(with_segment(self.image, segment))
        self.starts += 1

    def unload_segment(self, name: str) -> None:
        """Leave a segment unchecked, as a loading does that is not ended; InputError for none."""
        self._hold(without_segment(self.image, name))

    def start(self, features: Features, *, entry: str = "main", requests: Requests = ()) -> None:
        """Begin at a named entry point of the image with `features` and `requests` to come.

        Raises ImageError for an entry point that the image does not have.
        """
        expect_yield_points(self.image, requests)
        channels = by_channel(features, self.image.config)
        self.state.start(channels, self.image.entry(entry), in_order(requests))
        self.networks = self.image.host.token_channels(entry)
        self.starts += 1

    def append(self, features: Features) -> None:
        """Put more features behind those of `start` that are not read yet; those read are let go.

        So memory does not grow. The program finds the end of input where they end, unless it is
        kept from going on while `waits`.
        """
        state = self.state
        for channel, new in enumerate(by_channel(features, self.image.config)):
            rest = state.features[channel][state.read[channel] :]
            state.features[channel] = np.concatenate([rest, new]) if len(rest) else new
            state.read[channel] = 0

    def waits(self) -> bool:
        """Whether the next instruction is an INPUT that wants more features than there are.

        A request that it listens to, and that is there, comes first.
        """
        i, state = self._inputs.get(self.state.pc), self.state
        if i is None or (i.request and state.request()):
            return False
        left = len(state.features[i.channel]) - state.read[i.channel]
        return bool(left < i.count)

    def step(self, *, record: bool = False) -> Record | None:
        """Execute the next instruction and return its record, if it retired and one is wanted.

        Afterwards `state.running` tells whether there is a next one.
        """
        state = self.state
        if not state.running:
            raise ValueError("the machine has stopped; start it first")
        address, state.ended = state.pc, False
        i = self.image.program[address]
        while state.requests and isinstance(i, Input) and i.request:
            segment = state.segment()
            if segment is None:
                break
            self._hold(with_segment(self.image, segment))
        try:
            state.pc = self._operations[address]()
        except Stop as stop:
            state.running, state.error = False, stop.error
            return None
        index = state.counters["instructions"]
        state.counters["instructions"] = index + 1
        return Record(index, address, self._written(address)) if record else None

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        """Run until the machine stops.

        There are no cycles here: a `cycle_limit` other than 0 stops the machine with Error.LIMIT
        once so many *instructions* have retired, each of which takes the circuit several cycles.
        """
        self.start(features, entry=entry, requests=requests)
        return GoldenSession(self, cycle_limit, record).finish()

    def session(
        self,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> "GoldenSession":
        """Begin a run that is fed bit by bit, as `StreamingEngine.session`."""
        self.start({}, entry=entry, requests=requests)
        return GoldenSession(self, cycle_limit, record)

    def read(self, store: Store, first: int, count: int) -> NDArray[np.int64]:
        """Words or rows of a memory, as `OpenEngine.read`."""
        check_words(self.image.config, store, first, count)
        return self.state.memory.store(store)[first : first + count].copy()

    def write(self, store: Store, first: int, values: NDArray[np.int64]) -> None:
        """Write words or rows of a memory, as `OpenEngine.write`."""
        words = checked_values(self.image, store, first, values)
        self.state.memory.store(store)[first : first + len(words)] = words

    def _written(self, address: int) -> NDArray[np.int64]:
        """What the instruction at `address`, which has just retired, wrote."""
        if self.state.ended:
            return np.array([self.state.pc], np.int64)
        parts = [self._region(region) for region in self._regions[address]]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _region(self, region: Region) -> NDArray[np.int64]:
        state, base = self.state, region.base
        match region.store:
            case Store.REGISTER:
                return np.array(state.registers[base : base + region.count], np.int64)
            case Store.PC:
                return np.array([state.pc], np.int64)
            case Store.TOKEN:
                return np.array([state.tokens[-1] | state.channels[-1] << REGISTER_BITS], np.int64)
            case store:
                return state.memory.store(store)[base : base + region.count].reshape(-1).copy()


class GoldenSession:
    """A run of the exact machine in progress; a `Session`."""

    def __init__(
        self, golden: Golden, cycle_limit: int, record: bool | Callable[[Record], None]
    ) -> None:
        self._golden, self._limit = golden, cycle_limit
        kept = list[Record]()
        self._kept = kept if record is True else None
        self._sink = (record if callable(record) else kept.append) if record else None
        self._number, self._told = golden.starts, 0

    @property
    def running(self) -> bool:
        """Whether the machine has not stopped."""
        return self._golden.starts == self._number and self._golden.state.running

    def feed(self, features: Features) -> list[Emitted]:
        """Run on features as far as they reach, as `Session.feed`."""
        golden = self._golden
        expect_open(golden.starts == self._number)
        golden.append(features)
        while golden.state.running and not golden.waits():
            self._step()
        state, told = golden.state, self._told
        self._told = len(state.tokens)
        pairs = zip(state.tokens[told:], state.channels[told:], strict=True)
        return [Emitted(token, channel) for token, channel in pairs]

    def finish(self) -> RunResult:
        """Run to the end, as `Session.finish`."""
        golden = self._golden
        expect_open(golden.starts == self._number)
        while golden.state.running:
            self._step()
        golden.starts += 1
        state = golden.state
        return RunResult(
            tokens=list(state.tokens),
            error=state.error,
            code=state.code,
            counters=dict(state.counters),
            records=self._kept,
            final={
                **{store: state.memory.store(store).copy() for store in MEMORIES},
                Store.REGISTER: np.array(state.registers, np.int64),
            },
            channels=list(state.channels),
            networks=golden.networks,
        )

    def _step(self) -> None:
        made = self._golden.step(record=self._sink is not None)
        if made is not None and self._sink is not None:
            self._sink(made)
        state = self._golden.state
        if state.running and state.counters["instructions"] == self._limit:
            state.running, state.error = False, Error.LIMIT
