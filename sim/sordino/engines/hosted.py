"""A machine behind a driver's bus as an engine: a board, or a simulated one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sordino.driver import Host, MachineError
from sordino.driver.status import Run
from sordino.engines.engine import (
    Features,
    Record,
    Requests,
    RunResult,
    by_channel,
    checked_values,
)
from sordino.engines.session import Emitted, expect_open
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.image.memories import check_words
from sordino.image.segments.segment import Segment
from sordino.isa.fields import REGISTER_BITS, REGISTER_HIGH, Store
from sordino.isa.registers import COUNTERS

__all__ = ["Hosted", "HostedSession"]

_WAITED = 2 * [counter.name for counter in COUNTERS].index("wait_input")
"""The word of the counter of cycles in which an INPUT waited."""


class Hosted:
    """The machine of a `Host` that has loaded an image; an `OpenEngine` without records.

    Everything passes through the machine's registers. A result has no memories at the end (they
    are a `read` away). InputError where the host has loaded nothing.
    """

    name = "host"

    def __init__(self, host: Host) -> None:
        if host.image is None:
            raise InputError("wanted a host that has loaded an image, got none; load one first")
        self.host, self.starts = host, 0

    @property
    def image(self) -> Image:
        """What the machine holds now; InputError where a loading has failed since."""
        if self.host.image is None:
            raise InputError("wanted a host that has loaded an image, got none; load one again")
        return self.host.image

    def load_segment(self, segment: Segment) -> None:
        """Load other contents of one segment, as `OpenEngine.load_segment`.

        Here it may come within a session, which goes on. MachineError where words arrive wrong.
        """
        self.host.load_segment(segment)

    def run(
        self,
        features: NDArray[np.int8],
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
    ) -> RunResult:
        """Run features (frames, dim) int8 until the machine stops; InputError for `record`."""
        if record:
            raise InputError("wanted a run without records, which no register shows, got record")
        self.starts += 1
        try:
            run = self.host.run(np.ascontiguousarray(features), entry, cycle_limit=cycle_limit)
        except MachineError as error:
            if error.run is None:
                raise
            run = error.run
        return self.result(run, entry)

    def session(
        self,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> "HostedSession":
        """Begin a run that is fed bit by bit, as `StreamingEngine.session`, on channel 0.

        A machine behind a bus does not stand still while it waits: its cycles have those, too.
        InputError for `record` and for requests.
        """
        if record or requests:
            raise InputError(
                "wanted a session without records and requests, got some; request with the host"
            )
        self.host.clear()
        self.host.start(entry, cycle_limit=cycle_limit)
        self.starts += 1
        return HostedSession(self, entry)

    def result(self, run: Run, entry: str) -> RunResult:
        """How a run ended, with the machine's counters."""
        return RunResult(
            tokens=[token & REGISTER_HIGH for token in run.tokens],
            error=run.error,
            code=run.code,
            counters=self.host.counters(),
            records=None,
            final={},
            channels=[token >> REGISTER_BITS for token in run.tokens],
            networks=self.image.host.token_channels(entry),
        )

    def read(self, store: Store, first: int, count: int) -> NDArray[np.int64]:
        """Words or rows of a memory, as `OpenEngine.read`."""
        shape = check_words(self.image.config, store, first, count)
        lanes = [
            self.host.read_memory(store, first, count, lane=lane) for lane in range(shape.lanes)
        ]
        words = np.array(lanes, np.int64).reshape(shape.lanes, count)
        return words.T.copy() if store in (Store.BANK0, Store.BANK1) else words[0]

    def write(self, store: Store, first: int, values: NDArray[np.int64]) -> None:
        """Write words or rows of a memory, as `OpenEngine.write`."""
        words = checked_values(self.image, store, first, values)
        for lane, given in enumerate(np.atleast_2d(words.T)):
            self.host.write_memory(store, first, given.tolist(), lane=lane)


class HostedSession:
    """A run of a machine behind a bus in progress; a `Session`.

    Tokens come with the features that they need: `feed` looks until the machine waits for more.
    """

    def __init__(self, hosted: Hosted, entry: str) -> None:
        self._hosted, self._entry, self._number = hosted, entry, hosted.starts
        self._tokens: list[int] = []
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether the machine has not stopped."""
        return self._hosted.starts == self._number and not self._stopped

    def feed(self, features: Features) -> list[Emitted]:
        """Run on features of channel 0 as far as they reach, as `Session.feed`."""
        host = self._hosted.host
        expect_open(self._hosted.starts == self._number)
        stream, *others = by_channel(features, self._hosted.image.config)
        if any(map(len, others)):
            raise InputError(
                "wanted features of channel 0 in a host's session, got some of others; feed them "
                "with the host"
            )
        told, rest = len(self._tokens), stream.tobytes()
        while rest and not self._look():
            rest = rest[host.feed(rest) :]
        waited = host.read("COUNTERS", _WAITED)
        # Nothing more comes: a machine that has waited since then goes on waiting.
        while not self._look() and host.read("COUNTERS", _WAITED) == waited:
            pass
        self._look()
        new = self._tokens[told:]
        return [Emitted(token & REGISTER_HIGH, token >> REGISTER_BITS) for token in new]

    def finish(self) -> RunResult:
        """Run to the end, as `Session.finish`."""
        expect_open(self._hosted.starts == self._number)
        host = self._hosted.host
        host.end_of_input()
        while not self._look():
            pass
        self._hosted.starts += 1
        status = host.status()
        return self._hosted.result(Run(self._tokens, status.code, status.error), self._entry)

    def _look(self) -> bool:
        """Take the tokens that wait; whether the machine has stopped."""
        self._stopped = not self._hosted.host.status().busy
        self._tokens += self._hosted.host.tokens()
        return self._stopped
