"""A machine behind a driver's bus as an engine: a board, or a simulated one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sordino.driver import Host, MachineError
from sordino.engines.engine import Record, RunResult, checked_values
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.image.memories import check_words
from sordino.isa.fields import REGISTER_BITS, REGISTER_HIGH, Store

__all__ = ["Hosted"]


class Hosted:
    """The machine of a `Host` that has loaded an image; an `OpenEngine` without records.

    Everything passes through the machine's registers. A result has no memories at the end (they
    are a `read` away). InputError where the host has loaded nothing.
    """

    name = "host"

    def __init__(self, host: Host) -> None:
        if host.image is None:
            raise InputError("wanted a host that has loaded an image, got none; load one first")
        self.host = host
        self.image: Image = host.image

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
        try:
            run = self.host.run(np.ascontiguousarray(features), entry, cycle_limit=cycle_limit)
        except MachineError as error:
            if error.run is None:
                raise
            run = error.run
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
