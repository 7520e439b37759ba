"""What a host's accesses of the registers take over AXI4-Lite, beside the machine's own time.

The driver itself makes the accesses, on a bus that has a clock in place of a machine. So what is
counted is what a host does on a board, access by access. Time is that of
`sordino.rtl.bridges.axi_lite` and `sordino.rtl.host`:

- An access is at the registers in the cycle after its handshake. The manager has the response two
  cycles later, and begins the next access then.
- Of writes that are on their way at the same time, one is at the registers every two cycles.
- Features go on to their FIFO one a cycle; until then the next write waits.
- A host that waits for responses finds every word of the window ready.
- A run begins two cycles after its START. The interrupt line is high two cycles after the machine
  has stopped.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sordino.driver import Host
from sordino.driver.bus import WHOLE_WORD, register_name
from sordino.engines.engine import Features, OpenEngine, Record, Requests, RunResult, by_channel
from sordino.engines.hosted import Hosted
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.image.segments.segment import Segment
from sordino.isa.fields import Store
from sordino.isa.registers import NO_TOKEN, Control, Error, Interrupt, Status

__all__ = ["AxiLite", "BusClock", "Call", "Spent", "price"]

_BETWEEN = 2
"""Cycles from one write to the next where both are on their way."""


@dataclass(frozen=True, kw_only=True)
class AxiLite:
    """How a host makes accesses; the defaults are those of cocotbext-axi's manager.

    idle       cycles from a response to the VALID of the next access
    in_flight  writes to one register that are on their way at the same time
    interrupt  whether it waits for the interrupt line; else it reads STATUS over and over
    """

    idle: int = 1
    in_flight: int = 64
    interrupt: bool = True


class Call(NamedTuple):
    """What an engine is asked; calls that are equal take the same time.

    what    the entry point that runs, or None: words are moved
    cycles  of the run
    size    features of the run, or words
    store   where the words are
    writes  whether they are written
    limit   the run's cycle limit
    first   whether no run was before it
    """

    what: str | None
    cycles: int
    size: int
    store: Store | None = None
    writes: bool = False
    limit: int = 0
    first: bool = False


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a host's accesses were, and what they took in cycles.

    reads, writes  accesses of registers
    window         cycles for words of the machine's memories
    around         for what starts a run and sees its end, as far as the machine stands still
    counters       for the counters after every run, which only measure
    running        of the machine, from START until it has stopped
    beside         for accesses while it ran; they are in `running`
    """

    reads: int = 0
    writes: int = 0
    window: int = 0
    around: int = 0
    counters: int = 0
    running: int = 0
    beside: int = 0

    @property
    def cycles(self) -> int:
        """All that passed, one after the other."""
        return self.window + self.around + self.counters + self.running

    def plus(self, other: "Spent", times: int = 1) -> "Spent":
        """The sum of this and `other`, so many times."""
        names = [each.name for each in fields(self)]
        return Spent(**{n: getattr(self, n) + times * getattr(other, n) for n in names})


class BusClock:
    """An engine behind a bus that nobody simulates; an `OpenEngine`.

    `engine` has the values and the machine's cycles, and `calls` counts what it was asked; what a
    host would have spent on that, `price` says. InputError for runs that emit tokens, take
    requests, end with an error or have more features than the FIFO holds: what a host then does
    depends on when.
    """

    def __init__(self, engine: OpenEngine) -> None:
        self._engine, self.name = engine, engine.name
        self.calls = Counter[Call]()
        self._ran = False

    @property
    def image(self) -> Image:
        """The image in the engine."""
        return self._engine.image

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        """Run as the engine does."""
        stream, *others = by_channel(features, self.image.config)
        if requests or any(map(len, others)) or len(stream) > self.image.config.feature_fifo:
            raise InputError(
                f"wanted a run whose features fit into the FIFO of channel 0, got another one of "
                f"{entry}; run it on the circuit"
            )
        result = self._engine.run(features, cycle_limit=cycle_limit, record=record, entry=entry)
        if result.tokens or result.error is not Error.NONE:
            raise InputError(
                f"wanted a run to HALT without tokens, got one of {entry} with "
                f"{len(result.tokens)} and error {result.error.name}; run it on the circuit"
            )
        cycles, first = result.counters["cycles"], not self._ran
        self._ran = True
        self.calls[Call(entry, cycles, len(stream), limit=cycle_limit, first=first)] += 1
        return result

    def read(self, store: Store, first: int, count: int) -> NDArray[np.int64]:
        """Words or rows of a memory, as `OpenEngine.read`."""
        self.calls[Call(None, 0, count, store)] += 1
        return self._engine.read(store, first, count)

    def write(self, store: Store, first: int, values: NDArray[np.int64]) -> None:
        """Write words or rows of a memory, as `OpenEngine.write`."""
        self._engine.write(store, first, values)
        self.calls[Call(None, 0, len(values), store, writes=True)] += 1

    def load_segment(self, segment: Segment) -> None:
        """InputError: what a loading takes is not known here."""
        raise InputError(
            f"wanted runs and words between them, got segment {segment.name}; load it on the "
            "circuit"
        )


