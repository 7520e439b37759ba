"""A run of the compiled circuit that is fed bit by bit."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sordino.engines.engine import Features, Record, RunResult, by_channel
from sordino.engines.session import Emitted, expect_open
from sordino.image.image import Image

__all__ = ["RtlSession"]

_CYCLES_A_CALL = 200_000
_STOPPED, _LACKS = 1, 2


class _Circuit(Protocol):
    """What `sordino.engines.native.rtl.Rtl` gives its sessions."""

    image: Image
    starts: int

    def advance(self, cycles: int) -> int: ...
    def offer(self, channel: int, features: NDArray[np.int8]) -> None: ...
    def left(self, channel: int) -> int: ...
    def end_of_input(self) -> None: ...
    def tokens(self, first: int = 0) -> list[tuple[int, int]]: ...
    def take_records(self, index: int) -> Iterator[Record]: ...
    def result(self, records: list[Record] | None) -> RunResult: ...


class RtlSession:
    """A run of the circuit in progress; a `Session`."""

    def __init__(
        self,
        rtl: _Circuit,
        record: bool | Callable[[Record], None],
        on_cycles: Callable[[int], None] | None,
    ) -> None:
        self._rtl, self._number, self._on_cycles = rtl, rtl.starts, on_cycles
        kept = list[Record]()
        self._kept = kept if record is True else None
        self._sink = record if callable(record) else kept.append
        self._features = [np.zeros(0, np.int8)] * rtl.image.config.channels
        self._stopped = False
        self._index = self._cycles = self._told = 0

    @property
    def running(self) -> bool:
        """Whether the machine has not stopped."""
        return self._rtl.starts == self._number and not self._stopped

    def offer(self, streams: Sequence[NDArray[np.int8]]) -> None:
        """Put features of every channel behind those that are left; time does not pass."""
        for channel, new in enumerate(streams):
            if len(new):
                left = self._rtl.left(channel)
                rest = self._features[channel][len(self._features[channel]) - left :]
                self._features[channel] = np.concatenate([rest, new]) if left else new
                self._rtl.offer(channel, self._features[channel])

    def feed(self, features: Features) -> list[Emitted]:
        """Run on features as far as they reach, as `Session.feed`."""
        expect_open(self._rtl.starts == self._number)
        self.offer(by_channel(features, self._rtl.image.config))
        self._advance()
        tokens = [Emitted(token, channel) for token, channel in self._rtl.tokens(self._told)]
        self._told += len(tokens)
        return tokens

    def finish(self) -> RunResult:
        """Run to the end, as `Session.finish`."""
        expect_open(self._rtl.starts == self._number)
        self._rtl.end_of_input()
        self._advance()
        self._rtl.starts += 1
        return self._rtl.result(self._kept)

    def _advance(self) -> None:
        state = _STOPPED if self._stopped else 0
        while state not in (_STOPPED, _LACKS):
            state = self._rtl.advance(_CYCLES_A_CALL)
            for one in self._rtl.take_records(self._index):
                self._sink(one)
                self._index += 1
            self._cycles += _CYCLES_A_CALL
            if self._on_cycles is not None:
                self._on_cycles(self._cycles)
        self._stopped = state == _STOPPED