def price(calls: Counter[Call], image: Image, how: AxiLite | None = None) -> Spent:
    """What a host spends on calls to a machine with this image."""
    total = Spent()
    for call, times in calls.items():
        bus = (_Interrupting if (how or AxiLite()).interrupt else _Bus)(how or AxiLite(), call)
        bus.fifo = image.config.feature_fifo
        host = Host(bus)
        host.protocol.image = image
        hosted = Hosted(host)
        if call.what is not None:
            features = np.zeros(call.size, np.int8)
            hosted.run(features, cycle_limit=call.limit, entry=call.what)
        elif call.writes:
            assert call.store is not None
            shape = hosted.read(call.store, 0, call.size).shape
            bus.begin()
            hosted.write(call.store, 0, np.zeros(shape, np.int64))
        else:
            assert call.store is not None
            hosted.read(call.store, 0, call.size)
        total = total.plus(bus.spent(), times)
    return total


class _Bus:
    """A driver's bus whose machine runs as a call says.

    Times are numbers of clock edges; cycle n begins with edge n.
    """

    def __init__(self, how: AxiLite, call: Call) -> None:
        self._how, self._call, self.fifo = how, call, 0
        self._begun = self._stopped = self._raised = 0
        self._enabled = not call.first
        self.begin()

    def begin(self) -> None:
        """Count from here on."""
        self._now = self._ready = self._reads = self._writes = 0
        self._took = dict.fromkeys(("window", "counters", "beside"), 0)

    def spent(self) -> Spent:
        """All that passed."""
        running = self._call.cycles
        around = self._now - self._took["window"] - self._took["counters"] - running
        return Spent(
            reads=self._reads, writes=self._writes, around=around, running=running, **self._took
        )

    def read(self, address: int) -> int:
        """The word at `address`, as far as a host asks for it."""
        name = register_name(address).partition("[")[0]
        at = self._now + self._how.idle + 1
        self._reads += 1
        self._answered(name, at)
        busy = self._begun <= at < self._stopped
        return {
            "STATUS": int(Status.LOADED | (Status.BUSY if busy else Status.DONE)),
            "INTERRUPT_STATUS": Interrupt.STOPPED.value,
            "FEATURE_ROOM": self.fifo,
            "TOKEN": NO_TOKEN,
        }.get(name, 0)

    def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write a word, or some bytes of it."""
        self._write(address, [value], strobe)

    def write_many(self, address: int, values: Sequence[int]) -> None:
        """Write words to one register."""
        for first in range(0, len(values), self._how.in_flight):
            self._write(address, values[first : first + self._how.in_flight], WHOLE_WORD)

    def _write(self, address: int, values: Sequence[int], strobe: int) -> None:
        name, at = register_name(address), self._now + self._how.idle + 1
        for number, value in enumerate(values):
            at = max(at + _BETWEEN if number else at, self._ready)
            self._ready = at + 1 + (strobe.bit_count() if name == "FEATURE" else 0)
            self._happened(name, value, at)
        self._writes += len(values)
        self._answered(name, at)

    def _happened(self, name: str, value: int, at: int) -> None:
        """What a write at the registers in a cycle does."""
        if name == "INTERRUPT_ENABLE" and not self._enabled:
            self._enabled = True
            self._raised = max(self._raised, at + 2)
        if name == "CONTROL" and value & Control.START:
            self._begun, self._stopped = at + 2, at + 2 + self._call.cycles
            self._raised = self._stopped + 2

    def _answered(self, name: str, at: int) -> None:
        """Go on when the response to an access in a cycle is there."""
        begin, self._now = self._now, at + 2
        self._took["beside"] += max(min(self._now, self._stopped) - max(begin, self._begun), 0)
        if name.startswith("WINDOW_"):
            self._took["window"] += self._now - begin
        elif name == "COUNTERS":
            self._took["counters"] += self._now - begin


class _Interrupting(_Bus):
    """A bus with the interrupt line."""

    def interrupt(self) -> None:
        """Return when the line is high."""
        self._now = max(self._now, self._raised)
